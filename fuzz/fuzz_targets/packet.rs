//! Frames of any link type, one by one and as a capture.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::packet(bytes));
