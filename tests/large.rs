//! Large files are read by several threads at a time. What is said of them is the same,
//! whatever the number of threads, and as if they were read from start to end.

use crate::make_samples::events::logon_failed;
use crate::make_samples::evtx::Log;
use crate::make_samples::net::{At, Frames, Side, Talk, dns};
use crate::make_samples::tickets_wire::{
    DAY, alerted, dropped_after_hello, good_session, refused, unanswered,
};
use crate::make_samples::{Noise, rdp, tls};
use crate::support::{run, text};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// Tries to reach servers on 3389 and, every seventh, on another port, with other
/// traffic between them.
fn traffic() -> Frames {
    let mut frames = Frames::default();
    for number in 0..140_u64 {
        let start = i64::try_from(number).unwrap() * 400;
        let port = if number % 7 == 0 { 4_000 } else { 3_389 };
        let mut talk = match number % 4 {
            0 => good_session(number, At::Server),
            1 => dropped_after_hello(number, At::Server),
            2 => alerted(number, At::Server, 40),
            _ => {
                let mut talk = Talk::new([10, 20, 1, 42], [10, 20, 5, 11], number, DAY, At::Server);
                if number % 8 == 3 {
                    refused(&mut talk)
                } else {
                    unanswered(&mut talk)
                }
                talk
            }
        };
        for (time, frame) in &mut talk.frames.0 {
            *time += start * 1_000_000;
            for at in [34, 36] {
                if frame[at..at + 2] == 3_389_u16.to_be_bytes() {
                    frame[at..at + 2].copy_from_slice(&u16::to_be_bytes(port));
                }
            }
        }
        frames.0.append(&mut talk.frames.0);
        frames.0.append(&mut other(number, DAY + start).0);
    }
    frames
}

/// Somebody else's traffic: a name, and a page that is read.
fn other(number: u64, at: i64) -> Frames {
    let mut noise = Noise::new(number);
    let [low, ..] = number.to_le_bytes();
    let (client, server) = ([10, 30, 0, low], [203, 0, 113, 9]);
    let mut talk = Talk::new(client, server, number, at, At::Lan);
    talk.server.port = 443;
    let id = u16::from(low);
    dns(&mut talk.frames, at, client, [10, 20, 0, 53], id, "www.example.test", None);
    talk.handshake();
    talk.say(Side::Client, &tls::client_hello(None, 0x0304, &tls::SUITES, &mut noise));
    for _ in 0..6 {
        talk.say(Side::Server, &tls::data(2_000, &mut noise));
        talk.say(Side::Client, &rdp::request("a.meyer", None)[..3]);
    }
    talk.close(Side::Client);
    talk.frames
}

/// The report of a file, as JSON in which the file goes by one name.
fn report(file: &Path, jobs: &str) -> String {
    let path = file.to_str().unwrap();
    let done = run(&["analyze", path, "--format", "json", "--jobs", jobs, "--no-progress"]);
    assert!(done.status.code().is_some_and(|code| code < 2), "{}", text(&done.stderr));
    let name = file.file_name().unwrap().to_str().unwrap();
    let said = text(&done.stdout).replace(path, "FILE").replace(name, "FILE");
    said.replace(" (offsets count decompressed bytes)", "")
}

/// Reads bytes as a file and packed, by one thread and by three; gives what is said.
fn in_all_ways(name: &str, bytes: &[u8]) -> String {
    assert!(bytes.len() > 3 << 19, "{name} is not large: {} bytes", bytes.len());
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join(name);
    fs::write(&plain, bytes).unwrap();
    let packed = folder.path().join(format!("{name}.gz"));
    let mut encoder = GzEncoder::new(fs::File::create(&packed).unwrap(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap();
    let alone = report(&plain, "1");
    assert!(report(&plain, "3") == alone, "{name}: other words with three threads");
    assert!(report(&packed, "3") == alone, "{name}: other words of the packed file");
    alone
}

#[test]
fn large_captures_say_the_same_by_any_number_of_threads() {
    let frames = traffic();
    let pcap = in_all_ways("capture.pcap", &frames.pcap());
    assert!(pcap.contains("10.20.5.11:4000") && pcap.contains("10.20.5.11:3389"));
    in_all_ways("capture.pcapng", &frames.pcapng());
}

#[test]
fn damaged_large_captures_say_the_same_by_any_number_of_threads() {
    let mut bytes = traffic().pcap();
    for place in [700_001, 900_007, 1_300_000] {
        bytes[place..place + 4_000].fill(0xee);
    }
    bytes.truncate(bytes.len() - 11);
    let said = in_all_ways("damaged.pcap", &bytes);
    assert!(said.contains("reading goes on at byte"));
}

#[test]
fn large_logs_say_the_same_by_any_number_of_threads() {
    let events = (0..9_000_i64)
        .map(|number| {
            let user = format!("admin{:02}", number % 40);
            let address = format!("203.0.113.{}", number % 200 + 1);
            logon_failed(DAY + number * 700, &user, 0xc000_006d, 0xc000_006a, &address)
        })
        .collect();
    let computer = "TS-PROD-01.example.test";
    let log = Log { channel: "Security", computer, first_record: 1, events };
    let flat = in_all_ways("Security.evtx", &log.bytes());
    let nested = in_all_ways("Security.evtx", &log.nested_bytes());
    assert!(flat == nested, "the shape of a template changes what is said");
}
