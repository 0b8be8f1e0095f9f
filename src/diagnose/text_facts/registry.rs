//! What registry settings mean for a connection.

use super::About;
use crate::correlate::{Case, short_name};
use crate::diagnose::Fact;
use crate::observe::Observation;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Different values of one setting that are kept: two already contradict each other.
const MOST_VALUES: usize = 16;

/// How far a setting that Windows comes with counts where nothing tells whose it is: a
/// client accepts no Remote Desktop either.
const UNTIED_SHARE: f64 = 0.8;

/// Whose setting is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The settings of all texts: by place, part, side and name, one for each value.
#[derive(Debug, Default)]
pub(super) struct Settings {
    by_name: BTreeMap<[String; 4], Vec<Setting>>,
}

#[derive(Debug)]
struct Setting {
    observation: Observation,
    /// Whose it is, where its file names a computer that the case knows.
    of: Option<Side>,
}

/// A value that a setting has.
pub(super) struct Found<'a> {
    pub(super) observation: &'a Observation,
    /// 1 where no other text says otherwise.
    pub(super) share: f64,
    /// Its text names a computer that is on this side.
    tied: bool,
}

impl Found<'_> {
    pub(super) fn text(&self) -> &str {
        self.observation.field("value").unwrap_or_default()
    }

    pub(super) fn number(&self) -> Option<u64> {
        self.text().parse().ok()
    }
}

impl Settings {
    pub(super) fn gather(case: &Case) -> Self {
        let told = || case.observations.iter().filter(|o| &*o.kind == "text.registry");
        let computers = told().filter(|o| o.field("place") == Some("computer"));
        let sides: BTreeMap<&Arc<str>, Side> = computers
            .filter_map(|o| Some((&o.source.file, side_of(case, o.field("value")?)?)))
            .collect();
        let mut settings = Self::default();
        for observation in told() {
            let field = |name| observation.field(name).unwrap_or_default().to_ascii_lowercase();
            let name = ["place", "part", "side", "name"].map(field);
            let known = settings.by_name.entry(name).or_default();
            let of = sides.get(&observation.source.file).copied();
            // Of one value in several texts the first is told.
            let value = observation.field("value");
            let new = known.iter().all(|o| o.of != of || o.observation.field("value") != value);
            if new && known.len() < MOST_VALUES {
                known.push(Setting { observation: observation.clone(), of });
            }
        }
        settings
    }

    /// The values of a setting on one side, as far as its text does not name a computer
    /// of the other.
    pub(super) fn values(&self, side: Side, name: [&str; 4]) -> Vec<Found<'_>> {
        let known = self.by_name.get(&name.map(str::to_owned));
        let known = known.map(Vec::as_slice).unwrap_or_default();
        let own: Vec<&Setting> = known.iter().filter(|o| o.of == Some(side)).collect();
        let found = match own.is_empty() {
            true => known.iter().filter(|o| o.of.is_none()).collect(),
            false => own,
        };
        let share = 1.0 / found.len().max(1) as f64;
        let found = found.into_iter();
        found.map(|o| Found { observation: &o.observation, share, tied: o.of.is_some() }).collect()
    }

    /// The values of a setting of the listener: by policy, which wins, or by itself.
    pub(super) fn listener(&self, name: &str) -> Vec<Found<'_>> {
        ["policy", "listener", "terminal server"]
            .into_iter()
            .map(|place| self.values(Side::Server, [place, "", "", name]))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    pub(super) fn facts(&self, about: &About<'_>) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (name, meaning) in MEANINGS {
            for found in self.listener(name) {
                let Some(kind) = found.number().and_then(meaning) else { continue };
                // A client's own registry says so as well.
                let anybodys = kind == "text.registry.rdp_denied" && !found.tied;
                let share = if anybodys { UNTIED_SHARE * found.share } else { found.share };
                facts.push(about.fact(kind, found.observation, share));
            }
        }
        for (side, name, meaning) in OTHERS {
            for found in self.values(side, name) {
                let kind = found.number().and_then(meaning);
                facts.extend(kind.map(|kind| about.fact(kind, found.observation, found.share)));
            }
        }
        facts.extend(self.port(about));
        facts.extend(self.certificate(about));
        facts
    }

    /// Whether the listener is set to the port that was tried. That says nothing of whether
    /// anybody listens there.
    fn port(&self, about: &About<'_>) -> Vec<Fact> {
        let wanted = about.ports();
        let Some(last) = wanted.last() else { return Vec::new() };
        let told = self.listener("portnumber").into_iter().filter_map(|found| {
            let port = found.number().and_then(|port| u16::try_from(port).ok())?;
            let kind = match wanted.contains(&port) {
                true => "text.registry.same_port",
                false => "text.listener.elsewhere",
            };
            let fact = about.fact(kind, found.observation, found.share);
            Some(fact.with("Port", port).with("wanted", last))
        });
        told.collect()
    }

    /// Whether the server shows the certificate that its listener is set to.
    fn certificate(&self, about: &About<'_>) -> Vec<Fact> {
        let shown: BTreeSet<&str> =
            about.views().filter_map(|view| Some(view.tls.leaf()?.sha1.as_str())).collect();
        let Some(last) = shown.last() else { return Vec::new() };
        let configured = self.listener("sslcertificatesha1hash");
        let told = configured.iter().filter(|found| found.text().len() == 40).map(|found| {
            let kind = match shown.contains(found.text()) {
                true => "text.registry.certificate_shown",
                false => "text.registry.certificate_not_shown",
            };
            about.fact(kind, found.observation, found.share).with("shown", last)
        });
        told.collect()
    }
}

