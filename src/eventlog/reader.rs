//! A log, chunk by chunk: scanned in parallel, in order, with the memory of the
//! chunks in flight.

use super::chunk::{Decoded, Scan, Wanted, decode, scan};
use super::flood::Floods;
use super::ledger::Ledger;
use super::locate::{ChunkPlace, file_header, grid, locate};
use super::walk::{CHUNK_LEN, CHUNK_SIGNATURE};
use crate::base::limits::MAX_RECORDS_PER_LOG;
use crate::base::{Gap, GapList, Meter};
use crate::intake::{Buffer, EvidenceFile, ReadAt};
use crate::knowledge::Knowledge;
use crate::observe::{Coverage, Observation};
use rayon::prelude::*;
use std::cell::Cell;
use std::io;
use std::sync::Arc;

/// What one log says.
#[derive(Debug)]
pub struct LogFacts {
    pub observations: Vec<Observation>,
    /// One entry per host and channel in the log; forwarded logs hold several.
    pub coverage: Vec<Coverage>,
    pub gaps: Vec<Gap>,
}

/// Chunks after which the order is restored: each leaves only what it found.
const BATCH: usize = 256;

/// Chunks that are read together: systems copy more at a time faster.
const TOGETHER: usize = 8;

/// Reads one .evtx log.
pub(super) fn read(file: &EvidenceFile, knowledge: &Knowledge) -> LogFacts {
    let mut log = Log::new(file);
    if let Err(error) = log.read(file, knowledge) {
        log.gaps.push(Gap::file(&file.name, format!("reading stopped: {error}")));
    }
    let mut facts = log.finish();
    file.explain_offsets(&mut facts.gaps);
    facts
}

/// What is kept of a chunk.
enum Chosen {
    Decoded(Box<Decoded>),
    /// Records that are still to be decoded.
    Records(Vec<(u64, Wanted)>),
}

/// A batch of chunks that was scanned.
struct Read {
    places: Vec<ChunkPlace>,
    scans: Vec<Scan>,
    /// The first place where no chunk is though it should.
    off_grid: Option<ChunkPlace>,
}

impl Read {
    fn new(
        file: &Arc<str>,
        places: Vec<ChunkPlace>,
        input: &ReadAt,
        knowledge: &Knowledge,
    ) -> Self {
        let scans: Vec<Vec<Option<Scan>>> = places
            .par_chunks(TOGETHER)
            .map(|places| scan_chunks(file, input, places, knowledge))
            .collect();
        let scans: Vec<Scan> = scans.into_iter().flatten().map_while(|scan| scan).collect();
        Self { off_grid: places.get(scans.len()).copied(), places, scans }
    }
}

struct Log {
    file: Arc<str>,
    meter: Arc<Meter>,
    /// Each with the number under which it is kept.
    observations: Vec<(u64, Observation)>,
    gaps: GapList,
    ledger: Ledger,
    floods: Floods,
    /// Wanted records that were not decoded because there were too many.
    left_out: u64,
}

impl Log {
    fn new(file: &EvidenceFile) -> Self {
        Self {
            file: Arc::clone(&file.name),
            meter: Arc::clone(file.meter()),
            observations: Vec::new(),
            gaps: GapList::default(),
            ledger: Ledger::default(),
            floods: Floods::default(),
            left_out: 0,
        }
    }

    fn read(&mut self, file: &EvidenceFile, knowledge: &Knowledge) -> io::Result<()> {
        let mut unpacking = Vec::new();
        let input = file.open_at(&mut unpacking);
        self.gaps.extend(unpacking);
        let input = input?;
        let mut header = file_header(&self.file, &input)?;
        self.gaps.extend(std::mem::take(&mut header.gaps));
        if let Some((lost, gap)) = header.missing(&self.file, input.length()) {
            self.ledger.lost(lost);
            self.gaps.push(gap);
        }
        let off_grid = self.chunks(grid(header.chunks, &input), &input, knowledge);
        if let Some(offset) = off_grid {
            // From here on every chunk has to be looked for.
            let layout = locate(&self.file, &input, &header, offset)?;
            self.gaps.extend(layout.gaps);
            self.ledger.lost(layout.lost);
            self.chunks(layout.chunks.into_iter(), &input, knowledge);
        }
        Ok(())
    }

