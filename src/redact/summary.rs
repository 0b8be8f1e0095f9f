//! What was written, what was left out, and what a copy still tells.

use crate::report::ToolReport;
use serde::Serialize;

/// `redaction.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Redaction {
    pub tool: ToolReport,
    pub files: Vec<CopyOf>,
    /// Evidence that was not copied: what kind of file, and why. Names are not told.
    pub not_copied: Vec<String>,
    /// How many names are still in a copy; see `docs/redact.md`.
    pub names_left: u64,
    /// Those names, each with a copy that holds it; never written.
    #[serde(skip)]
    pub left: Vec<(String, String)>,
    /// What this redaction could not do, in sentences.
    pub notes: Vec<String>,
    /// What the copies still tell, in sentences.
    pub still_tells: Vec<String>,
}

/// One copy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CopyOf {
    pub file: String,
    /// `capture`, `log` or `text`.
    pub kind: &'static str,
    /// Frames or records; of a text nothing.
    pub items: u64,
    /// Records of which only number, time, host and channel were written.
    pub bare: u64,
    /// Values or lines that were left out.
    pub dropped: u64,
}

/// What pseudonyms do not hide.
pub(super) const STILL_TELLS: [&str; 8] = [
    "times of all records and frames, and how they follow each other",
    "sizes of packets, ports, TTLs, TCP options with their clocks, and fingerprints of TLS clients (JA3, JA4)",
    "versions of Windows and of this program, event numbers, status codes, process names and paths below folders that everybody has",
    "which addresses share a network, which names share a domain, and the length of names with the places of their digits and hyphens",
    "the last number of SIDs (which account of its domain), activity and correlation ids",
    "validity times, algorithms and key sizes of certificates",
    "ciphertext of TLS: whoever has the keys can read it",
    "words of attached texts that nothing else in the case names",
];
