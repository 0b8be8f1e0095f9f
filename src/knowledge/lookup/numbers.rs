//! Numbers: codes of every table, ids of events, and what rules look for.

use super::client_code::client_codes;
use super::names::all_codes;
use super::{Entry, Knowledge};
use crate::knowledge::Rule;
use crate::knowledge::cause::number;

/// Everything that has this number, in hex or decimal. A number that no table has
/// leads to the causes whose rows look for it.
pub(super) fn by_number<'a>(knowledge: &'a Knowledge, term: &str) -> Vec<Entry<'a>> {
    let Some(value) = number(term).map(unsigned) else { return Vec::new() };
    let mut hits: Vec<Entry<'a>> = all_codes(knowledge)
        .filter(|(_, code)| code.value == Some(value))
        .map(|(table, code)| Entry::Code(table, code))
        .collect();
    if is_decimal(term) {
        for provider in knowledge.providers() {
            let events = provider.events.iter().filter(|event| i64::from(event.id) == value);
            hits.extend(events.map(|event| Entry::Event(provider, event)));
        }
    }
    if hits.is_empty() {
        let causes = knowledge.causes.values();
        hits = causes
            .filter(|cause| {
                let rules = cause.support.iter().chain(&cause.against);
                rules.into_iter().any(|rule| looks_for(rule, value))
                    || client_codes(cause).any(|code| code.has(value))
            })
            .map(Entry::Cause)
            .collect();
    }
    hits
}

/// Logs and scripts write a status with its high bit as a negative number.
fn unsigned(value: i64) -> i64 {
    match i32::try_from(value) {
        Ok(value) if value < 0 => i64::from(value.cast_unsigned()),
        _ => value,
    }
}

pub(super) fn is_decimal(term: &str) -> bool {
    term.bytes().all(|byte| byte.is_ascii_digit())
}

fn looks_for(rule: &Rule, value: i64) -> bool {
    let conditions = rule.conditions.values().chain(rule.unless.values());
    conditions.into_iter().any(|condition| condition.iter().any(|text| number(text) == Some(value)))
}
