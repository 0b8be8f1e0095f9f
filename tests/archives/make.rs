//! Archives of all formats, by the writers of other crates, and zip archives of any
//! kind of wrongness, by hand.

use std::io::{Cursor, Write as _};

/// Name and content of an entry.
pub(super) type Files<'f> = [(&'f str, &'f [u8])];

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

pub(super) fn tar(files: &Files<'_>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(super) fn zip(files: &Files<'_>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(super) fn cab(files: &Files<'_>, compression: cab::CompressionType) -> Vec<u8> {
    let mut builder = cab::CabinetBuilder::new();
    let folder = builder.add_folder(compression);
    for (name, _) in files {
        folder.add_file(*name);
    }
    let mut writer = builder.build(Cursor::new(Vec::new())).unwrap();
    for (_, content) in files {
        writer.next_file().unwrap().unwrap().write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// One block for all files, or one for each; with a password or without.
pub(super) fn seven(files: &Files<'_>, solid: bool, password: Option<bool>) -> Vec<u8> {
    use sevenz_rust2::encoder_options::AesEncoderOptions;
    use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderMethod, Password};
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    if let Some(names_too) = password {
        let aes = AesEncoderOptions::new(Password::from("secret"));
        writer.set_content_methods(vec![aes.into(), EncoderMethod::LZMA2.into()]);
        writer.set_encrypt_header(names_too);
    }
    if solid {
        let entries = files.iter().map(|(name, _)| ArchiveEntry::new_file(name)).collect();
        let contents = files.iter().map(|(_, content)| (*content).into()).collect();
        writer.push_archive_entries(entries, contents).unwrap();
    } else {
        for (name, content) in files {
            writer.push_archive_entry(ArchiveEntry::new_file(name), Some(*content)).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// An entry of a zip archive that is written by hand.
#[derive(Debug, Clone)]
pub(super) struct ZipEntry {
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    /// As it lies in the archive.
    pub(super) packed: Vec<u8>,
    /// As the headers say.
    pub(super) size: u32,
    pub(super) crc: u32,
    pub(super) mode: u32,
    /// Where the directory has it, if not where it is.
    pub(super) at: Option<u32>,
    /// Whether sizes stand only behind the data and in the directory.
    pub(super) streamed: bool,
}

impl ZipEntry {
    pub(super) fn new(name: &str, method: u16, content: &[u8], packed: Vec<u8>) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            flags: 0,
            method,
            packed,
            size: u32::try_from(content.len()).unwrap(),
            crc: crc32fast::hash(content),
            mode: 0,
            at: None,
            streamed: false,
        }
    }

    pub(super) fn stored(name: &str, content: &[u8]) -> Self {
        Self::new(name, 0, content, content.to_vec())
    }

    pub(super) fn deflated(name: &str, content: &[u8]) -> Self {
        Self::new(name, 8, content, deflate(content))
    }

    /// Flags to name: what both headers have in common.
    fn common(&self, local: bool) -> Vec<u8> {
        let flags = self.flags | if self.streamed { 1 << 3 } else { 0 };
        let known = !(local && self.streamed);
        let packed = u32::try_from(self.packed.len()).unwrap();
        let mut out = [flags, self.method, 0, 0].map(u16::to_le_bytes).concat();
        for value in [self.crc, packed, self.size] {
            out.extend(if known { value } else { 0 }.to_le_bytes());
        }
        out.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
        out.extend([0, 0]);
        out
    }
}

/// A zip archive of these entries.
pub(super) fn zip_by_hand(entries: &[ZipEntry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = entry.at.unwrap_or(u32::try_from(out.len()).unwrap());
        out.extend(b"PK\x03\x04\x14\0");
        out.extend(entry.common(true));
        out.extend(&entry.name);
        out.extend(&entry.packed);
        if entry.streamed {
            out.extend(b"PK\x07\x08");
            out.extend(entry.common(false).get(8..20).unwrap());
        }
        directory.extend(b"PK\x01\x02\x14\x03\x14\0");
        directory.extend(entry.common(false));
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(&entry.name);
    }
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let start = u32::try_from(out.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend([size, start].concat());
    out.extend([0, 0]);
    out
}

/// A Fifield bomb: a kernel of zeros that every entry is said to hold.
pub(super) fn overlapping(entries: usize, kernel: &[u8]) -> Vec<u8> {
    let mut all = vec![ZipEntry::deflated("0.evtx", kernel)];
    for number in 1..entries {
        let mut entry = ZipEntry::deflated(&format!("{number}.evtx"), kernel);
        entry.at = Some(0);
        all.push(entry);
    }
    let mut bytes = zip_by_hand(&all[..1]);
    // The directory of all over the data of one.
    let whole = zip_by_hand(&all);
    let directory = memchr::memmem::find(&whole, b"PK\x01\x02").unwrap();
    let data = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
    bytes.truncate(data);
    bytes.extend(&whole[directory..]);
    let end = bytes.len() - 6;
    bytes[end..end + 4].copy_from_slice(&u32::try_from(data).unwrap().to_le_bytes());
    bytes
}
