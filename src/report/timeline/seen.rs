//! Records of logs, and what dated texts say.

use super::model::{Entry, Happening};
use crate::base::Endpoint;
use crate::knowledge::{Event, Knowledge, Role};
use crate::observe::{Observation, Vantage};
use std::sync::Arc;

/// The entry of a record.
pub(super) fn event(knowledge: &Knowledge, record: &Observation) -> Entry {
    let known = knowledge.event_by_kind(&record.kind);
    let what = known.map_or_else(
        || record.kind.to_string(),
        |(provider, event)| format!("{}/{}", provider.provider, event.id),
    );
    let sentence = knowledge.sentence(&record.kind, &record.fields);
    let title = || known.map(|(_, event)| event.title.clone()).unwrap_or_default();
    let message = sentence.unwrap_or_else(title);
    let time = record.time.uncorrected();
    let mut entry = Entry::at(Happening::Event, time, &record.source, what, message);
    if let Vantage::Log { host, channel } = &record.vantage {
        entry.host = Some(Arc::clone(host)).filter(|host| !host.is_empty());
        entry.channel = Some(Arc::clone(channel)).filter(|channel| !channel.is_empty());
    }
    entry.event = known.map(|(provider, event)| (provider.provider.as_str().into(), event.id));
    let subject = &record.subject;
    entry.client = subject.client.map(|address| Endpoint { address, port: subject.client_port });
    entry.server = subject.server.map(|address| Endpoint { address, port: subject.server_port });
    entry.user.clone_from(&subject.user);
    entry.repeats = record.repeats;
    let code = known.and_then(|(_, event)| error_code(event, record));
    entry.details.extend(code.map(|code| ("error.code", code.to_owned())));
    entry
}

/// The first value of a record that says what went wrong.
fn error_code<'o>(event: &Event, record: &'o Observation) -> Option<&'o str> {
    let named = |role: &Role| {
        matches!(
            role,
            Role::Ntstatus
                | Role::Hresult
                | Role::Win32
                | Role::TlsAlert
                | Role::DisconnectReason
                | Role::ExtendedReason
        )
    };
    let fields = event.roles.iter().filter(|(_, role)| named(role));
    let values = fields.filter_map(|(field, _)| record.field(field));
    // Digits of a zero, in hex or decimal, say that nothing went wrong.
    let mut values = values.filter(|value| value.chars().any(|c| !matches!(c, '0' | 'x' | '-')));
    values.next()
}

/// The error dialog of a client, where it says when; other texts have no time.
pub(super) fn dialog(knowledge: &Knowledge, told: &Observation) -> Option<Entry> {
    if told.field("dated") != Some("yes") {
        return None;
    }
    let hex =
        |field: &str| told.field(field)?.parse::<u32>().ok().map(|code| format!("0x{code:x}"));
    let reason = hex("reason");
    let shown = match (&reason, hex("extended")) {
        (Some(reason), Some(extended)) => format!("error {reason}, extended {extended}"),
        (Some(reason), None) => format!("error {reason}"),
        _ => told.kind.to_string(),
    };
    let number = told.field("reason").and_then(|code| code.parse().ok());
    let meaning = number.and_then(|code| knowledge.code("mstsc_disconnect_reason", code));
    let meaning = meaning.map(|code| format!(" ({})", code.meaning)).unwrap_or_default();
    let message = format!("The user saw {shown}{meaning}.");
    let time = told.time.uncorrected();
    let what = "error dialog".to_owned();
    let mut entry = Entry::at(Happening::Text, time, &told.source, what, message);
    entry.details.extend(reason.map(|code| ("error.code", code)));
    Some(entry)
}
