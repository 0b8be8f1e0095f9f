//! TCP segments in any order, with holes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::stream(bytes));
