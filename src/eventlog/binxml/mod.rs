//! The binary XML of event records, as far as it is read here.
//!
//! Nearly every record is one template instance: a template definition, which the
//! records of one kind share, and an array of values to put into it. What a record
//! is and says can be read from the two without building the XML in between.
//! Whatever these modules do not understand they leave to full decoding by the
//! `evtx` crate; a record is never lost here.
//!
//! Token and type numbers are those of [MS-EVEN6] 2.2.12. All offsets count from
//! the start of the chunk.

mod identity;
mod names;
mod plan;
mod speaker;
mod text;
mod tokens;
mod values;

use crate::base::u32_at;
pub(super) use identity::{Identity, Templates};
pub(super) use plan::{Form, Place, Planned, Plans};
pub(super) use speaker::speaker;

/// A template instance: where its definition and its values stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instance {
    /// Offset of the definition: next definition (4 bytes), GUID (16), size (4), tokens.
    pub(super) definition: usize,
    /// Offset of the substitution array.
    pub(super) values: usize,
}

/// Bytes before the tokens of a definition.
const DEFINITION_HEADER_LEN: usize = 24;

/// The instance that a stream of tokens at `at` consists of; `None` where it is
/// something else.
pub(super) fn instance(chunk: &[u8], at: usize) -> Option<Instance> {
    let at = match *chunk.get(at)? {
        // FragmentHeader: token, major, minor, flags
        0x0f => at.checked_add(4)?,
        _ => at,
    };
    if *chunk.get(at)? != 0x0c {
        return None;
    }
    // token, one byte of no known meaning, template id, offset of the definition
    let definition = usize::try_from(u32_at(chunk, at.checked_add(6)?)?).ok()?;
    let mut values = at.checked_add(10)?;
    if definition == values {
        let size = usize::try_from(u32_at(chunk, definition.checked_add(20)?)?).ok()?;
        values = definition.checked_add(DEFINITION_HEADER_LEN)?.checked_add(size)?;
    }
    Some(Instance { definition, values })
}
