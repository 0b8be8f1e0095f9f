//! Captures in event traces (ETL), as `netsh trace` and `pktmon` write them, and other
//! traces, which hold no packets.
//!
//! Every processor writes into buffers of its own. They are found first, by their
//! headers only; then what each processor wrote is read through one window, and the
//! packets of all are delivered in the order of time, as ProcessTrace of Windows and
//! with it etl2pcapng do. Frames are numbered in that order. Of packets that PktMon saw
//! in several components the first appearance alone is a frame, so there the numbers
//! are smaller than those of `pktmon etl2pcap`.

mod buffer;
mod delivery;
mod event;
mod packet;
mod stream;
mod tally;
mod trace;

use super::{Gaps, Sink};
use crate::base::counted;
use crate::base::limits::MAX_ETL_WINDOWS;
use crate::intake::ReadAt;
use buffer::{HEADER_LEN, Processors};
use delivery::Delivery;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use stream::{MAX_EVENT, Stream};
use tally::Tally;
use trace::Trace;

/// Bytes that hold the first event as far as it is read.
const FIRST_EVENT: usize = 1024;

/// Smallest and largest window of one processor, in bytes.
const WINDOW: (usize, usize) = (2 * MAX_EVENT, 1 << 20);

/// Reads the packets of a trace.
///
/// # Errors
/// What the operating system says.
pub(super) fn read(input: &ReadAt, gaps: &mut Gaps, sink: Sink<'_>) -> io::Result<()> {
    let mut head = vec![0; HEADER_LEN + FIRST_EVENT];
    let got = input.read(0, &mut head)?;
    head.truncate(got);
    let Some(trace) = head.get(HEADER_LEN..).and_then(Trace::parse) else {
        gaps.push(0, "the header of the trace is damaged: it was not read");
        return Ok(());
    };
    let Some(clock) = trace.clock else {
        let kind = trace.clock_type;
        gaps.push_for_file(format!("a trace with an unknown clock ({kind}): it was not read"));
        return Ok(());
    };
    let processors = buffer::survey(input, trace.buffer_size, gaps)?;
    let mut tally = Tally::default();
    let mut delivery = Delivery::new(clock, sink);
    merge(input, processors, &mut delivery, &mut tally, gaps)?;
    let frames = delivery.frames;
    delivery.finish(gaps);
    tell(trace, frames, &tally, gaps);
    Ok(())
}

/// Delivers the packets of all processors in the order of time.
fn merge(
    input: &ReadAt,
    processors: Processors,
    delivery: &mut Delivery<'_>,
    tally: &mut Tally,
    gaps: &mut Gaps,
) -> io::Result<()> {
    let mut streams: Vec<Stream> = processors.into_values().map(Stream::new).collect();
    let room = (MAX_ETL_WINDOWS / streams.len().max(1)).clamp(WINDOW.0, WINDOW.1);
    let mut next = BinaryHeap::new();
    for (index, stream) in streams.iter_mut().enumerate() {
        stream.fill(input, room, tally, gaps)?;
        next.extend(stream.next_stamp().map(|stamp| Reverse((stamp, index))));
    }
    while let Some(Reverse((_, index))) = next.pop() {
        let Some(stream) = streams.get_mut(index) else { continue };
        if let Some((piece, bytes)) = stream.pop() {
            delivery.take(&piece, bytes);
        }
        stream.fill(input, room, tally, gaps)?;
        next.extend(stream.next_stamp().map(|stamp| Reverse((stamp, index))));
    }
    Ok(())
}

/// Tells what is missing in the trace, and what a trace without packets is.
fn tell(trace: Trace, frames: u64, tally: &Tally, gaps: &mut Gaps) {
    for (count, what) in [(trace.events_lost, "event"), (trace.buffers_lost, "buffer")] {
        if count > 0 {
            let lost = counted(count, what);
            gaps.push_for_file(format!(
                "the trace lost {lost} while it ran: packets may be missing"
            ));
        }
    }
    if tally.unread > 0 {
        let packets = counted(tally.unread, "packet");
        gaps.unreadable += tally.unread;
        gaps.push_for_file(format!(
            "{packets} of the filtering platform or of dial-up and VPN, which this version does \
             not read"
        ));
    }
    if frames == 0 && tally.unread == 0 {
        gaps.push_for_file(format!("an ETW trace without packets: {}", tally.describe()));
    }
}
