//! Large inputs for the benchmarks, the same bytes on every machine:
//! `cargo run --release --example make_load -- logs-rare|logs-flood SIZE_MIB FILE`,
//! `… -- capture-mixed|capture-rdp SIZE_MIB FILE` (a name that ends in `.pcapng` gives that
//! format), `… -- repeat LOG SIZE_MIB FILE` (a real log, over and over), and
//! `… -- walk FILE`: the least that any reader has to do, to measure against;
//! `… -- siege CONNECTIONS FOLDER`: a whole ticket with that many connections of attackers;
//! `… -- tickets COUNT FOLDER [CORRUPT BOMBS]`: that many cases for `batch`, some of them
//! hostile; one more waits for ever, and up to three more are bombs.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the writers are those of the samples, which use more of them and know their sizes"
)]

mod captures;
#[path = "../make_samples/mod.rs"]
mod make_samples;
mod repeat;
mod siege;
mod tickets;
mod walk;

use make_samples::binxml::Value;
use make_samples::evtx::{self, Body, Event, Log};
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::Path;

const FILE_HEADER_LEN: usize = 4096;
const CHUNK_LEN: usize = 65_536;
const SECURITY: &str = "Microsoft-Windows-Security-Auditing";
const SECURITY_GUID: &str = "{54849625-5478-4994-a5ba-3e3b0328c30d}";

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["walk", file] => walk::walk(file),
        ["repeat", log, size, file] => repeat::repeat(log, mib(size)?, file),
        ["logs-rare", size, file] => write(file, mib(size)?, rare, Log::nested_bytes),
        ["logs-flood", size, file] => write(file, mib(size)?, flood, Log::nested_bytes),
        ["flat-logs-rare", size, file] => write(file, mib(size)?, rare, Log::bytes),
        ["flat-logs-flood", size, file] => write(file, mib(size)?, flood, Log::bytes),
        ["capture-mixed", size, file] => captures::mixed(file, mib(size)?),
        ["capture-rdp", size, file] => captures::sessions(file, mib(size)?),
        ["siege", connections, folder] => {
            write_siege(connections.parse().map_err(io::Error::other)?, Path::new(folder))
        }
        ["tickets", count, folder] => {
            let count = number(count)?;
            let hostile = tickets::Hostile { corrupt: count / 100, bombs: 3 };
            tickets::write(count, hostile, Path::new(folder))
        }
        ["tickets", count, folder, corrupt, bombs] => {
            let (corrupt, bombs) = (number(corrupt)?, number(bombs)?);
            let bombs = usize::try_from(bombs).map_err(io::Error::other)?;
            let hostile = tickets::Hostile { corrupt, bombs };
            tickets::write(number(count)?, hostile, Path::new(folder))
        }
        _ => Err(io::Error::other(
            "usage: make_load [flat-]logs-rare|[flat-]logs-flood|capture-mixed|capture-rdp SIZE_MIB FILE | repeat LOG SIZE_MIB FILE | walk FILE | siege CONNECTIONS FOLDER | tickets COUNT FOLDER [CORRUPT BOMBS]",
        )),
    }
}

