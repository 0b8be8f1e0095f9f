//! The receive window that one side announces: when it was closed, and for how long.

use crate::base::{HostTime, millis_between};
use crate::observe::TcpHealth;
use crate::wire::packet::Segment;

#[derive(Debug, Default)]
pub(super) struct ReceiveWindow {
    closed_since: Option<HostTime>,
    closed_ms: f64,
    zero_windows: u32,
}

impl ReceiveWindow {
    /// A segment of this side. Resets and SYNs announce nothing that counts: mstsc
    /// ends with a reset whose window is 0.
    pub(super) fn announced(&mut self, segment: &Segment<'_>, time: HostTime) {
        if segment.flags.rst || segment.flags.syn || !segment.flags.ack {
            return;
        }
        if segment.window == 0 {
            self.zero_windows += 1;
            self.closed_since.get_or_insert(time);
        } else if let Some(since) = self.closed_since.take() {
            self.closed_ms += millis_between(since.0, time.0);
        }
    }

    /// Whether the last segment announced a closed window.
    pub(super) fn is_closed(&self) -> bool {
        self.closed_since.is_some()
    }

    /// Writes down what is known when the connection was last seen.
    pub(super) fn finish(self, end: HostTime, health: &mut TcpHealth) {
        health.zero_windows = self.zero_windows;
        health.zero_window_at_end = self.closed_since.is_some();
        let open_end = self.closed_since.map_or(0.0, |since| millis_between(since.0, end.0));
        health.zero_window_ms = self.closed_ms + open_end;
    }
}
