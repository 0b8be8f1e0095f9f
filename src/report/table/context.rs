//! What stands around the diagnosis: what the codes say that the user saw, what worked
//! last, and what changed since.

use super::diagnoses::in_file;
use super::{Page, short_time};
use crate::base::counted;
use crate::report::model::{ClientCodesReport, Report};
use crate::report::text::{short_host, short_name};
use std::io;

/// Dialogs that are told.
const MOST_CODES: usize = 3;

impl Page<'_> {
    pub(super) fn client_codes(&mut self, report: &Report) -> io::Result<()> {
        if report.client_codes.is_empty() {
            return Ok(());
        }
        self.heading("What the client's codes say")?;
        for codes in report.client_codes.iter().take(MOST_CODES) {
            self.paragraph("  * ", "    ", &sentence(codes))?;
        }
        Ok(())
    }

    pub(super) fn background(&mut self, report: &Report) -> io::Result<()> {
        let Some(background) = &report.background else { return Ok(()) };
        self.heading("Before the first failure")?;
        if let (Some(id), Some(at)) = (background.last_success, &background.last_success_at) {
            let line = format!("Attempt {id} worked, until {}.", short_time(at));
            self.paragraph("  * ", "    ", &line)?;
        }
        for change in &background.changes {
            let event = &change.event;
            let often = match change.times {
                0 | 1 => String::new(),
                times => format!(", {times} times, last"),
            };
            let line = format!(
                "{} before{often} ({}, {}): {} [{}]",
                before(change.seconds_before),
                short_host(&event.host),
                short_name(&event.event),
                event.message,
                in_file(&event.file, event.record_id, event.line, None),
            );
            self.paragraph("  * ", "    ", &line)?;
        }
        if background.more_changes > 0 {
            let more = counted(background.more_changes, "earlier kind");
            self.paragraph("  * ", "    ", &format!("{more} of changes left out."))?;
        }
        Ok(())
    }
}

/// How long before the failure something was: `3 d`, `2.5 h`, `40 min`, `12 s`.
fn before(seconds: f64) -> String {
    match seconds {
        s if s >= 172_800.0 => format!("{:.0} d", s / 86_400.0),
        s if s >= 7_200.0 => format!("{:.1} h", s / 3_600.0),
        s if s >= 120.0 => format!("{:.0} min", s / 60.0),
        s => format!("{s:.0} s"),
    }
}

/// `0x904/0x7 (2025-06-03 08:15:01): … It arises at …; 54 causes share it, so it names none.`
fn sentence(codes: &ClientCodesReport) -> String {
    let shown = codes.shown();
    let when = codes.seen_at.as_deref().map(|at| format!(" ({})", short_time(at)));
    let meanings: Vec<&str> =
        codes.reason_means.iter().chain(&codes.extended_means).map(String::as_str).collect();
    let says = match meanings.is_empty() {
        true => "not in Microsoft's tables".to_owned(),
        false => meanings.join("; "),
    };
    let mut sentence = format!("{shown}{}: {says}.", when.unwrap_or_default());
    if let Some(noticed) = &codes.noticed_by {
        sentence.push_str(&format!(" Noticed by: {noticed}."));
    }
    let stages: Vec<&str> = codes.stages.iter().map(|stage| stage.name()).collect();
    if codes.known_causes > 0 {
        let share = match codes.known_causes {
            1 => "one known cause shows it".to_owned(),
            causes => format!("{} share it, so it names none", counted(causes, "known cause")),
        };
        sentence.push_str(&format!(" Stages: {}; {share}.", stages.join(", ")));
    }
    if !codes.concerns_an_attempt {
        sentence.push_str(" No failed attempt of this evidence fits it.");
    }
    sentence
}
