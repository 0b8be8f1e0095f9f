//! One worker: takes case after case, and lets nothing out but results.

use super::cases::Case;
use super::run::Batch;
use crate::base::{Meter, for_terminal};
use crate::report::{CaseLine, Report, write_jsonl};
use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Analyses one case; an error says why it could not be begun.
pub type Analyse = dyn Fn(&Case, &Arc<Meter>) -> Result<Report, String> + Send + Sync;

/// Makes the report of a case of which nothing was read, for a reason.
pub type Empty = dyn Fn(&Case, &str) -> Report + Send + Sync;

/// What came out of a case.
#[derive(Debug)]
pub(super) struct Done {
    /// Its number.
    pub(super) case: usize,
    pub(super) line: CaseLine,
    /// Its report as a line of JSON, where that is wanted.
    pub(super) json: Vec<u8>,
    /// Whether its report was there already.
    pub(super) kept: bool,
    /// Whether its report could be written.
    pub(super) written: io::Result<()>,
}

/// What a worker is at.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    at: Option<(usize, Instant)>,
    given_up: bool,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, case: usize) {
        self.state().at = Some((case, Instant::now()));
    }

    /// Whether the result of the case may still be told: not when it was given up.
    fn end(&self) -> bool {
        let mut state = self.state();
        state.at = None;
        !state.given_up
    }

    /// The case that it is at, and for how long.
    pub(super) fn at(&self) -> Option<(usize, Duration)> {
        self.state().at.map(|(case, since)| (case, since.elapsed()))
    }

    /// Gives up the case if it has taken longer; its result is not told any more.
    pub(super) fn give_up_after(&self, longest: Duration) -> Option<usize> {
        let mut state = self.state();
        let (case, since) = state.at?;
        if since.elapsed() <= longest || state.given_up {
            return None;
        }
        state.given_up = true;
        Some(case)
    }
}

/// Takes cases until none is left, nobody listens any more, or it was given up.
pub(super) fn work(batch: &Batch, next: &AtomicUsize, slot: &Slot, results: &SyncSender<Done>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(case) = batch.cases.get(number) else { return };
        slot.begin(number);
        let kept = batch.store.as_ref().and_then(|store| store.finished(number, case));
        let is_new = kept.is_none();
        let report = kept.unwrap_or_else(|| analysed(batch, case));
        if !slot.end() || results.send(done(batch, number, &report, is_new)).is_err() {
            return;
        }
    }
}

/// The report of a case, whatever happens on the way.
fn analysed(batch: &Batch, case: &Case) -> Report {
    if let Some(why) = &case.refused {
        return unfinished(batch, case, why);
    }
    let meter = Arc::new(Meter::new(batch.allowance));
    let analyse = AssertUnwindSafe(|| (batch.analyse)(case, &meter));
    match panic::catch_unwind(analyse) {
        Ok(Ok(report)) => report,
        Ok(Err(why)) => unfinished(batch, case, &why),
        Err(panic) => {
            let why = format!("a fault of this program, please report it: {}", told(&*panic));
            unfinished(batch, case, &why)
        }
    }
}

/// A report that says why there is none.
pub(super) fn unfinished(batch: &Batch, case: &Case, why: &str) -> Report {
    let why = for_terminal(why).into_owned();
    let mut report = (batch.empty)(case, &why);
    report.summary = format!("Not analysed: {why}");
    report.case.unfinished = Some(why);
    report
}

/// Writes the report of a case if it is a new one, and keeps what the batch needs of it.
pub(super) fn done(batch: &Batch, case: usize, report: &Report, is_new: bool) -> Done {
    let mut line = CaseLine::of(report);
    let mut written = Ok(());
    if let Some(store) = &batch.store {
        line.report = Some(store.name(case).to_owned());
        if is_new {
            written = store.write(case, report);
        }
        written = written.and_then(|()| store.write_page(case, report, is_new));
    }
    let mut json = Vec::new();
    if batch.wants_json {
        written = written.and_then(|()| write_jsonl(report, &mut json));
    }
    Done { case, line, json, kept: !is_new, written }
}

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics of cases told in their reports only, with their places in the source, and
/// not on standard error.
pub fn keep_panics_quiet() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
        let text = format!("{}{place}", payload(info.payload()));
        LAST_PANIC.with(|last| *last.borrow_mut() = Some(text));
    }));
}

fn told(panic: &(dyn Any + Send)) -> String {
    let last = LAST_PANIC.with(|last| last.borrow_mut().take());
    last.unwrap_or_else(|| payload(panic).to_owned())
}

fn payload(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}
