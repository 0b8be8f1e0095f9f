//! Which event a record is, without decoding it.

use super::Instance;
use super::text::utf16;
use super::tokens::{Token, Tokens, is};
use super::values::{Values, kind};
use crate::base::u16_at;
use crate::knowledge::{Event, Knowledge, Provider};
use std::sync::Arc;

/// What a record is to the catalog.
#[derive(Debug, Clone, Copy)]
pub(in crate::eventlog) enum Identity<'k> {
    Wanted {
        provider: &'k Arc<Provider>,
        event: &'k Event,
    },
    /// An event that the catalog does not want.
    Other,
    /// It has to be decoded to know.
    Undecided,
}

/// Tokens of a definition that are looked at, at most: the provider and the event
/// id are the first elements of System.
const MAX_TOKENS: usize = 200;

/// Where a definition says that a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin<T> {
    Literal(T),
    Value(usize),
}

/// How the records of one definition are told apart.
#[derive(Debug, Clone, Copy)]
enum Decision<'k> {
    /// Provider and id stand in the definition.
    Fixed(Identity<'k>),
    /// The provider does; the id is this value.
    ById(&'k Arc<Provider>, usize),
    /// The provider is a value.
    ByName(usize, Origin<u16>),
}

/// The definitions of one chunk, each looked at once.
#[derive(Debug)]
pub(in crate::eventlog) struct Templates<'k> {
    knowledge: &'k Knowledge,
    /// By the offset of the definition. A chunk has a handful.
    known: Vec<(usize, Decision<'k>)>,
    /// By the bytes of its name, where it is a value.
    providers: Vec<NamedProvider<'k>>,
}

/// UTF-16LE bytes of a name, and the provider that goes by it.
type NamedProvider<'k> = (Box<[u8]>, Option<&'k Arc<Provider>>);

/// Names of providers that are remembered.
const MAX_PROVIDERS: usize = 32;

impl<'k> Templates<'k> {
    pub(in crate::eventlog) fn new(knowledge: &'k Knowledge) -> Self {
        Self { knowledge, known: Vec::new(), providers: Vec::new() }
    }

    /// What the record that ends at `end` is.
    pub(in crate::eventlog) fn identify(
        &mut self,
        chunk: &[u8],
        instance: Instance,
        end: usize,
    ) -> Identity<'k> {
        let value = |index| Values::new(chunk, instance.values, end)?.get(index);
        let number = |index| match value(index)? {
            value if value.kind == kind::UINT16 => u16_at(value.bytes, 0),
            _ => None,
        };
        match self.decision(chunk, instance.definition) {
            Decision::Fixed(identity) => identity,
            Decision::ById(provider, index) => {
                number(index).map_or(Identity::Undecided, |id| of(provider, id))
            }
            Decision::ByName(index, id) => {
                let name = value(index).filter(|value| value.kind == kind::STRING);
                let id = match id {
                    Origin::Literal(id) => Some(id),
                    Origin::Value(index) => number(index),
                };
                match (name, id) {
                    (Some(name), Some(id)) => match self.provider(name.bytes) {
                        Some(provider) => of(provider, id),
                        None => Identity::Other,
                    },
                    _ => Identity::Undecided,
                }
            }
        }
    }

    /// The provider of this name, if the catalog knows it.
    fn provider(&mut self, name: &[u8]) -> Option<&'k Arc<Provider>> {
        if let Some((_, provider)) = self.providers.iter().find(|(known, _)| **known == *name) {
            return *provider;
        }
        let provider = utf16(name).and_then(|name| self.knowledge.provider(&name));
        if self.providers.len() < MAX_PROVIDERS {
            self.providers.push((name.into(), provider));
        }
        provider
    }

    fn decision(&mut self, chunk: &[u8], definition: usize) -> Decision<'k> {
        if let Some((_, decision)) = self.known.iter().find(|(offset, _)| *offset == definition) {
            return *decision;
        }
        let decision = decide(self.knowledge, chunk, definition)
            .unwrap_or(Decision::Fixed(Identity::Undecided));
        self.known.push((definition, decision));
        decision
    }
}

fn of(provider: &Arc<Provider>, id: u16) -> Identity<'_> {
    match provider.event(id).filter(|event| event.wanted()) {
        Some(event) => Identity::Wanted { provider, event },
        None => Identity::Other,
    }
}

/// Looks at the tokens up to provider and event id.
fn decide<'k>(knowledge: &'k Knowledge, chunk: &[u8], definition: usize) -> Option<Decision<'k>> {
    let (mut element, mut attribute): (&[u8], Option<&[u8]>) = (&[], None);
    let mut provider: Option<Origin<&[u8]>> = None;
    for token in Tokens::of(chunk, definition)?.take(MAX_TOKENS) {
        let origin = match token {
            Token::Open { name } => {
                (element, attribute) = (name, None);
                continue;
            }
            Token::Attribute { name } => {
                attribute = Some(name);
                continue;
            }
            Token::CloseStart | Token::CloseEmpty | Token::End => {
                attribute = None;
                continue;
            }
            Token::Literal(text) => Origin::Literal(text),
            Token::Value(index) => Origin::Value(index),
        };
        let of_provider = is(element, "Provider") && attribute.is_some_and(|a| is(a, "Name"));
        if of_provider && provider.is_none() {
            provider = Some(origin);
        } else if is(element, "EventID") && attribute.is_none() {
            let id = match origin {
                Origin::Literal(text) => Origin::Literal(utf16(text)?.trim().parse().ok()?),
                Origin::Value(index) => Origin::Value(index),
            };
            return decision(knowledge, provider?, id);
        }
    }
    None
}

fn decision<'k>(
    knowledge: &'k Knowledge,
    provider: Origin<&[u8]>,
    id: Origin<u16>,
) -> Option<Decision<'k>> {
    let name = match provider {
        Origin::Literal(name) => utf16(name)?,
        Origin::Value(index) => return Some(Decision::ByName(index, id)),
    };
    Some(match (knowledge.provider(&name), id) {
        (None, _) => Decision::Fixed(Identity::Other),
        (Some(provider), Origin::Literal(id)) => Decision::Fixed(of(provider, id)),
        (Some(provider), Origin::Value(index)) => Decision::ById(provider, index),
    })
}
