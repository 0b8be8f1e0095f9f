//! From the entries of an answer to their pages.

use super::model::*;
use crate::knowledge::lookup::{
    Answer, Entry, Fit, Pair, PairCause, Together, Use, causes_with_fix, event_fields_with,
    family_of, field_tables, shown_for, uses_of_code, uses_of_event,
};
use crate::knowledge::{
    Cause, Code, CodeTable, Event, Fix, Knowledge, Provider, Rule, Scope, Settle,
};
use serde::Serialize;

/// Rows of a pair's cause that tell it from the others.
const MOST_PROOF: usize = 2;

/// What holds for every pair of codes, whatever the numbers.
const CAUTION: &str = "The two numbers say where the client noticed the end and what it was told, \
    never why. No cause is named by them alone: the stage that a capture or the logs show, and \
    a record that names the reason, decide.";

/// The pages of an answer: the pair and where the terms meet first, then the
/// entries in their order.
pub fn pages(knowledge: &Knowledge, answer: &Answer<'_>) -> Pages {
    let mut pages = Vec::new();
    pages.extend(answer.pair.as_ref().map(|pair| Page::Pair(pair_page(pair))));
    pages.extend(answer.together.as_ref().map(|t| Page::Together(together(t))));
    pages.extend(answer.entries.iter().map(|entry| page(knowledge, *entry)));
    Pages { pages, searched: answer.searched }
}

fn page(knowledge: &Knowledge, entry: Entry<'_>) -> Page {
    match entry {
        Entry::Cause(cause) => Page::Cause(cause_page(knowledge, cause)),
        Entry::Event(provider, event) => Page::Event(event_page(knowledge, provider, event)),
        Entry::Code(table, code) => Page::Code(code_page(knowledge, table, code)),
        Entry::Fix(fix) => {
            let causes = causes_with_fix(knowledge, fix).into_iter().map(named).collect();
            Page::Fix(FixPage { causes, ..fix_page(fix) })
        }
        Entry::Provider(provider) => Page::Provider(provider_page(provider)),
        Entry::Table(table) => Page::Table(TablePage {
            table: table.table.clone(),
            title: table.title.clone(),
            codes: table.codes.iter().map(|code| code_line(table, code)).collect(),
            events: fields_with(knowledge, table),
        }),
    }
}

fn named(cause: &Cause) -> Named {
    Named { term: cause.id.clone(), title: cause.title.clone() }
}

fn pair_page(pair: &Pair<'_>) -> PairPage {
    let lines = |codes: &[(&CodeTable, &Code)]| {
        codes.iter().map(|(table, code)| code_line(table, code)).collect()
    };
    PairPage {
        reason: format!("0x{:X}", pair.reason),
        extended: format!("0x{:X}", pair.extended),
        reasons: lines(&pair.reasons),
        extended_reasons: lines(&pair.extended_reasons),
        family: pair.family.map(|code| code.meaning.clone()).unwrap_or_default(),
        caution: CAUTION.to_owned(),
        stages: pair.stages.clone(),
        causes: pair.causes.iter().map(pair_cause).collect(),
    }
}

fn pair_cause(found: &PairCause<'_>) -> PairCauseReport {
    let cause = found.cause;
    let mut proof: Vec<&Rule> = cause.support.iter().filter(|rule| rule.names_reason).collect();
    proof.sort_by(|a, b| b.weight_db.total_cmp(&a.weight_db));
    PairCauseReport {
        cause: cause.id.clone(),
        title: cause.title.clone(),
        stage: cause.stage,
        fault_domain: cause.fault_domain,
        shows: match found.fit {
            Fit::Both => "both",
            Fit::Reason => "reason",
            Fit::Extended => "extended",
        },
        proof: proof.into_iter().take(MOST_PROOF).map(rule).collect(),
        settle: cause.settle.iter().map(settle).collect(),
    }
}

