//! A definition understood as a whole: which value becomes which part of an
//! [`EventRecord`].
//!
//! A plan gives exactly what the JSON of full decoding gives (see
//! [`super::super::fields`]); a definition of which that is not certain has none, and
//! its records are decoded in full. `tests/eventlog.rs` holds both against each other.

use super::names::shared;
use super::text::{Text, text, utf16};
use super::tokens::{Token, Tokens, is};
use super::values::{Value, Values, kind};
use super::{Instance, instance};
use crate::base::{HostTime, filetime};
use crate::eventlog::EventRecord;
use jiff::Timestamp;
use std::sync::Arc;

/// Fields and nested elements of one record that a plan may have.
const MAX_SLOTS: usize = 256;
const MAX_DEPTH: usize = 6;

/// Where a value goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Provider,
    Id,
    Time,
    RecordId,
    Activity,
    ProcessId,
    Channel,
    Computer,
    Field(Arc<str>),
    /// A field that is absent where its text is empty: an element that is not `Data`.
    Element(Arc<str>),
}

impl Target {
    /// The name, if it is a field.
    fn field(&self) -> Option<&Arc<str>> {
        match self {
            Self::Field(name) | Self::Element(name) => Some(name),
            _ => None,
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Arc<str>),
    Value(usize),
}

/// What the records of one definition consist of.
#[derive(Debug, Default)]
pub(in crate::eventlog) struct Plan {
    slots: Vec<(Target, Part)>,
    /// The value that is a template instance of its own: EventData or UserData.
    nested: Option<usize>,
}

impl Plan {
    /// How many fields it gives at most.
    fn fields(&self) -> usize {
        self.slots.iter().filter(|(target, _)| target.field().is_some()).count()
    }
}

/// The plans of one chunk, each made once.
#[derive(Debug, Default)]
pub(in crate::eventlog) struct Plans {
    known: Vec<(usize, Option<Arc<Plan>>)>,
}

/// Plan and values of a record: of the record itself and of its payload, where that is
/// an instance of its own.
#[derive(Debug, Clone)]
pub(in crate::eventlog) struct Planned<'a> {
    outer: (Arc<Plan>, Values<'a>),
    inner: Option<(Arc<Plan>, Values<'a>)>,
}

impl Plans {
    fn of(&mut self, chunk: &[u8], definition: usize) -> Option<Arc<Plan>> {
        if let Some((_, plan)) = self.known.iter().find(|(offset, _)| *offset == definition) {
            return plan.clone();
        }
        let plan = Builder::default().build(chunk, definition).map(Arc::new);
        self.known.push((definition, plan.clone()));
        plan
    }

    /// The record that ends at `end`; `None` where it needs full decoding.
    pub(in crate::eventlog) fn read<'a>(
        &mut self,
        chunk: &'a [u8],
        record: Instance,
        end: usize,
    ) -> Option<Planned<'a>> {
        let plan = self.of(chunk, record.definition)?;
        let values = Values::new(chunk, record.values, end)?.whole(chunk, end)?;
        let payload = match plan.nested {
            Some(index) => Some(values.get(index)?).filter(|value| value.kind != kind::NULL),
            None => None,
        };
        let inner = match payload.filter(|value| !value.bytes.is_empty()) {
            Some(value) => Some(self.payload(chunk, value)?),
            None => None,
        };
        Some(Planned { outer: (plan, values), inner })
    }

    fn payload<'a>(
        &mut self,
        chunk: &'a [u8],
        value: Value<'a>,
    ) -> Option<(Arc<Plan>, Values<'a>)> {
        if value.kind != kind::BIN_XML {
            return None;
        }
        let instance = instance(chunk, value.at)?;
        let plan = self.of(chunk, instance.definition)?;
        // A payload that holds payloads has no known form.
        if plan.nested.is_some() {
            return None;
        }
        let end = value.at + value.bytes.len();
        let values = Values::new(chunk, instance.values, end)?.whole(chunk, end)?;
        Some((plan, values))
    }
}

