//! Archives of any format, and what is in them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::archive(bytes));
