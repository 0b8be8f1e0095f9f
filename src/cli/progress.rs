//! Progress on standard error, when that is a terminal and it takes long enough to
//! be looked at.

use crate::triage::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Analyses shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// A bar that counts files and bytes.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    started: Instant,
}

impl Bar {
    pub(super) fn new(shown: bool) -> Self {
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {bytes} read, {bytes_per_sec}: {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, started: Instant::now() }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn done(&self, name: &str, bytes: u64) {
        if self.started.elapsed() > PATIENCE {
            self.bar.set_message(crate::base::for_terminal(name).into_owned());
        }
        self.bar.inc(bytes);
    }
}
