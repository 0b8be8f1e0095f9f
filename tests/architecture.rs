//! The house holds what `ARCHITECTURE.md` draws.

use crate::support::{files, root};
use std::fs;

/// Which rooms a room may use. `triage.rs` and `cli` may use all.
const MAY_USE: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &["base"]),
    ("observe", &["base", "wire"]),
    ("intake", &["base"]),
    ("knowledge", &["base", "observe"]),
    ("eventlog", &["base", "intake", "observe", "knowledge"]),
    ("capture", &["base", "wire", "intake", "observe"]),
    ("document", &["base", "intake", "observe", "knowledge"]),
    ("correlate", &["base", "observe"]),
    ("diagnose", &["base", "observe", "correlate", "knowledge"]),
    ("report", &["base", "wire", "observe", "correlate", "diagnose", "knowledge"]),
    ("batch", &["base", "knowledge", "report", "triage"]),
    ("collect", &["knowledge"]),
    ("sigma", &["knowledge"]),
    (
        "redact",
        &[
            "base",
            "wire",
            "observe",
            "intake",
            "knowledge",
            "eventlog",
            "capture",
            "correlate",
            "report",
            "triage",
        ],
    ),
];

/// Lines of a source file, tests included; a longer one needs a reason here.
const LONGEST_FILE: usize = 500;

#[test]
fn rooms_are_used_only_from_left_to_right() {
    let mut broken = Vec::new();
    for (room, allowed) in MAY_USE {
        for file in files(&root().join("src").join(room)) {
            if file.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            for other in MAY_USE.iter().map(|(other, _)| *other).chain(["triage", "cli"]) {
                let uses = text.contains(&format!("crate::{other}"));
                if other != *room && !allowed.contains(&other) && uses {
                    broken.push(format!("{} uses crate::{other}", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_room_is_in_the_table_and_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for folder in crate::support::folders(&root().join("src")) {
        let room = crate::support::name(&folder);
        let known = MAY_USE.iter().any(|(known, _)| *known == room) || room == "cli";
        assert!(known, "src/{room} is in no row of the table");
        assert!(map.contains(&format!("`{room}`")), "ARCHITECTURE.md does not know {room}");
    }
}

#[test]
fn files_stay_readable() {
    let sources = files(&root().join("src")).into_iter().chain(files(&root().join("examples")));
    for file in sources.filter(|file| file.extension().is_some_and(|e| e == "rs")) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", file.display());
    }
}
