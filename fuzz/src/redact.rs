//! Rewriting: whatever a file holds, its copy can be read.

use rdp_triage::base::Meter;
use rdp_triage::knowledge::Knowledge;
use rdp_triage::redact::{Job, KEY_LEN, Pseudonyms, Words, redact as redact_case};
use rdp_triage::triage::{Config, triage};
use std::fs;
use std::sync::{Arc, LazyLock};

static KNOWLEDGE: LazyLock<Knowledge> =
    LazyLock::new(|| Knowledge::embedded().expect("a test loads the embedded knowledge"));

/// A case of one file: whatever it holds, its copies are written and read.
pub fn redact(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&input).and_then(|()| fs::write(input.join("file"), bytes)).expect("written");
    let words = Words::embedded().expect("a test loads the lists");
    let pseudonyms = Pseudonyms::new(&[7; KEY_LEN], words);
    let config = Config { paths: vec![input], ..Config::default() };
    let meter = Arc::new(Meter::default());
    let job = Job {
        config: &config,
        knowledge: &KNOWLEDGE,
        meter: &meter,
        pseudonyms: &pseudonyms,
        output: &output,
        mapping: None,
    };
    redact_case(&job).expect("a folder that is there can be redacted");
    let copies = Config { paths: vec![output], ..Config::default() };
    triage(&copies, &KNOWLEDGE, &meter).expect("copies can be read");
}
