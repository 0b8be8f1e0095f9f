//! One large capture, read by several threads: each takes the next block of the file,
//! looks for the first record in it, and reads from there to the block's end. In the
//! order of the file, what was read so is taken over where the walk over all records
//! arrives at the very place from which it was read. Everywhere else (a block begins with
//! bytes that only look like a record, a record is damaged or odd, an interface is
//! described) the walk goes on by itself. So the outcome is that of the walk alone,
//! whatever the number of threads.

use super::input::Input;
use super::{Frame, Gaps, Sink};
use crate::intake::{Buffer, EvidenceFile, ReadAt, ReadSeek};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of a block: few enough that block and facts stay in a processor's own cache.
/// Tests read more of them.
pub(super) const BLOCK: u64 = if cfg!(any(test, fuzzing)) { 16 << 10 } else { 512 << 10 };

/// Bytes behind a block that are read with it, for its last record and the header behind.
const SLACK: usize = 4 << 10;

/// Bytes of a block and of what is read with it, at most.
const MOST: usize = 2 << 20;

/// Bytes in which a block's first record is looked for.
const SOUGHT: usize = 128 << 10;

/// Blocks that are read ahead at a time, for every thread.
const AHEAD: u64 = 4;

/// What is done with every frame at once, by any thread.
pub trait Sift: Sync {
    /// What is kept of the frames of one block.
    type Sifted: Default + Send;

    /// Looks at a frame whose number counts from the first of the block, which is 1.
    /// `at` says where its data stand in the block.
    fn frame(&self, frame: &Frame<'_>, at: usize, sifted: &mut Self::Sifted);
}

/// Who takes frames in the order of the file.
pub trait Take<T>: Send {
    /// A frame that was not sifted.
    fn frame(&mut self, frame: Frame<'_>);

    /// What was kept of the next frames, and the bytes they stand in. `before` is the
    /// number of the last frame before them.
    fn sifted(&mut self, before: u64, block: &[u8], sifted: T);
}

/// What stands at a place, as far as one who came from nowhere can tell.
pub(super) enum Step<'a> {
    /// A record that the walk would take for good, and where the next one begins.
    Frame { frame: Frame<'a>, at: usize, next: usize },
    /// A block that says nothing of frames.
    Other { next: usize },
    /// So many bytes are needed to tell.
    Cut { need: usize },
    /// Only the walk can decide.
    Odd,
}

/// Knows records without knowing what came before.
pub(super) trait Scout: Send + Sync {
    /// The first place in these bytes of a block from which records follow each other.
    fn find(&self, bytes: &[u8]) -> Option<usize>;

    /// The record at a place. `last` is the time of the one before, if it was seen.
    fn step<'a>(&self, bytes: &'a [u8], at: usize, last: Option<Timestamp>) -> Step<'a>;
}

/// Frames that were read ahead.
pub(super) struct Stretch {
    /// Of the first record and behind the last, from the start of the file.
    begins: u64,
    ends: u64,
    pub(super) frames: u64,
    pub(super) times: Option<(Timestamp, Timestamp)>,
    /// Which scout it was.
    pub(super) version: u32,
}

/// The walk over all records, one after the other.
pub(super) trait Walker: Send {
    type Scout: Scout;

    /// A scout that knows what the walk knows.
    fn scout(&self) -> Self::Scout;

    /// The number of what the walk knows: another one, and scouts know too little.
    fn version(&self) -> u32 {
        0
    }