/// The side that a computer is on in all attempts of the case.
fn side_of(case: &Case, computer: &str) -> Option<Side> {
    let computer = short_name(computer);
    let is = |host: &Option<Arc<str>>| host.as_deref().map(short_name).as_ref() == Some(&computer);
    let server = case.attempts.iter().any(|attempt| is(&attempt.server_host));
    let client = case.attempts.iter().any(|attempt| is(&attempt.client_host));
    match (server, client) {
        (true, false) => Some(Side::Server),
        (false, true) => Some(Side::Client),
        _ => None,
    }
}

type Meaning = fn(u64) -> Option<&'static str>;

/// What the values of the listener's settings mean. [MS-TSTS] and the policy
/// `TerminalServer.admx`.
const MEANINGS: [(&str, Meaning); 5] = [
    ("fdenytsconnections", |value| {
        Some(if value == 0 { "text.registry.rdp_allowed" } else { "text.registry.rdp_denied" })
    }),
    ("fenablewinstation", |value| (value == 0).then_some("text.registry.rdp_denied")),
    // Demanding it is the rule and says nothing.
    ("userauthentication", |value| (value == 0).then_some("text.registry.nla_off")),
    ("securitylayer", |value| match value {
        0 => Some("text.registry.layer_rdp"),
        2 => Some("text.registry.layer_tls"),
        _ => None,
    }),
    ("minencryptionlevel", |value| (value == 4).then_some("text.registry.fips")),
];

/// What other settings mean, and on which side.
const OTHERS: [(Side, [&str; 4], Meaning); 6] = [
    (Side::Server, ["service", "", "", "start"], |value| {
        (value == 4).then_some("text.registry.service_disabled")
    }),
    (Side::Server, ["fips", "", "", "enabled"], |value| {
        (value != 0).then_some("text.registry.fips")
    }),
    (Side::Server, ["ntlm", "", "", "restrictreceivingntlmtraffic"], |value| {
        (value == 2).then_some("text.registry.ntlm_blocked")
    }),
    (Side::Client, ["ntlm", "", "", "restrictsendingntlmtraffic"], |value| {
        (value == 2).then_some("text.registry.ntlm_blocked")
    }),
    (Side::Client, ["credssp", "", "", "allowencryptionoracle"], |value| match value {
        0 => Some("text.registry.oracle_refused"),
        2 => Some("text.registry.oracle_allowed"),
        _ => None,
    }),
    (Side::Server, ["lsa", "", "", "disablerestrictedadmin"], |value| {
        Some(match value {
            0 => "text.registry.restricted_admin_on",
            _ => "text.registry.restricted_admin_off",
        })
    }),
];