impl<'a> Planned<'a> {
    fn parts(&self) -> impl Iterator<Item = &(Arc<Plan>, Values<'a>)> {
        std::iter::once(&self.outer).chain(&self.inner)
    }

    /// The record; `None` where it needs full decoding. `id` and `time` are those of
    /// the record header.
    pub(in crate::eventlog) fn event_record(
        &self,
        record_id: u64,
        time: Timestamp,
    ) -> Option<EventRecord> {
        // One more: the process id becomes a field of the observation.
        let fields = self.parts().map(|(plan, _)| plan.fields()).sum::<usize>() + 1;
        let mut record = Draft::new(record_id, time, fields);
        let mut values = Vec::new();
        for (plan, array) in self.parts() {
            array.all(&mut values);
            for (target, part) in &plan.slots {
                match part {
                    Part::Literal(text) => record.fill(target, text.to_string())?,
                    Part::Value(index) => record.take(target, *values.get(*index)?)?,
                }
            }
        }
        record.finish()
    }

    /// By which plans the record is read.
    pub(in crate::eventlog) fn form(&self) -> Form {
        let inner = self.inner.as_ref().map(|(plan, _)| Arc::clone(plan));
        Form { outer: Arc::clone(&self.outer.0), inner }
    }

    /// Whether it is read by these plans.
    pub(in crate::eventlog) fn is_of(&self, form: &Form) -> bool {
        Arc::ptr_eq(&self.outer.0, &form.outer)
            && match (&self.inner, &form.inner) {
                (Some((plan, _)), Some(known)) => Arc::ptr_eq(plan, known),
                (None, None) => true,
                _ => false,
            }
    }

    /// The bytes at a place, to compare records by; empty where there are none.
    pub(in crate::eventlog) fn raw(&self, place: Place) -> &'a [u8] {
        let of = |part: &(Arc<Plan>, Values<'a>), index: Option<usize>| part.1.get(index?);
        let found = of(&self.outer, place.outer)
            .or_else(|| self.inner.as_ref().and_then(|inner| of(inner, place.inner)));
        found.map(|value| value.bytes).unwrap_or_default()
    }
}

/// What records have in common whose definitions are the same.
#[derive(Debug)]
pub(in crate::eventlog) struct Form {
    outer: Arc<Plan>,
    inner: Option<Arc<Plan>>,
}

/// Which values of a record and of its payload are a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::eventlog) struct Place {
    outer: Option<usize>,
    inner: Option<usize>,
}

impl Form {
    /// Where a field stands, or the name of the host; nowhere where it is absent or the
    /// same in all records.
    pub(in crate::eventlog) fn place(&self, field: Option<&str>) -> Place {
        let wanted = |target: &Target| match field {
            Some(field) => target.field().is_some_and(|name| **name == *field),
            None => *target == Target::Computer,
        };
        let of = |plan: &Plan| match plan.slots.iter().find(|(target, _)| wanted(target))? {
            (_, Part::Literal(_)) => None,
            (_, Part::Value(index)) => Some(*index),
        };
        Place { outer: of(&self.outer), inner: self.inner.as_deref().and_then(of) }
    }
}

/// A record that is being put together.
struct Draft {
    record: EventRecord,
    has_provider: bool,
    has_id: bool,
}

impl Draft {
    fn new(record_id: u64, time: Timestamp, fields: usize) -> Self {
        let record = EventRecord {
            provider: String::new(),
            id: 0,
            time: HostTime(time),
            record_id,
            channel: Arc::from(""),
            host: Arc::from(""),
            activity: None,
            process_id: None,
            fields: Vec::with_capacity(fields),
        };
        Self { record, has_provider: false, has_id: false }
    }

