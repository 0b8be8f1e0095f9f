//! Names as people write them: any case, with or without prefix, with any
//! separator.

use super::Entry;
use super::numbers::by_number;
use crate::knowledge::cause::number;
use crate::knowledge::{Code, CodeTable, Knowledge, Provider};

/// A name without what people write differently, and where its words begin.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// Letters and digits in lower case.
    pub(super) text: String,
    /// Byte offsets in `text` at which a word starts, and its end.
    bounds: Vec<usize>,
}

impl Folded {
    /// `disconnectReasonNoInfo` and `DISCONNECT_REASON_NO_INFO` fold alike.
    pub(super) fn new(name: &str) -> Self {
        let mut folded = Self::default();
        let mut before: Option<char> = None;
        // `server's` is a word of titles and means `server`.
        let name = name.replace("'s ", " ");
        for c in name.strip_suffix("'s").unwrap_or(&name).chars() {
            if !c.is_alphanumeric() {
                before = None;
                continue;
            }
            let hump = before.is_some_and(|before| before.is_lowercase() && c.is_uppercase());
            if before.is_none() || hump {
                folded.bounds.push(folded.text.len());
            }
            folded.text.extend(c.to_lowercase());
            before = Some(c);
        }
        folded.bounds.push(folded.text.len());
        folded
    }

    pub(super) fn word_count(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The words, in order.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.bounds
            .iter()
            .zip(self.bounds.iter().skip(1))
            .filter_map(|(a, b)| self.text.get(*a..*b))
    }

    /// Whether the other name is one or more whole words of this one, in a row.
    fn holds(&self, other: &str) -> bool {
        !other.is_empty()
            && self.bounds.iter().any(|start| {
                self.text.get(*start..).is_some_and(|rest| rest.starts_with(other))
                    && self.bounds.contains(&(start + other.len()))
            })
    }

    /// Whether the other name is the last words of this one.
    fn ends_with(&self, other: &str) -> bool {
        let start = self.text.len().checked_sub(other.len());
        self.text.ends_with(other) && start.is_some_and(|start| self.bounds.contains(&start))
    }
}

/// What a term names: numbers, ids, symbols, events, providers, tables. Empty when
/// it names nothing.
pub(super) fn exact<'a>(knowledge: &'a Knowledge, term: &str) -> Vec<Entry<'a>> {
    let mut hits = by_number(knowledge, term);
    hits.extend(named(knowledge, term));
    if hits.is_empty() {
        hits = numbers_as_hex(knowledge, term);
    }
    if hits.is_empty() {
        hits = parts_of_symbols(knowledge, term);
    }
    if hits.is_empty() {
        hits = by_fact(knowledge, term);
    }
    hits
}

/// What several words name together: a provider, an event, a key, a title.
pub(super) fn joined<'a>(knowledge: &'a Knowledge, term: &str) -> Vec<Entry<'a>> {
    let named = named(knowledge, term);
    if named.is_empty() { titled(knowledge, term) } else { named }
}

fn titled<'a>(knowledge: &'a Knowledge, title: &str) -> Vec<Entry<'a>> {
    let is = |own: &str| own.eq_ignore_ascii_case(title);
    let causes = knowledge.causes.values().filter(|cause| is(&cause.title));
    let mut hits: Vec<Entry<'a>> = causes.map(Entry::Cause).collect();
    for provider in knowledge.providers() {
        let events = provider.events.iter().filter(|event| is(&event.title));
        hits.extend(events.map(|event| Entry::Event(provider, event)));
    }
    hits.extend(knowledge.fixes.values().filter(|fix| is(&fix.title)).map(Entry::Fix));
    hits.extend(knowledge.codes.values().filter(|table| is(&table.title)).map(Entry::Table));
    hits
}

fn numbers_as_hex<'a>(knowledge: &'a Knowledge, term: &str) -> Vec<Entry<'a>> {
    let digits = term.len() >= 2 && term.bytes().all(|byte| byte.is_ascii_hexdigit());
    // `cafe` and `dead` are words, unless a table says otherwise.
    match digits && term.bytes().any(|byte| byte.is_ascii_digit()) {
        true => by_number(knowledge, &format!("0x{term}")),
        false => Vec::new(),
    }
}

fn named<'a>(knowledge: &'a Knowledge, term: &str) -> Vec<Entry<'a>> {
    let mut events = events(knowledge, term);
    if !events.is_empty() {
        events.extend(of_table(knowledge, term));
        return events;
    }
    let folded = Folded::new(term);
    if folded.text.is_empty() {
        return Vec::new();
    }
    let is = |name: &str| Folded::new(name).text == folded.text;
    let mut hits: Vec<Entry<'a>> =
        knowledge.causes.values().filter(|cause| is(&cause.id)).map(Entry::Cause).collect();
    let fixes = knowledge.fixes.values();
    let short = |id: &str| id.strip_prefix("fix-").is_some_and(is);
    hits.extend(fixes.filter(|fix| is(&fix.id) || short(&fix.id)).map(Entry::Fix));
    hits.extend(knowledge.codes.values().filter(|table| is(&table.table)).map(Entry::Table));
    hits.extend(providers(knowledge, term).into_iter().map(Entry::Provider));
    hits.extend(
        all_codes(knowledge)
            .filter(|(_, code)| is(&code.symbol) || is(&code.key))
            .map(|(table, code)| Entry::Code(table, code)),
    );
    hits
}

