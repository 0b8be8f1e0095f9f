//! Which files are one capture that was split? Capturing tools begin a new file when one
//! is full: dumpcap and Wireshark number and date them (`cap_00001_20240501100000.pcapng`),
//! tcpdump only numbers them (`cap.pcap`, `cap.pcap1`).

use super::reader::read_frames;
use crate::intake::EvidenceFile;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::Read as _;

/// Bytes of a part that hold its first frame.
const HEAD: u64 = 64 << 10;

/// Endings of names that say how a part is packed.
const PACKED: [&str; 4] = [".gz", ".xz", ".zst", ".bz2"];

/// Puts the parts of split captures together, in the order of time; every other file
/// stands alone. The order of the files is kept, a split capture stands where its first
/// part did.
pub fn streams(files: Vec<EvidenceFile>) -> Vec<Vec<EvidenceFile>> {
    let mut streams: Vec<Vec<EvidenceFile>> = Vec::new();
    let mut split: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        let series = file.kind.is_capture().then(|| series(&file.name)).flatten();
        let Some(series) = series else {
            streams.push(vec![file]);
            continue;
        };
        // Parts of one capture have one format.
        let key = format!("{series}\n{:?}", file.kind);
        let index = *split.entry(key).or_insert(streams.len());
        match streams.get_mut(index) {
            Some(parts) => parts.push(file),
            None => streams.push(vec![file]),
        }
    }
    for parts in streams.iter_mut().filter(|parts| parts.len() > 1) {
        // A ring of files begins anywhere; an empty part stands where its name does.
        let mut last = Timestamp::MIN;
        let mut timed: Vec<(Timestamp, EvidenceFile)> = Vec::with_capacity(parts.len());
        for part in parts.drain(..) {
            last = first_time(&part).unwrap_or(last);
            timed.push((last, part));
        }
        timed.sort_by_key(|(time, _)| *time);
        parts.extend(timed.into_iter().map(|(_, part)| part));
    }
    streams
}

/// What the names of all parts of one capture have in common; `None` for a name that is
/// not that of a part.
fn series(name: &str) -> Option<String> {
    let name = PACKED.iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(name);
    let (stem, extension) = name.rsplit_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let [date, number, before] = stem.rsplitn(3, '_').collect::<Vec<_>>()[..] {
        let dated = date.len() == 14 && number.len() >= 5 && digits(date) && digits(number);
        if dated && !before.is_empty() {
            return Some(format!("{before}.{extension}"));
        }
    }
    let plain = extension.trim_end_matches(|c: char| c.is_ascii_digit());
    matches!(plain, "pcap" | "cap" | "dmp" | "pcapng").then(|| format!("{stem}.{plain}"))
}

/// The numbers of parts that are not there between those that are; of a capture whose parts
/// are numbered by dumpcap.
pub(super) fn missing_between(parts: &[&str]) -> Vec<u64> {
    const MOST: usize = 8;
    let numbers: Vec<Option<u64>> = parts.iter().map(|part| number(part)).collect();
    let gaps = numbers.iter().zip(numbers.iter().skip(1)).filter_map(|(a, b)| (*a).zip(*b));
    gaps.flat_map(|(a, b)| (a.saturating_add(1)..b).take(MOST)).take(MOST).collect()
}

fn number(name: &str) -> Option<u64> {
    let name = PACKED.iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(name);
    let (stem, _) = name.rsplit_once('.')?;
    let mut words = stem.rsplit('_');
    let date = words.next().filter(|date| date.len() == 14)?;
    date.parse::<u64>().ok()?;
    words.next()?.parse().ok()
}

fn first_time(part: &EvidenceFile) -> Option<Timestamp> {
    let mut head = Vec::new();
    // What cannot be read is told when the part is.
    let _ = part.stream().ok()?.take(HEAD).read_to_end(&mut head);
    let mut first = None;
    read_frames(&EvidenceFile::from_bytes(&part.name, head), &mut |frame| {
        first.get_or_insert(frame.time);
    });
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_number_and_date_or_by_number() {
        for (name, same) in [
            ("a/cap_00001_20240501100000.pcapng", Some("a/cap.pcapng")),
            ("a/cap_00002_20240501110000.pcapng.gz", Some("a/cap.pcapng")),
            ("x_y_00017_20240501110000.pcap", Some("x_y.pcap")),
            ("cap.pcap", Some("cap.pcap")),
            ("cap.pcap12", Some("cap.pcap")),
            ("srv_20240501.etl", None),
            ("noextension", None),
        ] {
            assert_eq!(series(name).as_deref(), same, "{name}");
        }
        assert_ne!(series("a/c.pcap"), series("b/c.pcap"));
    }

    #[test]
    fn parts_that_are_missing_between_others_are_known() {
        let parts = ["c_00003_20240501100000.pcap", "c_00006_20240501120000.pcap.gz"];
        assert_eq!(missing_between(&parts), [4, 5]);
        // A ring begins anywhere, and goes on with 1.
        assert!(missing_between(&["c_99999_20240501100000.pcap", parts[0]]).is_empty());
        assert!(missing_between(&["c.pcap", "c.pcap7"]).is_empty());
    }

    /// A pcap with one frame at this second.
    fn part(name: &str, second: u8) -> EvidenceFile {
        let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([0, 0, 1, 0, 1, 0, 0, 0]);
        bytes.extend([second, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4]);
        EvidenceFile::from_bytes(name, bytes)
    }

    #[test]
    fn parts_stand_in_the_order_of_time() {
        let files = vec![
            part("a.pcap", 9),
            part("ring.pcap0", 30),
            part("ring.pcap1", 10),
            part("ring.pcap2", 20),
            EvidenceFile::from_bytes("z.txt", b"text".to_vec()),
        ];
        let streams = streams(files);
        let names: Vec<Vec<&str>> =
            streams.iter().map(|s| s.iter().map(|file| &*file.name).collect()).collect();
        assert_eq!(
            names,
            [vec!["a.pcap"], vec!["ring.pcap1", "ring.pcap2", "ring.pcap0"], vec!["z.txt"]]
        );
    }
}
