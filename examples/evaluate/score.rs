//! Marks of one case, and the totals of all.

use super::case::{Case, Label, WantedAttempt, confident};
use rdp_triage::report::{AttemptReport, Report};
use serde_json::Value;
use std::fmt;

/// Milliseconds by which a clock offset may be wrong, whatever error the report states.
const CLOCK_TOLERANCE_MS: f64 = 250.0;

/// The marks of one case. A mark that does not apply is `None` and has no part in
/// the mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Score {
    /// 1 right, 0.5 as right as the evidence can tell, 0 wrong.
    pub(crate) point: f64,
    /// The analysis gave no report.
    pub(crate) error: Option<String>,
    /// The first three causes.
    pub(crate) first: Vec<String>,
    pub(crate) confident_wrong: bool,
    top3: Option<bool>,
    reciprocal_rank: Option<f64>,
    false_alarm: Option<bool>,
    brier: Option<f64>,
    verdict_ok: Option<bool>,
    stage_ok: Option<bool>,
    fault_domain_ok: Option<bool>,
    attempts_ok: Option<f64>,
    wire_ok: Option<f64>,
    clock_ok: Option<f64>,
    evidence_cited: Option<bool>,
}

/// Marks a report, or the lack of one.
pub(crate) fn score(case: &Case, report: Result<&Report, &str>) -> Score {
    match report {
        Ok(report) => of_report(report, &case.label),
        Err(error) => Score {
            error: Some(error.to_owned()),
            top3: Some(false),
            reciprocal_rank: Some(0.0),
            false_alarm: case.label.healthy().then_some(false),
            ..Score::default()
        },
    }
}

fn of_report(report: &Report, label: &Label) -> Score {
    let top = report.diagnoses.first();
    let mut score = Score {
        verdict_ok: Some(label.verdict.as_ref().is_none_or(|v| v.contains(&report.verdict))),
        first: report.diagnoses.iter().take(3).map(|d| d.cause.clone()).collect(),
        ..Score::default()
    };
    if label.healthy() {
        let quiet = score.verdict_ok == Some(true) && !report.diagnoses.iter().any(confident);
        score.point = f64::from(u8::from(quiet));
        score.false_alarm = Some(!quiet);
    } else {
        rank(&mut score, report, label);
    }
    if let Some(top) = top {
        let right = label.accepts(&top.cause);
        let forbidden = label.never.as_ref().is_none_or(|never| never.contains(&top.cause));
        score.confident_wrong = confident(top) && !right && (label.healthy() || forbidden);
        score.brier = Some((top.probability - f64::from(u8::from(right))).powi(2));
        score.stage_ok = (!label.stage.is_empty()).then(|| label.stage.contains(&top.stage));
        score.fault_domain_ok = (!label.fault_domain.is_empty())
            .then(|| label.fault_domain.contains(&top.fault_domain));
        let mut evidence = report.diagnoses.iter().flat_map(|d| &d.evidence).peekable();
        score.evidence_cited = Some(
            evidence.peek().is_some() && evidence.all(|evidence| !evidence.source.file.is_empty()),
        );
    }
    attempts(&mut score, report, label);
    score.clock_ok = clock(report, label);
    score
}

fn rank(score: &mut Score, report: &Report, label: &Label) {
    let ranked = || report.diagnoses.iter().map(|diagnosis| &diagnosis.cause);
    score.point = match ranked().next() {
        Some(first) if label.causes.contains(first) => 1.0,
        Some(first) if label.also.contains(first) => 0.5,
        _ => 0.0,
    };
    score.top3 = Some(ranked().take(3).any(|cause| label.accepts(cause)));
    let place = (1..).zip(ranked()).find(|(_, cause)| label.causes.contains(cause));
    score.reciprocal_rank = Some(place.map_or(0.0, |(rank, _)| 1.0 / f64::from(rank)));
}

fn attempts(score: &mut Score, report: &Report, label: &Label) {
    let same = |wanted: &Option<String>, found: &Option<String>| {
        wanted.as_deref().is_none_or(str::is_empty) || wanted == found
    };
    let find = |wanted: &WantedAttempt| {
        report
            .attempts
            .iter()
            .find(|a| same(&wanted.client, &a.client) && same(&wanted.server, &a.server))
    };
    let Some(first) = label.attempts.first() else { return };
    score.attempts_ok = share(label.attempts.iter().map(|wanted| {
        find(wanted).is_some_and(|a| wanted.outcome.is_none_or(|outcome| outcome == a.outcome))
    }));
    if !label.wire.is_empty() {
        let wire = find(first).map(wire);
        score.wire_ok = share(label.wire.iter().map(|(path, wanted)| {
            wire.as_ref().is_some_and(|wire| equal(dig(wire, path), wanted))
        }));
    }
}

fn wire(attempt: &AttemptReport) -> Value {
    serde_json::to_value(&attempt.wire).unwrap_or_default()
}

/// The value at a dotted path; numbers are places in a list.
fn dig<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').try_fold(value, step).unwrap_or(&Value::Null)
}

fn step<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        _ => value.get(part),
    }
}

/// Equal as values: 1 and 1.0 are the same number.
fn equal(found: &Value, wanted: &Value) -> bool {
    found == wanted || (found.is_number() && found.as_f64() == wanted.as_f64())
}

