//! Cabinets ([MS-CAB]): folders of entries that are compressed together, in blocks of up
//! to 32 KiB. Each folder is read once, from start to end.

use super::super::budget::Guard;
use super::super::read_at::ReadAt;
use super::cab_data::{Folder, Unfolded};
use super::collect::Collector;
use super::zip::read_exact;
use crate::base::Metered;
use crate::base::limits::MAX_TEXT;
use crate::base::{u16_at, u32_at};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// CFHEADER without what is optional.
const HEADER_LEN: usize = 36;

/// Flags of the header: there are cabinets before and behind it in a set, and reserved
/// areas.
const HAS_PREVIOUS: u16 = 1;
const HAS_NEXT: u16 = 2;
const HAS_RESERVE: u16 = 4;

/// CFFILE without its name, and the flag of a name in UTF-8.
const FILE_LEN: usize = 16;
const NAME_IS_UTF8: u16 = 0x80;

/// From here on, a folder number says that the entry goes on in another cabinet.
const IN_OTHER_CABINETS: u16 = 0xfffd;

struct Cabinet {
    folders: Vec<Folder>,
    files: Vec<File>,
}

/// An entry: where it is in the unpacked bytes of its folder.
struct File {
    name: String,
    folder: u16,
    from: u64,
    length: u64,
}

/// Takes the entries of a cabinet.
pub(super) fn read(bytes: &ReadAt, collector: &mut Collector<'_>) {
    let Some(mut cabinet) = directory(bytes, collector) else {
        return collector.gap("its directory cannot be read: the file is cut short or damaged");
    };
    cabinet.files.sort_by_key(|file| (file.folder, file.from));
    let meter = (Arc::new(AtomicU64::new(bytes.length())), Arc::default());
    let limit = collector.purse.left();
    for folder in cabinet.files.chunk_by(|a, b| a.folder == b.folder) {
        let number = folder.first().map_or(0, |file| file.folder);
        match cabinet.folders.get(usize::from(number)) {
            Some(place) => {
                let (packed, given) = (Arc::clone(&meter.0), Arc::clone(&meter.1));
                let inner = Unfolded::new(bytes, *place);
                let unfolded = Metered::new(inner, &collector.purse.meter);
                let budget = collector.purse.budget;
                let mut unfolded = Guard::shared(unfolded, packed, given, limit, budget);
                entries(folder, &mut unfolded, collector);
            }
            None => refuse(folder, why_without_folder(number), collector),
        }
    }
    collector.purse.pay(meter.1.load(Ordering::Relaxed));
}

fn why_without_folder(number: u16) -> &'static str {
    match number {
        IN_OTHER_CABINETS.. => "goes on in another cabinet of the set: unpack the set",
        _ => "its data are not in the cabinet",
    }
}

fn refuse(files: &[File], why: &str, collector: &mut Collector<'_>) {
    for file in files {
        collector.refuse(&file.name, why);
    }
}

/// Takes the entries of one folder, in the order of their data.
fn entries(files: &[File], unfolded: &mut dyn Read, collector: &mut Collector<'_>) {
    let mut at = 0;
    for (index, file) in files.iter().enumerate() {
        if collector.is_full() {
            return;
        }
        let Some(ahead) = file.from.checked_sub(at) else {
            collector.refuse(&file.name, "it lies inside another entry, as only a bomb's do");
            continue;
        };
        let mut count = 0;
        let skipped = skip(unfolded, ahead).and_then(|()| {
            let mut bytes = Counting { inner: (&mut *unfolded).take(file.length), count: 0 };
            collector.pass(&file.name, &mut bytes);
            // Errors are met once more here.
            let rest = io::copy(&mut bytes, &mut io::sink()).map(drop);
            count = bytes.count;
            rest
        });
        let lost = files.get(index + 1..).unwrap_or_default();
        if let Err(error) = skipped {
            let why = format!("cannot be unpacked, nor what is behind it: {error}");
            return refuse(lost, &why, collector);
        }
        if count < file.length {
            collector.gap(format!(
                "{} ends after {count} of {} bytes",
                super::label::clean(&file.name),
                file.length
            ));
            return refuse(lost, "its data are not in the cabinet", collector);
        }
        at = file.from + count;
    }
}

fn skip(bytes: &mut dyn Read, ahead: u64) -> io::Result<()> {
    io::copy(&mut bytes.take(ahead), &mut io::sink()).map(drop)
}

struct Counting<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.count += got as u64;
        Ok(got)
    }
}

/// Reads CFHEADER, all CFFOLDER and all CFFILE. What is missing of the last is a gap.
fn directory(bytes: &ReadAt, collector: &mut Collector<'_>) -> Option<Cabinet> {
    let header = read_exact(bytes, 0, HEADER_LEN)?;
    let flags = u16_at(&header, 30)?;
    let mut at = HEADER_LEN as u64;
    let (mut folder_reserve, mut data_reserve) = (0, 0);
    if flags & HAS_RESERVE != 0 {
        let reserve = read_exact(bytes, at, 4)?;
        at += 4 + u64::from(u16_at(&reserve, 0)?);
        (folder_reserve, data_reserve) = (*reserve.get(2)?, *reserve.get(3)?);
    }
    for flag in [HAS_PREVIOUS, HAS_NEXT] {
        if flags & flag != 0 {
            let cabinet = string(bytes, at)?;
            at += cabinet.len() as u64 + 1;
            at += string(bytes, at)?.len() as u64 + 1;
        }
    }
    let mut folders = Vec::new();
    for _ in 0..u16_at(&header, 26)? {
        let folder = read_exact(bytes, at, 8)?;
        folders.push(Folder {
            data: u32_at(&folder, 0)?.into(),
            blocks: u16_at(&folder, 4)?,
            compression: u16_at(&folder, 6)?,
            reserve: data_reserve,
        });
        at += 8 + u64::from(folder_reserve);
    }
    let count = u16_at(&header, 28)?;
    let files = files(bytes, u32_at(&header, 16)?.into(), count);
    if files.len() < usize::from(count) {
        let listed = files.len();
        collector.gap(format!("its directory is damaged: {listed} of {count} entries are listed"));
    }
    Some(Cabinet { folders, files })
}

fn files(bytes: &ReadAt, mut at: u64, count: u16) -> Vec<File> {
    let mut files = Vec::new();
    for _ in 0..count {
        let Some(file) = read_exact(bytes, at, FILE_LEN) else { break };
        let (length, from) = (u32_at(&file, 0), u32_at(&file, 4));
        let (folder, attributes) = (u16_at(&file, 8), u16_at(&file, 14));
        let Some(name) = string(bytes, at + FILE_LEN as u64) else { break };
        at += FILE_LEN as u64 + name.len() as u64 + 1;
        let utf8 = attributes.is_some_and(|attributes| attributes & NAME_IS_UTF8 != 0);
        let (Some(length), Some(from), Some(folder)) = (length, from, folder) else { break };
        let name = match String::from_utf8(name) {
            Ok(name) => name,
            Err(error) if utf8 => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            // Written in a code page of which nobody tells.
            Err(error) => error.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
        };
        files.push(File { name, folder, from: from.into(), length: length.into() });
    }
    files
}

/// The bytes before the next zero: names have at most 256 of them.
fn string(bytes: &ReadAt, at: u64) -> Option<Vec<u8>> {
    let mut text = vec![0; MAX_TEXT];
    let got = bytes.read(at, &mut text).ok()?;
    let end = text.get(..got)?.iter().position(|byte| *byte == 0)?;
    text.truncate(end);
    Some(text)
}
