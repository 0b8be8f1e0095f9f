//! A case of one file, written once more with pseudonyms.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::redact(bytes));
