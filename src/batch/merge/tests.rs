use super::*;
use crate::base::Gap;
use crate::knowledge::Knowledge;
use crate::report::{write_json, write_jsonl};
use crate::triage::{Config, analyse};
use proptest::prelude::*;

fn report(name: &str, unfinished: bool) -> Report {
    let knowledge = Knowledge::embedded().unwrap();
    let config =
        Config { paths: vec![name.into()], name: Some(name.to_owned()), ..Config::default() };
    let gap = Gap::file(&name.into(), "nothing");
    let mut report = analyse(&config, Vec::new(), vec![gap], &knowledge, &Default::default());
    report.case.unfinished = unfinished.then(|| "lost".to_owned());
    report
}

fn pretty(report: &Report) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_json(report, &mut bytes).unwrap();
    bytes
}

fn line(report: &Report) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_jsonl(report, &mut bytes).unwrap();
    bytes
}

fn told(bytes: &[u8]) -> Vec<(String, Option<String>)> {
    let told = of_stream(bytes, "x.jsonl", None);
    told.into_iter().map(|told| (told.line.name, told.line.unfinished)).collect()
}

#[test]
fn reports_stand_one_behind_the_other_in_either_form() {
    let [a, b] = [report("a", false), report("b", false)];
    for bytes in [[line(&a), line(&b)], [pretty(&a), pretty(&b)], [line(&a), pretty(&b)]] {
        let names = told(&bytes.concat());
        assert_eq!(names, [("a".to_owned(), None), ("b".to_owned(), None)]);
    }
    assert!(told(b"\n \n").is_empty());
}

#[test]
fn damage_ends_with_the_next_report_and_is_told_with_its_line() {
    let [a, b] = [report("a", false), report("b", false)];
    let cut = pretty(&a);
    let all = [line(&b), cut[..cut.len() / 2].to_vec(), b"\n".to_vec(), line(&b)].concat();
    let told = told(&all);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[1].0, "x.jsonl:2");
    assert!(told[1].1.as_deref().unwrap().contains("not a whole report"), "{told:?}");
}

#[test]
fn the_same_report_counts_once_and_others_of_one_name_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, lost) = (report("a", false), report("a", true));
    let put = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    put("1.json", pretty(&lost));
    put("2.json", pretty(&whole));
    put("3.json", line(&lost));
    let merged = merge(&[folder.path().into()]).unwrap();
    let names: Vec<&str> = merged.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!((names, merged.repeated), (vec!["a (1)", "a (2)"], 1));
    assert_eq!(merged.lines[1].unfinished, None);
    assert_eq!(merged.lines[1].report.as_deref(), Some("2.json"));
}

#[test]
fn a_file_of_something_else_is_one_case_however_many_lines_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.jsonl");
    fs::write(&file, "{\n{\n{}\n").unwrap();
    assert_eq!(merge(&[file]).unwrap().lines.len(), 1);
    let marked = [UTF8_MARK, &line(&report("a", false))].concat();
    assert_eq!(told(&marked), [("a".to_owned(), None)]);
}

#[test]
fn a_folder_is_in_the_order_of_its_cases_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("1.json", &pretty(&report("z", false)));
    put("2.json", &pretty(&report("b", false)));
    put("c.json", b"{\"verdict\": 1}");
    put("empty.json", b"");
    put(".rdp-triage-x.partial.json", b"{");
    put("page.html", b"<html>");
    put("timeline.jsonl", b"{}");
    let mut old = report("old", false);
    old.schema_version = 2;
    put("old.json", &pretty(&old));
    let merged = merge(&[folder.path().into()]).unwrap();
    let names: Vec<&str> = merged.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["b", "c.json", "empty.json", "old.json", "z"]);
    let why = merged.lines[3].unfinished.as_deref().unwrap();
    assert!(why.contains("schema version 2"), "{why}");
}

#[test]
fn what_is_not_there_is_an_error() {
    assert!(matches!(merge(&["/no/such".into()]), Err(Error::Missing(_))));
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(merge(&[folder.path().into()]), Err(Error::Empty(_))));
}

proptest! {
    #[test]
    fn whatever_is_in_a_file_is_told_or_is_blank(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let told = told(&bytes);
        let text = bytes.strip_prefix(UTF8_MARK).unwrap_or(&bytes);
        prop_assert_eq!(told.is_empty(), text.iter().all(u8::is_ascii_whitespace));
    }
}
