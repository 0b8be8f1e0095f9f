//! What refers to what: rows of causes to events and codes, fields to tables.

use super::client_code::client_codes;
use super::{Entry, Knowledge};
use crate::knowledge::cause::number;
use crate::knowledge::{Cause, Code, CodeTable, Condition, Event, Fix, Provider, Role, Rule};

/// One row of a cause.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    pub cause: &'a Cause,
    pub rule: &'a Rule,
    /// The row speaks for the cause, not against it.
    pub supports: bool,
}

/// Tables of the fields of facts that are established in Rust.
const WIRE_TABLES: &[(&str, &str, &str)] = &[
    ("wire.credssp.error", "code", "logon_4625_status"),
    ("wire.credssp.error", "code", "hresult"),
    ("wire.kerberos.error", "code", "kerberos"),
    ("wire.rdp.error_info", "code", "errinfo"),
    ("wire.tls.alert", "description", "tls_alert"),
    ("wire.tls.alert", "number", "tls_alert"),
    ("wire.x224.failure", "code", "rdp_neg_failure"),
];

/// Values from which a number is a status that means the same everywhere.
const STATUS_LIKE: i64 = 0x1_0000;

/// Tables that tell what the numbers of a role mean.
fn role_tables(role: Role) -> &'static [&'static str] {
    match role {
        Role::Ntstatus | Role::Hresult => &["logon_4625_status", "hresult"],
        Role::TlsAlert => &["tls_alert"],
        Role::SchannelState => &["schannel_error_state"],
        Role::DisconnectReason => {
            &["mstsc_disconnect_reason", "mstsc_disconnect_reason_more", "mstsc_gateway_reason"]
        }
        Role::ExtendedReason => &["mstsc_extended_reason"],
        Role::LogonType => &["logon_type"],
        Role::LsmReason => &["lsm40_reason"],
        _ => &[],
    }
}

/// Tables that tell what the numbers of a field mean; empty where there is none.
pub fn field_tables<'a>(event: &'a Event, field: &str) -> Vec<&'a str> {
    if let Some(table) = event.codes.get(field) {
        return vec![table];
    }
    event.roles.get(field).map(|role| role_tables(*role).to_vec()).unwrap_or_default()
}

/// The fields of an event whose numbers a table tells.
fn fields_with<'a>(event: &'a Event, table: &str) -> Vec<&'a str> {
    let coded = event.codes.keys();
    let mut fields: Vec<&str> = coded.chain(event.roles.keys()).map(String::as_str).collect();
    fields.sort_unstable();
    fields.dedup();
    fields.retain(|field| field_tables(event, field).contains(&table));
    fields
}

/// Events that hold numbers of a table, with the fields that do.
pub fn event_fields_with<'a>(
    knowledge: &'a Knowledge,
    table: &CodeTable,
) -> Vec<(&'a Provider, &'a Event, Vec<&'a str>)> {
    let mut found = Vec::new();
    for provider in knowledge.providers() {
        for event in &provider.events {
            let fields = fields_with(event, &table.table);
            if !fields.is_empty() {
                found.push((provider, event, fields));
            }
        }
    }
    found
}

/// All rows of all causes.
fn all_uses(knowledge: &Knowledge) -> impl Iterator<Item = Use<'_>> {
    knowledge.causes.values().flat_map(uses_of_cause)
}

fn uses_of_cause(cause: &Cause) -> impl Iterator<Item = Use<'_>> {
    let support = cause.support.iter().map(move |rule| Use { cause, rule, supports: true });
    let against = cause.against.iter().map(move |rule| Use { cause, rule, supports: false });
    support.chain(against)
}

/// Rows that look at an event.
pub fn uses_of_event<'a>(
    knowledge: &'a Knowledge,
    provider: &Provider,
    event: &Event,
) -> Vec<Use<'a>> {
    all_uses(knowledge).filter(|used| rule_has_event(used.rule, provider, event)).collect()
}

/// Rows that look for a code.
pub fn uses_of_code<'a>(knowledge: &'a Knowledge, table: &CodeTable, code: &Code) -> Vec<Use<'a>> {
    all_uses(knowledge).filter(|used| rule_has_code(knowledge, used.rule, table, code)).collect()
}

/// Causes that a fix helps with.
pub fn causes_with_fix<'a>(knowledge: &'a Knowledge, fix: &Fix) -> Vec<&'a Cause> {
    knowledge.causes.values().filter(|cause| cause.fixes.contains(&fix.id)).collect()
}