    /// Reads chunks, up to the first place where none is though it should; gives that
    /// place.
    fn chunks(
        &mut self,
        mut places: impl Iterator<Item = ChunkPlace> + Send,
        input: &ReadAt,
        knowledge: &Knowledge,
    ) -> Option<u64> {
        let mut batch = || places.by_ref().take(BATCH).collect::<Vec<ChunkPlace>>();
        let mut read = Read::new(&self.file, batch(), input, knowledge);
        loop {
            let ahead = batch();
            let file = Arc::clone(&self.file);
            // While this batch is settled in its order, the next one is scanned.
            let (next, ()) = rayon::join(
                || (!ahead.is_empty()).then(|| Read::new(&file, ahead, input, knowledge)),
                || self.settle(&mut read, input, knowledge),
            );
            if let Some(place) = read.off_grid {
                return Some(place.offset);
            }
            read = next?;
        }
    }

    /// Chooses what is kept of a batch, decodes it, and adds it.
    fn settle(&mut self, read: &mut Read, input: &ReadAt, knowledge: &Knowledge) {
        let kept: Vec<Chosen> = read.scans.iter_mut().map(|scan| self.choose(scan)).collect();
        let file = Arc::clone(&self.file);
        let decoded: Vec<Decoded> = read
            .places
            .par_iter()
            .zip(kept)
            .map(|(place, kept)| match kept {
                Chosen::Decoded(decoded) => *decoded,
                Chosen::Records(kept) => decode_chunk(&file, input, *place, &kept, knowledge),
            })
            .collect();
        for (scan, decoded) in read.scans.drain(..).zip(decoded) {
            self.add(scan, decoded);
        }
    }

    /// The records that are kept, each with its number.
    fn choose(&mut self, scan: &mut Scan) -> Chosen {
        let numbers: Vec<Option<u64>> = scan
            .wanted
            .iter()
            .map(|wanted| {
                // Whole batches: what is undecided may turn out not to be wanted.
                if self.observations.len() >= MAX_RECORDS_PER_LOG || self.meter.is_spent() {
                    self.left_out += 1;
                    return None;
                }
                self.floods.judge(wanted.likeness, wanted.record.filetime)
            })
            .collect();
        if let Some(mut decoded) = scan.decoded.take() {
            let number = |index: u64| *numbers.get(usize::try_from(index).ok()?)?;
            decoded.observations = decoded
                .observations
                .into_iter()
                .filter_map(|(index, observation)| Some((number(index)?, observation)))
                .collect();
            return Chosen::Decoded(Box::new(decoded));
        }
        let kept = numbers.into_iter().zip(&scan.wanted);
        Chosen::Records(kept.filter_map(|(number, wanted)| Some((number?, *wanted))).collect())
    }

    fn add(&mut self, scan: Scan, decoded: Decoded) {
        let observations = decoded.observations.iter().map(|(_, observation)| observation);
        self.ledger.chunk(&scan, decoded.unreadable, observations);
        for (number, observation) in decoded.observations {
            if self.meter.take(observation.footprint()) {
                self.observations.push((number, observation));
            } else {
                self.left_out += 1;
            }
        }
        self.gaps.extend(scan.gaps.into_iter().chain(decoded.gaps));
    }

