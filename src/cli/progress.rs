//! Progress on standard error, when that is a terminal and it takes long enough to
//! be looked at.

use crate::base::{Meter, Reading, for_terminal};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What takes less shows nothing.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Between two looks at the meter.
const TICK: Duration = Duration::from_millis(100);

/// While nobody knows how much is to be read: archives are opened, or all was read.
const UNMEASURED: &str = "{spinner} {bytes} read, {bytes_per_sec}: {wide_msg}";
const MEASURED: &str = "{bar:24} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left: {wide_msg}";

/// A bar that follows a meter until it is dropped.
#[derive(Debug)]
pub(super) struct Bar {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Follows the meter, where somebody looks and progress is wanted.
    pub(super) fn follow(meter: &Arc<Meter>, wanted: bool) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (meter, until) = (Arc::clone(meter), Arc::clone(&over));
        let shown = wanted && io::stderr().is_terminal();
        // A machine that has no thread to spare shows no progress.
        let thread = shown.then(|| thread::Builder::new().spawn(move || show(&meter, &until)));
        Self { over, thread: thread.and_then(Result::ok) }
    }
}

impl Drop for Bar {
    /// Takes the bar away.
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only draws: what became of it does not matter.
            let _ = thread.join();
        }
    }
}

fn show(meter: &Meter, over: &AtomicBool) {
    // Hidden at first, so that it knows the rate when it is shown.
    let bar = ProgressBar::hidden();
    let started = Instant::now();
    while !over.load(Ordering::Acquire) {
        draw(&bar, &meter.reading());
        if bar.is_hidden() && started.elapsed() > PATIENCE {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        thread::park_timeout(TICK);
    }
    bar.finish_and_clear();
}

/// Sets a bar to how far the reading has come.
fn draw(bar: &ProgressBar, reading: &Reading) {
    // A part of a log is read twice: the bar stays full then.
    let read = reading.total.map_or(reading.read, |total| reading.read.min(total));
    if bar.length() != reading.total || bar.message().is_empty() {
        match reading.total {
            Some(total) => bar.set_length(total),
            None => bar.unset_length(),
        }
        let template = if reading.total.is_some() { MEASURED } else { UNMEASURED };
        bar.set_style(style(template));
        // What was unpacked before says nothing of the time that reading takes.
        bar.reset();
    }
    bar.set_position(read);
    bar.set_message(for_terminal(&reading.at).into_owned());
    bar.tick();
}

/// A style of a template.
pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━━ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_follows_the_meter() {
        let bar = ProgressBar::hidden();
        let meter = Meter::default();
        meter.begin(&"a\u{1b}[31m.zip".into());
        meter.count(5);
        draw(&bar, &meter.reading());
        assert_eq!((bar.position(), bar.length()), (5, None));
        assert_eq!(bar.message(), "a\\u{1b}[31m.zip");
        meter.expect(100);
        meter.count(150);
        draw(&bar, &meter.reading());
        assert_eq!((bar.position(), bar.length()), (100, Some(100)));
    }

    #[test]
    fn the_templates_are_understood() {
        for template in [MEASURED, UNMEASURED] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
