//! The artifact for Velociraptor, as far as it can be held to anything without Velociraptor:
//! its documented form, the real program's arguments, and the real report.

use crate::support::{root, run, text};
use rdp_triage::knowledge::Knowledge;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// Fields that Velociraptor documents for artifacts.
const FIELDS: &str = "name aliases type description author reference parameters sources \
    column_types precondition export imports resources tools impersonate implied_permissions \
    required_permissions";

/// Types that Velociraptor documents for parameters.
const TYPES: &str = "string int integer int64 float bool timestamp choices multichoice \
    server_metadata regex regex_array yara json json_array csv hidden redacted upload upload_file \
    artifactset";

/// Formats that Velociraptor documents for columns.
const COLUMN_TYPES: &str = "string number mb timestamp nobreak tree url url_internal safe_url flow \
    preview_upload download client hex base64 collapsed";

/// Words of VQL, and its plugins and functions, that the queries use.
const VQL: &str = "LET SELECT FROM WHERE AS AND OR NOT NULL TRUE FALSE chain execve expand foreach glob \
    if info len log parse_json read_file scope str tempfile upload Artifact Generic Utils FetchBinary";

/// Columns that Velociraptor's plugins give rows: `foreach`, `glob`, `execve` and `FetchBinary`.
const COLUMNS: &str = "_value OSPath Size IsDir Stderr ReturnCode Complete";

fn artifact() -> Value {
    let path = root().join("integrations/velociraptor/Custom.Windows.RDP.Triage.yaml");
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is no list"))
}

fn named(value: &Value) -> String {
    value["name"].as_str().unwrap().to_owned()
}

/// The queries without their comments, with the name of their source.
fn queries() -> Vec<(String, String)> {
    let artifact = artifact();
    let query = |source: &Value| {
        let lines = source["query"].as_str().unwrap().lines();
        let code: Vec<&str> = lines.filter(|line| !line.trim_start().starts_with("--")).collect();
        (named(source), code.join("\n"))
    };
    list(&artifact, "sources").iter().map(query).collect()
}

/// A query with its texts taken out, and the texts.
fn without_texts(query: &str) -> (String, Vec<String>) {
    let (mut code, mut texts) = (String::new(), Vec::new());
    let mut signs = query.chars();
    while let Some(sign) = signs.next() {
        if !matches!(sign, '"' | '\'') {
            code.push(sign);
            continue;
        }
        let mut text = String::new();
        loop {
            match signs.next().expect("a text ends") {
                end if end == sign => break,
                '\\' => text.extend(signs.next()),
                inside => text.push(inside),
            }
        }
        texts.push(text);
        code.push_str("\"\"");
    }
    (code, texts)
}

fn words(code: &str) -> Vec<&str> {
    let word = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    let words = code.split(|sign: char| !word(sign));
    words.filter(|w| w.starts_with(|first: char| first.is_alphabetic() || first == '_')).collect()
}

