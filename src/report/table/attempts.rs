//! The attempts and their records.

use super::Page;
use crate::base::counted;
use crate::correlate::Outcome;
use crate::report::events::telling;
use crate::report::model::Report;
use crate::report::seen::what_is_seen;
use crate::report::text::{short_host, short_name};
use crate::report::words::{chosen, short_time, time_of_day};
use std::io;

const MOST_ATTEMPTS: usize = 12;
/// Attempts whose records are shown, and records of each.
const MOST_TOLD: usize = 3;
const MOST_RECORDS: usize = 12;

impl Page<'_> {
    pub(super) fn attempts(&mut self, report: &Report) -> io::Result<()> {
        if report.attempts.is_empty() {
            return Ok(());
        }
        self.heading("Attempts")?;
        let (shown, left) = chosen(report, MOST_ATTEMPTS);
        let rows = shown
            .iter()
            .map(|attempt| {
                vec![
                    attempt.id.to_string(),
                    short_time(&attempt.start),
                    format!(
                        "{}\n> {}",
                        attempt.client.as_deref().unwrap_or("unknown client"),
                        attempt.server.as_deref().unwrap_or("unknown server"),
                    ),
                    match attempt.outcome {
                        Outcome::Succeeded => "succeeded".to_owned(),
                        Outcome::Failed => "FAILED".to_owned(),
                        Outcome::Unknown => "unknown".to_owned(),
                    },
                    attempt.stage_reached.map_or("", |stage| stage.name()).to_owned(),
                    what_is_seen(attempt),
                ]
            })
            .collect();
        self.table(&["#", "start (UTC)", "client > server", "outcome", "reached", "seen"], rows)?;
        if left > 0 {
            let left = counted(left, "more attempt");
            writeln!(self.out, "In the JSON report: {left}.")?;
        }
        let unlisted = report.attempts_left_out.total();
        if unlisted > 0 {
            writeln!(self.out, "Not listed: {}.", counted(unlisted, "attempt"))?;
        }
        Ok(())
    }

    pub(super) fn records(&mut self, report: &Report) -> io::Result<()> {
        let asked = report.diagnoses.first().map(|first| first.attempts.as_slice());
        let asked = asked.unwrap_or_default();
        let told = report.attempts.iter().filter(|attempt| asked.contains(&attempt.id));
        for attempt in told.take(MOST_TOLD) {
            let records = telling(report, attempt, MOST_RECORDS);
            if records.is_empty() {
                continue;
            }
            self.heading(&format!("Records of attempt {}", attempt.id))?;
            let rows = records
                .iter()
                .map(|event| {
                    vec![
                        time_of_day(&event.time),
                        short_host(&event.host).to_owned(),
                        short_name(&event.event).to_owned(),
                        event.message.clone(),
                    ]
                })
                .collect();
            self.table(&["time (UTC)", "host", "event", "what it says"], rows)?;
            let left = attempt.events.len() - records.len();
            let left =
                u64::try_from(left).unwrap_or(u64::MAX).saturating_add(attempt.events_left_out);
            if left > 0 {
                writeln!(self.out, "More records of it in the JSON report: {left}.")?;
            }
        }
        Ok(())
    }
}
