//! Records and cases for the tests of this room.

use crate::base::{CaseTime, Endpoint, FrameNumber, HostTime};
use crate::correlate::{Attempt, Case, Evidence, correlate};
use crate::observe::{
    Conversation, Coverage, Decryption, EvidenceKind, Observation, Place, Service, Source, Subject,
    TcpTrace, Vantage, X224Trace,
};
use jiff::Timestamp;
use std::sync::Arc;

/// The host of all records.
pub(super) const HOST: &str = "srv.corp.test";

pub(super) fn at(second: i64) -> CaseTime {
    CaseTime(Timestamp::from_second(second).unwrap())
}

/// A record of [`HOST`]; its number is the second.
pub(super) fn record(event: &str, second: i64) -> Observation {
    Observation {
        kind: format!("event.{event}").into(),
        time: HostTime(at(second).0),
        vantage: Vantage::Log { host: HOST.into(), channel: "System".into() },
        subject: Subject::default(),
        fields: Vec::new(),
        source: Source {
            file: "S.evtx".into(),
            place: Place::Record(u64::try_from(second).unwrap()),
        },
        repeats: 0,
    }
}

pub(super) fn with(mut record: Observation, field: &str, value: &str) -> Observation {
    record.fields.push((field.into(), value.to_owned()));
    record
}

pub(super) fn case_of(observations: Vec<Observation>) -> Case {
    case_with(observations, Vec::new())
}

pub(super) fn case_with(observations: Vec<Observation>, coverage: Vec<Coverage>) -> Case {
    correlate(Evidence { observations, coverage, ..Evidence::default() }, &[])
}

/// A log of [`HOST`].
pub(super) fn log(channel: &str, first: i64, last: i64) -> Coverage {
    Coverage {
        file: "S.evtx".into(),
        kind: EvidenceKind::Evtx,
        channel: Some(channel.into()),
        host: Some(HOST.into()),
        span: Some((HostTime(at(first).0), HostTime(at(last).0))),
        items: 10,
        unreadable: 0,
        holes: Vec::new(),
        parts: Vec::new(),
    }
}

/// A connection as one capture shows it, without a single packet yet.
pub(super) fn conversation(file: &str) -> Conversation {
    let end = |port| Endpoint::new([10, 0, 0, 1].into(), port);
    Conversation {
        clock_ahead: jiff::SignedDuration::ZERO,
        file: file.into(),
        client: end(50_000),
        server: end(3389),
        service: Service::RemoteDesktop,
        start: HostTime(at(0).0),
        end: HostTime(at(60).0),
        first_frame: FrameNumber(1),
        last_frame: FrameNumber(100),
        frames: 100,
        tcp: TcpTrace::default(),
        x224: X224Trace::default(),
        tls: Arc::default(),
        credssp: Arc::default(),
        rdp: Arc::default(),
        decryption: Decryption::default(),
        gap: None,
    }
}

/// A try of a client's log on [`HOST`].
pub(super) fn attempt(start: i64, end: i64) -> Attempt {
    let mut attempt = Attempt::at(at(start));
    attempt.end = at(end);
    attempt.server_host = Some(HOST.into());
    attempt.client_host = Some(HOST.into());
    attempt.in_client_log = true;
    attempt
}