    fn take(&mut self, target: &Target, value: Value<'_>) -> Option<()> {
        if let (Target::Time, kind::FILETIME) = (target, value.kind) {
            self.record.time = HostTime(filetime(crate::base::u64_at(value.bytes, 0)?)?);
            return Some(());
        }
        match text(value) {
            Text::Is(text) => self.fill(target, text),
            Text::Null => Some(()),
            Text::NotUnderstood => None,
        }
    }

    fn fill(&mut self, target: &Target, text: String) -> Option<()> {
        let record = &mut self.record;
        match target {
            Target::Provider => {
                record.provider = text;
                self.has_provider = true;
            }
            Target::Id => {
                record.id = text.trim().parse().ok()?;
                self.has_id = true;
            }
            Target::Time => record.time = HostTime(text.parse().ok()?),
            Target::RecordId => record.record_id = text.parse().ok()?,
            Target::Activity => record.activity = Some(text.to_ascii_lowercase().into()),
            Target::ProcessId => record.process_id = Some(text.parse().ok()?),
            Target::Channel => record.channel = text.into(),
            Target::Computer => record.host = text.into(),
            Target::Element(_) if text.is_empty() => {}
            Target::Field(name) | Target::Element(name) => {
                record.fields.push((Arc::clone(name), text));
            }
        }
        Some(())
    }

    fn finish(self) -> Option<EventRecord> {
        (self.has_provider && self.has_id).then_some(self.record)
    }
}

/// An element that is open.
struct Open<'a> {
    name: &'a [u8],
    /// Of `Data`: its `Name`.
    called: Option<&'a [u8]>,
    attributes: usize,
    content: Option<Part>,
    children: Vec<&'a [u8]>,
}

/// Whether an attribute declares a namespace: `xmlns` or `xmlns:…`.
fn is_namespace(name: &[u8]) -> bool {
    is(name, "xmlns") || utf16(name).is_some_and(|name| name.starts_with("xmlns:"))
}

/// Makes a plan; every step gives `None` when the definition is of no known form.
#[derive(Default)]
struct Builder<'a> {
    plan: Plan,
    open: Vec<Open<'a>>,
    /// Outermost elements so far.
    roots: usize,
    attribute: Option<&'a [u8]>,
}

impl<'a> Builder<'a> {
    fn build(mut self, chunk: &'a [u8], definition: usize) -> Option<Plan> {
        let mut tokens = Tokens::of(chunk, definition)?;
        for token in tokens.by_ref() {
            match token {
                Token::Open { name } => self.open(name)?,
                Token::Attribute { name } => self.attribute = Some(name),
                Token::Literal(text) => self.part(Part::Literal(utf16(text)?.into()))?,
                Token::Value(index) => self.part(Part::Value(index))?,
                Token::CloseStart => self.attribute = None,
                Token::CloseEmpty | Token::End => self.close()?,
            }
        }
        let whole = self.roots == 1 && self.open.is_empty();
        let sound = tokens.understood && whole && self.plan.slots.len() <= MAX_SLOTS;
        sound.then_some(self.plan)
    }

    fn open(&mut self, name: &'a [u8]) -> Option<()> {
        if self.open.len() > MAX_DEPTH {
            return None;
        }
        if let Some(parent) = self.open.last_mut() {
            // Repeated elements become arrays.
            let repeated = parent.children.contains(&name) && !is(name, "Data");
            if repeated || parent.content.is_some() {
                return None;
            }
            parent.children.push(name);
        } else {
            self.roots += 1;
        }
        let children = Vec::new();
        self.open.push(Open { name, called: None, attributes: 0, content: None, children });
        Some(())
    }

    fn part(&mut self, part: Part) -> Option<()> {
        match self.attribute.take() {
            Some(name) => self.attribute_value(name, part),
            None => self.content(part),
        }
    }

    /// Whether the innermost element is this one, counted from the root.
    fn inside(&self, path: &[&str]) -> bool {
        self.open.len() == path.len()
            && self.open.iter().zip(path).all(|(open, name)| is(open.name, name))
    }

