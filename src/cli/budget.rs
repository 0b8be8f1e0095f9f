//! How much of archives is opened: the flags, and what they mean.

use crate::base::Allowance;
use crate::intake::Budget;
use anyhow::{Result, anyhow};
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct BudgetArgs {
    /// Layers of archives in each other that are opened
    #[arg(long, value_name = "N", default_value_t = Budget::default().depth)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=16))]
    max_depth: u32,
    /// How many times its size something packed may become, from 32 MiB on
    #[arg(long, value_name = "N", default_value_t = Budget::default().ratio)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    max_ratio: u64,
    /// Entries of all archives of a case
    #[arg(long, value_name = "N", default_value_t = Budget::default().entries)]
    max_entries: u64,
    /// Bytes that all archives of a case may unpack to (512MiB, 16GiB)
    #[arg(long, value_name = "SIZE", default_value = "16GiB", value_parser = parse_size)]
    max_unpacked: u64,
    /// Seconds that a case may take (batch: 120); what was read until then is analysed
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    max_time: Option<Duration>,
    /// Memory for what is kept of a case (batch: 256MiB); what does not fit is only counted
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_memory: Option<u64>,
}

impl BudgetArgs {
    pub(super) fn budget(&self) -> Budget {
        Budget {
            depth: self.max_depth,
            ratio: self.max_ratio,
            entries: self.max_entries,
            unpacked: self.max_unpacked,
        }
    }

    /// What a case may take: what was asked for, else what is usual.
    pub(super) fn allowance(&self, usual: Allowance) -> Allowance {
        Allowance { time: self.max_time.or(usual.time), memory: self.max_memory.or(usual.memory) }
    }
}

fn parse_seconds(text: &str) -> Result<Duration> {
    let seconds: f64 = text.parse().map_err(|_| anyhow!("not a number of seconds"))?;
    // A year is longer than anybody waits, and no overflow.
    match (0.000_001..=31_536_000.0).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(anyhow!("not a number of seconds above 0")),
    }
}

/// A number of bytes, with or without a unit of 1024.
fn parse_size(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text.get(digits.len()..).unwrap_or_default().trim_start() {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        "T" | "TiB" => 40,
        _ => return Err(anyhow!("not a number of bytes; write for example 512MiB")),
    };
    let number: u64 = digits.parse()?;
    number.checked_mul(1 << shift).ok_or_else(|| anyhow!("too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("16GiB").unwrap(), Budget::default().unpacked);
        assert_eq!(parse_size("512 M").unwrap(), 512 << 20);
        assert_eq!(parse_size("7").unwrap(), 7);
        for wrong in ["", "GiB", "1.5G", "-1", "1 MB", "99999999999T"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