    /// Takes the next record, or what is there in its place. `false` at the end.
    fn step(&mut self, input: &mut Input<Opened>, gaps: &mut Gaps, sink: Sink<'_>) -> bool;

    /// Takes over what was read ahead, unless the walk would not have taken its first
    /// record. Returns the number of the last frame before.
    fn adopt(&mut self, stretch: &Stretch) -> Option<u64>;
}

/// The bytes, for the walk.
pub(super) type Opened = Box<dyn ReadSeek>;

/// Whether a capture is large enough, and lies so that it can be read by several threads.
pub(super) fn plain(file: &EvidenceFile) -> io::Result<Option<ReadAt>> {
    if file.size < 2 * BLOCK {
        return Ok(None);
    }
    file.plain()
}

/// Reads the whole capture: `input` and `walker` stand behind the file header, and are
/// given back at its end.
pub(super) fn read<W: Walker, S: Sift>(
    bytes: &ReadAt,
    input: Input<Opened>,
    walker: W,
    gaps: &mut Gaps,
    sift: &S,
    taker: &mut dyn Take<S::Sifted>,
) -> Option<(Input<Opened>, W)> {
    let mut baton = Baton { at: input.offset, input, walker, gaps, taker, ended: false };
    // The first block tells what scouts must know.
    baton.walk_to(BLOCK);
    let shared = Shared {
        bytes,
        sift,
        blocks: bytes.length().div_ceil(BLOCK),
        window: AHEAD * rayon::current_num_threads() as u64,
        state: Mutex::new(State {
            scout: Arc::new((baton.walker.version(), baton.walker.scout())),
            claimed: 1,
            delivered: 1,
            ready: BTreeMap::new(),
            spare: Vec::new(),
            baton: None,
            over: baton.ended,
        }),
        turned: Condvar::new(),
    };
    shared.lock().baton = Some(baton);
    rayon::scope(|scope| {
        for _ in 1..rayon::current_num_threads() {
            scope.spawn(|_| shared.work());
        }
        shared.work();
    });
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut baton = state.baton?;
    baton.walk_to(u64::MAX);
    Some((baton.input, baton.walker))
}

/// What all threads share.
struct Shared<'a, W: Walker, S: Sift> {
    bytes: &'a ReadAt,
    sift: &'a S,
    blocks: u64,
    /// Blocks that may be claimed and not delivered.
    window: u64,
    state: Mutex<State<'a, W, S>>,
    /// A block was delivered, or all is over.
    turned: Condvar,
}

struct State<'a, W: Walker, S: Sift> {
    scout: Instructed<W::Scout>,
    claimed: u64,
    delivered: u64,
    ready: BTreeMap<u64, Block<S::Sifted>>,
    /// Buffers that wait for their next block.
    spare: Vec<Buffer>,
    /// Whoever has it delivers.
    baton: Option<Baton<'a, W, S>>,
    over: bool,
}

/// A scout, and the number of what it knows.
type Instructed<S> = Arc<(u32, S)>;

/// A block that was read.
struct Block<T> {
    buffer: Buffer,
    found: Option<(Stretch, T)>,
}

impl<'a, W: Walker, S: Sift> Shared<'a, W, S> {
    fn lock(&self) -> MutexGuard<'_, State<'a, W, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads blocks until there are none, and delivers what is ready in between.
    fn work(&self) {
        let _alarm = Alarm(self);
        while let Some((index, buffer, scout)) = self.claim() {
            let block = self.read_block(index, buffer, &scout);
            let mut state = self.lock();
            state.ready.insert(index, block);
            self.deliver(state);
        }
    }

    /// The next block: its index, a buffer for it, and a scout.
    fn claim(&self) -> Option<(u64, Buffer, Instructed<W::Scout>)> {
        let mut state = self.lock();
        loop {
            if state.over || state.claimed >= self.blocks {
                return None;
            }
            if state.claimed < state.delivered + self.window {
                break;
            }
            state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let index = state.claimed;
        state.claimed += 1;
        Some((index, state.spare.pop().unwrap_or_default(), Arc::clone(&state.scout)))
    }

    /// Delivers, in order, all blocks that are ready, unless another thread is at it.
    fn deliver<'s>(&'s self, mut state: MutexGuard<'s, State<'a, W, S>>) {
        let Some(mut baton) = state.baton.take() else { return };
        loop {
            let next = state.delivered;
            let Some(block) = state.ready.remove(&next) else { break };
            let version = state.scout.0;
            drop(state);
            let Block { buffer, found } = block;
            baton.deliver((next + 1) * BLOCK, buffer.bytes(), found);
            let now = baton.walker.version();
            let news = (now != version).then(|| Arc::new((now, baton.walker.scout())));
            state = self.lock();
            state.spare.push(buffer);
            state.delivered += 1;
            state.over |= baton.ended;
            if let Some(scout) = news {
                state.scout = scout;
            }
            self.turned.notify_all();
        }
        state.baton = Some(baton);
    }

