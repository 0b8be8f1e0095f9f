//! RDPEUDP, DTLS and DNS.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::udp(bytes));
