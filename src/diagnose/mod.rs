//! Why did it fail, most likely first?
//!
//! A pure function of attempts and knowledge. Named facts are established in
//! Rust; which of them speaks for or against which cause, and how strongly, is
//! data. Weights of evidence add up (in decibans); probabilities are normalised
//! over all causes that have evidence, *none* and *not listed*.

mod background;
mod certificate_facts;
mod change_facts;
mod checks;
mod client_facts;
mod clock_facts;
mod collected;
mod complaint;
mod diagnosis;
mod directory_facts;
mod fact;
mod focus;
mod gateway_facts;
mod host_facts;
mod identity_facts;
mod log_facts;
mod machine_facts;
mod missing;
mod offers;
mod rank;
mod rdp_facts;
mod security_facts;
mod session_facts;
#[cfg(test)]
mod testing;
mod text_facts;
mod timeline;
mod tls_facts;
mod trouble;
mod weigh;
mod wire_facts;

pub use background::{Background, Change};
pub use checks::{Check, Step};
pub use collected::Collected;
pub use complaint::Complaint;
pub use diagnosis::{Certainty, Diagnosis, Evidence, Part};
pub use fact::Fact;
pub use missing::Missing;

pub use trouble::Question;

use crate::correlate::{Attempt, Case, Outcome};
use crate::knowledge::Knowledge;
use crate::observe::Coverage;
use certificate_facts::Identities;
use change_facts::Changes;
use client_facts::Clients;
use directory_facts::Directory;
use gateway_facts::Gateways;
use host_facts::Hosts;
use identity_facts::Certificates;
use machine_facts::Machine;
use offers::Choices;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use session_facts::Sessions;
use text_facts::Texts;
use timeline::Timelines;
use trouble::Trouble;

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Diagnosed,
    NoFailureFound,
    Inconclusive,
    NoEvidence,
}

impl Verdict {
    /// For people: `no failure found`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Diagnosed => "diagnosed",
            Self::NoFailureFound => "no failure found",
            Self::Inconclusive => "inconclusive",
            Self::NoEvidence => "no evidence",
        }
    }
}

/// The answer.
#[derive(Debug)]
pub struct Findings {
    pub verdict: Verdict,
    /// Ranked, best first.
    pub diagnoses: Vec<Diagnosis>,
    pub missing: Vec<Missing>,
    /// Attempts that the ranking is about.
    pub attempts: Vec<u32>,
    /// Failed attempts that the question left out.
    pub left_out: usize,
    /// What the user saw.
    pub complaints: Vec<Seen>,
    /// What stood before the first failure.
    pub background: Background,
    /// What is well on the way to the desktop, and what is not.
    pub checks: Vec<Check>,
    /// What collectors gathered, and what they left out.
    pub collected: Vec<Collected>,
    /// Whether time or memory ended before the evidence did.
    pub incomplete: bool,
}

impl Findings {
    /// Time or memory ended before the evidence did: what was not read may be the failure.
    pub fn not_all_was_read(&mut self) {
        self.incomplete = true;
        if self.verdict == Verdict::NoFailureFound {
            self.verdict = Verdict::Inconclusive;
        }
    }
}

/// What the user saw, and whether the ranking is about it.
#[derive(Debug)]
pub struct Seen {
    pub complaint: Complaint,
    pub concerns_an_attempt: bool,
}

/// What is gathered once for all troubles.
struct Known<'a> {
    hosts: Hosts,
    choices: Choices,
    timelines: Timelines,
    sessions: Sessions,
    certificates: Certificates,
    identities: Identities,
    directory: Directory,
    changes: Changes,
    clients: Clients,
    gateways: Gateways,
    texts: Texts,
    machine: Machine,
    knowledge: &'a Knowledge,
}

