//! What is known of the RD Gateway that a try went through.

use super::Fact;
use crate::base::millis_between;
use crate::correlate::{Attempt, Case};
use crate::observe::{Conversation, Service};

/// Disconnect reasons of RDPClient 1026 about a gateway: 0x3000000 and a number.
const GATEWAY_REASONS: std::ops::RangeInclusive<u32> = 0x0300_0000..=0x0300_00ff;

/// TLS alerts by which a client refuses a certificate, RFC 5246 7.2.2: bad,
/// unsupported, revoked, expired, unknown certificate, and unknown CA.
const CERTIFICATE_ALERTS: [u8; 6] = [42, 43, 44, 45, 46, 48];

/// Word of a gateway's state that still counts for a try, in ms: a week.
const STATE_LASTS_MS: f64 = 7.0 * 86_400_000.0;

/// Records about the gateways of a case, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Gateways {
    /// No certificate, not started, stopped.
    troubles: Vec<usize>,
    /// Records that only a gateway at work writes.
    at_work: Vec<usize>,
}

impl Gateways {
    pub(super) fn gather(case: &Case) -> Self {
        let mut gateways = Self::default();
        for (index, observation) in case.observations.iter().enumerate() {
            match observation.kind.strip_prefix("event.gateway.") {
                Some("100" | "102" | "400") => gateways.troubles.push(index),
                Some("200" | "201" | "300" | "301" | "302" | "304") => {
                    gateways.at_work.push(index);
                }
                _ => {}
            }
        }
        gateways
    }

    /// Facts of an attempt that went to a gateway.
    pub(super) fn facts(&self, case: &Case, attempt: &Attempt) -> Vec<Fact> {
        let mut facts: Vec<Fact> = attempt.views().filter_map(|view| refused(view)).collect();
        if !through_gateway(case, attempt) {
            return facts;
        }
        let before = |indexes: &[usize]| case.last_until(indexes, attempt.end);
        let Some(trouble) = before(&self.troubles) else { return facts };
        let since = case.time(trouble);
        if before(&self.at_work).is_some_and(|worked| case.time(worked) > since)
            || millis_between(since.0, attempt.start.0) > STATE_LASTS_MS
        {
            return facts;
        }
        let mut fact = Fact::of_observation(case, trouble, 1.0);
        let (kind, what) = match &*trouble.kind {
            "event.gateway.102" => ("log.gateway.no_certificate", "has no certificate"),
            "event.gateway.100" => ("log.gateway.down", "could not start"),
            _ => ("log.gateway.down", "was shut down"),
        };
        let event = trouble.kind.rsplit('.').next().unwrap_or_default().to_owned();
        fact.kind = kind.into();
        facts.push(fact.with("event", event).with("what", what));
        facts
    }
}

fn through_gateway(case: &Case, attempt: &Attempt) -> bool {
    attempt.client_error.is_some_and(|code| GATEWAY_REASONS.contains(&code))
        || attempt.views().any(|view| view.service == Service::Gateway)
        || case.events(attempt).any(|(o, _)| o.kind.starts_with("event.gateway."))
}

/// The client's own alert that refuses the gateway's certificate.
fn refused(view: &Conversation) -> Option<Fact> {
    if view.service != Service::Gateway {
        return None;
    }
    let alert = view.tls.alerts.iter().find(|seen| {
        seen.from.name() == "client" && CERTIFICATE_ALERTS.contains(&seen.alert.description.0)
    })?;
    let fact = Fact::of_frame("wire.gateway.certificate_refused", view, alert.frame.0, alert.time);
    Some(fact.with("server", view.server).with("description", alert.alert.description.name()))
}
