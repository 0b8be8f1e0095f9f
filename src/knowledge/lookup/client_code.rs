//! The two numbers of the error dialog.

use crate::knowledge::cause::number;
use crate::knowledge::{Cause, Code, CodeTable, Knowledge, Stage};
use std::collections::BTreeSet;

/// Tables of the first number, Microsoft's own first.
const REASONS: [&str; 3] =
    ["mstsc_disconnect_reason", "mstsc_disconnect_reason_more", "mstsc_gateway_reason"];
/// Table of the second number.
const EXTENDED: &str = "mstsc_extended_reason";
/// Which layer noticed, by the low byte of the first number.
const FAMILIES: &str = "mstsc_disconnect_family";

/// What the client shows for a cause: `0xB07`, `0x904/0x7`, `ext 0x9`,
/// `ext 0x100 to 0x10A`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCode {
    pub reason: Option<i64>,
    /// First and last extended reason.
    pub extended: Option<(i64, i64)>,
}

impl ClientCode {
    /// Understands one entry of `client_codes`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(extended) = text.strip_prefix("ext ") {
            let (first, last) = extended.split_once(" to ").unwrap_or((extended, extended));
            return Some(Self { reason: None, extended: Some((number(first)?, number(last)?)) });
        }
        let (reason, extended) = match text.split_once('/') {
            Some((reason, extended)) => (reason, Some(number(extended)?)),
            None => (text, None),
        };
        let extended = extended.map(|extended| (extended, extended));
        Some(Self { reason: Some(number(reason)?), extended })
    }

    pub(super) fn has(self, value: i64) -> bool {
        self.reason == Some(value) || self.has_extended(value)
    }

    fn has_extended(self, value: i64) -> bool {
        self.extended.is_some_and(|(first, last)| (first..=last).contains(&value))
    }

    /// Whether the code stands in this table under this number.
    pub(super) fn is_code(self, table: &CodeTable, value: i64) -> bool {
        let name = table.table.as_str();
        (REASONS.contains(&name) && self.reason == Some(value))
            || (name == EXTENDED && self.has_extended(value))
    }

    fn fit(self, reason: i64, extended: i64) -> Option<Fit> {
        match (self.reason, self.extended) {
            (Some(own), Some(_)) => {
                (own == reason && self.has_extended(extended)).then_some(Fit::Both)
            }
            (Some(own), None) => (own == reason).then_some(Fit::Reason),
            (None, _) => self.has_extended(extended).then_some(Fit::Extended),
        }
    }

    /// The same where only the first number is known.
    fn fits_reason(self, reason: i64) -> Option<Fit> {
        (self.reason == Some(reason)).then_some(Fit::Reason)
    }
}

/// What the client shows for a cause.
pub(super) fn client_codes(cause: &Cause) -> impl Iterator<Item = ClientCode> {
    cause.client_codes.iter().filter_map(|text| ClientCode::parse(text))
}

/// How well what the user saw fits what the client shows for a cause; `None` where
/// nothing fits. An extended reason of 0 tells nothing.
pub fn fit_of(cause: &Cause, reason: u32, extended: Option<u32>) -> Option<Fit> {
    let reason = i64::from(reason);
    let fits: Vec<Fit> = match extended {
        Some(extended) => {
            client_codes(cause).filter_map(|code| code.fit(reason, i64::from(extended))).collect()
        }
        None => client_codes(cause).filter_map(|code| code.fits_reason(reason)).collect(),
    };
    let apart = [Fit::Reason, Fit::Extended].iter().all(|fit| fits.contains(fit));
    if apart { Some(Fit::Both) } else { fits.into_iter().min() }
}

/// Whether a number stands in the tables of disconnect reasons.
pub fn is_reason(knowledge: &Knowledge, value: i64) -> bool {
    !reason_codes(knowledge, value).is_empty()
}

/// Whether a number stands in the table of extended reasons.
pub fn is_extended_reason(knowledge: &Knowledge, value: i64) -> bool {
    !extended_codes(knowledge, value).is_empty()
}

/// What Microsoft's tables say of a disconnect reason.
pub fn reasons(knowledge: &Knowledge, value: u32) -> Vec<&Code> {
    codes(reason_codes(knowledge, i64::from(value)))
}

/// What Microsoft's table says of an extended reason.
pub fn extended_reasons(knowledge: &Knowledge, value: u32) -> Vec<&Code> {
    codes(extended_codes(knowledge, i64::from(value)))
}

fn codes<'a>(found: Vec<(&'a CodeTable, &'a Code)>) -> Vec<&'a Code> {
    found.into_iter().map(|(_, code)| code).collect()
}

