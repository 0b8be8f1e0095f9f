//! What the collectors left out that matters for this case, and how they bring it.

use super::diagnosis::Diagnosis;
use super::missing::WORTH_SEPARATING;
use crate::correlate::{Attempt, Case, covers};
use crate::knowledge::{Collector, Knowledge, LeftOut};
use crate::observe::{Collection, channel_is};
use std::collections::BTreeSet;

/// What one collector gathered, and what of it is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// Id of the collector.
    pub collector: String,
    /// The folders and archives that hold it; `.` is the ticket itself.
    pub at: Vec<String>,
    /// Not collected: that nothing is told of it says nothing.
    pub leaves_out: Vec<LeftOut>,
}

/// What collectors left out and the leading causes wait for, as far as no file has it over
/// the attempts. Without diagnoses everything may matter.
pub(super) fn collected(
    case: &Case,
    attempts: &[&Attempt],
    diagnoses: &[Diagnosis],
    knowledge: &Knowledge,
) -> Vec<Collected> {
    let leader = diagnoses.first().map_or(0.0, |d| d.probability);
    let leaders = diagnoses.iter().filter(|d| d.probability >= leader * WORTH_SEPARATING);
    let causes = leaders.filter_map(|diagnosis| knowledge.causes.get(&diagnosis.cause));
    let open: BTreeSet<&str> = causes
        .flat_map(|cause| &cause.settle)
        .map(|settle| settle.unless.as_str())
        .filter(|wanted| !attempts.iter().any(|attempt| covers(case, attempt, wanted)))
        .map(|wanted| wanted.split_once(':').map_or(wanted, |(_, what)| what))
        .filter(|what| !what.is_empty())
        .collect();
    let matters =
        |wanted: &str| diagnoses.is_empty() || open.iter().any(|open| is_same(open, wanted));
    let of_collection = |collection: &Collection| {
        let collector = knowledge.collectors.get(&collection.collector)?;
        let absent =
            collector.leaves_out.iter().filter_map(|left| absent(case, collection, left, matters));
        Some(Collected {
            collector: collection.collector.clone(),
            at: collection.at.clone(),
            leaves_out: absent.collect(),
        })
    };
    case.collections.iter().filter_map(of_collection).collect()
}

/// What the collectors of this case call the way to evidence that they left out: their own
/// switch. `wanted` is as in [`Settle::unless`](crate::knowledge::Settle::unless).
pub(super) fn switches(case: &Case, wanted: &str, knowledge: &Knowledge) -> Vec<String> {
    let (side, what) = match wanted.split_once(':') {
        Some((side, what)) => (format!(", on the {side}"), what),
        None => (String::new(), wanted),
    };
    let collectors = case
        .collections
        .iter()
        .filter_map(|collection| knowledge.collectors.get(&collection.collector));
    let rows = |collector: &'_ Collector| -> Vec<String> {
        let meant = |left: &&LeftOut| left.wanted.iter().any(|wanted| is_same(what, wanted));
        let ways = collector.leaves_out.iter().filter(meant).flat_map(|left| &left.how);
        ways.map(|how| format!("{}{side}: {how}", collector.title)).collect()
    };
    collectors.flat_map(rows).collect()
}

/// The part of a row that matters and is in none of the files which speak for the
/// collector's hosts.
fn absent(
    case: &Case,
    collection: &Collection,
    left: &LeftOut,
    matters: impl Fn(&str) -> bool,
) -> Option<LeftOut> {
    let own = case.coverage.iter().filter(|log| collection.holds(&log.file));
    let hosts: BTreeSet<&str> = own.filter_map(|log| log.host.as_deref()).collect();
    let speaks = |host: Option<&str>| hosts.is_empty() || host.is_some_and(|h| hosts.contains(h));
    let is_there = |wanted: &str| {
        case.coverage.iter().any(|log| match log.channel.as_deref() {
            Some(channel) => speaks(log.host.as_deref()) && channel_is(channel, wanted),
            None => wanted == "capture" && log.kind.is_capture(),
        })
    };
    let open = |wanted: &&String| matters(wanted) && !is_there(wanted);
    let wanted: Vec<String> = left.wanted.iter().filter(open).cloned().collect();
    (!wanted.is_empty()).then(|| LeftOut { wanted, ..left.clone() })
}

/// Whether two names mean one channel, or both the capture.
fn is_same(one: &str, other: &str) -> bool {
    channel_is(one, other) || channel_is(other, one)
}
