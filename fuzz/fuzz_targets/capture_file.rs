//! A whole capture: pcap, pcapng, Network Monitor or ETL, compressed or not.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdp_triage_fuzz::capture_file(bytes));
