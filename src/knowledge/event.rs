use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a field of an event means, so that logs and captures can be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    ClientEndpoint,
    ClientAddress,
    ClientPort,
    ServerName,
    ServerAddress,
    ServerPort,
    User,
    Domain,
    Sid,
    Ntstatus,
    Hresult,
    Win32,
    TlsAlert,
    SchannelState,
    DisconnectReason,
    ExtendedReason,
    SessionId,
    ConnectionName,
    CertificateSha1,
    ProcessId,
    ProcessName,
    Service,
    Port,
    LogonType,
    LsmReason,
    RttMs,
}

/// One event of the catalog.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub id: u16,
    /// The kind of its observations, `event.<slug>.<id>`; set when it is loaded.
    #[serde(skip, default = "unset")]
    pub kind: Arc<str>,
    /// The log that it is written to, where that is another than its provider's usual one.
    #[serde(default)]
    pub channel: String,
    /// A short phrase.
    pub title: String,
    /// What the record says.
    pub says: String,
    /// What must not be concluded from it.
    #[serde(default)]
    pub does_not_prove: String,
    /// One sentence with the values filled in: `{field}` stands for a field's value,
    /// with its meaning behind it where `codes` names a table. A part in square
    /// brackets is left out when a field in it is absent, empty or `-`; of `{one|other}` the first that is given stands.
    #[serde(default)]
    pub message: String,
    /// Tables that tell what the numbers of a field mean, by field.
    #[serde(default)]
    pub codes: BTreeMap<String, String>,
    /// Fields that make two records of this event alike. Of a flood of like records
    /// the first are kept and the others counted. Empty: every record is kept.
    #[serde(default)]
    pub alike: Vec<String>,
    /// Field names in template order, of all known layouts.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Names for unnamed `Data` elements, in order.
    #[serde(default)]
    pub positional: Vec<String>,
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    #[serde(default)]
    pub level: String,
    /// Whether it says that something about the host was changed, which may be why
    /// connections fail from then on.
    #[serde(default)]
    pub change: bool,
    /// `A` (decides), `B` (helps) or `C` (known, but not taken from logs).
    #[serde(default)]
    pub priority: String,
    #[serde(default)]
    pub source: String,
}

fn unset() -> Arc<str> {
    Arc::from("")
}

impl Event {
    /// The field that plays a role, if the event has one.
    pub fn field_of(&self, role: Role) -> Option<&str> {
        self.roles.iter().find(|(_, r)| **r == role).map(|(field, _)| field.as_str())
    }

    /// Whether records of this event are taken from logs. Those of priority C are
    /// known for look-ups only.
    pub fn wanted(&self) -> bool {
        self.priority != "C"
    }

    /// The values that the log reader unpacks from the element `Binary`.
    pub fn derived(&self) -> &'static [&'static str] {
        match self.roles.get("Binary") {
            Some(Role::Service) => &["service", "state"],
            Some(Role::Ntstatus | Role::Hresult) => &["status"],
            Some(Role::CertificateSha1) => &["sha1"],
            _ => &[],
        }
    }

    /// Whether a record of this event can have a field: one of the layout, an attribute
    /// of such an element (`Result.value`), or a derived one.
    pub fn knows(&self, field: &str) -> bool {
        let element = field.split_once('.').map_or(field, |(element, _)| element);
        self.fields.iter().chain(&self.positional).any(|name| name == field || name == element)
            || self.derived().contains(&field)
    }
}

/// A provider of the catalog with its events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// `System/Provider/@Name`.
    pub provider: String,
    /// Other names of the same provider.
    #[serde(default)]
    pub also_known_as: Vec<String>,
    /// Observation kinds are `event.<slug>.<id>`.
    pub slug: String,
    #[serde(default)]
    pub channel: String,
    /// Whose log it usually is: server, client, either, directory or gateway.
    #[serde(default)]
    pub side: String,
    #[serde(rename = "event")]
    pub events: Vec<Event>,
}

impl Provider {
    /// The kind of the observations that an event's records become.
    pub fn kind(&self, id: u16) -> String {
        format!("event.{}.{id}", self.slug)
    }

    pub fn event(&self, id: u16) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id)
    }

    /// The log that an event of this provider is written to.
    pub fn channel_of<'a>(&'a self, event: &'a Event) -> &'a str {
        if event.channel.is_empty() { &self.channel } else { &event.channel }
    }
}
