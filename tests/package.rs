//! What package maintainers expect, and reports that do not say whose they are.

use crate::support::{root, run, text};
use std::fs;

/// What a command that succeeds prints.
fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The commands that the help names.
fn commands() -> Vec<String> {
    let help = printed(&["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.trim_start().split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_of_the_contract_is_there() {
    let there = commands();
    for name in [
        "analyze",
        "batch",
        "timeline",
        "explain",
        "compare",
        "redact",
        "collect-script",
        "schema",
        "completions",
        "man",
    ] {
        assert!(there.iter().any(|command| command == name), "{name}: {there:?}");
    }
}

#[test]
fn every_shell_completes_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
    }
}

#[test]
fn every_command_has_a_man_page() {
    assert!(printed(&["man"]).starts_with(".ie"));
    let folder = tempfile::tempdir().unwrap();
    printed(&["man", "--output", folder.path().to_str().unwrap()]);
    for command in commands() {
        let page = folder.path().join(format!("rdp-triage-{command}.1"));
        assert!(fs::read_to_string(&page).unwrap().contains(".SH SYNOPSIS"), "{}", page.display());
    }
}

#[test]
fn a_redacted_batch_names_no_case() {
    let folder = tempfile::tempdir().unwrap();
    let (tickets, reports) = (folder.path().join("tickets"), folder.path().join("reports"));
    let ticket = tickets.join("Contoso TS-PROD-01");
    fs::create_dir_all(&ticket).unwrap();
    let sample = root().join("samples/cert-expired/client.pcapng");
    fs::copy(sample, ticket.join("10.20.5.11.pcapng")).unwrap();
    fs::create_dir(tickets.join("empty TS-PROD-01")).unwrap();
    let [tickets, out] = [&tickets, &reports].map(|path| path.to_str().unwrap());
    let output = printed(&["batch", "--redact", "--format", "html", "--output", out, tickets]);
    assert!(!output.contains("TS-PROD"));
    for file in fs::read_dir(&reports).unwrap() {
        let file = file.unwrap();
        let bytes = fs::read(file.path()).unwrap();
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        for original in ["contoso", "ts-prod", "10.20.5.11", "10.20.1.42", "a.meyer"] {
            assert!(!text.contains(original), "{original} is in {}", file.path().display());
        }
    }
    let report = fs::read_to_string(reports.join("case-00001.json")).unwrap();
    assert!(report.contains("\"cause\": \"cert-expired\""), "{report}");
}
