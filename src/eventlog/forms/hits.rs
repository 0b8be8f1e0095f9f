//! Timelines of hayabusa: not records but rule hits on records, with the values under
//! short names. A record that several rules hit counts once.

use super::super::EventRecord;
use super::json::time_of_text;
use super::sink::Sink;
use crate::base::HostTime;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// Hits that are told apart.
const MAX_HITS: usize = 1_000_000;

/// hayabusa's short names of channels (config/channel_abbreviations.txt).
const CHANNELS: [(&str, &str); 14] = [
    ("Sec", "Security"),
    ("Sys", "System"),
    ("App", "Application"),
    ("RDP-Client", "Microsoft-Windows-TerminalServices-RDPClient/Operational"),
    ("RDS-LSM", "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"),
    ("RDS-RCM", "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational"),
    ("RDS-GTW", "Microsoft-Windows-TerminalServices-Gateway/Operational"),
    ("RDP-CoreTS", "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational"),
    ("Firewall", "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"),
    ("NTLM", "Microsoft-Windows-NTLM/Operational"),
    ("Defender", "Microsoft-Windows-Windows Defender/Operational"),
    ("TaskSch", "Microsoft-Windows-TaskScheduler/Operational"),
    ("CertSvcLC", "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational"),
    ("CAPI2", "Microsoft-Windows-CAPI2/Operational"),
];

/// hayabusa's short names of fields (config/default_details.txt), where one name of the
/// log stands behind them.
const FIELDS: [(&str, &str); 14] = [
    ("TgtUser", "TargetUserName"),
    ("TgtDom", "TargetDomainName"),
    ("TgtSID", "TargetUserSid"),
    ("SrcIP", "IpAddress"),
    ("SrcPort", "IpPort"),
    ("SrcComp", "WorkstationName"),
    ("Type", "LogonType"),
    ("AuthPkg", "AuthenticationPackageName"),
    ("Proc", "ProcessName"),
    ("LID", "TargetLogonId"),
    ("Svc", "ServiceName"),
    ("TgtIP", "DestAddress"),
    ("TgtPort", "DestPort"),
    ("Proto", "Protocol"),
];

/// What was hit already.
#[derive(Debug, Default)]
pub(super) struct Hits {
    seen: HashSet<(String, String, u64, u16)>,
}

/// One hit, as its columns spell it.
pub(super) struct Hit {
    pub(super) time: String,
    pub(super) host: String,
    pub(super) channel: String,
    pub(super) id: String,
    pub(super) record_id: String,
    pub(super) provider: String,
    /// Values under hayabusa's names or the log's.
    pub(super) values: Vec<(String, String)>,
}

impl Hits {
    /// Takes a hit; false when it is none.
    pub(super) fn take(&mut self, hit: Hit, sink: &mut Sink<'_>) -> bool {
        sink.partial("a timeline of rule hits: it holds only what a rule matched");
        let (Ok(id), Some(time)) = (hit.id.trim().parse(), time_of_text(&hit.time)) else {
            return false;
        };
        let record_id = hit.record_id.trim().parse().unwrap_or_default();
        let full = CHANNELS.iter().find(|(short, _)| *short == hit.channel).map(|(_, full)| *full);
        let channel = full.unwrap_or(&hit.channel);
        let provider = match hit.provider.as_str() {
            "" | "-" => sink.provider_of(channel, id).unwrap_or_default(),
            provider => provider.to_owned(),
        };
        let key = (hit.host.clone(), channel.to_owned(), record_id, id);
        if record_id != 0 && self.seen.len() < MAX_HITS && !self.seen.insert(key) {
            return true;
        }
        sink.record(EventRecord {
            provider,
            id,
            time: HostTime(time),
            record_id,
            channel: channel.into(),
            host: hit.host.into(),
            activity: None,
            process_id: None,
            fields: named(hit.values),
        });
        true
    }

    /// A hit as JSON.
    pub(super) fn take_json(&mut self, object: &Value, sink: &mut Sink<'_>) -> bool {
        let text = |name: &str| match object.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let mut values = Vec::new();
        for column in ["AllFieldInfo", "ExtraFieldInfo", "Details"] {
            match object.get(column) {
                Some(Value::Object(fields)) => {
                    for (name, value) in fields {
                        let shown = match value {
                            Value::String(text) => text.clone(),
                            Value::Number(number) => number.to_string(),
                            _ => continue,
                        };
                        values.push((name.clone(), shown));
                    }
                }
                Some(Value::String(text)) => values.extend(details(text)),
                _ => {}
            }
        }
        let hit = Hit {
            time: text("Timestamp"),
            host: text("Computer"),
            channel: text("Channel"),
            id: text("EventID"),
            record_id: text("RecordID"),
            provider: text("Provider"),
            values,
        };
        self.take(hit, sink)
    }
}

/// `TgtUser: alice ¦ SrcIP: 10.0.0.5` taken apart.
pub(super) fn details(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(['¦', '\u{2502}']).filter_map(|pair| pair.split_once(": "));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

fn named(values: Vec<(String, String)>) -> Vec<(Arc<str>, String)> {
    let mut fields: Vec<(Arc<str>, String)> = Vec::new();
    for (name, value) in values {
        let full = FIELDS.iter().find(|(short, _)| *short == name).map(|(_, full)| *full);
        let name = full.unwrap_or(&name);
        let known = fields.iter().any(|(known, _)| **known == *name);
        if !known && !matches!(value.as_str(), "" | "-") {
            fields.push((name.into(), value));
        }
    }
    fields
}
