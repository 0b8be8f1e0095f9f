//! A text that somebody attached.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::document(bytes));