/// Judges a case. `question` is what the user asked about.
pub fn diagnose(case: &Case, knowledge: &Knowledge, question: &Question) -> Findings {
    let mut troubles = trouble::troubles(case, question);
    let complaints = Complaint::all(case, question);
    complaint::assign(case, &complaints, &mut troubles);
    let known = Known {
        hosts: Hosts::gather(case),
        choices: Choices::gather(case),
        timelines: Timelines::gather(case),
        sessions: Sessions::gather(case),
        certificates: Certificates::gather(case),
        identities: Identities::gather(case),
        directory: Directory::gather(case),
        changes: Changes::gather(case),
        clients: Clients::gather(case),
        gateways: Gateways::gather(case),
        texts: Texts::gather(case),
        machine: Machine::gather(case),
        knowledge,
    };
    let mut judged: Vec<(Trouble, rank::Ranking)> = troubles
        .into_par_iter()
        .map(|trouble| {
            let facts = trouble.facts(case, &known);
            let ranking = rank::rank(case, &trouble, &facts, knowledge);
            (trouble, ranking)
        })
        .collect();
    focus::most_relevant_first(case, &mut judged);
    let Some((trouble, ranking)) = judged.into_iter().next() else {
        return without_trouble(case, question, complaints, knowledge);
    };
    let verdict = match ranking.diagnoses.first() {
        Some(first) if first.certainty >= Certainty::Moderate => Verdict::Diagnosed,
        _ => Verdict::Inconclusive,
    };
    let missing = missing::missing(case, &trouble, &ranking.diagnoses, knowledge);
    let attempts = trouble.attempt_ids(case);
    let of_trouble: Vec<&Attempt> = trouble.attempts(case).collect();
    let checks = checks::checks(case, &of_trouble, trouble.names(case), knowledge);
    let left_out = trouble::left_out(case, question);
    let complaints = complaints
        .into_iter()
        .map(|complaint| {
            let concerns_an_attempt = trouble.told.iter().any(|told| told.complaint == complaint);
            Seen { complaint, concerns_an_attempt }
        })
        .collect();
    let background = background::background(case, &trouble, knowledge);
    let diagnoses = ranking.diagnoses;
    let collected = collected::collected(case, &of_trouble, &diagnoses, knowledge);
    Findings {
        verdict,
        diagnoses,
        missing,
        attempts,
        left_out,
        complaints,
        background,
        checks,
        collected,
        incomplete: false,
    }
}

/// Whether no attempt is seen as a whole, and a capture is torn or shows an alert: what is
/// missing may be the failure.
fn is_cut(case: &Case, question: &Question) -> bool {
    let mut attempts = case.attempts.iter().filter(|attempt| question.concerns(attempt)).peekable();
    let torn = |coverage: &Coverage| !coverage.kind.is_log() && coverage.unreadable > 0;
    // Its beginning is missing, and what ended it is there.
    let alerted = |attempt: &&Attempt| attempt.views().any(|view| !view.tls.alerts.is_empty());
    attempts.peek().is_some()
        && attempts.all(|attempt| attempt.outcome == Outcome::Unknown)
        && (case.coverage.iter().any(torn)
            || case.attempts.iter().filter(|a| question.concerns(a)).any(|a| alerted(&a)))
}

fn without_trouble(
    case: &Case,
    question: &Question,
    complaints: Vec<Complaint>,
    knowledge: &Knowledge,
) -> Findings {
    let readable = case.holds_evidence();
    let left_out = trouble::left_out(case, question);
    let in_question = case.attempts.iter().any(|attempt| question.concerns(attempt));
    // A question that matches nothing must not read like a clean bill of health.
    let unanswered = left_out > 0 && !in_question;
    // Nor must a log of which the larger part is torn.
    let torn = case.attempts.is_empty()
        && case.coverage.iter().any(|coverage| coverage.unreadable >= coverage.items.max(1));
    // The user saw a failure that this evidence does not show.
    let unseen = !complaints.is_empty();
    // Texts say how a machine is set up, not that anybody connected.
    let spoke = |coverage: &&Coverage| coverage.items > 0 && !coverage.kind.is_document();
    let only_texts = !case.coverage.iter().any(|coverage| spoke(&coverage));
    let unseen = unseen || only_texts || is_cut(case, question);
    let verdict = match (readable, unanswered || torn || unseen) {
        (false, _) => Verdict::NoEvidence,
        (true, true) => Verdict::Inconclusive,
        (true, false) => Verdict::NoFailureFound,
    };
    let worked =
        |attempt: &&Attempt| attempt.outcome == Outcome::Succeeded && question.concerns(attempt);
    let worked: Vec<&Attempt> = case.attempts.iter().filter(worked).collect();
    let attempts = worked.iter().map(|attempt| attempt.id).collect();
    let checks = match worked.is_empty() {
        true => Vec::new(),
        false => checks::checks(case, &worked, Vec::new(), knowledge),
    };
    let missing = missing::for_complaints(case, &complaints, knowledge);
    let complaints = complaints
        .into_iter()
        .map(|complaint| Seen { complaint, concerns_an_attempt: false })
        .collect();
    let background = Background::default();
    let diagnoses = Vec::new();
    let collected = collected::collected(case, &[], &diagnoses, knowledge);
    Findings {
        verdict,
        diagnoses,
        missing,
        attempts,
        left_out,
        complaints,
        background,
        checks,
        collected,
        incomplete: false,
    }
}