    fn read_block(
        &self,
        index: u64,
        mut buffer: Buffer,
        scout: &(u32, W::Scout),
    ) -> Block<S::Sifted> {
        let offset = index * BLOCK;
        let found = buffer
            .read(self.bytes, offset, whole_block() + SLACK)
            .ok()
            .and_then(|()| self.scout(offset, &mut buffer, scout));
        Block { buffer, found }
    }

    /// Reads the records that begin in a block.
    fn scout(
        &self,
        offset: u64,
        buffer: &mut Buffer,
        (version, scout): &(u32, W::Scout),
    ) -> Option<(Stretch, S::Sifted)> {
        let begins = scout.find(buffer.bytes().get(..SOUGHT).unwrap_or(buffer.bytes()))?;
        let (mut at, mut frames, mut times) = (begins, 0, None);
        let mut sifted = S::Sifted::default();
        while at < whole_block() {
            match scout.step(buffer.bytes(), at, times.map(|(_, last)| last)) {
                Step::Frame { frame, at: data, next } => {
                    let time = frame.time;
                    frames += 1;
                    times = Some((times.map_or(time, |(first, _)| first), time));
                    self.sift.frame(&Frame { number: frames, ..frame }, data, &mut sifted);
                    at = next;
                }
                Step::Other { next } => at = next,
                Step::Cut { need } => {
                    let there = at + need;
                    if there > MOST || there <= buffer.bytes().len() {
                        break;
                    }
                    let grown = buffer.read_on(self.bytes, offset, there + SLACK);
                    if grown.is_err() || buffer.bytes().len() < there {
                        break;
                    }
                }
                Step::Odd => break,
            }
        }
        let (begins, ends) = (offset + begins as u64, offset + at as u64);
        Some((Stretch { begins, ends, frames, times, version: *version }, sifted))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half a megabyte")]
fn whole_block() -> usize {
    BLOCK as usize
}

/// Whoever panics must not leave the others waiting.
struct Alarm<'s, 'a, W: Walker, S: Sift>(&'s Shared<'a, W, S>);

impl<W: Walker, S: Sift> Drop for Alarm<'_, '_, W, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().over = true;
            self.0.turned.notify_all();
        }
    }
}

/// The walk in the order of the file: one thread at a time has it.
struct Baton<'a, W: Walker, S: Sift> {
    /// Where the walk stands, from the start of the file.
    at: u64,
    input: Input<Opened>,
    walker: W,
    gaps: &'a mut Gaps,
    taker: &'a mut dyn Take<S::Sifted>,
    /// The walk came to its end.
    ended: bool,
}

impl<W: Walker, S: Sift> Baton<'_, W, S> {
    /// Goes on to the end of a block.
    fn deliver(&mut self, end: u64, block: &[u8], found: Option<(Stretch, S::Sifted)>) {
        if let Some((stretch, sifted)) = found {
            self.walk_to(stretch.begins);
            let arrived = self.at == stretch.begins && !self.ended;
            let before = arrived.then(|| self.walker.adopt(&stretch)).flatten();
            if let Some(before) = before {
                self.taker.sifted(before, block, sifted);
                self.at = stretch.ends;
            }
        }
        self.walk_to(end);
    }

    /// Takes records one by one until the next begins at this place or behind it.
    fn walk_to(&mut self, place: u64) {
        if self.at >= place || self.ended {
            return;
        }
        if let Err(error) = self.input.go_to(self.at) {
            self.input.failure = Some(error);
            self.ended = true;
        }
        while self.input.offset < place && !self.ended {
            let taker = &mut *self.taker;
            let mut sink = |frame: Frame<'_>| taker.frame(frame);
            self.ended = !self.walker.step(&mut self.input, self.gaps, &mut sink);
        }
        self.at = self.input.offset;
    }
}
