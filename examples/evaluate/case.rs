//! A case with its label: the evidence, and what is right to say of it.

use rdp_triage::correlate::Outcome;
use rdp_triage::diagnose::{Certainty, Verdict};
use rdp_triage::knowledge::{FaultDomain, Knowledge, Stage};
use rdp_triage::report::{DiagnosisReport, Report};
use rdp_triage::triage::{Config, triage};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Samples in which nothing is wrong.
pub(crate) const HEALTHY: [&str; 3] = ["no-fault-found", "healthy-tls13", "healthy-fallback"];

/// One ticket whose cause is known.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The folder of all that the program may read.
    pub(crate) evidence: PathBuf,
    pub(crate) label: Label,
}

/// What is right to say, as in `label.json`. Keys that are not here are remarks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Label {
    /// Verdicts that are right; all are when it is absent.
    pub(crate) verdict: Option<Vec<Verdict>>,
    /// Any of these at rank 1 is right.
    pub(crate) causes: Vec<String>,
    /// These at rank 1 are half right: the evidence cannot tell them apart.
    pub(crate) also: Vec<String>,
    /// When it is there, only these count as confident wrong answers.
    pub(crate) never: Option<Vec<String>>,
    pub(crate) stage: Vec<Stage>,
    pub(crate) fault_domain: Vec<FaultDomain>,
    pub(crate) attempts: Vec<WantedAttempt>,
    /// Log clock minus capture clock, by host.
    pub(crate) clock_offsets_ms: BTreeMap<String, f64>,
    /// Values in the wire part of the first attempt, by dotted path.
    pub(crate) wire: BTreeMap<String, serde_json::Value>,
}

/// An attempt that the report should list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WantedAttempt {
    pub(crate) client: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) outcome: Option<Outcome>,
}

impl Label {
    /// Nothing is wrong in this case, and only that is right to say.
    pub(crate) fn healthy(&self) -> bool {
        self.verdict.as_deref() == Some(&[Verdict::NoFailureFound])
    }

    /// Whether a cause is right, or as right as the evidence can tell.
    pub(crate) fn accepts(&self, cause: &str) -> bool {
        self.causes.iter().chain(&self.also).any(|accepted| accepted == cause)
    }

    /// Whether a cause is true of the case, told in whole or in part: a part of the
    /// evidence may show what happened and not why.
    pub(crate) fn allows(&self, cause: &str) -> bool {
        self.accepts(cause) || self.causes.iter().any(|right| kin(right).contains(&cause))
    }
}

/// Causes that are true of the same ticket: they name what was seen, `cause` says why.
pub(crate) fn kin(cause: &str) -> &'static [&'static str] {
    match cause {
        "cert-selfsigned-create-failed"
        | "cert-missing"
        | "cert-hash-mismatch"
        | "cert-template-failed" => &["nego-cert-missing-on-server"],
        "protected-user-ntlm" => &["account-restriction"],
        "service-termservice-down" | "wrong-port" | "service-rdp-disabled" => &["tcp-port-refused"],
        "bruteforce-pressure" | "account-locked-out" | "logon-no-such-user" => {
            &["logon-bad-password"]
        }
        "network-profile-public" => &["firewall-host-block"],
        "listener-hung" | "port-conflict" => &["nego-no-reply"],
        _ => &[],
    }
}

/// The cases of a folder, in the order of their names: children with a `label.json`
/// that stands beside their `evidence`.
///
/// # Errors
/// When the folder or a label cannot be read.
pub(crate) fn labelled(folder: &Path) -> io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for child in children(folder)? {
        let label = child.join("label.json");
        if !label.exists() {
            continue;
        }
        let label = serde_json::from_str(&fs::read_to_string(&label)?)
            .map_err(|error| io::Error::other(format!("{}: {error}", label.display())))?;
        cases.push(Case { name: name(&child), evidence: child.join("evidence"), label });
    }
    Ok(cases)
}

/// The sample tickets of a folder: each is called after its cause.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn samples(folder: &Path) -> io::Result<Vec<Case>> {
    let folders = children(folder)?.into_iter().filter(|child| child.is_dir());
    let case = |evidence: PathBuf| {
        let name = name(&evidence);
        let mut label = Label::default();
        if HEALTHY.contains(&name.as_str()) {
            label.verdict = Some(vec![Verdict::NoFailureFound]);
        } else {
            label.verdict = Some(vec![Verdict::Diagnosed]);
            label.also = kin(&name).iter().map(|&kin| kin.to_owned()).collect();
            label.causes.push(name.clone());
        }
        Case { name, evidence, label }
    };
    Ok(folders.map(case).collect())
}

/// Reads some files as one case.
///
/// # Errors
/// When a path cannot be read at all.
pub(crate) fn analyse(paths: &[PathBuf], knowledge: &Knowledge) -> Result<Report, String> {
    let config = Config { paths: paths.to_vec(), ..Config::default() };
    triage(&config, knowledge, &std::sync::Arc::default()).map_err(|error| error.to_string())
}

/// Whether a reader would act on a diagnosis.
pub(crate) fn confident(diagnosis: &DiagnosisReport) -> bool {
    diagnosis.certainty >= Certainty::Strong
}

/// All files below a folder, in order.
///
/// # Errors
/// When a folder cannot be listed.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for child in children(folder)? {
        if child.is_dir() {
            found.extend(files(&child)?);
        } else {
            found.push(child);
        }
    }
    Ok(found)
}

fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut children: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    children.sort();
    Ok(children)
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
