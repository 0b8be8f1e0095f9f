//! What is kept of one form in a text: the first findings. The others are counted.

use crate::observe::Observation;

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) observations: Vec<Observation>,
    /// Findings behind the first.
    pub(super) left_out: u64,
    most: usize,
}

impl Kept {
    pub(super) fn up_to(most: usize) -> Self {
        Self { observations: Vec::new(), left_out: 0, most }
    }

    pub(super) fn add(&mut self, found: Observation) {
        match self.observations.len() < self.most {
            true => self.observations.push(found),
            false => self.left_out += 1,
        }
    }
}
