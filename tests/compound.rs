//! Two troubles at once: both are told, the one that stopped the attempt first.

use crate::make_samples::certificate::Certificate;
use crate::make_samples::net::{ACK, At, Side, Talk};
use crate::make_samples::tickets_wire::{CLIENT, DAY, NAME, SERVER};
use crate::make_samples::{Noise, rdp, tls};
use crate::support::analyse;
use rdp_triage::diagnose::Part;
use rdp_triage::report::Report;
use std::fs;

/// A handshake over a path that loses every segment once, and what ends it.
fn over_a_bad_path(certificate: &Certificate, end: &[u8]) -> Talk {
    let mut talk = Talk::new(CLIENT, SERVER, 801, DAY, At::Client);
    talk.delay_us = 210_000;
    talk.handshake();
    let mut noise = Noise::new(9);
    let messages = [
        (Side::Client, rdp::request("a.meyer", Some(rdp::MODERN))),
        (Side::Server, rdp::confirm(2)),
        (Side::Client, tls::client_hello(Some(NAME), 0x0303, &tls::SUITES[2..], &mut noise)),
        (Side::Server, tls::server_flight(certificate, 0, &mut noise)),
        (Side::Client, end.to_vec()),
    ];
    for (side, message) in messages {
        for _ in 0..3 {
            talk.frame(side, ACK, message.get(..1460.min(message.len())).unwrap());
            talk.wait_ms(700);
        }
        talk.say(side, &message);
    }
    talk.close(Side::Client);
    talk
}

fn told(talk: &Talk) -> Report {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("client.pcapng"), talk.frames.pcapng()).unwrap();
    analyse(folder.path())
}

#[test]
fn an_expired_certificate_on_a_lossy_path_is_first_and_the_loss_is_told_too() {
    let expired = Certificate::self_signed(NAME, "240101000000Z", "250101000000Z");
    let report = told(&over_a_bad_path(&expired, &tls::alert(2, 45)));
    let first = &report.diagnoses[0];
    assert_eq!((first.cause.as_str(), first.part), ("cert-expired", Part::Leading));
    assert!(first.probability > 0.9, "{}", first.probability);
    let loss = report.diagnoses.iter().find(|d| d.cause == "path-loss-latency").unwrap();
    assert_eq!(loss.part, Part::AlsoHolds);
    assert!(report.summary.contains("Also true: The path loses"), "{}", report.summary);
}

#[test]
fn a_sound_path_is_not_told_beside_an_expired_certificate() {
    let report = analyse(&crate::support::root().join("samples/cert-expired"));
    assert!(report.diagnoses.iter().all(|d| d.part != Part::AlsoHolds), "{}", report.summary);
}
