use crate::base::CaseTime;
use crate::correlate::Case;
use crate::observe::{Conversation, Observation, Place, Source};
use std::sync::Arc;

/// A fact that rules can weigh: an event as it stands in the log, or a finding of
/// this room about a connection or a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// `event.…` of the catalog, or `wire.…` / `log.…`.
    pub kind: Arc<str>,
    pub time: CaseTime,
    /// Whose log it is from; `None` for captures.
    pub host: Option<Arc<str>>,
    /// The channel of that log.
    pub channel: Option<Arc<str>>,
    pub fields: Vec<(Arc<str>, String)>,
    pub source: Source,
    /// 1 when it belongs to the attempt for certain.
    pub share: f64,
}

impl Fact {
    /// The fact that an observation is.
    pub(super) fn of_observation(case: &Case, observation: &Observation, share: f64) -> Self {
        Self {
            kind: Arc::clone(&observation.kind),
            time: case.time(observation),
            host: observation.host().map(Arc::clone),
            channel: observation.channel().map(Arc::clone),
            fields: observation.fields.clone(),
            source: observation.source.clone(),
            share,
        }
    }

    /// What an observation means, under a name of its own.
    pub(super) fn named(case: &Case, kind: &'static str, observation: &Observation) -> Self {
        let mut fact = Self::of_observation(case, observation, 1.0);
        fact.kind = kind.into();
        fact
    }

    /// The same fact, of which only a share belongs to the attempt.
    pub(super) fn shared(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// A finding about a connection, at a frame of its capture.
    pub(super) fn of_frame(
        kind: &'static str,
        view: &Conversation,
        frame: u64,
        time: crate::base::HostTime,
    ) -> Self {
        Self {
            kind: kind.into(),
            time: view.case_time(time),
            host: None,
            channel: None,
            fields: Vec::new(),
            source: Source { file: Arc::clone(&view.file), place: Place::Frame(frame) },
            share: 1.0,
        }
    }

    /// The same fact with one more value.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.push((name.into(), value.to_string()));
        self
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| &**field == name).map(|(_, value)| value.as_str())
    }

    /// When, where the source says so: a text without a time says nothing of it.
    pub(super) fn dated(&self) -> Option<CaseTime> {
        (self.field("dated") != Some("no")).then_some(self.time)
    }

    /// What shows this fact: a Wireshark display filter, or an XPath query for the
    /// log's channel.
    pub fn open_with(&self) -> String {
        self.source.place.open_with()
    }
}
