//! The health checks of the sample tickets.

use crate::support::{analyse, folders, name, root};
use rdp_triage::knowledge::StepOutcome::{self, Failed, Ok, Unknown};
use rdp_triage::report::{CheckReport, Report, StepReport};

fn check_of<'a>(report: &'a Report, id: &str) -> Option<&'a CheckReport> {
    report.checks.iter().find(|check| check.id == id)
}

fn steps<'a>(report: &'a Report, id: &str, what: &str) -> Vec<&'a StepReport> {
    let check = check_of(report, id);
    check.into_iter().flat_map(|check| &check.steps).filter(|step| step.what == what).collect()
}

/// Each line: the sample, the check, its step, the outcome, a part of the statement.
const EXPECTED: &[(&str, &str, &str, StepOutcome, &str)] = &[
    ("cert-expired", "reach", "port", Ok, "was completed"),
    ("cert-expired", "reach", "tls", Failed, "certificate_expired (45)"),
    ("cert-expired", "reach", "logon", Unknown, "Not reached"),
    ("cert-expired", "certificate", "validity", Failed, "over since 63 days on 2025-06-03"),
    ("cert-expired", "certificate", "plan: when", Unknown, "SessionEnv"),
    ("path-loss-latency", "path", "round trip", Failed, "420.0 ms"),
    ("path-loss-latency", "path", "client to server", Failed, "8 losses beside 4 segments"),
    ("path-mtu-blackhole", "reach", "mtu", Failed, "1460 bytes from the server was sent 7 times"),
    ("path-mtu-blackhole", "path", "server to client", Failed, "never acknowledged: lost between"),
    ("nego-nla-required", "reach", "negotiation", Failed, "HYBRID_REQUIRED_BY_SERVER"),
    ("nego-nla-required", "security_layer", "hybrid", Failed, "Not offered by the client"),
    ("nego-nla-required", "security_layer", "in common", Failed, "None is known"),
    ("nego-nla-required", "security_layer", "cost of tls", Unknown, "TEMPORARY LAST RESORT"),
    ("tls-no-shared-cipher", "reach", "tls", Failed, "handshake_failure (40)"),
    ("tls-no-shared-cipher", "security_layer", "in common", Ok, "hybrid"),
    ("no-fault-found", "reach", "logon", Ok, "started in session"),
    ("no-fault-found", "reach", "certificate", Ok, "was valid at that time"),
    ("no-fault-found", "path", "server to client", Ok, "No loss on 33 segments"),
    ("dns-name-not-resolved", "reach", "name", Failed, "NxDomain"),
    ("dns-name-not-resolved", "reach", "path", Unknown, "Not reached"),
    ("gateway-cert", "certificate", "plan: when", Unknown, "RD Gateway"),
    ("tls-interception", "certificate", "server's log", Unknown, "something between answers"),
    ("tls-disabled-on-server", "reach", "tls", Failed, "without a ServerHello"),
    ("resource-exhaustion", "reach", "tls", Unknown, "TLS or the CredSSP above it failed"),
    ("healthy-fallback", "security_layer", "tls", Unknown, "the server refuses it"),
    ("tcp-port-refused", "reach", "path", Ok, "came back"),
    ("tcp-port-refused", "reach", "port", Failed, "refused with a reset"),
    ("nego-rdp-security-only", "security_layer", "rdp", Failed, "the server demands it"),
    ("healthy-tls13", "reach", "certificate", Unknown, "TLS 1.3 encrypts it"),
];

#[test]
fn each_step_says_what_the_sample_shows() {
    for (sample, check, what, outcome, part) in EXPECTED {
        let report = analyse(&root().join("samples").join(sample));
        let steps = steps(&report, check, what);
        let said = steps.iter().any(|s| s.outcome == *outcome && s.statement.contains(part));
        assert!(said, "{sample}: {check}: {what}: {outcome:?} {part}: {steps:#?}");
    }
}

#[test]
fn nothing_is_well_or_failed_without_a_source_of_the_ticket() {
    for sample in folders(&root().join("samples")) {
        let report = analyse(&sample);
        let known: Vec<&str> = report.coverage.iter().map(|c| c.file.as_str()).collect();
        for step in report.checks.iter().flat_map(|check| &check.steps) {
            let source = step.source.as_ref().map(|source| source.file.as_str());
            assert!(source.is_none_or(|file| known.contains(&file)), "{}: {step:?}", name(&sample));
            assert!(source.is_some() || step.outcome == Unknown, "{}: {step:?}", name(&sample));
            assert!(!step.statement.is_empty(), "{}: {step:?}", name(&sample));
            assert!(!step.statement.contains('?'), "{}: {step:?}", name(&sample));
            assert!(!step.what.contains('?'), "{}: {step:?}", name(&sample));
        }
    }
}

#[test]
fn a_check_that_knows_nothing_is_left_out() {
    let report = analyse(&root().join("samples/dns-name-not-resolved"));
    let ids: Vec<&str> = report.checks.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["reach"]);
}

#[test]
fn a_weaker_layer_is_priced_only_where_it_would_serve() {
    // Without a certificate no layer with TLS serves, whoever gives way.
    let report = analyse(&root().join("samples/nego-cert-missing-on-server"));
    assert!(check_of(&report, "security_layer").is_some());
    assert!(steps(&report, "security_layer", "cost of tls").is_empty());
}