    fn in_system(&self) -> bool {
        let mut names = self.open.iter().map(|open| open.name);
        names.next().is_some_and(|name| is(name, "Event"))
            && names.next().is_some_and(|name| is(name, "System"))
    }

    fn attribute_value(&mut self, name: &'a [u8], part: Part) -> Option<()> {
        if self.in_system() {
            let element = self.open.last()?.name;
            let target = match () {
                () if is(element, "Provider") && is(name, "Name") => Target::Provider,
                () if is(element, "TimeCreated") && is(name, "SystemTime") => Target::Time,
                () if is(element, "Correlation") && is(name, "ActivityID") => Target::Activity,
                () if is(element, "Execution") && is(name, "ProcessID") => Target::ProcessId,
                () => return Some(()),
            };
            return self.slot(target, part);
        }
        let (event, root) = (self.inside(&["Event"]), self.is_payload_root());
        let open = self.open.last_mut()?;
        open.attributes += 1;
        let field = match part {
            // Attributes of these are not looked at.
            _ if event || root || is_namespace(name) => return Some(()),
            Part::Literal(text) if is(open.name, "Data") && is(name, "Name") => {
                open.called = Some(name);
                return self.called(&text);
            }
            part => part,
        };
        let element = utf16(open.name)?;
        let full = format!("{element}.{}", utf16(name)?);
        self.slot(Target::Field(shared(&full)), field)
    }

    /// `<Data Name="…">`: the field is known by that name once its value comes.
    fn called(&mut self, name: &str) -> Option<()> {
        let taken = self
            .plan
            .slots
            .iter()
            .any(|(target, _)| matches!(target, Target::Field(field) if **field == *name));
        let parent = self.open.len().checked_sub(2).and_then(|index| self.open.get(index))?;
        if taken || !is(parent.name, "EventData") {
            return None;
        }
        // Without a value there is no field; the value replaces this one.
        self.slot(Target::Field(shared(name)), Part::Value(usize::MAX))
    }

    fn is_payload_root(&self) -> bool {
        let root = match self.open.as_slice() {
            [root] => root,
            [event, root] if is(event.name, "Event") => root,
            _ => return false,
        };
        ["EventData", "UserData", "ProcessingErrorData"].iter().any(|name| is(root.name, name))
    }

    fn content(&mut self, part: Part) -> Option<()> {
        if self.inside(&["Event"]) {
            let Part::Value(index) = part else { return None };
            return self.plan.nested.replace(index).is_none().then_some(());
        }
        let open = self.open.last_mut()?;
        let first = open.content.replace(part).is_none();
        (first && open.children.is_empty()).then_some(())
    }

    fn close(&mut self) -> Option<()> {
        self.attribute = None;
        let in_system = self.in_system();
        let root = self.is_payload_root();
        let open = self.open.pop()?;
        let Some(content) = open.content else {
            if open.called.is_some() {
                // `<Data Name="…"/>`
                self.plan.slots.pop();
            }
            return Some(());
        };
        if in_system {
            let target = match () {
                () if is(open.name, "EventID") => Target::Id,
                () if is(open.name, "EventRecordID") => Target::RecordId,
                () if is(open.name, "Channel") => Target::Channel,
                () if is(open.name, "Computer") => Target::Computer,
                () => return Some(()),
            };
            return self.slot(target, content);
        }
        if open.called.is_some() {
            let (_, part) = self.plan.slots.last_mut()?;
            *part = content;
            return (open.attributes == 1).then_some(());
        }
        // Unnamed data are numbered, text beside attributes is reordered, and text of
        // the payload itself has no name.
        if root || open.attributes > 0 || is(open.name, "Data") {
            return None;
        }
        self.slot(Target::Element(shared(&utf16(open.name)?)), content)
    }

    fn slot(&mut self, target: Target, part: Part) -> Option<()> {
        if self.plan.slots.iter().any(|(known, _)| *known == target) {
            return None;
        }
        self.plan.slots.push((target, part));
        Some(())
    }
}
