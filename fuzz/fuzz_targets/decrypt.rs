//! A key log, and TLS records in any order.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::decrypt(bytes));
