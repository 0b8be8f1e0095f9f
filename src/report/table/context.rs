//! What stands around the diagnosis: what the codes say that the user saw.

use super::{Page, short_time};
use crate::base::counted;
use crate::report::model::{ClientCodesReport, Report};
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
