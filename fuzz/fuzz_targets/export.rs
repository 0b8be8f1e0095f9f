//! Exported events of any form, compressed or not.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::export(bytes));
