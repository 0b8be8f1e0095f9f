//! Whether a script does nothing but read, and nothing that Windows PowerShell 5.1 and
//! PowerShell 7 take differently. Stricter than the language: the script has to keep to what
//! this understands.

use super::tokens::{Kind, Token, tokens};
use std::collections::{BTreeMap, BTreeSet};

/// Cmdlets that change nothing.
const READING: &[&str] = &[
    "ForEach-Object",
    "Format-List",
    "Get-Acl",
    "Get-ChildItem",
    "Get-Command",
    "Get-Content",
    "Get-Date",
    "Get-ItemProperty",
    "Get-TlsCipherSuite",
    "Join-Path",
    "Out-String",
    "Select-Object",
    "Set-StrictMode",
    "Start-Sleep",
    "Test-Path",
    "Where-Object",
    "Write-Host",
    "Write-Output",
    "Write-Warning",
];

/// Cmdlets that write, and the parameter that says where.
const WRITING: &[(&str, &str)] = &[
    ("Compress-Archive", "-DestinationPath"),
    ("New-Item", "-Path"),
    ("Remove-Item", "-LiteralPath"),
    ("Set-Content", "-LiteralPath"),
];

/// Programs, and the arguments with which they change nothing but their output file.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("certutil.exe", &["-silent -store"]),
    ("gpresult.exe", &["/scope computer /z"]),
    ("logman.exe", &["query"]),
    ("netstat.exe", &["-ano", "-anob"]),
    ("pktmon.exe", &["filter list", "filter add -p", "filter remove", "start --capture", "stop"]),
    ("qwinsta.exe", &[""]),
    ("reg.exe", &["query"]),
    ("systeminfo.exe", &[""]),
    ("w32tm.exe", &["/query /status", "/stripchart"]),
    ("wevtutil.exe", &["epl"]),
];

const ALIASES: &[&str] = &[
    "%", "?", "cat", "cd", "copy", "curl", "del", "dir", "echo", "fl", "foreach", "ft", "gc",
    "gci", "gi", "gp", "icm", "iex", "irm", "iwr", "kill", "ls", "mkdir", "move", "ni", "ps", "rd",
    "ren", "ri", "rm", "sc", "select", "set", "sleep", "sort", "start", "tee", "type", "wget",
    "where",
];

const KEYWORDS: &[&str] = &[
    "catch", "continue", "else", "elseif", "finally", "for", "foreach", "function", "if", "param",
    "return", "throw", "try",
];

const AUTOMATIC: &[&str] = &[
    "_",
    "env:computername",
    "env:programdata",
    "env:temp",
    "erroractionpreference",
    "false",
    "global:lastexitcode",
    "lastexitcode",
    "matches",
    "null",
    "true",
];

const TYPES: &[&str] = &[
    "BitConverter",
    "CmdletBinding",
    "Environment",
    "Globalization.CultureInfo",
    "Management.Automation.ErrorRecord",
    "Math",
    "Security.Principal.WindowsBuiltInRole",
    "Security.Principal.WindowsIdentity",
    "Security.Principal.WindowsPrincipal",
    "ValidateRange",
    "ValidateSet",
    "byte",
    "int",
    "long",
    "scriptblock",
    "string",
    "switch",
];

/// Members that change nothing; `Add` is that of a list. Empty: the name is in a variable.
const MEMBERS: &[&str] = &[
    "",
    "Add",
    "Administrator",
    "Count",
    "EndsWith",
    "Exception",
    "FullName",
    "GetCurrent",
    "InvariantCulture",
    "Is64BitOperatingSystem",
    "IsInRole",
    "Length",
    "Message",
    "Min",
    "Replace",
    "Substring",
    "ToString",
    "ToUniversalTime",
    "Trim",
];

/// What is wrong with a script; empty where nothing is.
pub(super) fn lint(script: &str) -> Vec<String> {
    match tokens(script) {
        Ok(tokens) => Lint::of(&tokens).wrong,
        Err(wrong) => vec![wrong],
    }
}

