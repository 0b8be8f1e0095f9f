//! The events of an event trace: `netsh trace` and `pktmon`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::etl(bytes));
