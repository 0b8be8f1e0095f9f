//! From the rows of causes to signatures.

use super::value::Value;
use crate::knowledge::{Cause, Condition, Event, Knowledge, Rule};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The namespace of the rules' ids: they are made of signatures and stay the same in every
/// run and release.
const NAMESPACE: Uuid = Uuid::from_u128(0x8d5e_0c0b_4f6a_5b2e_9a41_7d3c_52f1_6e90);

/// An event with conditions on its fields: what a single record must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Signature {
    /// The kind of its observations, `event.<slug>.<id>`.
    pub(super) event: String,
    /// Fields with the values of which one must be there.
    pub(super) wanted: BTreeMap<String, BTreeSet<Value>>,
    /// Fields with the values of which none may be there.
    pub(super) unless: BTreeMap<String, BTreeSet<Value>>,
    /// Lower limits, as they are written.
    pub(super) min: BTreeMap<String, String>,
    /// Upper limits, as they are written.
    pub(super) max: BTreeMap<String, String>,
}

impl Signature {
    fn of(kind: &str, row: &Rule) -> Self {
        let values = |conditions: &BTreeMap<String, Condition>| {
            let of = |(field, condition): (&String, &Condition)| {
                (field.clone(), condition.iter().map(Value::of).collect())
            };
            conditions.iter().map(of).collect()
        };
        let limits = |limits: &BTreeMap<String, f64>| {
            limits.iter().map(|(field, limit)| (field.clone(), limit.to_string())).collect()
        };
        Self {
            event: kind.to_owned(),
            wanted: values(&row.conditions),
            unless: values(&row.unless),
            min: limits(&row.min),
            max: limits(&row.max),
        }
    }

    /// The id of its rule.
    ///
    /// # Errors
    /// Never in practice: a signature is all texts and numbers.
    pub(super) fn id(&self) -> Result<Uuid, serde_json::Error> {
        Ok(Uuid::new_v5(&NAMESPACE, &serde_json::to_vec(self)?))
    }

    /// The fields that it looks at.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let values = self.wanted.keys().chain(self.unless.keys());
        values.chain(self.min.keys()).chain(self.max.keys()).map(String::as_str)
    }

    /// Whether any record of the event will do.
    pub(super) fn is_bare(&self) -> bool {
        self.fields().next().is_none()
    }
}

/// A row that is for a cause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spoken<'a> {
    pub(super) cause: &'a Cause,
    pub(super) row: &'a Rule,
}

/// Why a row is in no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// It speaks against its cause.
    Against,
    /// It counts when a record is not there.
    Absent,
    /// It looks at packets, texts, or several records together.
    NoRecord,
    /// It asks for a value that only the case has, such as which side a host is on.
    OnlyInCase,
    /// It asks for a value that a record holds packed, nested or without a name.
    NotByName,
}

impl LeftOut {
    /// What the rows do.
    pub fn says(self) -> &'static str {
        match self {
            Self::Against => "speak against a cause",
            Self::Absent => "count that a record is missing",
            Self::NoRecord => "look at packets, texts or several records together",
            Self::OnlyInCase => "ask which side a host is on, which no record says",
            Self::NotByName => "ask for a value that a record holds packed, nested or unnamed",
        }
    }
}

/// Every signature with the rows that have it, and how many rows were left out.
pub(super) type Signatures<'a> = (BTreeMap<Signature, Vec<Spoken<'a>>>, BTreeMap<LeftOut, usize>);

pub(super) fn signatures(knowledge: &Knowledge) -> Signatures<'_> {
    let mut found: BTreeMap<Signature, Vec<Spoken<'_>>> = BTreeMap::new();
    let mut left_out: BTreeMap<LeftOut, usize> = BTreeMap::new();
    for cause in knowledge.causes.values() {
        if !cause.against.is_empty() {
            *left_out.entry(LeftOut::Against).or_default() += cause.against.len();
        }
        for row in &cause.support {
            let mut reasons = BTreeSet::new();
            for kind in row.fact.iter() {
                match signature(knowledge, kind, row) {
                    Ok(signature) => {
                        found.entry(signature).or_default().push(Spoken { cause, row });
                    }
                    Err(why) => {
                        reasons.insert(why);
                    }
                }
            }
            for why in reasons {
                *left_out.entry(why).or_default() += 1;
            }
        }
    }
    (found, left_out)
}

/// The signature of one fact of a row.
fn signature(knowledge: &Knowledge, kind: &str, row: &Rule) -> Result<Signature, LeftOut> {
    if row.absent {
        return Err(LeftOut::Absent);
    }
    let Some((_, event)) = knowledge.event_by_kind(kind).filter(|(_, event)| event.wanted()) else {
        return Err(LeftOut::NoRecord);
    };
    let signature = Signature::of(kind, row);
    signature.fields().try_for_each(|field| has_by_name(event, field))?;
    Ok(signature)
}

/// What a rule calls parts of the record's head: a field of that name would be taken for them.
const HEAD: [&str; 3] = ["Channel", "Provider_Name", "EventID"];

/// Whether a raw record holds a field under this name, and a rule can call it by that.
fn has_by_name(event: &Event, field: &str) -> Result<(), LeftOut> {
    if HEAD.contains(&field) || field.contains('|') {
        return Err(LeftOut::NotByName);
    }
    if event.fields.iter().any(|name| name == field) {
        return Ok(());
    }
    Err(if event.knows(field) { LeftOut::NotByName } else { LeftOut::OnlyInCase })
}
