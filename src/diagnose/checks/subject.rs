//! What the checks look at: one attempt, and of its connections the one that got
//! furthest.

use crate::base::display_filter;
use crate::correlate::{Attempt, Connection, vantage_of, wire_outcome};
use crate::diagnose::Fact;
use crate::observe::{Conversation, Place, Side, Source};
use std::sync::Arc;

/// Attempts of one trouble that are looked at: the last ones.
const MOST_ATTEMPTS: usize = 3;

/// Field of a fact that no single frame shows: the display filter that shows it.
pub(super) const FILTER: &str = "display_filter";

/// One attempt and its telling connection.
#[derive(Debug, Default)]
pub(super) struct Subject<'a> {
    pub(super) attempt: Option<&'a Attempt>,
    /// One that a capture shows.
    pub(super) connection: Option<&'a Connection>,
}

impl<'a> Subject<'a> {
    /// Of the last attempts the last one that a capture shows, else the last one with
    /// records, else the last one.
    pub(super) fn of(attempts: &[&'a Attempt]) -> Self {
        let last = attempts.iter().copied().rev().take(MOST_ATTEMPTS);
        let knows =
            |attempt: &&Attempt| (attempt.views().next().is_none(), attempt.events.is_empty());
        let attempt = last.min_by_key(knows);
        let seen = attempt.into_iter().flat_map(|attempt| &attempt.connections);
        let connection = seen
            .filter(|connection| !connection.views.is_empty())
            .max_by_key(|connection| connection.views.iter().map(|v| wire_outcome(v).1).max());
        Self { attempt, connection }
    }

    /// The connection as each capture shows it.
    pub(super) fn views(&self) -> &'a [Arc<Conversation>] {
        self.connection.map(|connection| connection.views.as_slice()).unwrap_or_default()
    }
}

/// A finding that counts many frames of a connection: its source is the capture, and
/// a filter shows the connection.
pub(super) fn of_stream(kind: &'static str, view: &Conversation) -> Fact {
    let source = Source { file: Arc::clone(&view.file), place: Place::Whole };
    let mut fact = Fact::of_frame(kind, view, view.last_frame.0, view.end);
    fact.source = source;
    fact.with(FILTER, display_filter(view.client, view.server))
}

/// The capture in words: by whose end it was taken, where that is known.
pub(super) fn capture_point(view: &Conversation) -> &'static str {
    match vantage_of(view) {
        Some(Side::Client) => "the capture at the client's end",
        Some(Side::Server) => "the capture at the server's end",
        None => "the capture point",
    }
}
