//! How the two attempts went.

use super::rows::{Placed, Rows, or_none};
use crate::report::wire_model::RungState;

pub(super) fn compare(rows: &mut Rows<'_>) {
    rows.section("Outcome");
    let unplaced = |value| Placed { value, source: None };
    rows.text("outcome", |side| {
        let outcome = side.attempt?.outcome;
        Some(Placed { value: super::told::outcome(outcome).to_owned(), source: None })
    });
    rows.text("stage reached", |side| {
        Some(unplaced(side.attempt?.stage_reached?.name().to_owned()))
    });
    rows.text("code of the client", |side| {
        let error = side.attempt?.client_error.as_ref();
        let shown = error.map(|error| {
            let extended = error.extended.as_ref().map(|code| format!("/{code}"));
            format!("{}{}", error.reason, extended.unwrap_or_default())
        });
        or_none(shown).map(unplaced)
    });
    rows.list("steps", true, |side| {
        let rungs = &side.wire()?.ladder;
        let taken = rungs.iter().filter(|r| matches!(r.state, RungState::Seen | RungState::Ended));
        // Which data was the last one says nothing.
        let taken = taken.filter(|rung| rung.step != "last_application_data");
        let taken: Vec<_> = taken.collect();
        let last = taken.last().and_then(|rung| rung.frame);
        let value: Vec<String> =
            taken.iter().map(|rung| format!("{} {}", rung.by, rung.title)).collect();
        let source = last.and_then(|frame| side.at_frame(frame));
        (!value.is_empty()).then_some(Placed { value, source })
    });
    rows.text("step that was due and never came", |side| {
        let rungs = &side.wire().filter(|wire| !wire.ladder.is_empty())?.ladder;
        let missing = rungs.iter().find(|rung| rung.state == RungState::Missing);
        or_none(missing.map(|rung| rung.title.clone())).map(unplaced)
    });
    rows.list("UDP side channels", false, |side| {
        let attempt = side.attempt.filter(|attempt| attempt.wire.is_some())?;
        let shown = attempt.udp.iter().map(|udp| format!("{} {}", udp.mode, udp.outcome));
        let source = attempt.udp.first().map(|udp| crate::report::SourceReport {
            file: udp.file.clone(),
            record_id: None,
            line: None,
            frame: Some(udp.frame),
        });
        Some(Placed { value: shown.collect(), source })
    });
}
