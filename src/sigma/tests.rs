use super::*;
use crate::knowledge::Knowledge;
use std::fs;

const PROVIDER: &str = r#"
provider = "House-App"
also_known_as = ["HouseApp"]
slug = "../House"
channel = "House/Operational"
side = "server"
[[event]]
id = 7
title = "door closed"
says = "The door was closed."
does_not_prove = "It doesn't say by whom."
message = "The door was closed[ for {User|Guest}]: {Why}."
fields = ["User", "Guest", "Why", "Result", "EventID", "Binary"]
positional = ["time"]
priority = "A"
[event.roles]
User = "user"
Binary = "ntstatus"
[[event]]
id = 8
channel = "House/Admin"
title = "door opened"
says = "The door was opened."
priority = "B"
"#;

fn cause(id: &str, rows: &str) -> String {
    format!(
        "id = \"{id}\"\ntitle = \"The house: {id}\"\nexplanation = \"x\"\nstage = \"logon\"\n\
         fault_domain = \"server\"\nprior_db = 0.0\n{rows}"
    )
}

fn row(event: u16, weight: &str, more: &str) -> String {
    format!(
        "[[support]]\nfact = \"event.../House.{event}\"\nweight_db = {weight}\nsays = \"said\"\n{more}\n"
    )
}

/// What is exported beside the built-in rules: of the house alone.
fn house(causes: &[(&str, String)]) -> (Vec<RuleFile>, Export) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("provider.toml"), PROVIDER).unwrap();
    for (id, rows) in causes {
        fs::write(folder.path().join(format!("{id}.toml")), cause(id, rows)).unwrap();
    }
    let export = export(&Knowledge::with_rules(folder.path()).unwrap()).unwrap();
    let own = |rule: &&RuleFile| rule.text.contains("House-App");
    (export.rules.iter().filter(own).cloned().collect(), export)
}

fn parsed(rule: &RuleFile) -> serde_json::Value {
    serde_saphyr::from_str(&rule.text).unwrap_or_else(|error| panic!("{error}\n{}", rule.text))
}

#[test]
fn rows_of_one_signature_are_one_rule_that_names_every_cause() {
    let (rules, _) = house(&[
        ("one", row(7, "12.0", "where = { Why = \"0x2A\" }")),
        ("two", row(7, "3.0", "where = { Why = [\"42\"] }\nscope = \"host\"\nwithin_s = 60")),
        ("three", row(7, "3.0", "")),
    ]);
    assert_eq!(rules.len(), 2);
    let bare = rules.iter().find(|rule| rule.name == "house_7.yml").unwrap();
    assert_eq!(parsed(bare)["level"], "informational");
    let rule = parsed(rules.iter().find(|rule| rule.name != "house_7.yml").unwrap());
    assert_eq!(rule["title"], "House-App 7: door closed (Why 42)");
    assert_eq!(rule["level"], "low");
    assert_eq!(rule["logsource"], serde_json::json!({ "product": "windows" }));
    let selection = serde_json::json!({
        "Channel": "House/Operational", "Provider_Name": ["House-App", "HouseApp"],
        "EventID": 7, "Why": [42, "0x2a"],
    });
    assert_eq!(rule["detection"]["selection"], selection);
    let causes: Vec<_> = rule["rdp_triage"]["causes"].as_array().unwrap().iter().collect();
    assert_eq!((&causes[0]["id"], &causes[1]["id"]), (&"one".into(), &"two".into()));
    assert_eq!(causes[1]["within_s"], 60);
    assert_eq!(rule["fields"], serde_json::json!(["User", "Guest", "Why", "Binary"]));
    assert_eq!(rule["falsepositives"], serde_json::json!(["It doesn't say by whom."]));
}

#[test]
fn exceptions_and_limits_are_conditions_of_the_rule() {
    let more = "names_reason = true\nunless = { User = \"a*b\", Why = \"x\" }\n\
                min = { Result = 2.0 }\nmax = { Result = 2.5 }";
    let (rules, _) = house(&[("one", row(7, "1.0", more))]);
    let rule = parsed(&rules[0]);
    let detection = &rule["detection"];
    assert_eq!(detection["selection"]["Result|gte"], 2);
    assert_eq!(detection["selection"]["Result|lte"], 2.5);
    assert_eq!(detection["filter_1"], serde_json::json!({ "User": "a\\*b" }));
    assert_eq!(detection["filter_2"], serde_json::json!({ "Why": "x" }));
    assert_eq!(detection["condition"], "selection and not 1 of filter_*");
    assert_eq!(rule["level"], "medium");
}

