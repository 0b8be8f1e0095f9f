//! What a refused client offered, against what servers are known to take: Windows'
//! defaults, and what the same server chose for others in the same evidence.

use super::Fact;
use crate::base::Endpoint;
use crate::correlate::Case;
use crate::knowledge::Knowledge;
use crate::observe::{Conversation, Version, cipher_suite_name};
use std::collections::HashMap;
use std::sync::Arc;

/// The code table of the suites that Windows servers enable by default.
const WINDOWS_DEFAULTS: &str = "schannel_default_suites";

/// Different choices that are remembered of one server.
const MAX_CHOICES: usize = 16;

/// Suites that are named in a sentence; the rest is counted.
const SUITES_NAMED: usize = 3;

/// What servers chose when a handshake went well that far.
#[derive(Debug, Default)]
pub(super) struct Choices {
    by_server: HashMap<Endpoint, Vec<Choice>>,
}

#[derive(Debug)]
struct Choice {
    version: Version,
    suite: u16,
    view: Arc<Conversation>,
}

impl Choices {
    pub(super) fn gather(case: &Case) -> Self {
        let mut choices = Self::default();
        for view in case.attempts.iter().flat_map(|attempt| attempt.views()) {
            let Some(hello) = &view.tls.server_hello else { continue };
            let known = choices.by_server.entry(view.server).or_default();
            let (version, suite) = (hello.value.version(), hello.value.cipher_suite);
            let new = known.iter().all(|choice| (choice.version, choice.suite) != (version, suite));
            if new && known.len() < MAX_CHOICES {
                known.push(Choice { version, suite, view: Arc::clone(view) });
            }
        }
        choices
    }

    /// Facts about a ClientHello that got no ServerHello.
    pub(super) fn facts(&self, view: &Conversation, knowledge: &Knowledge) -> Vec<Fact> {
        let (Some(hello), None) = (&view.tls.client_hello, &view.tls.server_hello) else {
            return Vec::new();
        };
        let mut facts = Vec::new();
        let offered = &hello.value.cipher_suites;
        let versions = hello.value.versions();
        if knowledge.codes.contains_key(WINDOWS_DEFAULTS) {
            let usual: Vec<u16> = offered
                .iter()
                .copied()
                .filter(|suite| knowledge.code(WINDOWS_DEFAULTS, i64::from(*suite)).is_some())
                .collect();
            facts.push(
                Fact::of_frame("wire.tls.offer", view, hello.frame.0, hello.time)
                    .with("suites", offered.len())
                    .with("windows_defaults", usual.len())
                    .with("could_work", named(&usual)),
            );
        }
        for choice in self.by_server.get(&view.server).into_iter().flatten() {
            let Some(chosen) = &choice.view.tls.server_hello else { continue };
            let yes_no = |is: bool| if is { "yes" } else { "no" };
            facts.push(
                Fact::of_frame(
                    "wire.tls.server_chose_elsewhere",
                    &choice.view,
                    chosen.frame.0,
                    chosen.time,
                )
                .with("other_client", choice.view.client)
                .with("suite", cipher_suite_name(choice.suite))
                .with("version", choice.version.name())
                .with("suite_offered", yes_no(offered.contains(&choice.suite)))
                .with("version_offered", yes_no(versions.contains(&choice.version))),
            );
        }
        facts
    }
}

fn named(suites: &[u16]) -> String {
    let shown: Vec<_> = suites.iter().take(SUITES_NAMED).map(|id| cipher_suite_name(*id)).collect();
    let rest = suites.len().saturating_sub(SUITES_NAMED);
    match (shown.is_empty(), rest) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, rest) => format!("{} and {rest} more", shown.join(", ")),
    }
}
