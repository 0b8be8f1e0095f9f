//! Exported events: every form says what the .evtx file says.

mod writers;

use crate::support::{analyse, files, name, root, shared};
use rdp_triage::eventlog;
use rdp_triage::intake::{EvidenceFile, take_in};
use rdp_triage::knowledge::Knowledge;
use rdp_triage::observe::{Observation, Place};
use rdp_triage::report::Report;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is compared of an observation: numbers, texts and GUIDs in one spelling, and
/// without empty values, which XML cannot tell from absent ones.
fn shown(o: &Observation) -> String {
    let fields: BTreeMap<&str, String> = o
        .fields
        .iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| (&**name, value.trim().to_lowercase().replace("\r\n", "\n")))
        .collect();
    format!(
        "{} {:?} {} {:?} {:?} {fields:?}",
        o.kind, o.source.place, o.time.0, o.vantage, o.subject
    )
}

fn all(observations: &[Observation]) -> BTreeSet<String> {
    let whole = |o: &&Observation| o.field("System.Recovered").is_none();
    observations.iter().filter(whole).map(shown).collect()
}

/// A tool that makes exports, when it is there.
fn evtx_dump(file: &Path, form: &str) -> Option<Vec<u8>> {
    let output = Command::new("evtx_dump").args(["-t", "1", "-o", form]).arg(file).output();
    match output {
        Ok(output) => Some(output.stdout),
        Err(error) => {
            eprintln!("SKIPPED: evtx_dump: {error}");
            None
        }
    }
}

/// Records that both readers have, or that only one has: of a damaged log the export
/// lacks some, of a flood the log's reader keeps fewer.
fn compare(log: &[Observation], export: &[Observation], exported: &str, catalog: &Knowledge) {
    let (own, theirs) = (all(log), all(export));
    let number = |o: &Observation| match o.source.place {
        Place::Record(number) => number,
        place => panic!("{place:?}"),
    };
    for one in log.iter().filter(|o| own.contains(&shown(o)) && !theirs.contains(&shown(o))) {
        let number = number(one);
        let there = [
            format!("<EventRecordID>{number}<"),
            format!("\"EventRecordID\":\"{number}\""),
            format!("\"EventRecordID\": \"{number}\""),
        ];
        let other = export.iter().find(|o| o.source == one.source || o.time == one.time);
        assert!(
            !there.iter().any(|text| exported.contains(text)),
            "differs:\n{}\n{:?}",
            shown(one),
            other.map(shown)
        );
    }
    for more in export.iter().filter(|o| !own.contains(&shown(o))) {
        let flood = catalog.event_by_kind(&more.kind).is_some_and(|(_, e)| !e.alike.is_empty());
        assert!(flood, "only exported: {}", shown(more));
    }
}

#[test]
fn every_record_of_the_corpus_says_the_same_in_xml_and_json() {
    let Some(corpus) = shared("corpus/evtx") else { return };
    let knowledge = Knowledge::embedded().unwrap();
    let mut compared = 0;
    for path in files(&corpus).iter().filter(|path| path.extension().is_some_and(|e| e == "evtx")) {
        let taken = take_in(std::slice::from_ref(path)).unwrap();
        let log = eventlog::read(taken.files.first().unwrap(), &knowledge);
        for form in ["xml", "jsonl", "json"] {
            let Some(bytes) = evtx_dump(path, form) else { return };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let export = eventlog::read(&EvidenceFile::from_bytes("export", bytes), &knowledge);
            // A chunk of zeros gives events that are empty.
            for gap in &export.gaps {
                let empty = ["no provider, event id or time", "no event of a known form"];
                let known = empty.iter().any(|why| gap.message.contains(why));
                assert!(known, "{} as {form}: {gap}", name(path));
            }
            compare(&log.observations, &export.observations, &text, &knowledge);
            compared += export.observations.len();
        }
    }
    assert!(compared > 1_000, "only {compared} records");
}

/// A form, the coverage kind of it, and who writes it.
type Form = (&'static str, &'static str, fn(&[Value], &Knowledge) -> Vec<u8>);

const FORMS: [Form; 7] = [
    ("a.xml", "event_xml", |records, _| writers::xml(records).into_bytes()),
    ("b.xml", "event_xml", |records, _| writers::utf16(&writers::xml(records))),
    ("c.xml", "event_clixml", |records, catalog| {
        writers::utf16(&writers::clixml(records, catalog))
    }),
    ("d.csv", "event_csv", |records, _| writers::evtxecmd(records).into_bytes()),
    ("e.jsonl", "event_json", |records, _| writers::json_lines(records).into_bytes()),
    ("f.json", "event_json", |records, _| writers::velociraptor(records).into_bytes()),
    ("g.csv", "event_text", |records, _| writers::viewer(records).into_bytes()),
];

