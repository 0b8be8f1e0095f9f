//! What Event Viewer saves as CSV or text: columns in the language of the host, told by
//! their position (level, time, source, event id, task category, message). Only who
//! wrote which event when is read: messages have no values that could be told apart.

use super::super::EventRecord;
use super::local_time::{LocalTime, order_of};
use super::rows::{Found, Rows};
use super::sink::Sink;
use crate::base::limits::MAX_RECORDS_PER_LOG;
use crate::knowledge::Provider;
use std::io::{self, BufRead};
use std::sync::Arc;

/// A row that is an event.
#[derive(Debug)]
struct Row {
    line: u64,
    time: LocalTime,
    id: u16,
    /// Of the catalog; `None` where the event is not wanted.
    provider: Option<Arc<Provider>>,
}

/// Reads all rows.
pub(super) fn read(text: &mut dyn BufRead, sink: &mut Sink<'_>) -> io::Result<()> {
    sink.partial("localised text, perhaps of a filtered view, without a time zone");
    let rows = rows(text, sink)?;
    if rows.is_empty() {
        return Ok(());
    }
    sink.whole_file("only event ids, sources and times were read of this text; the times have no time zone and were taken as UTC. Collect the log itself: wevtutil epl <channel> file.evtx");
    let Some(order) = order_of(rows.iter().map(|row| &row.time)) else {
        sink.whole_file(format!(
            "{} events were left out: nothing tells whether day or month comes first in their times",
            rows.len()
        ));
        return Ok(());
    };
    for row in rows {
        // Every row has a time in the order that all agree in, or in no order.
        let Some(time) = row.time.at(order) else {
            sink.whole_file(format!("line {}: not a day of the calendar", row.line));
            continue;
        };
        let Some(provider) = row.provider else {
            sink.count(("", ""), None, Some(time));
            continue;
        };
        sink.stand_at(row.line);
        sink.record(EventRecord {
            provider: provider.provider.clone(),
            id: row.id,
            time,
            record_id: 0,
            channel: provider.channel.as_str().into(),
            host: "".into(),
            activity: None,
            process_id: None,
            fields: vec![("System.Weak".into(), "localised text without a time zone".to_owned())],
        });
    }
    Ok(())
}

/// All rows that are events; other rows are told.
fn rows(text: &mut dyn BufRead, sink: &mut Sink<'_>) -> io::Result<Vec<Row>> {
    let mut rows = Rows::new(text);
    let (mut events, mut more, mut head) = (Vec::new(), 0_u64, true);
    while let Some(found) = rows.next()? {
        let (offset, line, columns) = match found {
            Found::Row { offset, line, columns } => (offset, line, columns),
            Found::Broken { offset, length } => {
                sink.unreadable(offset, format!("{length} bytes that are no row"));
                continue;
            }
        };
        let first = std::mem::take(&mut head);
        let Some((time, source, id)) = event(&columns) else {
            // The first row names the columns, in any language.
            if !first {
                sink.unreadable(offset, "a row without time and event id where they are expected");
            }
            continue;
        };
        if events.len() >= MAX_RECORDS_PER_LOG {
            more += 1;
            continue;
        }
        events.push(Row { line, time, id, provider: sink.provider_called(source, id) });
    }
    if more > 0 {
        sink.whole_file(format!("{more} more events were not read: give less of the log"));
    }
    Ok(events)
}

fn event(columns: &[String]) -> Option<(LocalTime, &str, u16)> {
    let [_, time, source, id, ..] = columns else { return None };
    Some((LocalTime::parse(time)?, source.trim(), id.trim().parse().ok()?))
}
