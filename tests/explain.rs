//! `explain`: everything that is known is found, and nothing else is.

use crate::support::root;
use proptest::prelude::*;
use rdp_triage::knowledge::Knowledge;
use rdp_triage::knowledge::lookup::{Answer, Entry, Fit, LookupError, look_up};
use rdp_triage::report::Style;
use rdp_triage::report::explain::{
    Pages, contents, pages, write_contents, write_pages, write_pages_json, write_pages_markdown,
};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};
use std::sync::OnceLock;

fn knowledge() -> &'static Knowledge {
    static KNOWLEDGE: OnceLock<Knowledge> = OnceLock::new();
    KNOWLEDGE.get_or_init(|| Knowledge::embedded().unwrap())
}

fn terms(terms: &[&str]) -> Vec<String> {
    terms.iter().map(|term| (*term).to_owned()).collect()
}

#[track_caller]
fn ask(asked: &[&str]) -> Answer<'static> {
    look_up(knowledge(), &terms(asked)).unwrap_or_else(|error| panic!("{asked:?}: {error}"))
}

/// What to type for each entry of the answer.
#[track_caller]
fn found(asked: &[&str]) -> Vec<String> {
    ask(asked).entries.iter().map(|entry| entry.term()).collect()
}

#[track_caller]
fn finds(asked: &[&str], entry: Entry<'_>) {
    let answer = ask(asked);
    assert!(answer.entries.iter().any(|found| found.is(entry)), "{asked:?}: no {}", entry.term());
}

