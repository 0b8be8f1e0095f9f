//! TLS records and handshake messages, and SSL 2.0.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::tls(bytes));