#[test]
fn the_artifact_has_the_form_that_velociraptor_documents() {
    let artifact = artifact();
    let known: BTreeSet<&str> = FIELDS.split_whitespace().collect();
    for field in artifact.as_object().unwrap().keys() {
        assert!(known.contains(field.as_str()), "{field}");
    }
    let name = named(&artifact);
    let parts = name.split('.');
    assert!(parts.clone().all(|part| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')));
    assert!(parts.clone().all(|part| part.starts_with(|c: char| c.is_ascii_alphabetic())));
    assert_eq!(
        (name.as_str(), artifact["type"].as_str()),
        ("Custom.Windows.RDP.Triage", Some("CLIENT"))
    );
    assert_eq!(artifact["required_permissions"], serde_json::json!(["EXECVE"]));
    assert!(artifact["precondition"].as_str().unwrap().contains("OS = 'windows'"));
    let tool = &list(&artifact, "tools")[0];
    assert_eq!(tool["serve_locally"], true);
    assert!(tool.get("url").is_none() && tool.get("github_project").is_none());
    let types: BTreeSet<&str> = TYPES.split_whitespace().collect();
    for parameter in list(&artifact, "parameters") {
        let kind = parameter["type"].as_str().unwrap_or("string");
        assert!(types.contains(kind), "{}: {kind}", named(parameter));
        assert!(!parameter["description"].as_str().unwrap().is_empty());
        assert!(parameter.get("default").is_some(), "{}", named(parameter));
    }
    let formats: BTreeSet<&str> = COLUMN_TYPES.split_whitespace().collect();
    for column in list(&artifact, "column_types") {
        assert!(formats.contains(column["type"].as_str().unwrap()), "{}", named(column));
    }
    // One precondition for all: otherwise the sources would not share what the first one ran.
    for source in list(&artifact, "sources") {
        assert!(source.get("precondition").is_none(), "{}", named(source));
    }
}

#[test]
fn names_in_the_queries_are_declared_and_what_is_declared_is_used() {
    let artifact = artifact();
    let parameters: BTreeSet<String> = list(&artifact, "parameters").iter().map(named).collect();
    let mut code = String::new();
    for (source, query) in queries() {
        let (plain, _) = without_texts(&query);
        let mut open = Vec::new();
        for sign in plain.chars() {
            match sign {
                '(' => open.push(')'),
                '[' => open.push(']'),
                '{' => open.push('}'),
                ')' | ']' | '}' => assert_eq!(open.pop(), Some(sign), "{source}"),
                _ => {}
            }
        }
        assert!(open.is_empty(), "{source}: {open:?}");
        code.push_str(&plain);
        code.push('\n');
    }
    let used: BTreeSet<&str> = words(&code).into_iter().collect();
    for parameter in &parameters {
        assert!(used.contains(parameter.as_str()), "{parameter} is declared and not used");
    }
    // Variables, columns that get a name, and arguments of calls.
    let all = words(&code);
    let mut known: BTreeSet<&str> =
        VQL.split_whitespace().chain(COLUMNS.split_whitespace()).collect();
    known.extend(parameters.iter().map(String::as_str));
    let behind = |word: &str| -> Vec<&str> {
        all.windows(2).filter(|two| two[0] == word).map(|two| two[1]).collect()
    };
    known.extend(behind("LET").into_iter().chain(behind("AS")));
    // `Meaning(Code)` declares its own argument.
    known.insert("Code");
    let columns = list(&artifact, "column_types").iter().map(named);
    for column in columns {
        assert!(behind("AS").contains(&column.as_str()), "no query has a column {column}");
    }
    let report: BTreeSet<String> = paths().into_iter().flat_map(|(_, path)| path).collect();
    for (at, word) in code.match_indices(|sign: char| sign.is_ascii_alphabetic()) {
        let begins = !code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !begins {
            continue;
        }
        let end = code[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let name = &code[at..end.map_or(code.len(), |end| at + end)];
        let is_argument =
            code[at + name.len()..].starts_with('=') && !code[at + name.len()..].starts_with("= ");
        let is_column = code[..at].ends_with('.') && name == "Log" || report.contains(name);
        assert!(known.contains(name) || is_argument || is_column, "{word}: {name} is not declared");
    }
    // `EventLogs.Log` is the head of the default table.
    let logs = list(&artifact, "parameters").iter().find(|p| named(p) == "EventLogs").unwrap();
    assert!(logs["default"].as_str().unwrap().starts_with("Log\n"));
}

/// What the queries take from the report: below which of its lists, and the way from there.
fn paths() -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for (_, query) in queries() {
        let (code, _) = without_texts(&query);
        let way = |path: &str| path.replace("[0]", "").split('.').map(str::to_owned).collect();
        for part in code.split(|c: char| !(c.is_ascii_alphanumeric() || "._[]".contains(c))) {
            if let Some(path) = part.strip_prefix("Report.") {
                found.push((String::new(), way(path)));
            }
        }
        let Some((columns, rest)) = code.split_once("FROM foreach(row=Report.") else { continue };
        let list = rest.split(')').next().unwrap().to_owned();
        let columns = columns.trim_start().strip_prefix("SELECT").unwrap();
        for column in columns.split(',') {
            let path = column.split(" AS ").next().unwrap().trim();
            if !path.starts_with("Report.") {
                found.push((list.clone(), way(path)));
            }
        }
    }
    found
}

/// Whether a way leads somewhere; on the way every element of a list is tried.
fn leads(value: &Value, way: &[String]) -> bool {
    match (value, way) {
        (_, []) => true,
        (Value::Array(list), way) => list.iter().any(|value| leads(value, way)),
        (value, [first, rest @ ..]) => value.get(first).is_some_and(|value| leads(value, rest)),
    }
}

/// Whether a JSON Schema knows a way.
fn in_schema(schema: &Value, at: &Value, way: &[String]) -> bool {
    let [first, rest @ ..] = way else { return true };
    if let Some(name) = at["$ref"].as_str() {
        return in_schema(schema, &schema["$defs"][name.trim_start_matches("#/$defs/")], way);
    }
    let inner = at.get("items").into_iter().chain(at["anyOf"].as_array().into_iter().flatten());
    at["properties"].get(first).is_some_and(|next| in_schema(schema, next, rest))
        || inner.into_iter().any(|inner| in_schema(schema, inner, way))
}

#[test]
fn every_value_that_the_queries_take_is_in_the_report_and_its_schema() {
    let reports = ["tls-no-shared-cipher", "cert-expired", "clock-skew"].map(|sample| {
        let path = root().join("samples").join(sample);
        serde_json::to_value(crate::support::analyse(&path)).unwrap()
    });
    let schema: Value = serde_json::from_slice(&run(&["schema"]).stdout).unwrap();
    let paths = paths();
    assert!(paths.len() > 25, "{paths:?}");
    for (list, mut way) in paths {
        if !list.is_empty() {
            way.insert(0, list);
        }
        // Nothing is missing and nothing went wrong in the samples.
        let empty = matches!(way[0].as_str(), "missing_evidence" | "problems");
        assert!(empty || reports.iter().any(|report| leads(report, &way)), "{way:?}");
        assert!(in_schema(&schema, &schema, &way), "{way:?} is not in the schema");
    }
}

/// The arguments, row by row, as they are written in the artifact.
fn rows_of_arguments() -> Vec<Vec<String>> {
    let (_, query) = queries().into_iter().next().unwrap();
    let (_, rest) = query.split_once("LET Arguments").unwrap();
    let (arguments, _) = rest.split_once("LET Run").unwrap();
    let rows = arguments.split("foreach(row=[").skip(1);
    let item = |item: &str| item.trim().trim_matches('"').to_owned();
    rows.map(|row| row.split(']').next().unwrap().split(',').map(item).collect()).collect()
}

#[test]
fn the_program_accepts_the_arguments_that_the_artifact_gives_it() {
    let rows = rows_of_arguments();
    assert_eq!(rows.len(), 3, "{rows:?}");
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let sample = root().join("samples/tls-no-shared-cipher/server/System.evtx");
    for given in [1, 3] {
        let mut arguments: Vec<String> = rows[..given].concat();
        for argument in &mut arguments {
            *argument = match argument.as_str() {
                "ReportPath" => report.to_str().unwrap().to_owned(),
                "str(str=MaxSeconds)" => "300".to_owned(),
                "ErrorCode" => "0x904".to_owned(),
                "ExtendedCode" => "0x7".to_owned(),
                plain => {
                    let written = plain.starts_with("--") || ["analyze", "json"].contains(&plain);
                    assert!(written, "{plain} is not known to this test");
                    continue;
                }
            };
        }
        arguments.push(sample.to_str().unwrap().to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "the report goes into the file");
        let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
        assert_eq!(report["schema_version"], 1);
        assert_eq!(report.get("client_codes").is_some(), given == 3);
    }
    // Without any log the program says why, which the artifact shows.
    let nothing: Vec<&str> = rows[0].iter().map(String::as_str).collect();
    let output = run(&nothing[..4]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!output.stderr.is_empty());
}

#[test]
fn the_artifact_reads_the_logs_that_the_script_gathers() {
    let logs = rdp_triage::collect::logs(&Knowledge::embedded().unwrap()).unwrap();
    let file = |channel: &str| format!("{}.evtx", channel.replace('/', "%4"));
    let gathered: BTreeSet<String> = logs.iter().map(|log| file(&log.channel)).collect();
    let artifact = artifact();
    let parameter = list(&artifact, "parameters").iter().find(|p| named(p) == "EventLogs").unwrap();
    let read = parameter["default"].as_str().unwrap().lines().skip(1).map(str::to_owned);
    assert_eq!(read.collect::<BTreeSet<_>>(), gathered);
}
