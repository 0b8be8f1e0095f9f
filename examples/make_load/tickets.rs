//! Many cases for `batch`: the sample tickets in turn, as folders and in archives. Some are
//! corrupt, some more are bombs, and one more would hold up a reader that opens whatever
//! has a name.

use crate::Dice;
use crate::make_samples::{self, TicketFile};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::{self, Cursor, Write as _};
use std::path::Path;
use std::process::Command;

/// How many are hostile, beside the one that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hostile {
    /// Of the tickets, those with flipped bits and lost ends.
    pub(crate) corrupt: u64,
    /// Beside the tickets; three at most.
    pub(crate) bombs: usize,
}

pub(crate) fn write(count: u64, hostile: Hostile, folder: &Path) -> io::Result<()> {
    let samples = make_samples::all();
    let mut dice = Dice(7);
    let every = count.checked_div(hostile.corrupt).unwrap_or(u64::MAX).max(1);
    for (number, (_, files)) in (0..count).zip(samples.iter().cycle()) {
        let mut files = files.clone();
        if number % every == every / 2 && number / every < hostile.corrupt {
            files.iter_mut().for_each(|(_, bytes)| corrupt(bytes, &mut dice));
        }
        let name = format!("ticket-{number:05}");
        match number % 4 {
            0 => fs::write(folder.join(name + ".zip"), zip(&files)?)?,
            1 => fs::write(folder.join(name + ".tar.gz"), tar_gz(&files)?)?,
            _ => unpacked(&folder.join(name), &files)?,
        }
    }
    bombs(folder, hostile.bombs)?;
    held_up(&folder.join("waits-for-ever"))
}

fn unpacked(folder: &Path, files: &[TicketFile]) -> io::Result<()> {
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Flips bits and loses the end.
fn corrupt(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let length = bytes.len() as u64;
    for _ in 0..1 + length / 2000 {
        let at = usize::try_from(dice.roll(length)).unwrap_or_default();
        bytes[at] ^= 1 << dice.roll(8);
    }
    let kept = length - dice.roll(length / 3 + 1);
    bytes.truncate(usize::try_from(kept).unwrap_or_default());
}

fn zip(files: &[TicketFile]) -> io::Result<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(name.as_str(), options).map_err(io::Error::other)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish().map_err(io::Error::other)?.into_inner())
}

fn tar_gz(files: &[TicketFile]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes.as_slice())?;
    }
    builder.into_inner()?.finish()
}

/// A log of zeros in gzip, in a zip of zips, and in a tar.gz: 1 GiB each.
fn bombs(folder: &Path, count: usize) -> io::Result<()> {
    let log = |out: &mut dyn io::Write| -> io::Result<()> {
        out.write_all(b"ElfFile\0")?;
        let zeros = vec![0; 1 << 20];
        (0..1024).try_for_each(|_| out.write_all(&zeros))
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    log(&mut gzip)?;
    let gzip = gzip.finish()?;
    let inner = zip(&[("Security.evtx.gz".to_owned(), gzip.clone())])?;
    let names = (0..8).map(|n| (format!("{n}.zip"), inner.clone()));
    let bombs = [
        ("bomb-1.zip", zip(&names.collect::<Vec<_>>())?),
        ("bomb-2.tar.gz", tar_gz(&[("System.evtx.gz".into(), gzip.clone())])?),
        ("bomb-3.evtx.gz", gzip),
    ];
    bombs.iter().take(count).try_for_each(|(name, bytes)| fs::write(folder.join(name), bytes))
}

/// A pipe that nobody writes to, under the name of a log.
fn held_up(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let made = Command::new("mkfifo").arg(folder.join("System.evtx")).status()?;
    made.success().then_some(()).ok_or_else(|| io::Error::other("mkfifo failed"))
}
