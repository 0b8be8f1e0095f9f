//! A whole event log, compressed or not.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::event_log(bytes));
