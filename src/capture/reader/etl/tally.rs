//! What a trace holds beside packets, to say what it is when it holds none.

use crate::base::counted;
use std::collections::HashMap;

/// Providers that are counted one by one.
const MAX_PROVIDERS: usize = 256;

/// How many events of which kind.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Of WPP.
    pub(super) messages: u64,
    pub(super) classic: u64,
    pub(super) system: u64,
    /// Packets of providers that are not read.
    pub(super) unread: u64,
    events: u64,
    providers: HashMap<[u8; 16], u64>,
}

impl Tally {
    /// Counts an event of a provider with a manifest.
    pub(super) fn event(&mut self, provider: [u8; 16]) {
        self.events += 1;
        if let Some(count) = self.providers.get_mut(&provider) {
            *count += 1;
        } else if self.providers.len() < MAX_PROVIDERS {
            self.providers.insert(provider, 1);
        }
    }

    /// What the trace holds, in a few words.
    pub(super) fn describe(&self) -> String {
        let mut parts = Vec::new();
        let most = self.providers.iter().map(|(guid, count)| (*count, *guid)).max();
        if let Some((_, guid)) = most {
            let from = counted(self.providers.len() as u64, "provider");
            let events = counted(self.events, "event");
            parts.push(format!("{events} of {from}, most of {}", braced(guid)));
        }
        for (count, what) in [
            (self.messages, "WPP message"),
            (self.classic, "classic event"),
            (self.system, "system event"),
        ] {
            if count > 0 {
                parts.push(counted(count, what));
            }
        }
        if parts.is_empty() { "no event at all".to_owned() } else { parts.join(", ") }
    }
}

/// A GUID as Windows writes it.
fn braced(guid: [u8; 16]) -> String {
    let hex = u128::from_be_bytes({
        let [a, b, c, d, e, f, g, h, rest @ ..] = guid;
        let [i, j, k, l, m, n, o, p] = rest;
        [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
    });
    let text = format!("{hex:032x}");
    let part = |range| text.get(range).unwrap_or_default();
    let parts = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)];
    format!("{{{}}}", parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_told_by_what_it_holds_most_of() {
        let mut tally = Tally::default();
        assert_eq!(tally.describe(), "no event at all");
        tally.event([
            0xd9, 0x80, 0x4f, 0x4d, 0xbd, 0xc8, 0x73, 0x4d, 0xbb, 0x5b, 0x19, 0xc9, 4, 2, 0xc5,
            0xac,
        ]);
        tally.messages = 2;
        let said =
            "1 event of 1 provider, most of {4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac}, 2 WPP messages";
        assert_eq!(tally.describe(), said);
    }
}
