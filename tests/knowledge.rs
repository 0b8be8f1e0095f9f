//! Knowledge, samples and snapshots are found by one name.

use crate::support::root;
use rdp_triage::knowledge::Knowledge;
use std::collections::BTreeSet;

#[test]
fn every_cause_has_support_fixes_a_sample_and_a_snapshot() {
    let knowledge = Knowledge::embedded().unwrap();
    for (id, cause) in &knowledge.causes {
        let file = root().join(format!("src/knowledge/data/causes/{id}.toml"));
        assert!(file.is_file(), "{} is not named after its id", cause.id);
        assert!(!cause.support.is_empty(), "{id} has no support");
        assert!(
            !cause.explanation.is_empty() && !cause.sources.is_empty(),
            "{id} explains nothing"
        );
        if id != "no-fault-found" {
            assert!(
                !cause.against.is_empty() || id.starts_with("nego-"),
                "{id} has no contradiction"
            );
            assert!(!cause.settle.is_empty(), "{id} says nothing about what would settle it");
            assert!(!cause.fixes.is_empty() || id == "client-cancelled", "{id} has no fix");
        }
        assert!(root().join("samples").join(id).is_dir(), "{id} has no sample");
        let snapshot = root().join(format!("tests/snapshots/{id}.snap"));
        assert!(snapshot.is_file(), "{id} has no snapshot");
    }
}

/// The causes that the first issue names; more may come.
const PROMISED: &str =
    "tls-no-shared-cipher tls-version-mismatch tls-disabled-on-server cert-expired
    cert-not-yet-valid cert-untrusted cert-name-mismatch cert-weak-hash-or-key
    cert-private-key-unreadable cert-selfsigned-create-failed nego-cert-missing-on-server
    nego-nla-required nego-tls-required nego-rdp-security-only tcp-port-refused tcp-port-filtered
    firewall-host-block host-unreachable middlebox-rst path-loss-latency path-mtu-blackhole
    dns-name-not-resolved dns-timeout credssp-oracle-remediation logon-bad-password
    account-locked-out account-disabled password-expired-or-must-change authz-not-in-rdp-users
    rds-license-grace-expired service-termservice-down client-cancelled bruteforce-pressure
    no-fault-found";

#[test]
fn the_promised_causes_are_there() {
    let knowledge = Knowledge::embedded().unwrap();
    for id in PROMISED.split_whitespace() {
        assert!(knowledge.causes.contains_key(id), "{id} is missing");
    }
}

#[test]
fn a_fix_that_lowers_security_warns_and_leads_back() {
    use rdp_triage::knowledge::Risk;
    let knowledge = Knowledge::embedded().unwrap();
    for fix in knowledge.fixes.values().filter(|fix| fix.risk == Risk::LowersSecurity) {
        assert!(!fix.rollback.is_empty(), "{} has no way back", fix.id);
        assert!(!fix.note.is_empty(), "{} has no warning", fix.id);
    }
}

#[test]
fn codes_are_unique_within_their_table() {
    let knowledge = Knowledge::embedded().unwrap();
    for table in knowledge.codes.values() {
        let mut seen = BTreeSet::new();
        for code in &table.codes {
            let key = (code.value, code.key.clone(), code.symbol.clone());
            assert!(seen.insert(key), "{}: {:?} {} twice", table.table, code.value, code.symbol);
        }
    }
}

#[test]
fn a_rules_folder_overrides_and_a_wrong_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let cause = root().join("src/knowledge/data/causes/cert-expired.toml");
    let text = std::fs::read_to_string(cause).unwrap();
    let changed = text.replacen("title = \"", "title = \"House rule: ", 1);
    std::fs::write(folder.path().join("any-name.toml"), changed).unwrap();
    let knowledge = Knowledge::with_rules(folder.path()).unwrap();
    assert!(knowledge.causes["cert-expired"].title.starts_with("House rule: "));
    std::fs::write(folder.path().join("broken.toml"), "id = \"x\"\ntitle = 3\n").unwrap();
    let error = Knowledge::with_rules(folder.path()).unwrap_err().to_string();
    assert!(error.contains("broken.toml"), "{error}");
}

#[test]
fn every_cause_of_the_fact_base_is_known() {
    let Some(table) = crate::support::shared("domain/causes.tsv") else { return };
    let knowledge = Knowledge::embedded().unwrap();
    let text = std::fs::read_to_string(table).unwrap();
    let ids: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    assert!(ids.len() > 100, "{}", ids.len());
    let unknown: Vec<&&str> =
        ids.iter().filter(|id| !knowledge.causes.contains_key(**id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