fn written(pages: &Pages, width: u16) -> String {
    let mut out = Vec::new();
    write_pages(pages, Style { width, color: false }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn no_event_is_unknown_by_any_name_of_its_provider() {
    for provider in knowledge().providers() {
        for event in &provider.events {
            let (id, slug) = (event.id, &provider.slug);
            let entry = Entry::Event(provider, event);
            finds(&[&id.to_string()], entry);
            finds(&[&format!("event.{slug}.{id}")], entry);
            let aliases = provider.also_known_as.iter().chain([&provider.provider, slug]);
            for name in aliases {
                finds(&[&format!("{name}/{id}")], entry);
                finds(&[&format!("{name} {id}")], entry);
                finds(&[&format!("{}/{id}", name.to_uppercase())], entry);
            }
            let words = format!("{} {id}", provider.provider);
            finds(&words.split(' ').collect::<Vec<_>>(), entry);
        }
    }
}

#[test]
fn no_provider_is_unknown_by_any_of_its_names() {
    for provider in knowledge().providers() {
        for name in provider.also_known_as.iter().chain([&provider.provider, &provider.slug]) {
            finds(&[name], Entry::Provider(provider));
        }
    }
    assert_eq!(found(&["LocalSessionManager"]), ["lsm"]);
    assert_eq!(found(&["Security/4625"]), ["security/4625"]);
    assert_eq!(found(&["RDPClient/1026"]), ["rdpclient/1026"]);
}

#[test]
fn no_code_is_unknown_by_value_or_symbol() {
    for table in knowledge().codes.values() {
        finds(&[&table.table], Entry::Table(table));
        for code in &table.codes {
            let entry = Entry::Code(table, code);
            if let Some(value) = code.value {
                finds(&[&value.to_string()], entry);
                finds(&[&format!("0x{value:X}")], entry);
                finds(&[&format!("0x{value:08x}")], entry);
            }
            for name in [&code.symbol, &code.key].into_iter().filter(|name| !name.is_empty()) {
                finds(&[name], entry);
                finds(&[&name.to_uppercase()], entry);
                finds(&[&name.to_lowercase()], entry);
            }
            finds(&[&entry.term()], entry);
        }
    }
}

#[test]
fn no_cause_and_no_fix_is_unknown() {
    for cause in knowledge().causes.values() {
        finds(&[&cause.id], Entry::Cause(cause));
        finds(&[&cause.title], Entry::Cause(cause));
    }
    for fix in knowledge().fixes.values() {
        finds(&[&fix.id], Entry::Fix(fix));
        finds(&[fix.id.trim_start_matches("fix-")], Entry::Fix(fix));
    }
}

#[test]
fn everything_that_the_list_names_is_found() {
    for line in contents(knowledge()).lines {
        assert!(!found(&[&line.term]).is_empty(), "{}", line.term);
    }
}

#[test]
fn a_number_is_read_however_it_is_written() {
    for number in ["0x80090331", "0X80090331", "2148074289", "-2146893007", "80090331"] {
        assert!(found(&[number]).contains(&"hresult 0x80090331".to_owned()), "{number}");
    }
    assert!(found(&["904"]).contains(&"mstsc_disconnect_reason 0x904".to_owned()));
}

#[test]
fn a_symbol_is_found_without_its_prefix_and_with_another_one() {
    let logon_failure = "logon_4625_status 0xC000006D".to_owned();
    assert!(found(&["LOGON_FAILURE"]).contains(&logon_failure));
    assert!(found(&["status logon failure"]).contains(&logon_failure));
    assert_eq!(found(&["SSL3_ALERT_HANDSHAKE_FAILURE"]), ["tls_alert 40"]);
    assert_eq!(found(&["AtClientWinsockFDCLOSE"]), ["mstsc_disconnect_reason 0x904"]);
}

#[test]
fn the_pair_of_the_dialog_is_one_question() {
    for asked in [&["0x904", "0x7"][..], &["0x904/0x7"], &["2308 7"], &["rdpclient", "2308", "7"]] {
        let answer = ask(asked);
        let pair = answer.pair.unwrap_or_else(|| panic!("{asked:?} is a pair"));
        assert_eq!((pair.reason, pair.extended), (0x904, 7));
        assert!(pair.causes.len() > 10 && pair.stages.len() > 3, "it names no cause alone");
        let best = pair.causes.iter().filter(|cause| cause.fit == Fit::Both);
        assert!(best.clone().any(|cause| cause.cause.id == "tls-no-shared-cipher"));
        // A cause that shows another extended reason does not fit.
        assert!(pair.causes.iter().all(|cause| cause.cause.id != "path-loss-latency"));
    }
    assert_eq!(found(&["0x904", "0x7"]).len(), 2, "errinfo and logon types are not meant");
    assert!(ask(&["4625", "7"]).pair.is_none(), "an event is no disconnect reason");
    let licence = ask(&["0x808", "0x105"]).pair.unwrap();
    assert_eq!(licence.causes[0].fit, Fit::Both, "each number is listed on its own");
}

#[test]
fn several_terms_narrow_each_other() {
    let answer = ask(&["4625", "0xC000006A"]);
    let entries: Vec<String> = answer.entries.iter().map(|entry| entry.term()).collect();
    assert_eq!(entries, ["security/4625", "logon_4625_status 0xC000006A"]);
    let together = answer.together.unwrap();
    assert!(together.in_one_row);
    let causes: Vec<&str> = together.causes.iter().map(|c| c.cause.id.as_str()).collect();
    assert_eq!(causes, ["logon-bad-password", "logon-no-such-user"]);
    let supports = |at: usize| together.causes[at].uses.iter().all(|used| used.supports);
    assert!(supports(0) && !supports(1), "a wrong password speaks against a missing user");
    assert_eq!(found(&["tls_alert", "40"]), ["tls_alert 40"]);
    assert_eq!(found(&["40", "tls_alert"]), ["tls_alert 40"], "in any order");
    let schannel = found(&["schannel", "40"]);
    assert_eq!(schannel, ["schannel/36887", "schannel/36888", "tls_alert 40"]);
    assert_eq!(found(&["security", "logon", "failed", "4625"]), ["security/4625"]);
}

#[test]
fn words_are_searched_and_the_best_comes_first() {
    let answer = ask(&["expired", "certificate"]);
    assert!(answer.searched);
    assert_eq!(answer.entries[0].term(), "cert-expired");
    assert_eq!(found(&["black", "hole"])[0], "path-mtu-blackhole");
}

#[test]
fn what_is_not_known_is_said_with_what_was_meant() {
    let unknown = |asked: &[&str]| match look_up(knowledge(), &terms(asked)) {
        Err(LookupError::Unknown(unknown)) => unknown,
        other => panic!("{asked:?}: {other:?}"),
    };
    assert_eq!(unknown(&["tls-no-shared-ciper"])[0].suggestions, ["tls-no-shared-cipher"]);
    assert_eq!(unknown(&["STATUS_LOGON_FALIURE"])[0].suggestions[0], "STATUS_LOGON_FAILURE");
    assert_eq!(unknown(&["Schannel/9999"])[0].suggestions, ["schannel"]);
    assert!(!unknown(&["shanel/36874"])[0].suggestions.is_empty());
    let two = unknown(&["0xDEADBEEF", "expired", "qqqqq"]);
    let names: Vec<&str> = two.iter().map(|unknown| unknown.term.as_str()).collect();
    assert_eq!(names, ["0xDEADBEEF", "qqqqq"], "all of them are named");
    assert_eq!(look_up(knowledge(), &terms(&[" ", ""])).unwrap_err(), LookupError::Empty);
    let long = "x".repeat(10_000);
    assert_eq!(look_up(knowledge(), &[long]).unwrap_err(), LookupError::TooMuch);
    let many = vec!["7".to_owned(); 1_000];
    assert_eq!(look_up(knowledge(), &many).unwrap_err(), LookupError::TooMuch);
}

/// Commands stay whole, to be copied.
fn commands() -> BTreeSet<String> {
    let knowledge = knowledge();
    let mut all = BTreeSet::new();
    for fix in knowledge.fixes.values() {
        all.extend(fix.commands.iter().chain(&fix.rollback).cloned());
    }
    for cause in knowledge.causes.values() {
        all.extend(cause.settle.iter().flat_map(|settle| settle.how.clone()));
    }
    all
}

#[test]
fn pages_fit_into_eighty_columns() {
    let commands = commands();
    let is_query = |line: &str| {
        ["wevtutil qe ", "Get-WinEvent ", "*[System["].iter().any(|start| line.starts_with(start))
    };
    let mut all: Vec<String> =
        contents(knowledge()).lines.into_iter().map(|line| line.term).collect();
    all.extend(["0x904 0x7", "7", "4625 0xC000006A", "certificate"].map(str::to_owned));
    for term in all {
        let pages = pages(knowledge(), &ask(&[&term]));
        for line in written(&pages, 80).lines().filter(|line| line.chars().count() > 80) {
            let text = line.trim_start();
            assert!(commands.contains(text) || is_query(text), "{term}: {line}");
        }
    }
    let mut list = Vec::new();
    write_contents(&contents(knowledge()), Style { width: 80, color: false }, &mut list).unwrap();
    let list = String::from_utf8(list).unwrap();
    assert!(list.lines().all(|line| line.chars().count() <= 80));
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(root().join("tests/snapshots/explain"));
    settings.set_omit_expression(true);
    settings
}

fn in_every_format(name: &str, pages: &Pages) {
    let (mut json, mut markdown) = (Vec::new(), Vec::new());
    write_pages_json(pages, &mut json).unwrap();
    write_pages_markdown(pages, &mut markdown).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    settings().bind(|| {
        insta::assert_snapshot!(format!("{name}-table"), written(pages, 80));
        insta::assert_snapshot!(format!("{name}-json"), text(json));
        insta::assert_snapshot!(format!("{name}-markdown"), text(markdown));
    });
}

#[test]
fn pages_are_as_they_were() {
    for (name, asked) in [
        ("pair", &["0x904", "0x7"][..]),
        ("cause", &["tls-no-shared-cipher"]),
        ("code", &["HYBRID_REQUIRED_BY_SERVER"]),
        ("fix", &["fix-cipher-add-suite"]),
    ] {
        in_every_format(name, &pages(knowledge(), &ask(asked)));
    }
}

const HOUSE_PROVIDER: &str = r#"
provider = "House-App"
also_known_as = ["HouseApp"]
slug = "house"
channel = "House/Operational"
side = "server"
[[event]]
id = 7
title = "door closed"
says = "The door was closed, and Why tells the reason."
does_not_prove = "It does not say by whom."
message = "The door was closed for {User}: {Why}."
alike = ["User"]
fields = ["User", "Why"]
positional = ["time"]
level = "Error"
priority = "A"
source = "the house"
[event.roles]
User = "user"
[event.codes]
Why = "house_reason"
"#;

const HOUSE_TABLE: &str = r#"
table = "house_reason"
title = "Why the door was closed"
[[code]]
value = 77001
symbol = "HOUSE_NIGHT"
meaning = "it is night"
"#;

const HOUSE_CAUSE: &str = r#"
id = "house-closed"
title = "The house is closed"
explanation = "Nobody gets in at night."
stage = "logon"
fault_domain = "server"
prior_db = -3.0
client_codes = ["0x904/0x7"]
[[support]]
fact = "event.house.7"
where = { Why = ["77001"] }
weight_db = 12.0
names_reason = true
says = "The house says that it is night"
"#;

#[test]
fn knowledge_of_a_rules_folder_is_explained_too() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("p.toml", HOUSE_PROVIDER), ("t.toml", HOUSE_TABLE), ("c.toml", HOUSE_CAUSE)]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let house = Knowledge::with_rules(folder.path()).unwrap();
    let answer = look_up(&house, &terms(&["houseapp/7"])).unwrap();
    in_every_format("event", &pages(&house, &answer));
    let answer = look_up(&house, &terms(&["house", "HOUSE_NIGHT"])).unwrap();
    assert_eq!(answer.together.unwrap().causes[0].cause.id, "house-closed");
    let pair = look_up(&house, &terms(&["0x904", "7"])).unwrap().pair.unwrap();
    assert!(pair.causes.iter().any(|cause| cause.cause.id == "house-closed"));
    let rules = folder.path().to_str().unwrap();
    let output = run(&["explain", "--rules", rules, "--format", "json", "77001"]);
    assert!(text(&output.stdout).contains("\"house/7\""), "{}", text(&output.stderr));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_term_panics(asked in prop::collection::vec("\\PC{0,24}|[0-9a-fx/ -]{1,12}|.{0,8}", 0..5)) {
        try_all(&asked)?;
    }

    #[test]
    fn no_damaged_name_panics(at in 0usize..2000, cut in 0usize..40, more in "\\PC{0,3}") {
        let names: Vec<String> = contents(knowledge()).lines.into_iter().map(|l| l.term).collect();
        let name = &names[at % names.len()];
        let cut: String = name.chars().take(cut).collect();
        try_all(&[format!("{cut}{more}"), name.clone()])?;
    }
}

