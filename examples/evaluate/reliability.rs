//! Is a stated probability of 0.9 right nine times in ten?

use super::case::Case;
use rdp_triage::diagnose::Certainty;
use rdp_triage::report::Report;
use std::fmt;

/// Lower edges of the bins: nearly all that matters happens near 1.
const EDGES: [f64; 4] = [0.0, 0.5, 0.8, 0.95];

/// First diagnoses of cases in which something is wrong, and how often they were right.
#[derive(Debug, Default)]
pub(crate) struct Reliability {
    edges: Vec<f64>,
    said: Vec<(f64, Certainty, bool)>,
    /// Cases of which nothing was said.
    silent: usize,
}

impl Reliability {
    /// With this many bins of like width, or with those that suit a sure program.
    pub(crate) fn new(bins: Option<u32>) -> Self {
        let edges = bins.map_or_else(
            || EDGES.to_vec(),
            |bins| (0..bins).map(|bin| f64::from(bin) / f64::from(bins)).collect(),
        );
        Self { edges, ..Self::default() }
    }

    /// Takes a case in. Healthy ones have no first diagnosis that could be right.
    pub(crate) fn add(&mut self, case: &Case, report: &Report) {
        if case.label.healthy() {
            return;
        }
        match report.diagnoses.first() {
            Some(top) => {
                let right = case.label.accepts(&top.cause);
                self.said.push((top.probability, top.certainty, right));
            }
            None => self.silent += 1,
        }
    }

    fn line(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        of: impl Fn(f64, Certainty) -> bool,
    ) -> fmt::Result {
        let (mut count, mut stated, mut right) = (0_u32, 0.0, 0_u32);
        for &(probability, _, is_right) in self.said.iter().filter(|&&(p, c, _)| of(p, c)) {
            count += 1;
            stated += probability;
            right += u32::from(is_right);
        }
        if count == 0 {
            return writeln!(f, "{name:<14} {count:>5}");
        }
        let (n, right) = (f64::from(count), f64::from(right));
        writeln!(f, "{name:<14} {count:>5} {:>7.3} {:>7.3}", stated / n, right / n)
    }
}

impl fmt::Display for Reliability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14} {:>5} {:>7} {:>7}", "probability", "count", "stated", "right")?;
        for (number, &low) in self.edges.iter().enumerate() {
            let next = self.edges.get(number + 1).copied();
            let high = next.unwrap_or(f64::INFINITY);
            let name = format!("{low:.2} to {:.2}", next.unwrap_or(1.0));
            self.line(f, &name, |probability, _| (low..high).contains(&probability))?;
        }
        for word in [Certainty::Weak, Certainty::Moderate, Certainty::Strong, Certainty::Conclusive]
        {
            self.line(f, word.name(), |_, certainty| certainty == word)?;
        }
        write!(f, "nothing said   {:>5}", self.silent)
    }
}
