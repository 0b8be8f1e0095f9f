//! What TLS carried, where a key log opens it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::inside(bytes));