fn together(together: &Together<'_>) -> TogetherPage {
    let causes = together.causes.iter().map(|shared| SharedReport {
        cause: shared.cause.id.clone(),
        title: shared.cause.title.clone(),
        uses: shared.uses.iter().map(used).collect(),
    });
    TogetherPage {
        terms: together.terms.clone(),
        in_one_row: together.in_one_row,
        causes: causes.collect(),
    }
}

fn code_line(table: &CodeTable, code: &Code) -> CodeLine {
    CodeLine {
        table: table.table.clone(),
        table_title: table.title.clone(),
        value: code.value,
        hex: code.value.map(|value| format!("0x{value:X}")),
        key: code.key.clone(),
        symbol: code.symbol.clone(),
        meaning: code.meaning.clone(),
        note: code.note.clone(),
        verification: code.verification.clone(),
        source: code.source.clone(),
    }
}

fn code_page(knowledge: &Knowledge, table: &CodeTable, code: &Code) -> CodePage {
    let family = family_of(knowledge, table, code);
    CodePage {
        code: code_line(table, code),
        family: family.map(|code| code.meaning.clone()).unwrap_or_default(),
        shown_for: shown_for(knowledge, table, code).into_iter().map(named).collect(),
        events: fields_with(knowledge, table),
        uses: uses_of_code(knowledge, table, code).iter().map(used).collect(),
    }
}

fn fields_with(knowledge: &Knowledge, table: &CodeTable) -> Vec<FieldReport> {
    event_fields_with(knowledge, table)
        .into_iter()
        .map(|(provider, event, fields)| FieldReport {
            event: Entry::Event(provider, event).term(),
            title: event.title.clone(),
            fields: fields.into_iter().map(str::to_owned).collect(),
        })
        .collect()
}

fn event_page(knowledge: &Knowledge, provider: &Provider, event: &Event) -> EventPage {
    EventPage {
        event: Entry::Event(provider, event).term(),
        id: event.id,
        title: event.title.clone(),
        provider: provider.provider.clone(),
        also_known_as: provider.also_known_as.clone(),
        channel: provider.channel_of(event).to_owned(),
        side: provider.side.clone(),
        level: event.level.clone(),
        priority: event.priority.clone(),
        says: event.says.clone(),
        does_not_prove: event.does_not_prove.clone(),
        message: event.message.clone(),
        fields: event_fields(event),
        positional: event.positional.clone(),
        alike: event.alike.clone(),
        query: query(provider, event),
        uses: uses_of_event(knowledge, provider, event).iter().map(used).collect(),
        source: event.source.clone(),
    }
}

/// Named fields first, then names of unnamed ones, then what only roles name.
fn event_fields(event: &Event) -> Vec<EventField> {
    let mut names: Vec<&String> = Vec::new();
    let all = event.fields.iter().chain(&event.positional);
    for name in all.chain(event.roles.keys()).chain(event.codes.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|name| EventField {
            name: name.clone(),
            role: event.roles.get(name).map(word).unwrap_or_default(),
            tables: field_tables(event, name).into_iter().map(str::to_owned).collect(),
        })
        .collect()
}

/// The word that stands for a value in the data files and in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The query uses the log that the event is written to; PowerShell finds all logs of the
/// provider by itself.
fn query(provider: &Provider, event: &Event) -> QueryReport {
    let names: Vec<&String> =
        [&provider.provider].into_iter().chain(&provider.also_known_as).collect();
    let id = event.id;
    // XPath has no way to escape a quote inside quotes.
    let quotable = names.iter().all(|name| !name.contains(['\'', '"']));
    let xpath = if quotable {
        let tests: Vec<String> = names.iter().map(|name| format!("@Name='{name}'")).collect();
        format!("*[System[Provider[{}] and (EventID={id})]]", tests.join(" or "))
    } else {
        format!("*[System[(EventID={id})]]")
    };
    QueryReport {
        wevtutil: format!(
            "wevtutil qe \"{}\" /q:\"{xpath}\" /f:text /rd:true /c:20",
            provider.channel_of(event)
        ),
        powershell: format!(
            "Get-WinEvent -FilterHashtable @{{ProviderName='{}'; Id={id}}} -MaxEvents 20",
            provider.provider.replace('\'', "''")
        ),
        xpath,
    }
}

