//! What one case may take of time and memory, and how far its reading has come.
//!
//! Readers ask before they keep something and while they read on. A spent budget is a
//! [`Gap`](super::Gap) to them like any other end, so one case never takes what belongs
//! to the others.

use super::ZeroRun;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What one case may take; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowance {
    pub time: Option<Duration>,
    /// Bytes of what is kept of the evidence; the buffers to read it are not counted.
    pub memory: Option<u64>,
}

/// The account of one case.
#[derive(Debug)]
pub struct Meter {
    /// When its time is over, and how long that was.
    deadline: Option<(Instant, Duration)>,
    /// Bytes that facts may still take.
    memory: AtomicU64,
    /// Bytes that are to be read; 0 while nobody knows.
    total: AtomicU64,
    read: AtomicU64,
    /// What was begun last.
    at: Mutex<Arc<str>>,
}

/// How far a case has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Bytes that were read.
    pub read: u64,
    /// Of so many; `None` while nobody knows.
    pub total: Option<u64>,
    /// What was begun last; foreign text.
    pub at: Arc<str>,
}

impl Default for Meter {
    fn default() -> Self {
        Self::new(Allowance::default())
    }
}

impl Meter {
    /// Starts the clock.
    pub fn new(allowance: Allowance) -> Self {
        let Allowance { time, memory } = allowance;
        let until = |time| Some((Instant::now().checked_add(time)?, time));
        Self {
            deadline: time.and_then(until),
            memory: AtomicU64::new(memory.unwrap_or(u64::MAX)),
            total: AtomicU64::new(0),
            read: AtomicU64::new(0),
            at: Mutex::new("".into()),
        }
    }

    /// Whether there is time left.
    ///
    /// # Errors
    /// When there is none: the message names the flag.
    pub fn in_time(&self) -> io::Result<()> {
        match self.deadline {
            Some((until, time)) if Instant::now() >= until => Err(io::Error::other(format!(
                "the {} seconds that one case may take are over (--max-time)",
                time.as_secs_f64()
            ))),
            _ => Ok(()),
        }
    }

    /// Asks for memory to keep something of so many bytes. Once it is refused, it is
    /// always refused: what comes later must not fill the gap.
    pub fn take(&self, bytes: u64) -> bool {
        let take = |left: u64| match left {
            u64::MAX => None,
            left => Some(left.saturating_sub(bytes)),
        };
        match self.memory.fetch_update(Relaxed, Relaxed, take) {
            Ok(left) => left > bytes,
            Err(_) => true,
        }
    }

    /// Whether memory was refused.
    pub fn is_spent(&self) -> bool {
        self.memory.load(Relaxed) == 0
    }

    /// Counts bytes that were read.
    pub fn count(&self, bytes: u64) {
        self.read.fetch_add(bytes, Relaxed);
    }

    /// A new part of the work begins.
    pub fn begin(&self, what: &Arc<str>) {
        if let Ok(mut at) = self.at.lock() {
            *at = Arc::clone(what);
        }
    }

    /// From here on so many bytes are to be read.
    pub fn expect(&self, total: u64) {
        self.read.store(0, Relaxed);
        self.total.store(total, Relaxed);
    }

    /// How far it has come.
    pub fn reading(&self) -> Reading {
        let total = Some(self.total.load(Relaxed)).filter(|total| *total > 0);
        let at = self.at.lock().map(|at| Arc::clone(&at)).unwrap_or_default();
        Reading { read: self.read.load(Relaxed), total, at }
    }
}

/// Reads within the time of a case, and counts. Zeros without end are an error.
#[derive(Debug)]
pub struct Metered<R> {
    inner: R,
    meter: Arc<Meter>,
    zeros: ZeroRun,
}

impl<R> Metered<R> {
    pub fn new(inner: R, meter: &Arc<Meter>) -> Self {
        Self { inner, meter: Arc::clone(meter), zeros: ZeroRun::default() }
    }
}

impl<R: io::Read> io::Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.meter.in_time()?;
        let got = self.inner.read(buffer)?;
        self.meter.count(got as u64);
        self.zeros.saw(buffer.get(..got).unwrap_or_default())?;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn memory_is_given_until_it_is_spent_and_then_never_again() {
        let meter = Meter::new(Allowance { memory: Some(100), time: None });
        assert!(meter.take(60) && !meter.is_spent());
        assert!(!meter.take(60) && meter.is_spent());
        assert!(!meter.take(1));
        assert!(Meter::default().take(u64::MAX));
    }

    #[test]
    fn reading_ends_with_the_time() {
        let none = Allowance { time: Some(Duration::ZERO), memory: None };
        let meter = Arc::new(Meter::new(none));
        let error = Metered::new(&b"x"[..], &meter).read(&mut [0]).unwrap_err();
        assert!(error.to_string().contains("--max-time"));
    }

    #[test]
    fn what_is_read_is_counted() {
        let meter = Arc::new(Meter::default());
        let mut bytes = Vec::new();
        let mut reader = Metered::new(&b"abc"[..], &meter);
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!((meter.reading().read, meter.reading().total), (3, None));
        meter.expect(10);
        assert_eq!((meter.reading().read, meter.reading().total), (0, Some(10)));
    }
}