pub(super) fn all_codes(knowledge: &Knowledge) -> impl Iterator<Item = (&CodeTable, &Code)> {
    knowledge.codes.values().flat_map(|table| table.codes.iter().map(move |code| (table, code)))
}

/// `LOGON_FAILURE` is part of `STATUS_LOGON_FAILURE`, and
/// `TLS_ALERT_HANDSHAKE_FAILURE` ends with `handshake_failure`. One word alone is
/// a matter of searching.
fn parts_of_symbols<'a>(knowledge: &'a Knowledge, term: &str) -> Vec<Entry<'a>> {
    let folded = Folded::new(term);
    let compound = folded.word_count() >= 2 && !term.contains(['/', '.']);
    let all = || all_codes(knowledge).filter(|(_, code)| !code.symbol.is_empty());
    let fits = |symbol: &str, test: &dyn Fn(&Folded) -> bool| test(&Folded::new(symbol));
    let entry = |(table, code)| Entry::Code(table, code);
    let longer: Vec<Entry<'a>> = all()
        .filter(|(_, code)| compound && fits(&code.symbol, &|s| s.holds(&folded.text)))
        .map(entry)
        .collect();
    if !longer.is_empty() {
        return longer;
    }
    all()
        .filter(|(_, code)| {
            fits(&code.symbol, &|s| s.word_count() >= 2 && folded.ends_with(&s.text))
        })
        .map(entry)
        .collect()
}

/// Causes that look at a fact such as `wire.tls.alert`.
fn by_fact<'a>(knowledge: &'a Knowledge, term: &str) -> Vec<Entry<'a>> {
    let uses = |fact: &str| term.contains('.') && fact.eq_ignore_ascii_case(term);
    let causes = knowledge.causes.values();
    causes
        .filter(|cause| {
            cause.support.iter().chain(&cause.against).any(|rule| rule.fact.iter().any(uses))
        })
        .map(Entry::Cause)
        .collect()
}

/// Events by provider and id: `Schannel/36874`, `Schannel 36874`,
/// `event.schannel.36874`, and with the name of the log, `Security/4625`.
fn events<'a>(knowledge: &'a Knowledge, term: &str) -> Vec<Entry<'a>> {
    if let Some((provider, event)) = knowledge.event_by_kind(&term.to_ascii_lowercase()) {
        return vec![Entry::Event(provider, event)];
    }
    let Some((name, id)) = term.rsplit_once(['/', ' ', ':', '\\']) else { return Vec::new() };
    let Some(id) = number(id).and_then(|id| u16::try_from(id).ok()) else { return Vec::new() };
    providers(knowledge, name)
        .into_iter()
        .filter_map(|provider| Some(Entry::Event(provider, provider.event(id)?)))
        .collect()
}

/// A code by the name of its table and its number: `kerberos 7`.
fn of_table<'a>(knowledge: &'a Knowledge, term: &str) -> Option<Entry<'a>> {
    let (name, value) = term.rsplit_once(' ')?;
    let table = knowledge.codes.values().find(|table| table.table.eq_ignore_ascii_case(name))?;
    Some(Entry::Code(table, table.by_value(number(value)?)?))
}

/// The providers that a name means: the name, another name, the short name, the
/// log, or the end of a name when only one provider ends so.
pub(super) fn providers<'a>(knowledge: &'a Knowledge, name: &str) -> Vec<&'a Provider> {
    let wanted = Folded::new(name).text;
    if wanted.is_empty() {
        return Vec::new();
    }
    let is = |name: &str| Folded::new(name).text == wanted;
    let by = |test: &dyn Fn(&Provider) -> bool| -> Vec<&'a Provider> {
        knowledge.providers().filter(|provider| test(provider)).collect()
    };
    let named = by(&|p| names(p).any(is));
    if !named.is_empty() {
        return named;
    }
    let channel = by(&|p| is(&p.channel) || p.channel.split_once('/').is_some_and(|(c, _)| is(c)));
    if !channel.is_empty() {
        return channel;
    }
    let ends =
        |name: &str| name.match_indices('-').any(|(at, _)| name.get(at + 1..).is_some_and(is));
    let ending = by(&|p| names(p).any(ends));
    if ending.len() == 1 { ending } else { Vec::new() }
}

/// Every name that a provider goes by.
pub(super) fn names(provider: &Provider) -> impl Iterator<Item = &str> {
    [&provider.provider, &provider.slug]
        .into_iter()
        .chain(&provider.also_known_as)
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_whatever_their_case_and_separators() {
        let folded = Folded::new("disconnectReasonAtClientWinsockFDCLOSE");
        assert_eq!(folded.text, "disconnectreasonatclientwinsockfdclose");
        assert_eq!(folded.words().count(), 6);
        assert!(folded.holds("winsockfdclose"));
        assert!(!folded.holds("sockfdclose"), "no whole word");
        assert!(Folded::new("STATUS_LOGON_FAILURE").ends_with("logonfailure"));
        assert_eq!(Folded::new("!?").word_count(), 0);
        assert_eq!(Folded::new("the server's name").text, "theservername");
    }
}
