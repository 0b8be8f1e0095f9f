//! The collect script: that it only reads, and that what it gathers is read.

mod lint;
mod printed;
mod tokens;

use crate::make_samples::events::{self, SERVER};
use crate::make_samples::evtx::Body;
use crate::support::{analyse, root};
use lint::lint;
use rdp_triage::collect::{Exported, HostRole, Options, Role, logs, script, texts};
use rdp_triage::knowledge::Knowledge;
use rdp_triage::report::Report;
use std::fs;
use std::io::{Cursor, Write as _};
use std::process::Command;

fn defaults() -> Options {
    Options { role: Role::Auto, hours: 24, ports: vec![3389], capture: 0 }
}

fn default_script() -> String {
    script(&Knowledge::embedded().unwrap(), &defaults()).unwrap()
}

#[test]
fn the_script_only_reads_whatever_it_is_asked_for() {
    let knowledge = Knowledge::embedded().unwrap();
    let roles = [HostRole::Client, HostRole::Server, HostRole::Gateway].map(Role::Only);
    for role in roles.into_iter().chain([Role::Auto, Role::All]) {
        let options = Options { role, hours: 8760, ports: vec![1, 65535], capture: 3600 };
        let wrong = lint(&script(&knowledge, &options).unwrap());
        assert!(wrong.is_empty(), "{role:?}: {wrong:#?}");
    }
}

#[test]
fn the_script_is_as_it_was() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(root().join("tests/snapshots/collect"));
    settings.set_omit_expression(true);
    let script = default_script().replace(env!("CARGO_PKG_VERSION"), "VERSION");
    settings.bind(|| insta::assert_snapshot!("script", script));
}