fn write_siege(connections: u64, folder: &Path) -> io::Result<()> {
    for (name, bytes) in siege::siege(connections) {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

fn number(text: &str) -> io::Result<u64> {
    text.parse().map_err(io::Error::other)
}

fn mib(text: &str) -> io::Result<u64> {
    text.parse::<u64>().map(|mib| mib << 20).map_err(io::Error::other)
}

/// Writes blocks of events until the file has its size.
fn write(
    file: &str,
    size: u64,
    event: fn(u64, &mut Dice) -> Event,
    bytes: fn(&Log) -> Vec<u8>,
) -> io::Result<()> {
    const BLOCK: u64 = 20_000;
    let mut out = BufWriter::new(File::create(file)?);
    out.write_all(&[0; FILE_HEADER_LEN])?;
    let (mut record, mut chunks, mut dice) = (1, 0, Dice(1));
    while (chunks * CHUNK_LEN) as u64 + (FILE_HEADER_LEN as u64) < size {
        let events = (record..record + BLOCK).map(|number| event(number, &mut dice)).collect();
        let computer = "TS-LOAD-01.example.test";
        let log = Log { channel: "Security", computer, first_record: record, events };
        let bytes = bytes(&log);
        let body = bytes.get(FILE_HEADER_LEN..).unwrap_or_default();
        out.write_all(body)?;
        chunks += body.len() / CHUNK_LEN;
        record += BLOCK;
    }
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&evtx::file_header(chunks.min(0xffff), record))?;
    out.flush()
}

/// A linear congruential generator: no benchmark may depend on the weather.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

fn security(id: u16, number: u64, fields: Vec<(&'static str, Value)>) -> Event {
    Event {
        provider: SECURITY,
        guid: Some(SECURITY_GUID),
        id,
        qualifiers: None,
        level: 0,
        // 20 events a second from 2025-06-03T00:00:00Z on.
        time_ms: 1_748_908_800_000 + i64::try_from(number).unwrap_or_default() * 50,
        activity: None,
        process_id: 732,
        origin: None,
        body: Body::Named(fields),
    }
}

/// A busy server on which one event in two hundred is a refused logon.
fn rare(number: u64, dice: &mut Dice) -> Event {
    let user = format!("svc-{:03}", dice.roll(200));
    match dice.roll(200) {
        0 => refused(number, dice),
        1..90 => security(
            4688,
            number,
            vec![
                ("SubjectUserSid", text("S-1-5-18")),
                ("SubjectUserName", text(&user)),
                ("SubjectDomainName", text("EXAMPLE")),
                ("SubjectLogonId", Value::Hex64(0x3e7)),
                ("NewProcessId", Value::Hex64(0x1000 + dice.roll(40_000))),
                ("NewProcessName", text(r"C:\Windows\System32\conhost.exe")),
                ("TokenElevationType", text("%%1936")),
                ("ProcessId", Value::Hex64(0x2dc)),
                ("CommandLine", text(r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1")),
                ("ParentProcessName", text(r"C:\Windows\System32\cmd.exe")),
            ],
        ),
        90..150 => security(
            4634,
            number,
            vec![
                ("TargetUserSid", text("S-1-5-21-1-2-3-1104")),
                ("TargetUserName", text(&user)),
                ("TargetDomainName", text("EXAMPLE")),
                ("TargetLogonId", Value::Hex64(0x5_0000 + number)),
                ("LogonType", Value::U32(3)),
            ],
        ),
        _ => security(
            5379,
            number,
            vec![
                ("SubjectUserName", text(&user)),
                ("TargetName", text("MicrosoftAccount:target=SSO_POP_Device")),
                ("Type", Value::U32(0)),
                ("CountOfCredentialsReturned", Value::U32(0)),
                ("ReadOperation", text("%%8100")),
                ("ReturnCode", Value::U32(0xc000_0225)),
                ("ClientProcessId", Value::U32(4_242)),
            ],
        ),
    }
}

/// Password guessing by 500 addresses on 40 accounts.
fn flood(number: u64, dice: &mut Dice) -> Event {
    refused(number, dice)
}

fn refused(number: u64, dice: &mut Dice) -> Event {
    let address = dice.roll(500);
    security(
        4625,
        number,
        vec![
            ("SubjectUserSid", text("S-1-0-0")),
            ("SubjectUserName", text("-")),
            ("SubjectDomainName", text("-")),
            ("SubjectLogonId", Value::Hex64(0)),
            ("TargetUserSid", text("S-1-0-0")),
            ("TargetUserName", text(format!("admin{:02}", dice.roll(40)))),
            ("TargetDomainName", text("")),
            ("Status", Value::Hex32(0xc000_006d)),
            ("FailureReason", text("%%2313")),
            ("SubStatus", Value::Hex32(0xc000_006a)),
            ("LogonType", Value::U32(3)),
            ("LogonProcessName", text("NtLmSsp ")),
            ("AuthenticationPackageName", text("NTLM")),
            ("WorkstationName", text(format!("WS-{address:03}"))),
            ("TransmittedServices", text("-")),
            ("LmPackageName", text("-")),
            ("KeyLength", Value::U32(0)),
            ("ProcessId", Value::Hex64(0)),
            ("ProcessName", text("-")),
            ("IpAddress", text(format!("203.0.113.{}", address % 250 + 1))),
            ("IpPort", text((1_024 + dice.roll(60_000)).to_string())),
        ],
    )
}
