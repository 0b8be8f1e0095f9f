//! `explain --sigma`: every row that a single record can meet is in one rule, and the rules
//! find what the diagnosis cites.

use crate::support::{root, run, text};
use rdp_triage::knowledge::{Event, Knowledge, Rule};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Writes the rules and says what was said.
#[track_caller]
fn write(folder: &Path, more: &[&str]) -> String {
    let output = run(&[&["explain", "--sigma", folder.to_str().unwrap()], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
    text(&output.stderr)
}

/// The rules of a folder, by the name of their file.
fn rules(folder: &Path) -> BTreeMap<String, Value> {
    let files = crate::support::files(folder).into_iter();
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "yml"));
    let read = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    files.map(|path| (crate::support::name(&path), read(&path))).collect()
}

#[test]
fn every_rule_is_yaml_has_an_id_of_its_own_and_an_event_of_the_catalog() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let said = write(&first.path().join("new/folder"), &[]);
    let rules = rules(first.path());
    assert!(said.contains(&format!("{} Sigma rules written to ", rules.len())), "{said}");
    for kind in ["against a cause", "packets, texts", "which side a host", "packed, nested"] {
        assert!(
            said.lines().any(|line| line.contains("left out") && line.contains(kind)),
            "{said}"
        );
    }
    let knowledge = Knowledge::embedded().unwrap();
    let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
    for (name, rule) in &rules {
        assert!(ids.insert(rule["id"].as_str().unwrap()), "{name}");
        assert!(titles.insert(rule["title"].as_str().unwrap()), "{name}");
        let kind = rule["rdp_triage"]["event"].as_str().unwrap();
        let (provider, event) = knowledge.event_by_kind(kind).unwrap();
        let selection = &rule["detection"]["selection"];
        assert_eq!(selection["EventID"], event.id, "{name}");
        assert_eq!(selection["Channel"], provider.channel_of(event), "{name}");
        let term = rule["rdp_triage"]["explain"].as_str().unwrap();
        assert_eq!(run(&["explain", term]).status.code(), Some(0), "{name}");
    }
    // Again, over what is there: the same bytes, and nothing of others is touched.
    fs::write(second.path().join("own.yml"), "kept").unwrap();
    fs::write(second.path().join("schannel_36874.yml"), "replaced").unwrap();
    write(second.path(), &[]);
    for name in rules.keys() {
        let read = |folder: &Path| fs::read(folder.join(name)).unwrap();
        assert_eq!(read(&first.path().join("new/folder")), read(second.path()), "{name}");
    }
    assert_eq!(fs::read_to_string(second.path().join("own.yml")).unwrap(), "kept");
    assert_eq!(fs::read_dir(second.path()).unwrap().count(), rules.len() + 1);
}

/// Whether a single raw record of the event can meet the row.
fn can_be_met(event: &Event, row: &Rule) -> bool {
    let fields = row.conditions.keys().chain(row.unless.keys());
    let mut fields = fields.chain(row.min.keys()).chain(row.max.keys());
    !row.absent && fields.all(|field| event.fields.contains(field))
}

#[test]
fn every_row_that_a_record_can_meet_is_in_exactly_one_rule() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[]);
    let mut in_rules: Vec<(String, String, String, String)> = Vec::new();
    for rule in rules(folder.path()).values() {
        let own = &rule["rdp_triage"];
        let said = |row: &Value, key: &str| row[key].to_string();
        for row in own["causes"].as_array().unwrap() {
            let event = own["event"].to_string();
            in_rules.push((event, said(row, "id"), said(row, "says"), said(row, "weight_db")));
        }
    }
    let knowledge = Knowledge::embedded().unwrap();
    let mut expected = Vec::new();
    for cause in knowledge.causes.values() {
        for row in &cause.support {
            for kind in row.fact.iter() {
                if knowledge.event_by_kind(kind).is_some_and(|(_, e)| can_be_met(e, row)) {
                    let quoted = |text: &str| Value::from(text).to_string();
                    let weight = Value::from(row.weight_db).to_string();
                    expected.push((quoted(kind), quoted(&cause.id), quoted(&row.says), weight));
                }
            }
        }
    }
    in_rules.sort();
    expected.sort();
    assert_eq!(in_rules, expected);
}

#[test]
fn rules_are_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[]);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(root().join("tests/snapshots/sigma"));
    settings.set_omit_expression(true);
    settings.bind(|| {
        for name in ["schannel_36874", "schannel_36869_type_not_client_37b04d", "rcm_1057"] {
            let rule = fs::read_to_string(folder.path().join(format!("{name}.yml"))).unwrap();
            insta::assert_snapshot!(name, rule);
        }
    });
}

#[test]
fn the_rules_of_a_folder_are_exported_too() {
    let (own, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let cause = root().join("src/knowledge/data/causes/tls-no-shared-cipher.toml");
    let cause = fs::read_to_string(cause).unwrap();
    let cause = cause.replace("id = \"tls-no-shared-cipher\"", "id = \"house-cipher\"");
    fs::write(own.path().join("cause.toml"), cause).unwrap();
    write(folder.path(), &["--rules", own.path().to_str().unwrap()]);
    let rule = &rules(folder.path())["schannel_36874.yml"];
    let causes: Vec<&Value> =
        rule["rdp_triage"]["causes"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
    assert_eq!(causes, ["house-cipher", "tls-no-shared-cipher"]);
    assert_eq!(rule["id"], "64a55606-52e0-5905-8582-b16395556f10", "the signature is the same");
}

#[test]
fn what_cannot_be_asked_for_together_or_written_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    for wrong in [
        &["explain", "--sigma", path, "36874"][..],
        &["explain", "--sigma", path, "--list"],
        &["explain", "--sigma", path, "--format", "json"],
        &["explain", "--sigma", file.to_str().unwrap()],
        &["explain", "--sigma"],
    ] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
}

/// pySigma is another reading of the specification, and SQLite another matcher:
/// `RDP_TRIAGE_PYTHON` names an interpreter that has what `requirements.txt` lists.
#[test]
fn pysigma_takes_the_rules_and_they_find_what_reports_cite() {
    let python = std::env::var("RDP_TRIAGE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let imports = "import tomllib, sigma.collection, sigma.backends.sqlite, evtx";
    let probe = Command::new(&python).args(["-c", imports]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        let wanted = "integrations/sigma/requirements.txt";
        eprintln!("SKIPPED: pySigma is not installed ({python} lacks something of {wanted})");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[]);
    let output = Command::new(&python)
        .arg(root().join("integrations/sigma/check.py"))
        .arg(folder.path())
        .arg("--samples")
        .arg(root().join("samples"))
        .arg("--knowledge")
        .arg(root().join("src/knowledge/data"))
        .args(["--program", env!("CARGO_BIN_EXE_rdp-triage")])
        .output()
        .unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.ends_with("all checks hold\n"), "{said}");
}
