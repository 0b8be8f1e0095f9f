//! Runs the cases: several at a time, none at the cost of another.

use super::cases::Case;
use super::spool::Spool;
use super::store::Store;
use super::worker::{Analyse, Done, Empty, Slot, done, unfinished, work};
use crate::base::Allowance;
use crate::report::CaseLine;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Between two looks at the workers.
const TICK: Duration = Duration::from_millis(100);

/// Results that wait for the one who prints: behind them, workers wait.
const WAITING: usize = 64;

/// A case ends by itself soon after its time is over, as readers ask. This much later it
/// is given up.
const GRACE: Duration = Duration::from_secs(10);

/// What is to be run.
pub struct Batch {
    pub cases: Vec<Case>,
    pub analyse: Box<Analyse>,
    /// The report of a case that was not analysed, with the reason as its only problem.
    pub empty: Box<Empty>,
    /// What each case may take.
    pub allowance: Allowance,
    /// Where reports go.
    pub store: Option<Store>,
    /// Whether each report is wanted as a line of JSON.
    pub wants_json: bool,
    /// Cases at a time; at least one.
    pub jobs: usize,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("cases", &self.cases.len()).finish_non_exhaustive()
    }
}

/// How far a batch has come.
#[derive(Debug, Clone, Copy)]
pub struct Running<'b> {
    pub done: usize,
    /// Of these, those whose reports were there already.
    pub kept: usize,
    /// The case that has taken longest of those in work, if it is remarkable.
    pub slowest: Option<(&'b str, Duration)>,
}

/// Who is told.
pub trait Sink {
    /// The next case in order: its line, and its report as a line of JSON if wanted.
    ///
    /// # Errors
    /// When it cannot be told to anybody: the batch then ends.
    fn case(&mut self, line: &CaseLine, json: &[u8]) -> io::Result<()>;

    /// Called several times a second.
    fn running(&mut self, running: Running<'_>);
}

/// Why a batch ended before its last case.
#[derive(Debug, Error)]
pub enum Stop {
    #[error("no thread can be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    #[error("writing the report of {0}")]
    Report(String, #[source] io::Error),
    #[error("writing the result to standard output")]
    Result(#[from] io::Error),
}

/// Runs all cases and gives their lines, in the order of the cases.
///
/// # Errors
/// When threads cannot be started, or a result cannot be written. Reports that were
/// written before are whole.
pub fn run(batch: Batch, sink: &mut dyn Sink) -> Result<Vec<CaseLine>, Stop> {
    let mut crew = Crew::new(Arc::new(batch))?;
    let lines = crew.run(sink);
    sink.running(Running { done: crew.batch.cases.len(), kept: crew.kept, slowest: None });
    // Whoever still works stops behind the case in hand.
    crew.next.store(usize::MAX / 2, Ordering::Relaxed);
    lines
}

/// The workers and what they have in common.
struct Crew {
    batch: Arc<Batch>,
    /// Number of the next case.
    next: Arc<AtomicUsize>,
    slots: Vec<Arc<Slot>>,
    results: (SyncSender<Done>, Receiver<Done>),
    grace: Duration,
    /// Cases whose reports were there already.
    kept: usize,
}

impl Crew {
    fn new(batch: Arc<Batch>) -> Result<Self, Stop> {
        let (next, results) = (Arc::default(), sync_channel(WAITING));
        let mut crew = Self { batch, next, slots: Vec::new(), results, grace: GRACE, kept: 0 };
        let workers = crew.batch.jobs.min(crew.batch.cases.len()).max(1);
        for _ in 0..workers {
            let slot = crew.hire()?;
            crew.slots.push(slot);
        }
        Ok(crew)
    }

    /// A worker with threads of its own: what one case does in parallel never waits for,
    /// nor steals, the work of another. Where there are fewer cases than threads, the
    /// cases have several.
    fn hire(&self) -> Result<Arc<Slot>, Stop> {
        let threads = (self.batch.jobs / self.batch.cases.len().max(1)).max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let slot = Arc::new(Slot::default());
        let (batch, next) = (Arc::clone(&self.batch), Arc::clone(&self.next));
        let (mine, results) = (Arc::clone(&slot), self.results.0.clone());
        pool.spawn(move || work(&batch, &next, &mine, &results));
        Ok(slot)
    }

    fn run(&mut self, sink: &mut dyn Sink) -> Result<Vec<CaseLine>, Stop> {
        let all = self.batch.cases.len();
        let mut spool = Spool::default();
        let mut lines = Vec::with_capacity(all);
        let mut arrived = 0;
        let mut looked = Instant::now();
        while arrived < all {
            // Senders are at hand: nobody hangs up, so an error is a pause.
            let mut results: Vec<Done> = self.results.1.recv_timeout(TICK).into_iter().collect();
            if looked.elapsed() >= TICK {
                looked = Instant::now();
                results.extend(self.give_up()?);
                let (done, kept) = (arrived, self.kept);
                sink.running(Running { done, kept, slowest: self.slowest() });
            }
            for Done { case, line, json, kept, written } in results {
                self.kept += usize::from(kept);
                written.map_err(|error| Stop::Report(line.name.clone(), error))?;
                arrived += 1;
                spool.put(case, Some(line), json)?;
            }
            while let Some((line, json)) = spool.next()? {
                let Some(line) = line else { continue };
                sink.case(&line, &json)?;
                lines.push(line);
            }
        }
        Ok(lines)
    }

    /// Gives up the cases that do not end, each with its worker, who is replaced.
    fn give_up(&mut self) -> Result<Vec<Done>, Stop> {
        let Some(time) = self.batch.allowance.time else { return Ok(Vec::new()) };
        let longest = time.saturating_add(self.grace);
        let mut given_up = Vec::new();
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get(index) else { continue };
            let Some(number) = slot.give_up_after(longest) else { continue };
            let Some(case) = self.batch.cases.get(number) else { continue };
            let why = format!("given up after {} seconds (--max-time)", longest.as_secs());
            let report = unfinished(&self.batch, case, &why);
            given_up.push(done(&self.batch, number, &report, true));
            let fresh = self.hire()?;
            if let Some(slot) = self.slots.get_mut(index) {
                *slot = fresh;
            }
        }
        Ok(given_up)
    }

    fn slowest(&self) -> Option<(&str, Duration)> {
        let at = self.slots.iter().filter_map(|slot| slot.at());
        let (case, time) = at.max_by_key(|(_, time)| *time)?;
        Some((self.batch.cases.get(case)?.name.as_str(), time))
    }
}

#[cfg(test)]
mod tests;
