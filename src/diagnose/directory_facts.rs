//! What the logs prove about Kerberos, the domain controllers and the trust between
//! computer and domain.

use super::Fact;
use crate::base::{CaseTime, millis_between, parse_endpoint};
use crate::correlate::{Attempt, Case};
use crate::observe::Observation;
use std::collections::HashMap;

/// The service class of Remote Desktop in service principal names.
const RDP_SERVICE: &str = "TERMSRV/";

/// Kerberos errors that speak of the service's name or key, RFC 4120 7.5.9.
const NAME_ERRORS: [(i64, &str); 2] =
    [(0x7, "KDC_ERR_S_PRINCIPAL_UNKNOWN"), (0x29, "KRB_AP_ERR_MODIFIED")];

/// STATUS_NO_LOGON_SERVERS and SEC_E_NO_AUTHENTICATING_AUTHORITY.
const NO_LOGON_SERVER: [&str; 2] = ["0xc000005e", "0x80090311"];

/// How long a domain controller's complaint about a computer still counts, in ms.
const REFUSED_WITHIN_MS: f64 = 86_400_000.0;
/// How far beside an attempt a domain controller's record about its user may lie, in
/// ms: nobody aligns that clock.
const BESIDE_MS: f64 = 60_000.0;
/// Complaints about one computer or user that are kept: the last ones.
const MOST_REFUSED: usize = 64;

/// Complaints of domain controllers, whose logs name no client: about computers, by
/// short name, and about users.
#[derive(Debug, Default)]
pub(super) struct Directory {
    refused: HashMap<String, Vec<usize>>,
    /// NTLM that was refused to members of Protected Users, by user.
    protected: HashMap<String, Vec<usize>>,
}

impl Directory {
    pub(super) fn gather(case: &Case) -> Self {
        let mut directory = Self::default();
        for (index, observation) in case.observations.iter().enumerate().rev() {
            let known = match &*observation.kind {
                "event.netlogon.5805" => observation
                    .field("computer")
                    .map(|name| directory.refused.entry(short(name)).or_default()),
                "event.ntlm.100" => observation
                    .subject
                    .user
                    .as_ref()
                    .map(|user| directory.protected.entry(user.to_lowercase()).or_default()),
                _ => None,
            };
            if let Some(known) = known.filter(|known| known.len() < MOST_REFUSED) {
                known.push(index);
            }
        }
        directory
    }

    /// A domain controller refused the server's own account before the attempt.
    fn refused(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let server = short(attempt.server_host.as_ref()?);
        let near = |time: CaseTime| {
            let before = millis_between(time.0, attempt.start.0);
            (-60_000.0..=REFUSED_WITHIN_MS).contains(&before)
        };
        let observations = self.refused.get(&server)?.iter();
        let found = observations
            .filter_map(|index| case.observations.get(*index))
            .find(|o| near(case.time(o)))?;
        let computer = found.field("computer").unwrap_or_default();
        Some(Fact::named(case, "log.dc_refused_server", found).with("account", computer))
    }

    /// A domain controller refused NTLM to a user whose logon failed in the attempt.
    fn protected(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let near = |time: CaseTime| {
            millis_between(attempt.start.0, time.0) > -BESIDE_MS
                && millis_between(attempt.end.0, time.0) < BESIDE_MS
        };
        let refused = case.events(attempt).filter(|(o, _)| &*o.kind == "event.security.4625");
        let users = refused.filter_map(|(o, _)| o.subject.user.as_ref());
        let found = users
            .filter_map(|user| self.protected.get(&user.to_lowercase()))
            .flatten()
            .filter_map(|index| case.observations.get(*index))
            .find(|o| near(case.time(o)))?;
        Some(Fact::named(case, "log.protected_user_refused", found))
    }

    /// Facts about one attempt.
    pub(super) fn facts(&self, case: &Case, attempt: &Attempt) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.refused(case, attempt).into_iter().collect();
        if !self.protected.is_empty() {
            facts.extend(self.protected(case, attempt));
        }
        let mut kinds = [0usize; 3];
        for (observation, share) in case.events(attempt) {
            let found = [
                termsrv_refused(case, observation, share),
                no_logon_server(case, observation, share),
                by_address(case, observation, share),
            ];
            for (fact, count) in found.into_iter().zip(&mut kinds) {
                if let Some(fact) = fact.filter(|_| *count < MOST_REFUSED) {
                    *count += 1;
                    facts.push(fact);
                }
            }
        }
        facts
    }
}