#[test]
fn the_program_writes_the_script_to_standard_output_and_into_a_file() {
    let run = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_rdp-triage");
        Command::new(program).arg("collect-script").args(arguments).output().unwrap()
    };
    let printed = run(&[]);
    assert_eq!(printed.status.code(), Some(0));
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), default_script());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collect.ps1");
    let options =
        ["--role", "gateway", "--hours", "2", "--port", "3390", "--port", "443", "--capture", "60"];
    let written = run(&[&options[..], &["-o", file.to_str().unwrap()]].concat());
    assert_eq!((written.status.code(), written.stdout.len()), (Some(0), 0));
    let expect = Options {
        role: Role::Only(HostRole::Gateway),
        hours: 2,
        ports: vec![3390, 443],
        capture: 60,
    };
    let script = script(&Knowledge::embedded().unwrap(), &expect).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), script);
    for wrong in [["--hours", "0"], ["--port", "0"], ["--capture", "3601"], ["--role", "printer"]] {
        assert_eq!(run(&wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// PowerShell's own opinion, where it is installed.
#[test]
fn powershell_parses_the_script() {
    const PARSE: &str = "$tokens = $null; $errors = $null; $null = [System.Management.Automation.Language.Parser]::ParseFile($args[0], [ref] $tokens, [ref] $errors); $errors | ForEach-Object { $_.ToString() }; if (Get-Module -ListAvailable PSScriptAnalyzer) { Invoke-ScriptAnalyzer -Path $args[0] -ExcludeRule PSAvoidUsingWriteHost, PSAvoidGlobalVars | ForEach-Object { $_.ToString() } }";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collect.ps1");
    fs::write(&file, default_script()).unwrap();
    let block = format!("& {{ {PARSE} }} '{}'", file.display());
    let arguments = ["-NoProfile", "-NonInteractive", "-Command", &block];
    let Ok(said) = Command::new("pwsh").args(arguments).output() else {
        eprintln!("SKIPPED: pwsh is not installed");
        return;
    };
    assert!(said.status.success() && said.stdout.is_empty(), "{said:?}");
}

#[test]
fn the_lint_finds_what_a_script_must_not_do() {
    for (script, expect) in [
        ("Invoke-Expression 'a'", "1: Invoke-Expression is not known to change nothing"),
        ("iex 'a'", "1: the alias iex"),
        ("Get-Date | % { $_ }", "1: the mark %"),
        ("Get-Date | foreach-object { $_ }", "1: foreach-object is not known"),
        ("Invoke-WebRequest -Uri 'a'", "1: Invoke-WebRequest is not known"),
        ("Stop-Service -Name TermService", "1: Stop-Service is not known"),
        ("New-Object -TypeName 'Net.WebClient'", "1: New-Object of a type that is not known"),
        ("$x = [IO.File]::ReadAllText('a')", "1: the type IO.File"),
        ("$x = Get-Date\n$x.Delete()", "2: the member Delete"),
        ("Set-Content -LiteralPath 'C:\\a' -Value 1", "1: Set-Content writes where it may not"),
        ("$x = 'C:\\a'\nRemove-Item -LiteralPath $x", "2: Remove-Item writes where it may not"),
        ("$x = $env:TEMP\nSet-Content -Value $x", "2: Set-Content writes where it may not"),
        ("Get-Date > a", "1: output that goes into a file"),
        ("Get-Date >> a", "1: output that goes into a file"),
        (
            "reg.exe add HKLM\\a\nif ($LASTEXITCODE -eq 0) { return }",
            "1: reg.exe add HKLM\\a is not",
        ),
        ("certutil.exe -silent -delstore My\n$LASTEXITCODE", "1: certutil.exe -silent -delstore"),
        ("wevtutil.exe cl System\n$LASTEXITCODE", "1: wevtutil.exe cl System is not known"),
        ("wevtutil.exe epl System 'a'\n$LASTEXITCODE", "1: wevtutil.exe writes where it may not"),
        ("pktmon.exe start --capture --file-name a\n$LASTEXITCODE", "1: pktmon.exe writes where"),
        ("qwinsta.exe", "1: nobody asks how qwinsta.exe ended"),
        ("qwinsta.exe\n$LASTEXITCODE = 0", "1: nobody asks how qwinsta.exe ended"),
        ("qwinsta.exe\nqwinsta.exe\n$LASTEXITCODE", "1: nobody asks how qwinsta.exe ended"),
        ("$x = 1\n$y = $x + $z", "2: $z has no value yet"),
        ("function Get-A {\n$a = 1\n}\n$a", "4: $a has no value yet"),
        ("$env:PATH", "1: $env:PATH has no value yet"),
        ("try { Get-Date }", "1: a try without catch and finally"),
        ("$a = \"x $(Get-Date)\"", "1: a text in double quotation marks"),
        ("$a = @\"\nx\n\"@", "1: a text in double quotation marks"),
        ("$a = @{ }", "1: a hash table"),
        ("$a = 'calc.exe'\n& $a", "2: a call of what is no command and no block"),
        (". .\\a.ps1", "1: the mark ."),
        ("Get-Date && Get-Date", "1: the mark &&"),
        ("if ($true) {", "1: { is never closed"),
        ("if ($true) { @(1 }", "1: } closes @("),
        ("'a", "1: a text without end"),
        ("<# a", "1: a comment without end"),
        ("Get-Date `\n", "1: a backtick"),
        ("'caf\u{e9}'\n\u{2019}", "1: a character that is no plain ASCII"),
    ] {
        let wrong = lint(script);
        assert!(wrong.iter().any(|what| what.starts_with(expect)), "{script}: {wrong:#?}");
    }
}

#[test]
fn the_lint_lets_a_script_pass_that_reads() {
    let script = "# it's \"fine\"\n$a = 'it''s `$fine'\n$b = @'\n$c > d\n'@\nfunction Save-Text {\nparam([scriptblock] $Run)\n& $Run\n}\nSave-Text -Run {\nqwinsta.exe\n}\nforeach ($one in @($a, $b)) { Write-Output -InputObject $one.Length }\n$f = Join-Path -Path $env:TEMP -ChildPath 'x'\nSet-Content -LiteralPath (Join-Path -Path $f -ChildPath 'y') -Value $a\n";
    assert_eq!(lint(script), Vec::<String>::new());
}

/// A log as the script exports it, with one event.
fn log(knowledge: &Knowledge, export: &Exported) -> Vec<u8> {
    let wanted = |id: u16| export.ids.is_empty() || export.ids.contains(&id);
    let all = knowledge.providers().flat_map(|p| p.events.iter().map(move |event| (p, event)));
    let mut events = all.filter(|(p, event)| p.channel_of(event) == export.channel);
    let (provider, event) = events.find(|(_, e)| e.wanted() && wanted(e.id)).unwrap();
    // Samples are made of names that live as long as the program.
    let name: &'static str = Box::leak(provider.provider.clone().into_boxed_str());
    let channel: &'static str = Box::leak(export.channel.clone().into_boxed_str());
    let time_ms = 1_748_938_500_000;
    events::log(channel, SERVER, 7, vec![events::event(name, None, event.id, time_ms, Body::Empty)])
}

const FOLDER: &str = "rdp-triage-collection-TS-PROD-01-20250603081500";

fn zipped(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip as the script leaves it, with this separator in its names.
fn collection(separator: &str, notes: &str) -> Report {
    let knowledge = Knowledge::embedded().unwrap();
    let name = |below: &[&str]| [&[FOLDER], below].concat().join(separator);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for export in logs(&knowledge).unwrap() {
        files.push((name(&["events", &export.file]), log(&knowledge, &export)));
    }
    // Windows PowerShell begins a text with a byte order mark and ends lines with two bytes.
    let written = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n")).into_bytes();
    for text in texts().unwrap() {
        files.push((name(&[&text.file]), written(&printed::of_kind(&text.kind))));
    }
    let capture = fs::read(root().join("samples/firewall-host-block/server.etl")).unwrap();
    files.push((name(&["capture.etl"]), capture));
    files.push((name(&["collection.txt"]), written(notes)));
    let ticket = tempfile::tempdir().unwrap();
    fs::write(ticket.path().join(format!("{FOLDER}.zip")), zipped(&files)).unwrap();
    analyse(ticket.path())
}

const NOTES: &str = "rdp-triage collection 1
host: TS-PROD-01
time: 20250603081500 UTC
roles: client server
hours: 24
elevated: True
got: System.evtx
not here: Microsoft-Windows-TerminalServices-Gateway/Operational
";

#[test]
fn everything_that_the_script_gathers_is_read() {
    let knowledge = Knowledge::embedded().unwrap();
    for separator in ["/", "\\"] {
        let report = collection(separator, NOTES);
        assert!(report.problems.is_empty(), "{:#?}", report.problems);
        let collectors: Vec<&str> = report.collectors.iter().map(|c| &*c.id).collect();
        assert_eq!(collectors, ["collect-script"]);
        let found = |file: &str| {
            let mut all = report.coverage.iter();
            let coverage = all.find(|c| c.file.ends_with(&format!("/{file}")));
            coverage.unwrap_or_else(|| panic!("{file} is not read"))
        };
        for text in texts().unwrap() {
            assert_eq!(found(&text.file).kind, text.kind, "{}", text.file);
        }
        for log in logs(&knowledge).unwrap() {
            let coverage = found(&log.file);
            assert_eq!((&*coverage.kind, coverage.items), ("evtx", 1), "{}", log.file);
            assert_eq!(coverage.channel.as_deref(), Some(&*log.channel), "{}", log.file);
        }
        assert_eq!(found("capture.etl").kind, "etl");
        assert_eq!(
            (&*found("collection.txt").kind, found("collection.txt").items),
            ("collection", 2)
        );
    }
}

#[test]
fn what_the_script_could_not_get_is_a_problem_with_its_reason() {
    let report = collection("/", &format!("{NOTES}not got: Security: Access is denied. (5)\n"));
    let told: Vec<&str> = report.problems.iter().map(|problem| &*problem.message).collect();
    assert_eq!(told, ["not collected: Security: Access is denied. (5)"]);
}

#[test]
fn no_two_files_of_a_collection_have_one_name() {
    let knowledge = Knowledge::embedded().unwrap();
    let logs = logs(&knowledge).unwrap();
    let texts = texts().unwrap();
    let names = logs.iter().map(|log| &log.file).chain(texts.iter().map(|text| &text.file));
    let mut names: Vec<String> = names.map(|name| name.to_ascii_lowercase()).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}
