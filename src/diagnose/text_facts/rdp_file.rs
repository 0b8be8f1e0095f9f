//! What the client's `.rdp` file asks for, and what the server's settings say to it.

use super::registry::Settings;
use super::{About, MOST_TEXTS};
use crate::correlate::Case;
use crate::diagnose::Fact;
use crate::observe::Observation;

/// The `.rdp` files of a case.
#[derive(Debug, Default)]
pub(super) struct RdpFiles {
    known: Vec<Observation>,
}

impl RdpFiles {
    pub(super) fn gather(case: &Case) -> Self {
        let told = case.observations.iter().filter(|o| &*o.kind == "text.rdp_file");
        Self { known: told.take(MOST_TEXTS).cloned().collect() }
    }

    /// The port that the only file names. Through a gateway the client tries another one.
    pub(super) fn port(&self) -> Option<u16> {
        match self.known.as_slice() {
            // A gateway that is always used is what the client connects to.
            [only] if only.field("gatewayusagemethod") != Some("1") => {
                only.field("port")?.parse().ok()
            }
            _ => None,
        }
    }

    pub(super) fn facts(&self, about: &About<'_>, settings: &Settings) -> Vec<Fact> {
        // Of several files nobody knows which one was used.
        let share = 1.0 / self.known.len().max(1) as f64;
        let mut facts = Vec::new();
        for file in &self.known {
            let is = |field, value| file.field(field) == Some(value);
            if is("enablecredsspsupport", "0") {
                let demanded = settings.listener("userauthentication");
                let demanded = demanded.iter().any(|found| found.number().is_some_and(|v| v != 0));
                let kind = match demanded {
                    true => "text.rdp_file.credssp_refused",
                    false => "text.rdp_file.credssp_off",
                };
                facts.push(about.fact(kind, file, share));
            }
            if is("negotiate security layer", "0") {
                facts.push(about.fact("text.rdp_file.no_negotiation", file, share));
            }
        }
        facts
    }
}