/// The sample with its logs in another form.
fn converted(sample: &str, (form, _, write): Form, catalog: &Knowledge) -> Report {
    let folder = tempfile::tempdir().unwrap();
    for (number, path) in files(&root().join("samples").join(sample)).iter().enumerate() {
        let (name, bytes) = if path.extension().is_some_and(|e| e == "evtx") {
            (format!("{number}-{form}"), write(&writers::records(path), catalog))
        } else {
            (format!("{number}-{}", name(path)), fs::read(path).unwrap())
        };
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    analyse(folder.path())
}

#[test]
fn samples_in_every_form_have_the_same_answer() {
    let catalog = Knowledge::embedded().unwrap();
    for sample in ["logon-bad-password", "cert-private-key-unreadable", "authz-not-in-rdp-users"] {
        let logs = analyse(&root().join("samples").join(sample));
        for form in FORMS.into_iter().filter(|(_, kind, _)| *kind != "event_text") {
            let report = converted(sample, form, &catalog);
            // EvtxECmd's table has no activity ids: what they tie together is less certain.
            let tied = form.1 != "event_csv";
            let first = |report: &Report| {
                let first = report.diagnoses.first();
                first.map(|d| (d.cause.clone(), tied.then_some(d.certainty)))
            };
            assert_eq!(first(&report), first(&logs), "{sample} as {}", form.0);
            assert!(report.problems.is_empty(), "{sample} {}: {:?}", form.0, report.problems);
            let items = |report: &Report| {
                let logs = report.coverage.iter().filter(|c| c.channel.is_some());
                logs.map(|c| (c.channel.clone(), c.items)).collect::<BTreeSet<_>>()
            };
            assert_eq!(items(&report), items(&logs), "{sample} as {}", form.0);
            assert!(report.coverage.iter().any(|c| c.kind == form.1), "{:?}", report.coverage);
        }
    }
}

#[test]
fn localised_text_is_cited_by_line_and_proves_no_absence() {
    let catalog = Knowledge::embedded().unwrap();
    let report = converted("cert-private-key-unreadable", FORMS[6], &catalog);
    let text: Vec<_> = report.coverage.iter().filter(|c| c.kind == "event_text").collect();
    assert!(!text.is_empty() && text.iter().all(|c| c.items > 0 && !c.holes.is_empty()));
    let told = report.problems.iter().filter(|p| p.message.contains("wevtutil epl")).count();
    assert_eq!(told, 2, "{:?}", report.problems);
    let file = EvidenceFile::from_bytes(
        "export",
        writers::viewer(&writers::records(
            &root().join("samples/cert-private-key-unreadable/server/System.evtx"),
        ))
        .into_bytes(),
    );
    let facts = eventlog::read(&file, &catalog);
    let weak = |o: &Observation| {
        matches!(o.source.place, Place::Line(2..)) && o.field("System.Weak").is_some()
    };
    assert!(!facts.observations.is_empty() && facts.observations.iter().all(weak));
    let json = serde_json::to_value(&report).unwrap().to_string();
    assert!(!json.contains("\"record_id\":0"), "{json}");
}

fn read(text: &str) -> eventlog::LogFacts {
    eventlog::read(
        &EvidenceFile::from_bytes("export", text.as_bytes().to_vec()),
        &Knowledge::embedded().unwrap(),
    )
}

#[test]
fn text_whose_days_and_months_cannot_be_told_apart_is_left_out() {
    let head = "Level,Date and Time,Source,Event ID,Task Category\n";
    let row = |day: u8| format!("Error,6/{day}/2025 8:15:01 AM,Schannel,36870,None,\"x\"\n");
    let facts = read(&format!("{head}{}{}", row(3), row(4)));
    assert!(facts.observations.is_empty());
    assert!(facts.gaps.iter().any(|gap| gap.message.contains("day or month")), "{:?}", facts.gaps);
    let facts = read(&format!("{head}{}{}", row(3), row(23)));
    assert_eq!(facts.observations.len(), 2);
    assert_eq!(facts.observations[0].time.0.to_string(), "2025-06-03T08:15:01Z");
    assert_eq!(facts.observations[1].source.place, Place::Line(3));
}

#[test]
fn damage_in_xml_costs_one_record_and_is_told() {
    let event = |number: u8| {
        format!(
            "<Event><System><Provider Name='Schannel'/><EventID>36870</EventID><TimeCreated SystemTime='2025-06-03T08:15:01Z'/><EventRecordID>{number}</EventRecordID><Channel>System</Channel><Computer>H</Computer></System></Event>\n"
        )
    };
    let text =
        format!("<Events>{}{}{}</Events>", event(1), event(2).replace("</System>", ""), event(3));
    let facts = read(&text);
    let places: Vec<Place> = facts.observations.iter().map(|o| o.source.place).collect();
    assert_eq!(places, [Place::Record(1), Place::Record(3)]);
    assert_eq!((facts.gaps.len(), facts.coverage[0].unreadable), (1, 1));
    assert_eq!(facts.coverage[0].items, 2);
}

#[test]
fn a_table_of_rule_hits_is_read_and_partial() {
    let facts = read(
        "\"Timestamp\",\"RuleTitle\",\"Level\",\"Computer\",\"Channel\",\"EventID\",\"RecordID\",\"Details\",\"ExtraFieldInfo\"\n\
         \"2025-06-03 08:15:01.285 +00:00\",\"Logon Failure\",\"info\",\"H\",\"Sec\",\"4625\",\"77\",\"Type: 10 ¦ TgtUser: alice ¦ SrcIP: 10.0.0.5\",\"Status: 0xc000006d\"\n\
         \"2025-06-03 08:15:01.285 +00:00\",\"Other\",\"info\",\"H\",\"Sec\",\"4625\",\"77\",\"-\",\"-\"\n",
    );
    assert_eq!(facts.observations.len(), 1);
    let seen = &facts.observations[0];
    assert_eq!(seen.field("TargetUserName"), Some("alice"));
    assert_eq!(seen.field("Status"), Some("0xc000006d"));
    assert_eq!(seen.source.place, Place::Record(77));
    assert_eq!(facts.coverage[0].holes.len(), 1);
}

#[test]
fn objects_without_values_are_told() {
    let facts = read(
        "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><Obj RefId=\"0\"><Props><I32 N=\"Id\">36870</I32><S N=\"ProviderName\">Schannel</S><DT N=\"TimeCreated\">2025-06-03T10:15:01.5+02:00</DT><Obj N=\"Properties\" RefId=\"1\"><LST><S>System.Diagnostics.Eventing.Reader.EventProperty</S></LST></Obj></Props></Obj></Objs>",
    );
    assert_eq!(facts.observations[0].time.0.to_string(), "2025-06-03T08:15:01.5Z");
    assert_eq!(facts.observations[0].source.place, Place::Line(1));
    assert!(facts.gaps[0].message.contains("-Depth 3"), "{:?}", facts.gaps);
}

#[test]
fn prefixes_and_repeated_elements_are_understood() {
    let ns = "xmlns:e='http://schemas.microsoft.com/win/2004/08/events/event'";
    let facts = read(&format!(
        "<e:Events {ns}><e:Event><e:System><e:Provider e:Name='Schannel'/><e:EventID>36870</e:EventID><e:TimeCreated SystemTime='2025-06-03T08:15:01Z'/><e:EventRecordID>5</e:EventRecordID></e:System><e:EventData><e:Data Name='Type'>a</e:Data><e:Data Name='Type'>b</e:Data><e:Data>c</e:Data></e:EventData></e:Event></e:Events>"
    ));
    assert!(facts.gaps.is_empty(), "{:?}", facts.gaps);
    let seen = &facts.observations[0];
    let values = ["Type", "Type_1", "Data[0]"].map(|name| seen.field(name).unwrap_or_default());
    assert_eq!(values, ["a", "b", "c"]);
}

/// How the forms begin.
const HEADS: [&str; 6] = [
    "<Events><Event><System>",
    "<Objs><Obj RefId=\"0\"><Props><I32 N=\"Id\">1</I32>",
    "{\"Event\": {\"System\": ",
    "RecordNumber,EventRecordId,TimeCreated,EventId,Provider,Channel,Computer,Payload\n",
    "Timestamp,RuleTitle,Computer,Channel,EventID,RecordID,Details\n",
    "a,b,c,d,e\nError,6/3/2025 8:15:01 AM,Schannel,36870,None,\"x\"\n",
];

proptest::proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(
        head in proptest::sample::select(&HEADS[..]),
        text in "(<Event|</Event>|</?Obj>|</?System>|<Data Name='x'>|</Data>|<!\\[CDATA\\[|&#x0;|&lt;|_xD800_|[\\[\\]{}<>=,;:/\"'\\\\ \n\ta1]|.){0,80}",
    ) {
        let _ = read(&format!("{head}{text}"));
    }
}
