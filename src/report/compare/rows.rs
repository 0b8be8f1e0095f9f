//! Values of both sides, put beside each other.

use super::model::{DifferenceReport, SameReport, SectionReport, SideValueReport};
use super::{choose, lists};
use crate::report::model::{AttemptReport, Report, SourceReport};
use crate::report::wire_model::{RungReport, RungState, WireReport};

/// One side: its report, and what of it is compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) report: &'a Report,
    pub(super) attempt: Option<&'a AttemptReport>,
}

/// A value with the place where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) source: Option<SourceReport>,
}

impl<'a> Side<'a> {
    /// The connection that is compared.
    pub(super) fn wire(&self) -> Option<&'a WireReport> {
        choose::connection(self.attempt?)
    }

    /// The first rung of a name that was taken.
    pub(super) fn rung(&self, step: &str) -> Option<&'a RungReport> {
        let taken = |rung: &&RungReport| matches!(rung.state, RungState::Seen | RungState::Ended);
        self.wire()?.ladder.iter().filter(taken).find(|rung| rung.step == step)
    }

    /// Where a step stands; a report without the step knows the connection at least.
    pub(super) fn at_step(&self, step: &str) -> Option<SourceReport> {
        let frame = self.rung(step).and_then(|rung| rung.frame);
        self.at_frame(frame.or(self.wire().map(|wire| wire.first_frame))?)
    }

    /// A frame of the connection's capture; of a split one in the part that holds it.
    pub(super) fn at_frame(&self, frame: u64) -> Option<SourceReport> {
        let file = &self.wire()?.file;
        let parts = self.report.coverage.iter().find(|coverage| coverage.file == *file);
        let parts = parts.map(|coverage| coverage.parts.as_slice()).unwrap_or_default();
        let part = parts.iter().rev().find(|part| part.first_frame <= frame);
        let (file, frame) = match part {
            Some(part) => (&part.file, frame - part.first_frame + 1),
            None => (file, frame),
        };
        Some(SourceReport { file: file.clone(), record_id: None, line: None, frame: Some(frame) })
    }

    /// A value of the connection, at a step.
    pub(super) fn placed<T>(&self, step: &str, value: Option<T>) -> Option<Placed<T>> {
        value.map(|value| Placed { value, source: self.at_step(step) })
    }
}

/// What was found so far.
pub(super) struct Rows<'a> {
    pub(super) good: Side<'a>,
    pub(super) bad: Side<'a>,
    pub(super) sections: Vec<SectionReport>,
    pub(super) same: Vec<SameReport>,
    pub(super) only_good: Vec<String>,
    pub(super) only_bad: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(good: Side<'a>, bad: Side<'a>) -> Self {
        Self {
            good,
            bad,
            sections: Vec::new(),
            same: Vec::new(),
            only_good: Vec::new(),
            only_bad: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Rows from here on belong to this section.
    pub(super) fn section(&mut self, title: &str) {
        self.sections.push(SectionReport { title: title.to_owned(), rows: Vec::new() });
        self.same.push(SameReport { section: title.to_owned(), what: Vec::new() });
    }

    /// What is the same in this section.
    pub(super) fn alike(&mut self, what: String) {
        if let Some(same) = self.same.last_mut() {
            same.what.push(what);
        }
    }

    /// One value of each side.
    pub(super) fn text(&mut self, what: &str, value: impl Fn(&Side<'a>) -> Option<Placed<String>>) {
        let one =
            |placed: Placed<String>| Placed { value: vec![placed.value], source: placed.source };
        let (good, bad) = (value(&self.good).map(one), value(&self.bad).map(one));
        self.add(what, good, bad, |good, bad| (good != bad).then_some(None));
    }

    /// A list of each side. In an ordered one the places count.
    pub(super) fn list(
        &mut self,
        what: &str,
        ordered: bool,
        value: impl Fn(&Side<'a>) -> Option<Placed<Vec<String>>>,
    ) {
        let (good, bad) = (value(&self.good), value(&self.bad));
        self.add(what, good, bad, |good, bad| lists::change(good, bad, ordered).map(Some));
    }

    /// What only one side gets to is told in few words: its absence follows from where the
    /// other side ended.
    fn add(
        &mut self,
        what: &str,
        good: Option<Placed<Vec<String>>>,
        bad: Option<Placed<Vec<String>>>,
        differ: impl Fn(&[String], &[String]) -> Option<Option<super::ListChange>>,
    ) {
        let what = what.to_owned();
        match (good, bad) {
            (None, None) => {}
            (Some(_), None) => self.only_good.push(what),
            (None, Some(_)) => self.only_bad.push(what),
            (Some(good), Some(bad)) => match differ(&good.value, &bad.value) {
                None => self.alike(what),
                Some(change) => {
                    let side = |placed: Placed<Vec<String>>| SideValueReport {
                        values: placed.value,
                        source: placed.source,
                    };
                    let (good, bad) = (side(good), side(bad));
                    self.difference(DifferenceReport { what, good, bad, change });
                }
            },
        }
    }

    /// A difference that was found elsewhere.
    pub(super) fn difference(&mut self, row: DifferenceReport) {
        if let Some(section) = self.sections.last_mut() {
            section.rows.push(row);
        }
    }
}

/// A value that is there or not: its absence is one, too.
pub(super) fn or_none(value: Option<String>) -> Option<String> {
    Some(value.unwrap_or_else(|| NONE.to_owned()))
}

/// What stands where something did not happen.
pub(super) const NONE: &str = "none";
