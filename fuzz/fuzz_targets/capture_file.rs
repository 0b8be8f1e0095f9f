//! A whole capture: pcap, pcapng or Network Monitor, compressed or not.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::capture_file(bytes));
