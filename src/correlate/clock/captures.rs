//! Several captures, one clock: a connection that two of them show is a pair of
//! happenings in each direction, so that the way between them cancels out (as NTP does
//! it, RFC 5905 section 8).

use crate::base::ClockOffset;
use crate::correlate::connections::WireConnection;
use crate::observe::Conversation;
use jiff::SignedDuration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Measurements of two captures that are kept.
const MOST_MEASURED: usize = 1024;

/// The better of these is what two captures differ by.
type Measured = BTreeMap<(Arc<str>, Arc<str>), Vec<ClockOffset>>;

/// How far each capture's clock is ahead of that of the first one which shares a
/// connection with it; connections are set to the one clock. Captures that share none
/// with any other have no entry, and neither has the first.
pub(in crate::correlate) fn align(wire: &mut [WireConnection]) -> BTreeMap<Arc<str>, ClockOffset> {
    let measured = measure(wire);
    let mut offsets: BTreeMap<Arc<str>, ClockOffset> = BTreeMap::new();
    let files: Vec<Arc<str>> = measured.keys().map(|(file, _)| Arc::clone(file)).collect();
    let none = ClockOffset { ahead: SignedDuration::ZERO, error: SignedDuration::ZERO };
    let mut first = Vec::new();
    for file in files {
        if offsets.contains_key(&file) {
            continue;
        }
        offsets.insert(Arc::clone(&file), none);
        first.push(Arc::clone(&file));
        let mut open = VecDeque::from([file]);
        while let Some(from) = open.pop_front() {
            let base = offsets.get(&from).copied().unwrap_or(none);
            let to = measured.iter().filter(|((one, _), _)| *one == from);
            for ((_, other), differences) in to {
                let best = differences.iter().min_by_key(|difference| difference.error);
                if let (Some(best), false) = (best, offsets.contains_key(other)) {
                    let ahead = base.ahead.saturating_add(best.ahead);
                    let error = base.error.saturating_add(best.error);
                    offsets.insert(Arc::clone(other), ClockOffset { ahead, error });
                    open.push_back(Arc::clone(other));
                }
            }
        }
    }
    offsets.retain(|file, _| !first.contains(file));
    for view in wire.iter_mut().flat_map(|connection| &mut connection.views) {
        if let Some(offset) = offsets.get(&view.file) {
            Arc::make_mut(view).clock_ahead = offset.ahead;
        }
    }
    offsets
}

fn measure(wire: &[WireConnection]) -> Measured {
    let mut measured = Measured::new();
    for connection in wire.iter().filter(|connection| connection.views.len() > 1) {
        for one in &connection.views {
            for other in connection.views.iter().filter(|other| other.file != one.file) {
                if let Some(difference) = difference(one, other) {
                    let key = (Arc::clone(&one.file), Arc::clone(&other.file));
                    let known = measured.entry(key).or_default();
                    if known.len() < MOST_MEASURED {
                        known.push(difference);
                    }
                }
            }
        }
    }
    measured
}

/// How far the other's clock is ahead. A SYN that was sent again may not be the same
/// one in both captures.
fn difference(one: &Conversation, other: &Conversation) -> Option<ClockOffset> {
    if one.tcp.syns != 1 || other.tcp.syns != 1 {
        return None;
    }
    let between =
        |a: Option<jiff::Timestamp>, b: Option<jiff::Timestamp>| Some(b?.duration_since(a?));
    let syn = |view: &Conversation| view.tcp.syn.as_ref().map(|at| at.time.0);
    let answer = |view: &Conversation| view.tcp.syn_ack.as_ref().map(|at| at.time.0);
    let there = between(syn(one), syn(other))?;
    let back = between(answer(one), answer(other))?;
    Some(ClockOffset {
        ahead: there.saturating_add(back) / 2,
        error: (there.saturating_sub(back) / 2).abs(),
    })
}