    fn finish(mut self) -> LogFacts {
        let repeats = self.floods.repeats();
        for (number, observation) in &mut self.observations {
            observation.repeats = repeats.get(number).copied().unwrap_or_default();
        }
        let mut observations: Vec<Observation> =
            self.observations.into_iter().map(|(_, observation)| observation).collect();
        // A wrapped log stores its newest chunks first. Given-up space may hold a record
        // that is still there.
        let recovered = |o: &Observation| o.field("System.Recovered").is_some();
        observations.sort_by_cached_key(|o| (o.source.place, o.time, recovered(o)));
        observations.dedup_by(|b, a| {
            recovered(b) && (a.source.place, a.time, &a.kind) == (b.source.place, b.time, &b.kind)
        });
        let counts = [
            (
                self.left_out,
                "wanted records behind the first were not read: give a part of the log, or less of it",
            ),
            (
                self.floods.blurred,
                "records of a flood were counted with others that are not quite alike",
            ),
        ];
        let gaps = self.gaps.finish(&self.file, &counts);
        LogFacts { observations, coverage: self.ledger.coverage(&self.file), gaps }
    }
}

thread_local! {
    /// Every thread reads into its own buffer, again and again.
    static BUFFER: Cell<Buffer> = Cell::default();
}

/// Does something with the buffer of this thread.
fn with_buffer<T>(work: impl FnOnce(&mut Buffer) -> T) -> T {
    let mut buffer = BUFFER.take();
    let done = work(&mut buffer);
    BUFFER.set(buffer);
    done
}

/// Scans chunks that are read together where they follow each other. `None` where no
/// chunk begins though one should.
fn scan_chunks(
    file: &Arc<str>,
    input: &ReadAt,
    places: &[ChunkPlace],
    knowledge: &Knowledge,
) -> Vec<Option<Scan>> {
    let follow = places.windows(2).all(|pair| match pair {
        [a, b] => a.length == CHUNK_LEN && b.offset == a.offset + CHUNK_LEN as u64,
        _ => false,
    });
    let (Some(first), true) = (places.first(), follow) else {
        return places
            .iter()
            .flat_map(|place| scan_chunks(file, input, &[*place], knowledge))
            .collect();
    };
    let wanted = places.iter().map(|place| place.length).sum();
    with_buffer(|buffer| match buffer.read(input, first.offset, wanted) {
        Ok(()) => {
            let chunks = buffer.bytes().chunks(CHUNK_LEN).chain(std::iter::repeat(&[][..]));
            let scanned = places.iter().zip(chunks);
            scanned.map(|(place, chunk)| scan_chunk(file, *place, chunk, knowledge)).collect()
        }
        // One of them cannot be read: which one?
        Err(_) if places.len() > 1 => {
            let alone = |place: &ChunkPlace| scan_chunks(file, input, &[*place], knowledge);
            places.iter().flat_map(alone).collect()
        }
        Err(error) => {
            let gap = Gap::at(file, first.offset, format!("cannot be read: {error}"));
            vec![Some(Scan { gaps: vec![gap], unreadable: 1, ..Scan::default() })]
        }
    })
}

fn scan_chunk(
    file: &Arc<str>,
    place: ChunkPlace,
    chunk: &[u8],
    knowledge: &Knowledge,
) -> Option<Scan> {
    let missing = place.signed && !chunk.starts_with(CHUNK_SIGNATURE);
    (!missing).then(|| scan(file, place, chunk, knowledge))
}

/// Reads a chunk once more for what is kept of it, which for most chunks is nothing.
fn decode_chunk(
    file: &Arc<str>,
    input: &ReadAt,
    place: ChunkPlace,
    kept: &[(u64, Wanted)],
    knowledge: &Knowledge,
) -> Decoded {
    if kept.is_empty() {
        return Decoded::default();
    }
    with_buffer(|buffer| match buffer.read(input, place.offset, place.length) {
        Ok(()) => decode(file, place, buffer.bytes(), kept, knowledge),
        Err(error) => {
            let gap = Gap::at(file, place.offset, format!("cannot be read: {error}"));
            Decoded { gaps: vec![gap], unreadable: kept.len() as u64, ..Decoded::default() }
        }
    })
}
