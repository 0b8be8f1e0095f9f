//! What the user saw: the codes of the client's dialog, typed or pasted.
//!
//! They narrow the stages, by Microsoft's own tables, and they tell which of many
//! failures is meant. They never name a cause alone: 0x904 says that the client's
//! socket was closed, 0x7 that the server refused, and dozens of causes share both.

use super::diagnosis::Evidence;
use super::trouble::Trouble;
use super::{Fact, Question};
use crate::base::{CaseTime, millis_between};
use crate::correlate::{Attempt, Case};
use crate::knowledge::Cause;
use crate::knowledge::lookup::{Fit, fit_of};
use crate::observe::{Observation, Place, Source};
use std::sync::Arc;

/// The dialog comes up right after the failure, and the user's clock may be off by
/// what nobody notices, in ms.
const NEAR_MS: f64 = 120_000.0;

/// What the user saw may be of another try, and what is typed may be mistyped.
const TOLD_SHARE: f64 = 0.6;

/// Dozens of causes share each code, so one that fits is about twice as likely as
/// one of which no code is known, in decibans.
const BOTH_FIT_DB: f64 = 3.0;
const ONE_FITS_DB: f64 = 1.5;
/// A cause for which the client shows other codes; the tables are not complete.
const NONE_FITS_DB: f64 = 4.0;

/// What a user saw once.
#[derive(Debug, Clone, PartialEq)]
pub struct Complaint {
    /// Disconnect reason.
    pub reason: u32,
    pub extended: Option<u32>,
    /// When, by the clock of the client.
    pub at: Option<CaseTime>,
    /// Activity id of the client.
    pub activity: Option<Arc<str>>,
    pub source: Source,
}

impl Complaint {
    /// All complaints of a case: those that were asked with, else those of its texts.
    pub(super) fn all(case: &Case, question: &Question) -> Vec<Self> {
        if let Some(reason) = question.error {
            let source = Source { file: "--error".into(), place: Place::Whole };
            let extended = question.extended;
            return vec![Self { reason, extended, at: None, activity: None, source }];
        }
        let dialogs = case.observations.iter().filter(|o| &*o.kind == "client.dialog");
        dialogs.filter_map(|dialog| Self::of_dialog(case, dialog)).collect()
    }

    fn of_dialog(case: &Case, dialog: &Observation) -> Option<Self> {
        let number = |field| dialog.field(field).and_then(|value| value.parse().ok());
        Some(Self {
            reason: number("reason")?,
            extended: number("extended"),
            at: (dialog.field("dated") == Some("yes")).then(|| case.time(dialog)),
            activity: dialog.subject.activity.clone(),
            source: dialog.source.clone(),
        })
    }

    /// As the dialog writes it: `0x904`, `0x904/0x7`.
    pub fn shown(&self) -> String {
        match self.extended {
            Some(extended) => format!("0x{:X}/0x{extended:X}", self.reason),
            None => format!("0x{:X}", self.reason),
        }
    }

    /// How surely an attempt is the one that the user complains about.
    fn nearness(&self, case: &Case, attempt: &Attempt) -> Nearness {
        if attempt.client_error.is_some_and(|own| own != self.reason) {
            return Nearness::Denied;
        }
        let named = |activity: &Arc<str>| {
            case.events(attempt).any(|(event, _)| event.subject.activity.as_ref() == Some(activity))
        };
        if self.activity.as_ref().is_some_and(named) {
            return Nearness::Named;
        }
        let Some(at) = self.at else { return Nearness::Possible };
        // The client's own clock counts for the client's time.
        let ahead = attempt.client_host.as_deref().and_then(|host| case.clocks.offset(host));
        let at = ahead.and_then(|offset| at.0.checked_sub(offset.ahead).ok()).unwrap_or(at.0);
        let from_start = millis_between(attempt.start.0, at);
        let from_end = millis_between(attempt.end.0, at);
        match from_start > -NEAR_MS && from_end < NEAR_MS {
            true => Nearness::Near,
            false => Nearness::Denied,
        }
    }
}

/// How surely an attempt is the one that is meant; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Nearness {
    /// It has the activity id.
    Named,
    /// It ended when the dialog came up.
    Near,
    /// Nothing tells.
    Possible,
    /// Its own code is another one, or it was at another time.
    Denied,
}

/// Gives each trouble the complaints that are about it: those nearest to it, as long
/// as no other trouble is nearer. A complaint that no trouble fits is about none.
pub(super) fn assign(case: &Case, complaints: &[Complaint], troubles: &mut [Trouble]) {
    for complaint in complaints {
        let near: Vec<Nearness> = troubles
            .iter()
            .map(|trouble| {
                let attempts = trouble.attempts(case);
                let best = attempts.map(|attempt| complaint.nearness(case, attempt)).min();
                // A name that did not resolve has no attempt.
                best.unwrap_or(Nearness::Possible)
            })
            .collect();
        let Some(best) = near.iter().min().copied().filter(|best| *best < Nearness::Denied) else {
            continue;
        };
        let meant = near.iter().filter(|near| **near == best).count();
        for (trouble, _) in troubles.iter_mut().zip(&near).filter(|(_, near)| **near == best) {
            trouble.told.push(Told { complaint: complaint.clone(), nearness: best, among: meant });
        }
    }
}

/// A complaint about a trouble.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) complaint: Complaint,
    pub(super) nearness: Nearness,
    /// Troubles that the complaint fits alike.
    among: usize,
}

impl Told {
    fn share(&self) -> f64 {
        let sure = if self.nearness <= Nearness::Near { 1.0 } else { TOLD_SHARE };
        sure / self.among.max(1) as f64
    }

    /// The dialog shows the number that RDPClient 1026 logs, so it is weighed alike.
    pub(super) fn fact(&self, time: CaseTime) -> Fact {
        Fact {
            kind: "event.rdpclient.1026".into(),
            time: self.complaint.at.unwrap_or(time),
            host: None,
            channel: None,
            fields: vec![("Value".into(), self.complaint.reason.to_string())],
            source: self.complaint.source.clone(),
            share: self.share() * TOLD_SHARE,
        }
    }

    /// What the codes say about a cause: positive where they fit. Nothing where no code
    /// of the cause is known.
    pub(super) fn weigh(&self, cause: &Cause) -> Option<Evidence> {
        if cause.client_codes.is_empty() {
            return None;
        }
        let complaint = &self.complaint;
        let shown = complaint.shown();
        let (weight_db, statement) = match fit_of(cause, complaint.reason, complaint.extended) {
            Some(Fit::Both) => (
                BOTH_FIT_DB,
                format!(
                    "The user saw {shown}, which the client shows for this and for other causes"
                ),
            ),
            Some(_) => (
                ONE_FITS_DB,
                format!(
                    "The user saw {shown}; one of the numbers is known for this and for other causes"
                ),
            ),
            None => (
                -NONE_FITS_DB,
                format!(
                    "The user saw {shown}; for this cause the client is known to show {}",
                    cause.client_codes.join(", ")
                ),
            ),
        };
        Some(Evidence {
            weight_db: weight_db * self.share(),
            statement,
            time: complaint.at,
            host: None,
            channel: None,
            source: complaint.source.clone(),
            open_with: String::new(),
        })
    }
}
