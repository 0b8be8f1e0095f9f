//! X.224, MCS, GCC and what the share says.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::rdp(bytes));