/// Looks up and writes in every format; the answer is never empty.
fn try_all(asked: &[String]) -> Result<(), TestCaseError> {
    let answer = match look_up(knowledge(), asked) {
        Ok(answer) => answer,
        Err(error) => {
            prop_assert!(!error.to_string().is_empty());
            return Ok(());
        }
    };
    prop_assert!(!answer.entries.is_empty(), "{:?}", asked);
    let pages = pages(knowledge(), &answer);
    prop_assert!(!written(&pages, 0).is_empty());
    let mut out = Vec::new();
    write_pages_json(&pages, &mut out).unwrap();
    write_pages_markdown(&pages, &mut out).unwrap();
    Ok(())
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(arguments)
        .env("COLUMNS", "80")
        .env_remove("NO_COLOR")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_program_explains() {
    for (asked, words) in [
        (&["0x904", "0x7"][..], "disconnectReasonAtClientWinsockFDCLOSE"),
        (&["2308"], "disconnectReasonAtClientWinsockFDCLOSE"),
        (&["-2146893007"], "SEC_E_ALGORITHM_MISMATCH"),
        (&["Schannel/36874"], "wevtutil qe \"System\""),
        (&["tls-no-shared-cipher"], "Enable-TlsCipherSuite"),
        (&["handshake_failure"], "TLS alerts (tls_alert)"),
        (&["0xC000006D"], "STATUS_LOGON_FAILURE"),
        (&["HYBRID_REQUIRED_BY_SERVER"], "nego-nla-required"),
        (&["fix-cipher-add-suite"], "tls-no-shared-cipher"),
        (&["--list"], "Code tables"),
    ] {
        let output = run(&[&["explain"], asked].concat());
        assert_eq!(output.status.code(), Some(0), "{asked:?}: {}", text(&output.stderr));
        let said = text(&output.stdout);
        assert!(said.contains(words), "{asked:?}: {said}");
        assert!(output.stderr.is_empty() && !said.contains('\u{1b}'), "{asked:?}");
    }
    let colored = run(&["explain", "--color", "always", "36874"]);
    assert!(text(&colored.stdout).contains("\u{1b}[1m"));
}

#[test]
fn a_term_that_leads_nowhere_exits_with_2_and_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.md");
    fs::write(&page, "kept").unwrap();
    let path = page.to_str().unwrap();
    let output = run(&["explain", "handshake_failre", "-o", path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("did you mean handshake_failure?"));
    assert_eq!(fs::read_to_string(&page).unwrap(), "kept");
    assert_eq!(
        run(&["explain", "36874", "--format", "markdown", "-o", path]).status.code(),
        Some(0)
    );
    assert!(fs::read_to_string(&page).unwrap().starts_with("## schannel/36874"));
    for wrong in [&["explain"][..], &["explain", "--list", "36874"], &["explain", "\u{1b}[2J"]] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!text(&output.stderr).contains('\u{1b}'), "{wrong:?}");
    }
}

#[test]
fn json_is_an_array_of_entries_with_kinds() {
    let kinds = |arguments: &[&str]| -> Vec<String> {
        let output = run(&[&["explain", "--format", "json"], arguments].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let entries = json.as_array().unwrap().iter();
        entries.map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&["0x904", "0x7"]), ["pair", "code", "code"]);
    assert_eq!(kinds(&["4625", "0xC000006A"]), ["together", "event", "code"]);
    assert_eq!(kinds(&["schannel"]), ["provider"]);
    assert_eq!(kinds(&["tls_alert"]), ["table"]);
    let listed: BTreeSet<String> = kinds(&["--list"]).into_iter().collect();
    assert_eq!(listed.into_iter().collect::<Vec<_>>(), ["cause", "event", "fix", "table"]);
}
