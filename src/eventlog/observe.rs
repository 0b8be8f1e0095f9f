//! From an event record to an observation: the catalog names the kind, the
//! unnamed values and the roles that make the subject.

use super::EventRecord;
use crate::base::{hex_bytes, parse_address, parse_endpoint};
use crate::knowledge::{Event, Role};
use crate::observe::{Observation, Place, Source, Subject, Vantage};
use std::sync::Arc;

/// The observation of a record, whose catalog entry is given.
pub(super) fn observation(record: EventRecord, event: &Event, file: &Arc<str>) -> Observation {
    let mut fields = record.fields;
    name_positional(&mut fields, event);
    derive(&mut fields, event);
    let mut subject = Subject { activity: record.activity, ..Subject::default() };
    for (field, role) in &event.roles {
        let value = fields.iter().find(|(name, _)| **name == **field).map(|(_, value)| value);
        if let Some(value) = value.filter(|value| is_given(value)) {
            set_subject(&mut subject, *role, value);
        }
    }
    if let Some(pid) = record.process_id {
        fields.push(("System.ProcessID".into(), pid.to_string()));
    }
    Observation {
        kind: Arc::clone(&event.kind),
        time: record.time,
        vantage: Vantage::Log { host: record.host, channel: record.channel },
        subject,
        fields,
        source: Source { file: Arc::clone(file), place: Place::Record(record.record_id) },
        repeats: 0,
    }
}

/// Windows writes `-`, empty text, or the null address where it knows nothing.
fn is_given(value: &str) -> bool {
    !matches!(value.trim(), "" | "-" | "0.0.0.0" | "::")
}

fn name_positional(fields: &mut [(Arc<str>, String)], event: &Event) {
    for (index, name) in event.positional.iter().enumerate() {
        let unnamed = format!("Data[{index}]");
        if let Some(field) = fields.iter_mut().find(|(field, _)| **field == *unnamed) {
            field.0 = name.as_str().into();
        }
    }
}

/// Values that are packed into `Binary`.
fn derive(fields: &mut Vec<(Arc<str>, String)>, event: &Event) {
    let Some(role) = event.roles.get("Binary") else { return };
    let Some(bytes) =
        fields.iter().find(|(name, _)| &**name == "Binary").and_then(|(_, value)| hex_bytes(value))
    else {
        return;
    };
    match role {
        // Service Control Manager: UTF-16 "KeyName/State"; the texts beside it are
        // localised, this is not.
        Role::Service => {
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .filter_map(|p| Some(u16::from_le_bytes(p.try_into().ok()?)))
                .collect();
            let text = String::from_utf16_lossy(&units);
            let (name, state) = text.trim_end_matches('\0').split_once('/').unwrap_or((&text, ""));
            fields.push(("service".into(), name.trim_end_matches('\0').to_owned()));
            fields.push(("state".into(), state.to_owned()));
        }
        // TermDD 56: the NTSTATUS or HRESULT is the last little-endian word.
        Role::Ntstatus | Role::Hresult => {
            if let Some(word) = bytes.last_chunk::<4>() {
                fields.push(("status".into(), format!("0x{:08x}", u32::from_le_bytes(*word))));
            }
        }
        Role::CertificateSha1 => fields.push(("sha1".into(), crate::base::hex(&bytes))),
        _ => {}
    }
}

fn set_subject(subject: &mut Subject, role: Role, value: &str) {
    match role {
        Role::ClientEndpoint => {
            if let Some(endpoint) = parse_endpoint(value) {
                subject.client = Some(endpoint.address);
                subject.client_port = endpoint.port;
            }
        }
        Role::ClientAddress => {
            if let Some(endpoint) = parse_endpoint(value) {
                subject.client = Some(endpoint.address);
                subject.client_port = subject.client_port.or(endpoint.port);
            }
        }
        Role::ClientPort => subject.client_port = value.parse().ok().filter(|port| *port != 0),
        Role::ServerAddress => subject.server = parse_address(value),
        Role::ServerPort | Role::Port => subject.server_port = value.parse().ok(),
        Role::ServerName => subject.server_name = Some(value.to_owned()),
        Role::User => subject.user = Some(value.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::HostTime;
    use crate::knowledge::Knowledge;
    use jiff::Timestamp;

    fn observed(provider: &str, id: u16, fields: &[(&str, &str)]) -> Observation {
        let knowledge = Knowledge::embedded().unwrap();
        let (_, event) = knowledge.event(provider, id).unwrap();
        let record = EventRecord {
            provider: provider.to_owned(),
            id,
            time: HostTime(Timestamp::UNIX_EPOCH),
            record_id: 1,
            channel: "System".into(),
            host: "H".into(),
            activity: None,
            process_id: None,
            fields: fields.iter().map(|(n, v)| ((*n).into(), (*v).to_owned())).collect(),
        };
        observation(record, event, &"f".into())
    }

    #[test]
    fn the_service_name_is_read_from_the_binary_part() {
        let seen = observed(
            "Service Control Manager",
            7036,
            &[
                ("param1", "Remotedesktopdienste"),
                ("Binary", "5400650072006D0053006500720076006900630065002F0031000000"),
            ],
        );
        assert_eq!(seen.field("service"), Some("TermService"));
        assert_eq!(seen.field("state"), Some("1"));
    }

    #[test]
    fn termdd_hides_its_status_in_the_last_word() {
        let seen = observed(
            "TermDD",
            56,
            &[
                ("Data[0]", "\\Device\\Termdd"),
                ("Data[1]", "10.0.0.5"),
                ("Binary", "00000000B50000D0"),
            ],
        );
        assert_eq!(seen.field("status"), Some("0xd00000b5"));
        assert_eq!(seen.subject.client, Some("10.0.0.5".parse().unwrap()));
    }

    #[test]
    fn client_endpoints_give_address_and_port() {
        let seen = observed(
            "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS",
            131,
            &[("ConnType", "TCP"), ("ClientIP", "10.0.0.5:50123")],
        );
        assert_eq!(seen.subject.client_port, Some(50123));
    }
}
