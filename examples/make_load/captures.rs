//! Large captures, written as they are made: an office's traffic with 200 tries to
//! reach a Remote Desktop in it, and nothing but sessions on 3389.

use crate::Dice;
use crate::make_samples::certificate::Certificate;
use crate::make_samples::net::{At, Frames, Side, Talk, dns, ipv4, mac};
use crate::make_samples::tickets_wire::{
    DAY, alerted, dropped_after_hello, flight, good, good_session, hello, log_on, negotiate,
    refused, unanswered,
};
use crate::make_samples::{Noise, rdp, tls};
use etherparse::{IpHeaders, IpNumber, PacketBuilder};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};

/// Tries to reach the server in a capture of mixed traffic.
const TRIES: u64 = 200;
/// Conversations that go on side by side.
const FLOWS: u64 = 400;
/// Sessions that go on side by side.
const SESSIONS: usize = 24;
const SERVER: [u8; 4] = [10, 20, 5, 11];

/// A capture of this size in which 200 tries are spread evenly.
pub(crate) fn mixed(file: &str, size: u64) -> io::Result<()> {
    let mut out = Writer::create(file)?;
    let mut office = Office::new();
    let mut tries = 0;
    while out.written < size {
        if out.written >= size / TRIES * tries && tries < TRIES {
            let talk = attempt(tries, office.now);
            out.take(talk.frames);
            tries += 1;
        }
        office.step(&mut out);
        out.release(office.now)?;
    }
    out.finish()
}

/// A capture of this size with nothing but Remote Desktop on 3389.
pub(crate) fn sessions(file: &str, size: u64) -> io::Result<()> {
    let mut out = Writer::create(file)?;
    let (mut dice, mut noise) = (Dice(11), Noise::new(11));
    let certificate = good();
    let (mut now, mut begun) = (DAY * 1_000_000, 0);
    let mut open: Vec<(Talk, u64)> = Vec::new();
    while out.written < size {
        now += 20_000 + i64::try_from(dice.roll(400_000)).unwrap_or_default();
        if open.len() < SESSIONS {
            begun += 1;
            open.push((session(begun, now, &certificate), 2_000 + dice.roll(20_000)));
        }
        let index = usize::try_from(dice.roll(open.len() as u64)).unwrap_or_default();
        let (talk, left) = &mut open[index];
        talk.now = talk.now.max(now);
        work(talk, &mut dice, &mut noise);
        *left -= 1;
        let over = *left == 0;
        if over {
            talk.close(Side::Client);
        }
        out.take(std::mem::take(&mut talk.frames));
        if over {
            open.swap_remove(index);
        }
        out.release(now)?;
    }
    out.finish()
}

/// A connection up to the desktop.
fn session(number: u64, now: i64, certificate: &Certificate) -> Talk {
    let [a, b, ..] = (number % 4_000 + 300).to_le_bytes();
    let mut talk = Talk::new([10, 30, b, a], SERVER, number, now / 1_000_000, At::Server);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, tls::SUITES.get(2..).unwrap_or_default());
    flight(&mut talk, certificate);
    log_on(&mut talk, &mut Noise::new(number));
    talk
}

/// What a desktop does: input, small updates, and now and then a picture.
fn work(talk: &mut Talk, dice: &mut Dice, noise: &mut Noise) {
    let mut roll = |sides| usize::try_from(dice.roll(sides)).unwrap_or_default();
    match roll(10) {
        0..5 => talk.say(Side::Client, &tls::data(40 + roll(60), noise)),
        5..8 => talk.say(Side::Server, &tls::data(80 + roll(900), noise)),
        _ => talk.say(Side::Server, &tls::data(1_000 + roll(15_000), noise)),
    }
}

/// One of the tries: most end as tries end in a bad week.
fn attempt(number: u64, now: i64) -> Talk {
    let seed = 1_000 + number;
    let mut talk = match number % 5 {
        0 => good_session(seed, At::Server),
        1 => dropped_after_hello(seed, At::Server),
        2 => alerted(seed, At::Server, 40),
        kind => {
            let mut talk = Talk::new([10, 20, 1, 42], SERVER, seed, DAY, At::Server);
            if kind == 3 {
                refused(&mut talk)
            } else {
                unanswered(&mut talk)
            }
            talk
        }
    };
    let later = now - DAY * 1_000_000;
    talk.frames.0.iter_mut().for_each(|(time, _)| *time += later);
    talk
}

/// Clients that browse, copy files, call each other and look up names.
struct Office {
    now: i64,
    begun: u64,
    flows: Vec<(Talk, Kind, u64)>,
    dice: Dice,
    noise: Noise,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Https,
    Files,
    Quic,
    Call,
}

impl Office {
    fn new() -> Self {
        let (dice, noise) = (Dice(5), Noise::new(5));
        Self { now: DAY * 1_000_000, begun: 0, flows: Vec::new(), dice, noise }
    }

    fn roll(&mut self, sides: u64) -> usize {
        usize::try_from(self.dice.roll(sides)).unwrap_or_default()
    }

