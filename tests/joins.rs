//! One connection seen from several places, on clocks that differ.

use crate::make_samples::binxml::Value;
use crate::make_samples::events::{SERVER as HOST, accepted, ended, service};
use crate::make_samples::evtx::{Body, Event, Log, Origin};
use crate::make_samples::net::{At, Frames, Side, Talk};
use crate::make_samples::tickets_wire::{CLIENT, DAY, SERVER, negotiate};
use crate::make_samples::{Noise, rdp, tls};
use crate::support::analyse;
use rdp_triage::report::{AttemptReport, Report};
use std::fs;

const CORE: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational";
/// What the server sees of a client behind a translating router.
const OUTSIDE: [u8; 4] = [198, 51, 100, 7];

/// A try that ends in the TLS handshake: the capture's two sides, the same bytes. The
/// addresses of the client's side may differ from those of the server's.
fn refused(seed: u64, start_ms: i64, client: [u8; 4], at: At) -> Talk {
    let mut talk = Talk::new(client, SERVER, seed, start_ms, at);
    // Half the way lies before the place where it is captured, half behind it.
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    let hello = tls::client_hello(None, 0x0303, &[0xc030], &mut Noise::new(seed));
    talk.say(Side::Client, &hello);
    talk.say(Side::Server, &tls::alert(2, 40));
    talk.close(Side::Server);
    talk
}

fn core_log(events: Vec<Event>) -> Vec<u8> {
    Log { channel: CORE, computer: HOST, first_record: 900, events }.bytes()
}

fn frames(talks: Vec<Talk>) -> Vec<u8> {
    Frames(talks.into_iter().flat_map(|talk| talk.frames.0).collect()).pcapng()
}

fn ticket(files: &[(&str, Vec<u8>)]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    analyse(folder.path())
}

fn offset(report: &Report) -> f64 {
    let host = report.hosts.iter().find(|host| host.name == HOST).unwrap();
    host.clock_offset_ms.unwrap()
}

fn events_of(attempt: &AttemptReport) -> Vec<u64> {
    attempt.events.iter().filter_map(|event| event.record_id).collect()
}

/// Starts of tries at uneven times, more than a minute apart.
const STARTS: [i64; 5] = [0, 71_300, 163_950, 241_007, 402_444];

/// The server's log of those tries, of clients with these ends.
fn logged(ahead: i64, ends: impl Fn(usize) -> String) -> Vec<u8> {
    let mut events = Vec::new();
    for (number, start) in STARTS.iter().enumerate() {
        let time = DAY + start + ahead + 10;
        let id = 50 + u64::try_from(number).unwrap();
        events.extend(accepted(time, id, &ends(number)));
        events.extend(ended(time + 120, id, 10_054));
    }
    core_log(events)
}

fn talks(client: [u8; 4], at: At) -> Vec<Talk> {
    let tries = (600..).zip(STARTS);
    tries.map(|(seed, start)| refused(seed, DAY + start, client, at)).collect()
}

#[test]
fn a_clock_is_read_over_translated_ports_and_the_records_join() {
    let outside = |number: usize| format!("198.51.100.7:{}", 61_000 + number);
    let capture = frames(talks(CLIENT, At::Client));
    let report = ticket(&[("client.pcapng", capture), ("core.evtx", logged(-3_217, outside))]);
    assert!((offset(&report) + 3_217.0).abs() < 30.0, "{}", offset(&report));
    assert_eq!(report.attempts.len(), STARTS.len());
    for (number, attempt) in report.attempts.iter().enumerate() {
        assert_eq!(attempt.client_seen_as.as_deref(), Some(&*outside(number)));
        assert!(attempt.wire.is_some() && events_of(attempt).len() >= 3, "{attempt:?}");
    }
}