#[test]
fn an_event_of_another_log_than_its_providers_is_looked_for_there() {
    let (rules, _) = house(&[("one", row(8, "1.0", ""))]);
    assert_eq!(parsed(&rules[0])["detection"]["selection"]["Channel"], "House/Admin");
}

#[test]
fn a_row_that_a_rule_could_not_say_is_left_out_and_counted() {
    let before = export(&Knowledge::embedded().unwrap()).unwrap().left_out;
    for (more, why) in [
        ("where = { side = \"server\" }", LeftOut::OnlyInCase),
        ("unless = { time = \"1\" }", LeftOut::NotByName),
        ("min = { status = 1.0 }", LeftOut::NotByName),
        ("where = { \"Result.value\" = \"1\" }", LeftOut::NotByName),
        ("where = { EventID = \"7\" }", LeftOut::NotByName),
        ("absent = true\ncoverage = \"House/Operational\"", LeftOut::Absent),
    ] {
        let (rules, export) = house(&[("one", row(7, "1.0", more))]);
        assert!(rules.is_empty(), "{more}");
        let counted = |left: &BTreeMap<LeftOut, usize>| left.get(&why).copied().unwrap_or(0);
        assert_eq!(counted(&export.left_out), counted(&before) + 1, "{more}");
    }
    let both = row(7, "1.0", "").replace("= \"event", "= [\"wire.tls.alert\", \"event");
    let both = both.replace(".7\"", ".7\"]");
    let (rules, export) = house(&[("one", both)]);
    assert_eq!(rules.len(), 1, "the part of the row that is a record is a rule");
    let no_record = |left: &BTreeMap<LeftOut, usize>| left[&LeftOut::NoRecord];
    assert_eq!(no_record(&export.left_out), no_record(&before) + 1);
}

/// Rules are known by their ids where they were imported: these must never change.
#[test]
fn the_ids_of_signatures_stay() {
    let rules = export(&Knowledge::embedded().unwrap()).unwrap().rules;
    for (name, id) in [
        ("schannel_36874.yml", "64a55606-52e0-5905-8582-b16395556f10"),
        ("schannel_36888_alertdesc_40_f597a3.yml", "f597a371-83c0-56bc-96c2-d8a7a21fde83"),
    ] {
        let rule = rules.iter().find(|rule| rule.name == name).unwrap();
        assert_eq!(parsed(rule)["id"], id);
    }
}

#[test]
fn names_of_files_are_plain_and_all_different() {
    let rules = export(&Knowledge::embedded().unwrap()).unwrap().rules;
    let names: BTreeSet<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names.len(), rules.len());
    for name in names {
        let stem = name.strip_suffix(".yml").unwrap();
        let plain = |sign: char| matches!(sign, 'a'..='z' | '0'..='9' | '_');
        assert!(stem.chars().all(plain) && name.len() <= 70, "{name}");
    }
}

#[test]
fn any_text_comes_back_from_yaml_as_it_was() {
    for text in [
        "plain",
        "it's",
        "a: b # c",
        "- x",
        "",
        " ",
        "yes",
        "1",
        "line\nline",
        "tab\there",
        "\u{7f}\u{85}\u{2028}\u{feff}",
        "\"\\\u{1b}",
        "\u{e4}\u{1f600}",
    ] {
        let value = yaml::Yaml::Text(text.to_owned());
        let lines = yaml::Yaml::Lines(text.split('\n').map(str::to_owned).collect());
        let list = yaml::Yaml::List(vec![value.clone()]);
        let document = yaml::document(&vec![
            ("a".to_owned(), value),
            ("yes".to_owned(), lines),
            (text.to_owned() + "#", list),
        ]);
        let read: serde_json::Value =
            serde_saphyr::from_str(&document).unwrap_or_else(|error| panic!("{error}\n{document}"));
        assert_eq!(read["a"], text, "{document}");
        assert_eq!(read["yes"], text, "{document}");
        assert_eq!(read[text.to_owned() + "#"][0], text, "{document}");
    }
}