fn clock(report: &Report, label: &Label) -> Option<f64> {
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    share(label.clock_offsets_ms.iter().map(|(name, offset)| {
        // Of several hosts of one name the last, as `score.py` does.
        let host = report.hosts.iter().rev().find(|host| short(&host.name) == short(name));
        host.and_then(|host| Some((host.clock_offset_ms?, host.clock_error_ms))).is_some_and(
            |(found, error)| {
                let allowed = CLOCK_TOLERANCE_MS.max(2.0 * error.unwrap_or_default());
                (found - offset).abs() <= allowed
            },
        )
    }))
}

fn share(marks: impl Iterator<Item = bool>) -> Option<f64> {
    let marks: Vec<Option<f64>> = marks.map(|mark| Some(f64::from(u8::from(mark)))).collect();
    (!marks.is_empty()).then(|| mean(marks))
}

/// The mean of the marks that apply; not a number when none does.
fn mean(marks: impl IntoIterator<Item = Option<f64>>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for mark in marks.into_iter().flatten() {
        sum += mark;
        count += 1.0;
    }
    sum / count
}

/// All cases together, in the words of `score.py`.
#[derive(Debug)]
pub(crate) struct Totals<'a>(pub(crate) &'a [Score]);

impl Totals<'_> {
    fn count(&self, mark: impl Fn(&Score) -> bool) -> usize {
        self.0.iter().filter(|score| mark(score)).count()
    }

    fn mean(&self, mark: impl Fn(&Score) -> Option<f64>) -> f64 {
        mean(self.0.iter().map(mark))
    }

    fn rate(&self, mark: impl Fn(&Score) -> Option<bool>) -> f64 {
        self.mean(|score| mark(score).map(|yes| f64::from(u8::from(yes))))
    }
}

impl fmt::Display for Totals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0;
        write!(f, "cases={}", all.len())?;
        write!(f, " failed_runs={}", self.count(|s| s.error.is_some()))?;
        write!(f, " points={:.3}", self.mean(|s| Some(s.point)))?;
        write!(f, " top1={:.3}", self.rate(|s| Some(s.point >= 1.0)))?;
        write!(f, " top3={:.3}", self.rate(|s| s.top3))?;
        write!(f, " mrr={:.3}", self.mean(|s| s.reciprocal_rank))?;
        write!(f, " confident_wrong={}", self.count(|s| s.confident_wrong))?;
        write!(f, " false_alarms={}", self.count(|s| s.false_alarm == Some(true)))?;
        write!(f, " healthy={}", self.count(|s| s.false_alarm.is_some()))?;
        write!(f, " brier={:.3}", self.mean(|s| s.brier))?;
        write!(f, " verdict_ok={:.3}", self.rate(|s| s.verdict_ok))?;
        write!(f, " stage_ok={:.3}", self.rate(|s| s.stage_ok))?;
        write!(f, " fault_domain_ok={:.3}", self.rate(|s| s.fault_domain_ok))?;
        write!(f, " attempts_ok={:.3}", self.mean(|s| s.attempts_ok))?;
        write!(f, " wire_ok={:.3}", self.mean(|s| s.wire_ok))?;
        write!(f, " clock_ok={:.3}", self.mean(|s| s.clock_ok))?;
        write!(f, " evidence_cited={:.3}", self.rate(|s| s.evidence_cited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::case::{analyse, samples};
    use rdp_triage::knowledge::Knowledge;
    use std::path::Path;

    /// The marks of the sample `cert-expired` with a label, in words.
    #[track_caller]
    fn check(label: &str, expect: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
        let mut cases = samples(&folder).unwrap();
        cases.retain(|case| case.name == "cert-expired");
        let case = Case { label: serde_json::from_str(label).unwrap(), ..cases.remove(0) };
        let report = analyse(std::slice::from_ref(&case.evidence), &Knowledge::embedded().unwrap());
        let totals = Totals(&[score(&case, report.as_ref().map_err(String::as_str))]).to_string();
        let found: Vec<&str> = totals.split(' ').collect();
        for mark in expect.split(' ') {
            assert!(found.contains(&mark), "{mark} is not in {totals}");
        }
    }

    #[test]
    fn a_right_cause_counts_one_and_a_like_one_half() {
        check(r#"{"causes": ["cert-expired"]}"#, "points=1.000 mrr=1.000 confident_wrong=0");
        check(
            r#"{"causes": ["clock-skew"], "also": ["cert-expired"]}"#,
            "points=0.500 top1=0.000 top3=1.000 confident_wrong=0",
        );
    }

    #[test]
    fn a_confident_answer_that_the_label_does_not_know_is_wrong() {
        check(r#"{"causes": ["cert-missing"]}"#, "points=0.000 top3=0.000 confident_wrong=1");
        let label = r#"{"causes": ["cert-missing"], "never": ["tcp-port-refused"]}"#;
        check(label, "points=0.000 confident_wrong=0");
    }

    #[test]
    fn a_confident_answer_on_a_healthy_case_is_a_false_alarm() {
        let label = r#"{"verdict": ["no_failure_found"]}"#;
        check(label, "points=0.000 false_alarms=1 healthy=1 confident_wrong=1 top3=NaN");
    }

    #[test]
    fn wire_values_are_compared_at_their_path_as_values() {
        let value = serde_json::json!({"alerts": [{"frame": 9}], "sni": null});
        let at = |path: &str| dig(&value, path).clone();
        assert!(equal(&at("alerts.0.frame"), &serde_json::json!(9.0)));
        assert!(!equal(&at("alerts.1.frame"), &serde_json::json!(9)));
        assert!(equal(&at("no.such"), &Value::Null));
    }
}