#[test]
fn ports_that_deny_it_are_never_made_to_match() {
    let other_port = |number: usize| format!("10.20.1.42:{}", 1_000 + number);
    let capture = frames(talks(CLIENT, At::Client));
    let report = ticket(&[("client.pcapng", capture), ("core.evtx", logged(0, other_port))]);
    assert_eq!(report.hosts[0].clock_offset_ms, None);
    assert!(report.attempts.iter().all(|attempt| attempt.client_seen_as.is_none()));
}

#[test]
fn two_captures_of_one_connection_are_views_of_one_attempt_on_one_clock() {
    let inside = refused(611, DAY, CLIENT, At::Client);
    // The server's capture is 2.5 s ahead, and a router gave the client another address.
    let beyond = refused(611, DAY + 2_500, OUTSIDE, At::Server);
    let port = beyond.client.port;
    let report = ticket(&[
        ("a-client.pcapng", frames(vec![inside])),
        ("b-server.pcapng", frames(vec![beyond])),
    ]);
    let [attempt] = report.attempts.as_slice() else { panic!("{:?}", report.attempts) };
    assert!(attempt.client.as_deref().unwrap().starts_with("10.20.1.42:"));
    assert_eq!(attempt.client_seen_as.as_deref(), Some(&*format!("198.51.100.7:{port}")));
    assert_eq!(attempt.connections.len(), 2);
    let server = report.coverage.iter().find(|c| c.file == "b-server.pcapng").unwrap();
    assert!((server.clock_offset_ms.unwrap() - 2_500.0).abs() < 1.0, "{server:?}");
    assert!(attempt.end < attempt.start.replace(":00Z", ":01Z"), "{attempt:?}");
}

/// Kernel-General 1 at the new time.
fn clock_set(new_ms: i64, old_ms: i64) -> Event {
    let time = |ms: i64| Value::Text(jiff::Timestamp::from_millisecond(ms).unwrap().to_string());
    let fields =
        vec![("NewTime", time(new_ms)), ("OldTime", time(old_ms)), ("Reason", Value::U32(1))];
    let provider = "Microsoft-Windows-Kernel-General";
    Event {
        provider,
        guid: None,
        qualifiers: None,
        id: 1,
        body: Body::Named(fields),
        ..service(new_ms, "", "", 4)
    }
}

#[test]
fn a_clock_that_was_set_back_is_read_before_and_after() {
    let talks = talks(CLIENT, At::Server);
    let ports: Vec<u16> = talks.iter().map(|talk| talk.client.port).collect();
    let mut core = Vec::new();
    // Nine minutes ahead for two tries, then set right.
    for (number, (start, port)) in STARTS.iter().zip(&ports).enumerate() {
        let ahead = if number < 2 { 540_000 } else { 0 };
        let time = DAY + start + ahead + 10;
        let id = 70 + u64::try_from(number).unwrap();
        core.extend(accepted(time, id, &format!("10.20.1.42:{port}")));
        core.extend(ended(time + 120, id, 10_054));
    }
    // Records are numbered in the order in which they were written.
    for (record, event) in (900..).zip(&mut core) {
        event.origin = Some(Origin { channel: CORE, computer: HOST, record });
    }
    let set = clock_set(DAY + 120_000, DAY + 660_000);
    let system = Log { channel: "System", computer: HOST, first_record: 5, events: vec![set] };
    let report = ticket(&[
        ("server.pcapng", frames(talks)),
        ("core.evtx", core_log(core)),
        ("system.evtx", system.bytes()),
    ]);
    let host = report.hosts.iter().find(|host| host.name == HOST).unwrap();
    let offsets: Vec<String> =
        host.clock_segments.iter().map(|s| format!("{:.1}", s.offset_ms / 1000.0)).collect();
    assert_eq!(offsets, ["540.0", "0.0"]);
    assert_eq!(report.attempts.len(), STARTS.len());
    for attempt in &report.attempts {
        assert!(attempt.wire.is_some() && events_of(attempt).len() >= 3, "{attempt:?}");
    }
}
