//! What stands around the diagnosis: what the codes say that the user saw, what worked
//! last, and what changed since.

use super::Page;
use crate::base::counted;
use crate::report::model::Report;
use crate::report::text::{short_host, short_name};
use crate::report::words::{before, in_file, sentence, short_time};
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
