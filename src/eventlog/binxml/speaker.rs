//! Host and channel of a record, without a plan of the rest.

use super::Instance;
use super::text::{Text, text, utf16};
use super::tokens::{Token, Tokens, is};
use super::values::Values;
use std::sync::Arc;

/// `Computer` and `Channel` of the record that ends at `end`; `None` where they need
/// full decoding.
pub(in crate::eventlog) fn speaker(
    chunk: &[u8],
    record: Instance,
    end: usize,
) -> Option<(Arc<str>, Arc<str>)> {
    let values = Values::new(chunk, record.values, end)?;
    let (mut element, mut in_attribute): (&[u8], bool) = (&[], false);
    let (mut computer, mut channel) = (None, None);
    for token in Tokens::of(chunk, record.definition)? {
        let slot = match token {
            Token::Open { name } => {
                (element, in_attribute) = (name, false);
                continue;
            }
            Token::CloseStart | Token::CloseEmpty | Token::End => {
                in_attribute = false;
                continue;
            }
            Token::Attribute { .. } => {
                in_attribute = true;
                continue;
            }
            Token::Literal(_) | Token::Value(_) if in_attribute => continue,
            _ if is(element, "Computer") => &mut computer,
            _ if is(element, "Channel") => &mut channel,
            _ => continue,
        };
        *slot = Some(match token {
            Token::Literal(literal) => utf16(literal)?,
            Token::Value(index) => match text(values.get(index)?) {
                Text::Is(text) => text,
                Text::Null | Text::NotUnderstood => return None,
            },
            _ => return None,
        });
        if let (Some(computer), Some(channel)) = (&computer, &channel) {
            return Some((computer.as_str().into(), channel.as_str().into()));
        }
    }
    None
}