    fn begin(&mut self, out: &mut Writer) {
        self.begun += 1;
        let [a, b, ..] = (self.begun % 3_000).to_le_bytes();
        let (kind, server, port) = match self.roll(20) {
            0..10 => (Kind::Https, [203, 0, 113, a % 200 + 1], 443),
            10..14 => (Kind::Files, [10, 40, 0, a % 8 + 1], 445),
            14..18 => (Kind::Quic, [198, 51, 100, a % 200 + 1], 443),
            _ => (Kind::Call, [10, 41, b, a], 20_000),
        };
        let client = [10, 30, b, a];
        let mut talk = Talk::new(client, server, self.begun, self.now / 1_000_000, At::Lan);
        talk.server.port = port;
        if kind == Kind::Https {
            let name = format!("www{}.example.test", self.begun % 900);
            let id = u16::try_from(self.begun % 60_000).unwrap_or_default();
            let (ms, resolver) = (self.now / 1_000_000, [10, 20, 0, 53]);
            dns(&mut talk.frames, ms, client, resolver, id, &name, None);
            dns(&mut talk.frames, ms + 1, client, resolver, id, &name, Some((0, Some(server))));
            talk.wait_ms(2);
        }
        if matches!(kind, Kind::Https | Kind::Files) {
            talk.handshake();
        }
        if kind == Kind::Https {
            let mut noise = Noise::new(self.begun);
            let suites = &tls::SUITES[..];
            let hello = tls::client_hello(Some("www.example.test"), 0x0304, suites, &mut noise);
            talk.say(Side::Client, &hello);
            talk.say(Side::Server, &tls::server_flight_13(&mut noise));
        }
        out.take(std::mem::take(&mut talk.frames));
        let left = 50 + self.dice.roll(600);
        self.flows.push((talk, kind, left));
    }

    /// One exchange of one conversation.
    fn step(&mut self, out: &mut Writer) {
        self.now += 10_000 + i64::try_from(self.dice.roll(200_000)).unwrap_or_default();
        if (self.flows.len() as u64) < FLOWS {
            self.begin(out);
        }
        let index = self.roll(self.flows.len() as u64);
        let length = self.roll(1_300);
        let large = self.roll(12_000);
        let many = self.roll(10);
        let Some((talk, kind, left)) = self.flows.get_mut(index) else { return };
        talk.now = talk.now.max(self.now);
        match kind {
            Kind::Https if many < 3 => {
                talk.say(Side::Client, &tls::data(30 + length / 4, &mut self.noise));
            }
            Kind::Https => talk.say(Side::Server, &tls::data(100 + large, &mut self.noise)),
            Kind::Files => {
                talk.say(Side::Client, &files(120, &mut self.noise));
                talk.say(Side::Server, &files(200 + large / 2, &mut self.noise));
            }
            Kind::Quic => datagrams(talk, 1 + many / 3, 1_250, &mut self.noise),
            Kind::Call => datagrams(talk, 2, 172, &mut self.noise),
        }
        *left -= 1;
        let over = *left == 0;
        if over && matches!(kind, Kind::Https | Kind::Files) {
            talk.close(Side::Client);
        }
        out.take(std::mem::take(&mut talk.frames));
        if over {
            self.flows.swap_remove(index);
        }
    }
}

/// An SMB2 message behind its session header, [MS-SMB2] 2.1.
fn files(length: usize, noise: &mut Noise) -> Vec<u8> {
    let size = u32::try_from(length).unwrap_or_default().to_be_bytes();
    [&size[..], b"\xfeSMB", &noise.bytes(length - 4)].concat()
}

/// Datagrams of the server, and one of the client.
fn datagrams(talk: &mut Talk, count: usize, length: usize, noise: &mut Noise) {
    for number in 0..=count {
        let (from, to) = if number < count {
            (&talk.server, &talk.client)
        } else {
            (&talk.client, &talk.server)
        };
        let ip = ipv4(from.address, to.address, 120, 0, IpNumber::UDP);
        let builder = PacketBuilder::ethernet2(mac(from.address), mac(to.address))
            .ip(IpHeaders::Ipv4(ip, Default::default()))
            .udp(from.port, to.port);
        let payload = noise.bytes(if number < count { length } else { length.min(80) });
        let mut frame = Vec::new();
        builder.write(&mut frame, &payload).expect("writing to memory");
        talk.frames.0.push((talk.now, frame));
        talk.now += 40_000;
    }
}

/// Frames on their way into a file, in the order of their times.
struct Writer {
    out: BufWriter<File>,
    is_pcapng: bool,
    waiting: BinaryHeap<Reverse<(i64, u64, Vec<u8>)>>,
    taken: u64,
    /// Bytes of the file, those that wait included.
    written: u64,
}

impl Writer {
    /// The format is that of the file's name: pcapng, or else pcap.
    fn create(file: &str) -> io::Result<Self> {
        let is_pcapng = file.ends_with(".pcapng");
        let none = Frames::default();
        let head = if is_pcapng { none.pcapng() } else { none.pcap() };
        let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
        out.write_all(&head)?;
        Ok(Self { out, is_pcapng, waiting: BinaryHeap::new(), taken: 0, written: 0 })
    }

    fn take(&mut self, frames: Frames) {
        for (time, frame) in frames.0 {
            self.taken += 1;
            self.written += frame.len() as u64 + 16;
            self.waiting.push(Reverse((time, self.taken, frame)));
        }
    }

    /// Writes what was captured up to now.
    fn release(&mut self, now: i64) -> io::Result<()> {
        while self.waiting.peek().is_some_and(|Reverse((time, ..))| *time <= now) {
            let Some(Reverse((time, _, frame))) = self.waiting.pop() else { break };
            let alone = Frames(vec![(time, frame)]);
            let bytes = if self.is_pcapng { alone.pcapng() } else { alone.pcap() };
            let head = if self.is_pcapng { PCAPNG_HEAD } else { PCAP_HEAD };
            self.out.write_all(bytes.get(head..).unwrap_or_default())?;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.release(i64::MAX)?;
        self.out.flush()
    }
}

/// Bytes before the first frame, as `Frames` writes them.
const PCAP_HEAD: usize = 24;
const PCAPNG_HEAD: usize = 28 + 32;
