//! Is it always the same server that answers, and the one whose log is there?

use super::Fact;
use super::wire_facts::at;
use crate::correlate::{Attempt, Case};
use crate::observe::{Certificate, Observation};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The certificates that each host noted for its listener, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    by_host: BTreeMap<Arc<str>, Vec<usize>>,
}

impl Certificates {
    pub(super) fn gather(case: &Case) -> Self {
        let mut certificates = Self::default();
        for (index, observation) in case.observations.iter().enumerate() {
            // 1063 and 1066 put a certificate of an authority in the place of the own one.
            if let ("event.rcm.1056" | "event.rcm.1063" | "event.rcm.1066", Some(host)) =
                (&*observation.kind, observation.host())
            {
                certificates.by_host.entry(Arc::clone(host)).or_default().push(index);
            }
        }
        certificates
    }

    /// Facts about who answered in an attempt.
    pub(super) fn facts(&self, case: &Case, attempt: &Attempt) -> Vec<Fact> {
        let mut facts = Vec::new();
        facts.extend(changed_on_the_way(attempt));
        facts.extend(self.not_the_servers(case, attempt));
        facts
    }

    /// The last certificate that the server's log names for its listener before the
    /// attempt, when it is one that the server made itself.
    fn logged<'a>(&self, case: &'a Case, attempt: &Attempt) -> Option<&'a Observation> {
        let known = self.by_host.get(attempt.server_host.as_ref()?)?;
        let last = case.last_until(known, attempt.start)?;
        (&*last.kind == "event.rcm.1056").then_some(last)
    }

    /// The client was shown a certificate that is not the one of the server's log.
    fn not_the_servers(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let logged = self.logged(case, attempt)?;
        let sha1 = logged.field("sha1")?;
        let view =
            attempt.views().find(|view| view.tls.leaf().is_some_and(|leaf| leaf.sha1 != sha1))?;
        let shown = view.tls.leaf()?;
        let signer = if shown.self_signed { "itself" } else { "an authority" };
        Some(
            Fact::named(case, "log.certificate_not_the_servers", logged)
                .with("logged", sha1)
                .with("shown", &shown.sha1)
                .with("issuer", &shown.issuer)
                .with("subject", &shown.subject)
                .with("signed_by", signer),
        )
    }
}

/// One address shows certificates of different computers. A renewed certificate keeps
/// its subject.
pub(super) fn two_identities<'a>(attempts: impl Iterator<Item = &'a Attempt>) -> Option<Fact> {
    let mut first: BTreeMap<_, &Certificate> = BTreeMap::new();
    for view in attempts.flat_map(Attempt::views) {
        let (Some(leaf), Some(chain)) = (view.tls.leaf(), &view.tls.certificates) else { continue };
        let known = *first.entry(view.server).or_insert(leaf);
        if !known.subject.eq_ignore_ascii_case(&leaf.subject) {
            return Some(
                at("wire.server.two_identities", view, chain)
                    .with("server", view.server)
                    .with("first", &known.subject)
                    .with("second", &leaf.subject),
            );
        }
    }
    None
}

/// Two captures of one connection show different certificates: a device between
/// answers in the server's name.
fn changed_on_the_way(attempt: &Attempt) -> Option<Fact> {
    attempt.connections.iter().find_map(|connection| {
        let mut views = connection.views.iter().filter(|view| view.tls.leaf().is_some());
        let (first, second) = (views.next()?, views.next()?);
        let (one, other) = (first.tls.leaf()?, second.tls.leaf()?);
        let chain = second.tls.certificates.as_ref()?;
        (one.sha256 != other.sha256).then(|| {
            at("wire.certificate.changed_on_the_way", second, chain)
                .with("one", &one.issuer)
                .with("other", &other.issuer)
        })
    })
}