/// A command with its arguments.
#[derive(Debug)]
struct Command<'t> {
    name: &'t str,
    at: usize,
    arguments: &'t [Token],
    /// The function it is in; empty outside of all.
    function: &'t str,
}

struct Lint<'t> {
    tokens: &'t [Token],
    /// For each token the function it is in.
    functions: Vec<&'t str>,
    commands: Vec<Command<'t>>,
    wrong: Vec<String>,
}

impl<'t> Lint<'t> {
    fn of(tokens: &'t [Token]) -> Self {
        let functions = functions(tokens);
        let mut lint = Self { tokens, functions, commands: Vec::new(), wrong: Vec::new() };
        lint.find_commands();
        lint.check_tokens();
        lint.check_commands();
        lint.check_variables();
        lint.check_exit_codes();
        lint.check_tries();
        lint
    }

    fn error(&mut self, at: usize, what: &str) {
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        self.wrong.push(format!("{line}: {what}"));
    }

    fn find_commands(&mut self) {
        let mut starts = true;
        for (at, token) in self.tokens.iter().enumerate() {
            let word = token.kind == Kind::Word
                && !token.text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            if starts && word {
                let keyword = KEYWORDS.contains(&&*token.text);
                if !keyword {
                    let arguments = arguments(&self.tokens[at + 1..]);
                    let function = self.functions[at];
                    self.commands.push(Command { name: &token.text, at, arguments, function });
                }
                starts = matches!(&*token.text, "return" | "throw");
                continue;
            }
            starts = match token.kind {
                Kind::Line => true,
                Kind::Open => token.text != "[",
                Kind::Mark => matches!(&*token.text, "=" | "+=" | ";" | "|" | "&"),
                _ => false,
            };
        }
    }

    fn check_tokens(&mut self) {
        for (at, token) in self.tokens.iter().enumerate() {
            let behind = |n: usize| self.tokens.get(at + n);
            let before = at.checked_sub(1).and_then(|before| self.tokens.get(before));
            let what = match token.kind {
                Kind::Expandable => "a text in double quotation marks".to_owned(),
                Kind::Open if token.text == "@{" => "a hash table".to_owned(),
                Kind::Mark if token.text.contains('>') && token.text != "2>&1" => {
                    "output that goes into a file".to_owned()
                }
                Kind::Mark
                    if matches!(&*token.text, "." | "&&" | "||" | "?" | "%" | "@" | "@@") =>
                {
                    format!("the mark {}", token.text)
                }
                Kind::Mark if token.text == "&" => match behind(1) {
                    Some(next) if next.kind == Kind::Word => continue,
                    Some(next) if next.kind == Kind::Variable && self.is_block(at, &next.text) => {
                        continue;
                    }
                    _ => "a call of what is no command and no block".to_owned(),
                },
                Kind::Member if !MEMBERS.contains(&&*token.text) => {
                    format!("the member {}", token.text)
                }
                Kind::Word if before.is_some_and(|b| b.is(Kind::Open, "[")) => {
                    let number = token.text.chars().all(|c| c.is_ascii_digit());
                    if number || TYPES.contains(&&*token.text) {
                        continue;
                    }
                    format!("the type {}", token.text)
                }
                _ => continue,
            };
            let line = token.line;
            self.wrong.push(format!("{line}: {what}"));
        }
    }

    /// Whether a variable is a parameter of the type `[scriptblock]` in the function here.
    fn is_block(&self, at: usize, name: &str) -> bool {
        self.tokens.windows(3).enumerate().any(|(place, window)| {
            self.functions[place] == self.functions[at]
                && window[0].is(Kind::Word, "scriptblock")
                && window[2].is(Kind::Variable, name)
        })
    }

    fn check_commands(&mut self) {
        let defined: BTreeSet<&str> = self
            .tokens
            .windows(2)
            .filter(|pair| pair[0].is(Kind::Word, "function"))
            .map(|pair| &*pair[1].text)
            .collect();
        let own = self.own_places();
        let mut wrong = Vec::new();
        for command in &self.commands {
            if let Some(what) = self.wrong_in(command, &defined, &own) {
                wrong.push((command.at, what));
            }
        }
        wrong.into_iter().for_each(|(at, what)| self.error(at, &what));
    }

