//! What grows with what a sender likes: each kind has a budget, and reaching it is told.

use crate::make_samples::net::Frames;
use crate::support::analyse;
use etherparse::PacketBuilder;
use std::fs;
use std::net::Ipv4Addr;

const START: i64 = 1_748_938_500_000_000_000;

/// Problems of a capture of these frames.
fn problems(frames: impl Iterator<Item = Vec<u8>>) -> (Vec<String>, u64) {
    let timed = (0..).zip(frames).map(|(number, frame)| (START + number * 1_000, frame));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.pcapng"), Frames(timed.collect()).pcapng()).unwrap();
    let report = analyse(folder.path());
    let said = report.problems.iter().map(|problem| problem.message.clone()).collect();
    (said, report.coverage[0].items)
}

fn udp(source: (Ipv4Addr, u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(source.0.octets(), to.0, 64)
        .udp(source.1, to.1)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// A question for the address of `host-<number>`.
fn question(number: u32) -> Vec<u8> {
    let name = format!("host-{number}");
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.push(u8::try_from(name.len()).unwrap());
    message.extend(name.as_bytes());
    message.extend([0, 0, 1, 0, 1]);
    message
}

#[test]
fn name_queries_beyond_the_budget_are_told() {
    let client = (Ipv4Addr::new(10, 0, 0, 5), 50_000);
    let ask = |number| udp(client, ([10, 0, 0, 53], 53), &question(number));
    let (said, items) = problems((0..70_000).map(ask));
    assert_eq!(items, 70_000);
    assert!(said.iter().any(|problem| problem.contains("of name servers")), "{said:?}");
}

/// Answers to everybody are held against those who asked, not against all questions.
#[test]
fn many_questions_do_not_make_each_multicast_answer_slow() {
    let client = (Ipv4Addr::new(10, 0, 0, 5), 5355);
    let group = ([224, 0, 0, 252], 5355);
    let answer = |number| {
        let mut message = question(number);
        message[2] = 0x80;
        udp(client, group, &message)
    };
    let ask = |number| udp(client, group, &question(number));
    let started = std::time::Instant::now();
    let (_, items) = problems((0..40_000).map(ask).chain((50_000..90_000).map(answer)));
    assert_eq!(items, 80_000);
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn addresses_beyond_those_that_are_followed_are_told() {
    let request = |number: u32| {
        let [a, b, c, d] = number.to_be_bytes();
        let mut frame = [[0xff; 6], [2; 6]].concat();
        frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 2, 2, 2, 2, 2, 10, 0, 0, 1]);
        frame.extend([0, 0, 0, 0, 0, 0, 10 + a, b, c, d]);
        frame
    };
    let (said, _) = problems((0..5_000).map(request));
    assert!(said.iter().any(|problem| problem.contains("neighbour discovery")), "{said:?}");
}
