//! Reports that other runs wrote, one behind the other.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::reports(bytes));