    fn wrong_in(
        &self,
        command: &Command<'_>,
        defined: &BTreeSet<&str>,
        own: &BTreeSet<(String, String)>,
    ) -> Option<String> {
        let name = command.name;
        if READING.contains(&name) || defined.contains(name) {
            return None;
        }
        if name == "New-Object" {
            let list = "System.Collections.Generic.List[string]";
            let made = behind(command.arguments, "-TypeName").first();
            return (!made.is_some_and(|made| made.is(Kind::Text, list)))
                .then(|| "New-Object of a type that is not known".to_owned());
        }
        if let Some((_, parameter)) = WRITING.iter().find(|(known, _)| *known == name) {
            let place = behind(command.arguments, parameter);
            return (!is_own(place, command.function, own))
                .then(|| format!("{name} writes where it may not"));
        }
        if let Some((_, allowed)) = PROGRAMS.iter().find(|(known, _)| *known == name) {
            let words: Vec<&str> = command
                .arguments
                .iter()
                .take_while(|token| token.kind == Kind::Word)
                .map(|token| &*token.text)
                .collect();
            let words = words.join(" ");
            let fits = |allowed: &&str| {
                words == *allowed || (!allowed.is_empty() && words.starts_with(allowed))
            };
            if !allowed.iter().any(fits) {
                return Some(format!("{name} {words} is not known to change nothing"));
            }
            let place = match name {
                "wevtutil.exe" => command.arguments.get(2..).unwrap_or_default(),
                "pktmon.exe" if words.starts_with("start") => {
                    behind(command.arguments, "--file-name")
                }
                _ => return None,
            };
            return (!is_own(place, command.function, own))
                .then(|| format!("{name} writes where it may not"));
        }
        Some(match ALIASES.contains(&&*name.to_ascii_lowercase()) {
            true => format!("the alias {name}"),
            false => format!("{name} is not known to change nothing"),
        })
    }

    /// Variables that hold a place below the script's own folder: by function and name.
    fn own_places(&self) -> BTreeSet<(String, String)> {
        let mut own = BTreeSet::new();
        for (at, name) in self.assigned() {
            let function = self.functions[at];
            let value = self.tokens[at + 1..].iter().take_while(|token| token.kind != Kind::Line);
            let is_place = value.filter(|token| token.kind == Kind::Variable).any(|token| {
                token.text.eq_ignore_ascii_case("env:TEMP") || is_known(&own, function, &token.text)
            });
            if is_place {
                own.insert((function.to_owned(), name));
            }
        }
        own
    }

    /// Where variables get a value, and their names in lower case.
    fn assigned(&self) -> Vec<(usize, String)> {
        let pairs = self.tokens.windows(2).enumerate();
        let set = pairs.filter(|(_, pair)| {
            pair[0].kind == Kind::Variable
                && (pair[1].is(Kind::Mark, "=") || pair[1].is(Kind::Word, "in"))
        });
        set.map(|(at, pair)| (at, pair[0].text.to_ascii_lowercase())).collect()
    }