fn cause_page(knowledge: &Knowledge, cause: &Cause) -> CausePage {
    let mut fixes: Vec<&Fix> =
        cause.fixes.iter().filter_map(|id| knowledge.fixes.get(id)).collect();
    fixes.sort_by_key(|fix| fix.risk);
    CausePage {
        id: cause.id.clone(),
        title: cause.title.clone(),
        explanation: cause.explanation.clone(),
        stage: cause.stage,
        fault_domain: cause.fault_domain,
        prior_db: cause.prior_db,
        client_codes: cause.client_codes.clone(),
        evidence: strongest_first(&cause.support),
        against: strongest_first(&cause.against),
        settle: cause.settle.iter().map(settle).collect(),
        fixes: fixes.into_iter().map(fix_page).collect(),
        sources: cause.sources.clone(),
    }
}

fn strongest_first(rules: &[Rule]) -> Vec<RuleReport> {
    let mut rules: Vec<&Rule> = rules.iter().collect();
    rules.sort_by(|a, b| b.weight_db.total_cmp(&a.weight_db));
    rules.into_iter().map(rule).collect()
}

fn rule(rule: &Rule) -> RuleReport {
    RuleReport {
        weight_db: rule.weight_db,
        names_reason: rule.names_reason,
        says: rule.says.clone(),
        facts: rule.fact.iter().map(str::to_owned).collect(),
        conditions: conditions(rule),
        absent: rule.absent,
        coverage: rule.coverage.clone(),
        scope: rule.scope,
        group: rule.group.clone(),
    }
}

fn conditions(rule: &Rule) -> Vec<String> {
    let any = |texts: Vec<&str>| texts.join(" or ");
    let is = rule.conditions.iter().map(|(f, c)| format!("{f} is {}", any(c.iter().collect())));
    let not = rule.unless.iter().map(|(f, c)| format!("{f} is not {}", any(c.iter().collect())));
    let min = rule.min.iter().map(|(field, limit)| format!("{field} is at least {limit}"));
    let max = rule.max.iter().map(|(field, limit)| format!("{field} is at most {limit}"));
    let mut all: Vec<String> = is.chain(not).chain(min).chain(max).collect();
    if rule.scope == Scope::Host {
        all.push(format!("within {} s before the attempt", rule.within_s));
    }
    all
}

fn used(used: &Use<'_>) -> UseReport {
    UseReport {
        cause: used.cause.id.clone(),
        title: used.cause.title.clone(),
        speaks: if used.supports { "for" } else { "against" },
        rule: rule(used.rule),
    }
}

fn settle(settle: &Settle) -> SettleReport {
    SettleReport {
        what: settle.what.clone(),
        unless: settle.unless.clone(),
        how: settle.how.clone(),
    }
}

fn fix_page(fix: &Fix) -> FixPage {
    FixPage {
        id: fix.id.clone(),
        title: fix.title.clone(),
        risk: fix.risk,
        run_on: fix.run_on.clone(),
        note: fix.note.clone(),
        commands: fix.commands.clone(),
        rollback: fix.rollback.clone(),
        verify: fix.verify.clone(),
        causes: Vec::new(),
    }
}

fn provider_page(provider: &Provider) -> ProviderPage {
    let events = provider.events.iter().map(|event| Named {
        term: Entry::Event(provider, event).term(),
        title: event.title.clone(),
    });
    ProviderPage {
        slug: provider.slug.clone(),
        provider: provider.provider.clone(),
        also_known_as: provider.also_known_as.clone(),
        channel: provider.channel.clone(),
        side: provider.side.clone(),
        events: events.collect(),
    }
}