fn rule_has_event(rule: &Rule, provider: &Provider, event: &Event) -> bool {
    let kind = provider.kind(event.id);
    rule.fact.iter().any(|fact| fact == kind)
}

fn rule_has_code(knowledge: &Knowledge, rule: &Rule, table: &CodeTable, code: &Code) -> bool {
    rule.conditions.iter().chain(&rule.unless).any(|(field, condition)| {
        names_code(condition, code)
            && rule.fact.iter().any(|fact| field_fits(knowledge, fact, field, table, code))
    })
}

fn names_code(condition: &Condition, code: &Code) -> bool {
    condition.iter().any(|text| {
        let named = |name: &str| !name.is_empty() && name.eq_ignore_ascii_case(text);
        let valued = code.value.is_some() && number(text) == code.value;
        valued || named(&code.symbol) || named(&code.key)
    })
}

/// Whether a field of a fact holds numbers of the table.
fn field_fits(
    knowledge: &Knowledge,
    fact: &str,
    field: &str,
    table: &CodeTable,
    code: &Code,
) -> bool {
    let tables: Vec<&str> = match knowledge.event_by_kind(fact) {
        Some((_, event)) => field_tables(event, field),
        None => WIRE_TABLES
            .iter()
            .filter(|(name, its_field, _)| *name == fact && *its_field == field)
            .map(|(_, _, table)| *table)
            .collect(),
    };
    match tables.is_empty() {
        true => code.value.is_some_and(|value| value >= STATUS_LIKE),
        false => tables.contains(&table.table.as_str()),
    }
}

/// Whether a row looks at the entry.
pub(super) fn rule_has(knowledge: &Knowledge, rule: &Rule, entry: Entry<'_>) -> bool {
    match entry {
        Entry::Event(provider, event) => rule_has_event(rule, provider, event),
        Entry::Code(table, code) => rule_has_code(knowledge, rule, table, code),
        Entry::Provider(provider) => {
            provider.events.iter().any(|event| rule_has_event(rule, provider, event))
        }
        Entry::Table(table) => {
            table.codes.iter().any(|code| rule_has_code(knowledge, rule, table, code))
        }
        Entry::Cause(_) | Entry::Fix(_) => false,
    }
}

/// Whether a cause has to do with the entry: a row looks at it, the client shows
/// it, or it is a fix.
pub(super) fn cause_has(knowledge: &Knowledge, cause: &Cause, entry: Entry<'_>) -> bool {
    let shown = |table: &CodeTable, code: &Code| {
        code.value.is_some_and(|value| client_codes(cause).any(|c| c.is_code(table, value)))
    };
    let direct = match entry {
        Entry::Cause(other) => std::ptr::eq(cause, other),
        Entry::Fix(fix) => cause.fixes.contains(&fix.id),
        Entry::Code(table, code) => shown(table, code),
        Entry::Table(table) => table.codes.iter().any(|code| shown(table, code)),
        Entry::Event(..) | Entry::Provider(_) => false,
    };
    direct || uses_of_cause(cause).any(|used| rule_has(knowledge, used.rule, entry))
}

/// Whether two entries have to do with each other.
pub(super) fn related(knowledge: &Knowledge, a: Entry<'_>, b: Entry<'_>) -> bool {
    a.is(b) || one_way(knowledge, a, b) || one_way(knowledge, b, a)
}

fn one_way(knowledge: &Knowledge, a: Entry<'_>, b: Entry<'_>) -> bool {
    let has_table = |event: &Event, table: &CodeTable| !fields_with(event, &table.table).is_empty();
    match (a, b) {
        (Entry::Cause(cause), other) => cause_has(knowledge, cause, other),
        (Entry::Provider(provider), Entry::Event(own, _)) => std::ptr::eq(provider, own),
        (Entry::Table(table), Entry::Code(own, _)) => std::ptr::eq(table, own),
        (Entry::Code(table, a), Entry::Code(other, b)) => {
            std::ptr::eq(table, other) && !std::ptr::eq(a, b)
        }
        (Entry::Event(_, event), Entry::Code(table, _) | Entry::Table(table)) => {
            has_table(event, table)
        }
        (Entry::Provider(provider), Entry::Code(table, _) | Entry::Table(table)) => {
            provider.events.iter().any(|event| has_table(event, table))
        }
        _ => false,
    }
}
