//! How to see the proof with one's own eyes: display filters and queries that can be copied.

use super::Page;
use super::diagnoses::IN_FULL;
use crate::base::for_terminal;
use crate::report::model::Report;
use crate::report::words::{chosen, conversation_filter, place};
use std::collections::BTreeSet;
use std::io;

/// Attempts whose packets are pointed to.
const MOST_ATTEMPTS: usize = 3;

/// Wireshark takes what follows the negotiation for TPKT.
const DECODE_AS: &str = "Where Wireshark shows \"TPKT Continuation\", choose Analyze, Decode As, and TLS \
    for the server's port (tshark: -d tcp.port==3389,tls).";

impl Page<'_> {
    /// A line for each frame and record that the causes told in full cite, and one for the
    /// packets of each of the first attempts.
    pub(super) fn proofs(&mut self, report: &Report) -> io::Result<()> {
        let mut proofs = cited(report);
        proofs.extend(attempts(report));
        if proofs.is_empty() {
            return Ok(());
        }
        self.heading("See for yourself (Wireshark display filters, queries for event logs)")?;
        for (what, proof) in proofs {
            self.paragraph("  ", "    ", &format!("{what}:"))?;
            // Not wrapped: it is there to be copied.
            writeln!(self.out, "      {}", for_terminal(&proof))?;
        }
        self.paragraph("  ", "  ", DECODE_AS)
    }
}

fn cited(report: &Report) -> Vec<(String, String)> {
    let full = report.diagnoses.iter().take(IN_FULL);
    let evidence = full.flat_map(|diagnosis| diagnosis.evidence.iter().chain(&diagnosis.against));
    let mut told = BTreeSet::new();
    evidence
        .filter(|evidence| !evidence.open_with.is_empty())
        .map(|evidence| {
            let command =
                evidence.show_with.as_ref().filter(|_| evidence.source.record_id.is_some());
            (place(&evidence.source), command.unwrap_or(&evidence.open_with).clone())
        })
        .filter(|(place, _)| told.insert(place.clone()))
        .collect()
}

fn attempts(report: &Report) -> Vec<(String, String)> {
    let (shown, _) = chosen(report, MOST_ATTEMPTS);
    let wires = shown.into_iter().filter_map(|attempt| Some((attempt.id, attempt.wire.as_ref()?)));
    wires
        .map(|(id, wire)| {
            let (file, first, last) = (&wire.file, wire.first_frame, wire.last_frame);
            let what = format!("attempt {id}, {file} frame {first} to {last}");
            (what, conversation_filter(wire))
        })
        .collect()
}