    /// Strict mode refuses variables without a value; so they get one above, in the
    /// function or outside of all.
    fn check_variables(&mut self) {
        let mut known: BTreeSet<(String, String)> = BTreeSet::new();
        let assigned: BTreeMap<usize, String> = self.assigned().into_iter().collect();
        let mut parameters_end = 0;
        let mut wrong = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let function = self.functions[at];
            if token.is(Kind::Word, "param") {
                parameters_end = at + 1 + closing(&self.tokens[at + 1..]);
            }
            if token.kind != Kind::Variable {
                continue;
            }
            let name = token.text.to_ascii_lowercase();
            if at < parameters_end || assigned.contains_key(&at) {
                known.insert((function.to_owned(), name));
            } else if !AUTOMATIC.contains(&&*name) && !is_known(&known, function, &name) {
                wrong.push((at, format!("${} has no value yet", token.text)));
            }
        }
        wrong.into_iter().for_each(|(at, what)| self.error(at, &what));
    }

    /// A program's failure is seen: its exit code is asked for before the next one runs,
    /// by the function or by `Save-Text`, which runs it.
    fn check_exit_codes(&mut self) {
        let mut watched: BTreeSet<usize> = BTreeSet::new();
        let mut functions: BTreeSet<&str> = BTreeSet::new();
        for save in self.commands.iter().filter(|command| command.name == "Save-Text") {
            let inside = save.at..=save.at + save.arguments.len();
            let run = self.commands.iter().filter(|c| inside.contains(&c.at) && c.at != save.at);
            for command in run {
                watched.insert(command.at);
                functions.insert(command.name);
            }
        }
        let programs: Vec<&Command<'_>> = self
            .commands
            .iter()
            .filter(|c| c.name.to_ascii_lowercase().ends_with(".exe"))
            .collect();
        let mut wrong = Vec::new();
        for (nth, program) in programs.iter().enumerate() {
            let next = programs.get(nth + 1).map_or(self.tokens.len(), |next| next.at);
            let asked = (program.at..next).any(|at| {
                let token = &self.tokens[at];
                self.functions[at] == program.function
                    && token.kind == Kind::Variable
                    && token.text.to_ascii_lowercase().ends_with("lastexitcode")
                    && !self.tokens.get(at + 1).is_some_and(|next| next.is(Kind::Mark, "="))
            });
            if !asked && !watched.contains(&program.at) && !functions.contains(program.function) {
                wrong.push((program.at, format!("nobody asks how {} ended", program.name)));
            }
        }
        wrong.into_iter().for_each(|(at, what)| self.error(at, &what));
    }

    fn check_tries(&mut self) {
        for (at, token) in self.tokens.iter().enumerate() {
            if !token.is(Kind::Word, "try") {
                continue;
            }
            let after = at + 1 + closing(&self.tokens[at + 1..]);
            let next = self.tokens[after..].iter().find(|token| token.kind != Kind::Line);
            let handled =
                next.is_some_and(|t| t.is(Kind::Word, "catch") || t.is(Kind::Word, "finally"));
            if !handled {
                self.error(at, "a try without catch and finally");
            }
        }
    }
}

/// For each token the name of the function that it is in.
fn functions(tokens: &[Token]) -> Vec<&str> {
    let mut within = vec![""; tokens.len()];
    for (at, pair) in tokens.windows(2).enumerate() {
        if pair[0].is(Kind::Word, "function") {
            let end = at + 2 + closing(&tokens[at + 2..]);
            within[at + 2..end].fill(&pair[1].text);
        }
    }
    within
}

/// Behind the bracket that closes the first one.
fn closing(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The tokens up to the end of a command; blocks and lists in brackets belong to it.
fn arguments(tokens: &[Token]) -> &[Token] {
    let mut depth = 0_usize;
    let end = tokens.iter().position(|token| {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close if depth == 0 => return true,
            Kind::Close => depth -= 1,
            Kind::Line if depth == 0 => return true,
            Kind::Mark if depth == 0 => return matches!(&*token.text, "|" | ";"),
            _ => {}
        }
        false
    });
    &tokens[..end.unwrap_or(tokens.len())]
}

/// What stands behind a parameter.
fn behind<'t>(arguments: &'t [Token], parameter: &str) -> &'t [Token] {
    let at = arguments.iter().position(|token| token.is(Kind::Word, parameter));
    at.and_then(|at| arguments.get(at + 1..)).unwrap_or_default()
}

/// Whether the first of these is a place of the script's own, or one below it.
fn is_own(place: &[Token], function: &str, own: &BTreeSet<(String, String)>) -> bool {
    let joined = place.len() > 3
        && place[0].is(Kind::Open, "(")
        && place[1].is(Kind::Word, "Join-Path")
        && place[2].is(Kind::Word, "-Path");
    let variable = if joined { place.get(3) } else { place.first() };
    variable.is_some_and(|v| v.kind == Kind::Variable && is_known(own, function, &v.text))
}

/// Whether a variable is one of these, in its function or outside of all.
fn is_known(known: &BTreeSet<(String, String)>, function: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [function, ""].into_iter().any(|function| known.contains(&(function.to_owned(), name.clone())))
}
