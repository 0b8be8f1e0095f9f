//! Blocks of a pcapng file as one sees them who came from nowhere.

use super::Frame;
use super::ahead::{Scout, Step};
use super::input::Order;
use super::pcapng::{BLOCK_MIN_LEN, is_block, is_known, options_are_sound};
use super::section::{Interface, kind};
use crate::base::limits::MAX_BLOCK;
use jiff::Timestamp;

/// Type, length, interface, time and two lengths, before the data of a packet.
const PACKET_HEAD_LEN: usize = 28;

/// What the walk knows of the section: whole blocks are read with it, and packets of
/// interfaces that are described.
pub(super) struct Known {
    pub(super) order: Order,
    pub(super) interfaces: Vec<Interface>,
    pub(super) base: u32,
}

impl Known {
    fn packet<'a>(&self, block: &'a [u8], at: usize, next: usize) -> Option<Step<'a>> {
        let order = self.order;
        let id = order.u32(block, 8)?;
        let interface = self.interfaces.get(id as usize)?;
        let time = interface.time(order.u32(block, 12)?, order.u32(block, 16)?)?;
        let caplen = order.u32(block, 20)? as usize;
        let body = block.get(PACKET_HEAD_LEN..block.len().checked_sub(4)?)?;
        let data = body.get(..caplen)?;
        let options = body.get(caplen.next_multiple_of(4)..).unwrap_or_default();
        if !options.is_empty() && !options_are_sound(options, order) {
            return None;
        }
        let (link, interface) = (interface.link, self.base.saturating_add(id));
        let frame = Frame { number: 0, time, link, interface, data, drop: None };
        Some(Step::Frame { frame, at: at + PACKET_HEAD_LEN, next })
    }
}

impl Scout for Known {
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        (0..bytes.len()).step_by(4).find(|at| {
            let rest = bytes.get(*at..).unwrap_or_default();
            let length = self.order.u32(rest, 4).unwrap_or_default() as usize;
            is_block(rest, self.order)
                && rest.get(length..).is_some_and(|behind| is_known(behind, self.order))
        })
    }

    #[inline]
    fn step<'a>(&self, bytes: &'a [u8], at: usize, _: Option<Timestamp>) -> Step<'a> {
        let rest = bytes.get(at..).unwrap_or_default();
        let (Some(kind), Some(length)) = (self.order.u32(rest, 0), self.order.u32(rest, 4)) else {
            return Step::Cut { need: BLOCK_MIN_LEN };
        };
        let length = length as usize;
        let scouted = !matches!(
            kind,
            kind::SECTION | kind::INTERFACE | kind::SIMPLE_PACKET | kind::PACKET | kind::SECRETS
        );
        if !scouted || length < BLOCK_MIN_LEN || !length.is_multiple_of(4) || length > MAX_BLOCK {
            return Step::Odd;
        }
        let Some(block) = rest.get(..length) else { return Step::Cut { need: length } };
        if self.order.u32(block, length - 4).is_none_or(|trailer| trailer as usize != length) {
            return Step::Odd;
        }
        if kind != kind::ENHANCED_PACKET {
            return Step::Other { next: at + length };
        }
        self.packet(block, at, at + length).unwrap_or(Step::Odd)
    }
}