/// How well a cause's codes fit a pair; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// The cause is known to show both numbers.
    Both,
    /// It shows the reason; the extended one is not told.
    Reason,
    /// It shows the extended reason; the first one is not told.
    Extended,
}

/// A cause that shows a pair, or part of it.
#[derive(Debug)]
pub struct PairCause<'a> {
    pub cause: &'a Cause,
    pub fit: Fit,
}

/// A disconnect reason and an extended reason, as the dialog shows them.
#[derive(Debug)]
pub struct Pair<'a> {
    pub reason: i64,
    pub extended: i64,
    pub reasons: Vec<(&'a CodeTable, &'a Code)>,
    pub extended_reasons: Vec<(&'a CodeTable, &'a Code)>,
    /// Which layer of the client noticed.
    pub family: Option<&'a Code>,
    /// Stages at which the causes below act, in the order of a connection.
    pub stages: Vec<Stage>,
    /// Best fit first, then by stage, then the more common cause.
    pub causes: Vec<PairCause<'a>>,
}

impl<'a> Pair<'a> {
    /// The pair, when both numbers stand in their tables.
    pub(super) fn find(knowledge: &'a Knowledge, reason: i64, extended: i64) -> Option<Self> {
        let reasons = reason_codes(knowledge, reason);
        let extended_reasons = extended_codes(knowledge, extended);
        if reasons.is_empty() || extended_reasons.is_empty() {
            return None;
        }
        let mut causes: Vec<PairCause<'a>> = knowledge
            .causes
            .values()
            .filter_map(|cause| {
                let (reason, extended) = (reason.try_into().ok()?, extended.try_into().ok()?);
                Some(PairCause { cause, fit: fit_of(cause, reason, Some(extended))? })
            })
            .collect();
        causes.sort_by(|a, b| {
            let common = b.cause.prior_db.total_cmp(&a.cause.prior_db);
            (a.fit, a.cause.stage)
                .cmp(&(b.fit, b.cause.stage))
                .then(common)
                .then_with(|| a.cause.id.cmp(&b.cause.id))
        });
        let stages: BTreeSet<Stage> = causes.iter().map(|cause| cause.cause.stage).collect();
        let family = family(knowledge, reason);
        let stages = stages.into_iter().collect();
        Some(Self { reason, extended, reasons, extended_reasons, family, stages, causes })
    }
}

/// The layer that a disconnect reason's low byte stands for.
pub fn family(knowledge: &Knowledge, reason: i64) -> Option<&Code> {
    // Larger numbers belong to the gateway's table, which has no such order.
    let low = (0x100..0x1_0000).contains(&reason).then_some(reason & 0xff)?;
    let key = format!("low byte {low:X}");
    knowledge.codes.get(FAMILIES)?.codes.iter().find(|code| code.key == key)
}

/// Which layer noticed, for a code of the tables of disconnect reasons.
pub fn family_of<'a>(knowledge: &'a Knowledge, table: &CodeTable, code: &Code) -> Option<&'a Code> {
    REASONS.contains(&table.table.as_str()).then_some(family(knowledge, code.value?))?
}

/// Causes for which the client shows a code.
pub fn shown_for<'a>(knowledge: &'a Knowledge, table: &CodeTable, code: &Code) -> Vec<&'a Cause> {
    let Some(value) = code.value else { return Vec::new() };
    let causes = knowledge.causes.values();
    causes.filter(|cause| client_codes(cause).any(|own| own.is_code(table, value))).collect()
}

/// A number as disconnect reason.
fn reason_codes(knowledge: &Knowledge, value: i64) -> Vec<(&CodeTable, &Code)> {
    in_tables(knowledge, &REASONS, value)
}

/// A number as extended reason.
fn extended_codes(knowledge: &Knowledge, value: i64) -> Vec<(&CodeTable, &Code)> {
    in_tables(knowledge, &[EXTENDED], value)
}

fn in_tables<'a>(
    knowledge: &'a Knowledge,
    tables: &[&str],
    value: i64,
) -> Vec<(&'a CodeTable, &'a Code)> {
    let tables = tables.iter().filter_map(|table| knowledge.codes.get(*table));
    tables.filter_map(|table| Some((table, table.by_value(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_code_of_every_cause_is_understood() {
        let knowledge = Knowledge::embedded().unwrap();
        for cause in knowledge.causes.values() {
            for text in &cause.client_codes {
                assert!(ClientCode::parse(text).is_some(), "{}: {text}", cause.id);
            }
        }
    }

    #[test]
    fn ranges_of_extended_reasons_hold_what_lies_between() {
        let code = ClientCode::parse("ext 0x100 to 0x10A").unwrap();
        assert_eq!(code.fit(0x904, 0x105), Some(Fit::Extended));
        assert_eq!(code.fit(0x904, 0x10B), None);
    }
}