/// The first label of a host's name or account, in lower case, without the dollar of
/// computer accounts.
fn short(name: &str) -> String {
    name.split('.').next().unwrap_or(name).trim_end_matches('$').to_ascii_lowercase()
}

/// The name of a Kerberos error about the service's name or key.
fn name_error(code: &str) -> Option<&'static str> {
    let number = match code.trim().strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => code.trim().parse().ok(),
    }?;
    NAME_ERRORS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

fn is_rdp_service(name: &str) -> bool {
    name.get(..RDP_SERVICE.len()).is_some_and(|class| class.eq_ignore_ascii_case(RDP_SERVICE))
}

/// A ticket for the Remote Desktop service was refused: by the domain controller
/// because nobody has the name, or by the server because it cannot read the ticket.
fn termsrv_refused(case: &Case, observation: &Observation, share: f64) -> Option<Fact> {
    let field = |name: &str| observation.field(name);
    let (target, error) = match &*observation.kind {
        "event.kerberos.3" => {
            let names = [field("ServerName"), field("TargetName")];
            let target = names.into_iter().flatten().find(|name| is_rdp_service(name))?;
            (target, name_error(field("ErrorCode")?)?)
        }
        "event.kerberos.4" => (field("Targetname")?, "KRB_AP_ERR_MODIFIED"),
        "event.security.4769" => (field("ServiceName")?, name_error(field("Status")?)?),
        _ => return None,
    };
    is_rdp_service(target).then(|| {
        let fact = Fact::named(case, "log.termsrv_ticket_refused", observation).shared(share);
        let record = record_name(observation);
        fact.with("record", record).with("target", target).with("error", error)
    })
}

/// The security system of one side found no domain controller.
fn no_logon_server(case: &Case, observation: &Observation, share: f64) -> Option<Fact> {
    if &*observation.kind != "event.lsasrv.40960" {
        return None;
    }
    let error = observation.field("Error")?.to_ascii_lowercase();
    let code = NO_LOGON_SERVER.iter().find(|code| error.contains(**code))?;
    let target = observation.field("Target").filter(|target| !target.trim().is_empty());
    let fact = Fact::named(case, "log.no_logon_server", observation).shared(share);
    Some(fact.with("code", code).with("target", target.unwrap_or("an unnamed target")))
}

/// The client was told an address instead of a name, so Kerberos has no name to ask for.
fn by_address(case: &Case, observation: &Observation, share: f64) -> Option<Fact> {
    if &*observation.kind != "event.rdpclient.1024" {
        return None;
    }
    let typed = observation.field("Value")?;
    let endpoint = parse_endpoint(typed)?;
    let fact = Fact::named(case, "log.connected_by_address", observation).shared(share);
    Some(fact.with("address", endpoint.address))
}

/// `Kerberos 4`, as a person calls the record.
fn record_name(observation: &Observation) -> String {
    let kind = observation.kind.strip_prefix("event.").unwrap_or(&observation.kind);
    match kind.split_once('.') {
        Some(("kerberos", id)) => format!("Kerberos {id}"),
        Some(("security", id)) => format!("Security {id}"),
        _ => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_about_name_and_key_count() {
        assert_eq!(name_error("0x7"), Some("KDC_ERR_S_PRINCIPAL_UNKNOWN"));
        assert_eq!(name_error("41"), Some("KRB_AP_ERR_MODIFIED"));
        assert_eq!(name_error("0x0"), None);
        assert_eq!(name_error("0x25"), None);
        assert_eq!(name_error("nonsense"), None);
    }

    #[test]
    fn the_service_class_is_compared_without_case_and_without_panic() {
        assert!(is_rdp_service("TERMSRV/ts-prod-01"));
        assert!(is_rdp_service("termsrv/x@EXAMPLE.TEST"));
        assert!(!is_rdp_service("cifs/ts-prod-01"));
        assert!(!is_rdp_service("TERMSRÄ"));
        assert!(!is_rdp_service(""));
    }

    #[test]
    fn a_computer_is_known_by_its_short_name() {
        assert_eq!(short("TS-PROD-01$"), short("ts-prod-01.example.test"));
    }
}
