//! Records and logs for the tests of this room.

use crate::base::HostTime;
use crate::observe::{Coverage, EvidenceKind, Observation, Place, Source, Subject, Vantage};
use jiff::Timestamp;

pub(super) fn at(second: i64) -> HostTime {
    HostTime(Timestamp::from_second(second).unwrap())
}

/// A record of `srv.corp.test` in a file that is called like its channel.
pub(super) fn record(event: &str, channel: &str, second: i64, number: u64) -> Observation {
    Observation {
        kind: format!("event.{event}").into(),
        time: at(second),
        vantage: Vantage::Log { host: "srv.corp.test".into(), channel: channel.into() },
        subject: Subject::default(),
        fields: Vec::new(),
        source: Source { file: format!("{channel}.evtx").into(), place: Place::Record(number) },
        repeats: 0,
    }
}

pub(super) fn with(mut record: Observation, field: &str, value: &str) -> Observation {
    record.fields.push((field.into(), value.to_owned()));
    record
}

pub(super) fn log(file: &str, channel: &str, first: i64, last: i64) -> Coverage {
    Coverage {
        file: file.into(),
        kind: EvidenceKind::Evtx,
        channel: Some(channel.into()),
        host: Some("srv.corp.test".into()),
        span: Some((at(first), at(last))),
        items: 10,
        unreadable: 0,
        holes: Vec::new(),
        parts: Vec::new(),
    }
}
