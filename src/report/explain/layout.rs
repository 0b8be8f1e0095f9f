//! How the pages are laid out, for every format that is read by people.

use super::blocks::Block;
use super::layout_code::{code, code_in_brief, in_a_line, pair, table};
use super::layout_fix::{fix, fix_of_cause};
use super::model::*;
use crate::report::refutation::without_values;
use crate::report::table::Ink;

/// Entries without a number of their own that are told in full; more of them are
/// one line each.
const IN_FULL: usize = 3;
/// Codes that are told in full; a short number stands in a dozen tables.
const CODES_IN_FULL: usize = 24;
/// Lines of a list.
const MOST_LINES: usize = 20;

pub(super) fn blocks(pages: &Pages) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut codes, mut others) = (Vec::new(), Vec::new());
    let (mut has_pair, mut joined) = (false, false);
    for page in &pages.pages {
        match page {
            Page::Pair(page) => {
                has_pair = true;
                pair(page, &mut blocks);
            }
            Page::Together(page) => {
                joined = page.in_one_row;
                together(page, &mut blocks);
            }
            Page::Code(page) => codes.push(page),
            _ => others.push(page),
        }
    }
    if pages.searched && pages.pages.len() > 1 {
        blocks.push(Block::Heading("Found by these words, best first".to_owned()));
        lines(pages.pages.iter(), &mut blocks);
        return blocks;
    }
    if others.len() <= IN_FULL {
        others.into_iter().for_each(|other| page(other, joined, &mut blocks));
    } else {
        blocks.push(Block::Heading("Several entries go by this".to_owned()));
        lines(others.into_iter(), &mut blocks);
    }
    match codes.len() {
        // The page of the pair tells them.
        _ if has_pair => {}
        1 if !joined => codes.into_iter().for_each(|page| code(page, &mut blocks)),
        n if n <= CODES_IN_FULL => {
            codes.into_iter().for_each(|page| code_in_brief(page, &mut blocks));
        }
        _ => {
            blocks.push(Block::Heading("Codes that go by this".to_owned()));
            lines(pages.pages.iter().filter(|p| matches!(p, Page::Code(_))), &mut blocks);
        }
    }
    blocks
}

/// A page in full. `joined`: the rows that look at it together with the other
/// terms were told, and its other rows are not asked for.
fn page(page: &Page, joined: bool, blocks: &mut Vec<Block>) {
    match page {
        Page::Pair(page) => pair(page, blocks),
        Page::Together(page) => together(page, blocks),
        Page::Code(page) => code(page, blocks),
        Page::Event(page) => event(page, joined, blocks),
        Page::Cause(page) => cause(page, blocks),
        Page::Fix(page) => fix(page, blocks),
        Page::Provider(page) => provider(page, blocks),
        Page::Table(page) => table(page, blocks),
    }
}

/// One line for each page, and how many are left out.
fn lines<'a>(pages: impl Iterator<Item = &'a Page>, blocks: &mut Vec<Block>) {
    let all: Vec<String> = pages.filter_map(line).collect();
    let left = all.len().saturating_sub(MOST_LINES);
    blocks.extend(all.into_iter().take(MOST_LINES).map(Block::Item));
    if left > 0 {
        blocks.push(Block::Text(format!(
            "{left} more are not shown; another term narrows them, and --format json has all."
        )));
    }
}

fn line(page: &Page) -> Option<String> {
    Some(match page {
        Page::Pair(_) | Page::Together(_) => return None,
        Page::Code(page) => format!("{} {}", page.code.table, in_a_line(&page.code)),
        Page::Event(page) => format!("{}: {}", page.event, page.title),
        Page::Cause(page) => format!("{}: {} (cause)", page.id, page.title),
        Page::Fix(page) => format!("{}: {} (fix)", page.id, page.title),
        Page::Provider(page) => format!("{}: events of {}", page.slug, page.provider),
        Page::Table(page) => format!("{}: {} (code table)", page.table, page.title),
    })
}

/// A labelled value, unless there is none.
pub(super) fn fact(label: &'static str, value: impl Into<String>, blocks: &mut Vec<Block>) {
    let value = value.into();
    if !value.is_empty() {
        blocks.push(Block::Fact(label, value));
    }
}

fn together(page: &TogetherPage, blocks: &mut Vec<Block>) {
    let title = match (page.causes.is_empty(), page.in_one_row) {
        (true, _) => "no cause looks at all of these",
        (false, true) => "causes with a row that looks at all of these",
        (false, false) => "causes that have to do with all of these",
    };
    blocks.push(Block::Title { name: page.terms.join(" + "), title: title.to_owned() });
    for shared in &page.causes {
        blocks.push(Block::Item(format!("{}: {}", shared.cause, shared.title)));
        blocks.extend(shared.uses.iter().map(|used| weight(&used.rule, used.speaks == "for")));
    }
}

fn event(page: &EventPage, joined: bool, blocks: &mut Vec<Block>) {
    blocks.push(Block::Title { name: page.event.clone(), title: page.title.clone() });
    blocks.push(Block::Text(page.says.clone()));
    fact("proves not", &page.does_not_prove, blocks);
    fact("message", &page.message, blocks);
    let mut names = page.also_known_as.clone();
    names.insert(0, page.provider.clone());
    fact("provider", names.join(", also "), blocks);
    fact("channel", &page.channel, blocks);
    fact("written on", &page.side, blocks);
    fact("level", &page.level, blocks);
    fact("priority", &page.priority, blocks);
    fact("source", &page.source, blocks);
    if !page.alike.is_empty() {
        let same = page.alike.join(", ");
        fact(
            "repeats",
            format!("records with the same {same} are counted after the first"),
            blocks,
        );
    }
    if !page.fields.is_empty() {
        blocks.push(Block::Heading("Fields".to_owned()));
        blocks.extend(page.fields.iter().map(|field| Block::Item(field_line(field))));
    }
    if !joined {
        uses(&page.uses, blocks);
    }
    blocks.push(Block::Heading("To see its records".to_owned()));
    blocks.push(Block::Commands(vec![page.query.wevtutil.clone(), page.query.powershell.clone()]));
    blocks.push(Block::Text("In a log file, and in Event Viewer's filter, as XPath:".to_owned()));
    blocks.push(Block::Commands(vec![page.query.xpath.clone()]));
}

fn field_line(field: &EventField) -> String {
    let mut line = field.name.clone();
    if !field.role.is_empty() {
        line.push_str(&format!(": {}", field.role.replace('_', " ")));
    }
    if !field.tables.is_empty() {
        line.push_str(&format!(" (codes: {})", field.tables.join(", ")));
    }
    line
}

/// Rows that look at an entry, those for a cause first, strongest first.
pub(super) fn uses(uses: &[UseReport], blocks: &mut Vec<Block>) {
    if uses.is_empty() {
        return;
    }
    blocks.push(Block::Heading("Causes that look at it".to_owned()));
    let mut sorted: Vec<&UseReport> = uses.iter().collect();
    sorted.sort_by(|a, b| {
        let heavier = b.rule.weight_db.total_cmp(&a.rule.weight_db);
        (a.speaks == "against").cmp(&(b.speaks == "against")).then(heavier)
    });
    for used in sorted {
        let Block::Weight { supports, weight_db, text } = weight(&used.rule, used.speaks == "for")
        else {
            continue;
        };
        let text = format!("{}: {text}", used.cause);
        blocks.push(Block::Weight { supports, weight_db, text });
    }
}

/// A row of evidence, with what it looks at.
pub(super) fn weight(rule: &RuleReport, supports: bool) -> Block {
    let mut looks_at = vec![rule.facts.join(" or ")];
    if rule.absent {
        looks_at.push(format!("counts when absent from {}", rule.coverage));
    }
    looks_at.extend(rule.conditions.iter().cloned());
    if rule.names_reason {
        looks_at.push("names the reason".to_owned());
    }
    let text = format!("{} [{}]", without_values(&rule.says), looks_at.join("; "));
    Block::Weight { supports, weight_db: rule.weight_db, text }
}

fn cause(page: &CausePage, blocks: &mut Vec<Block>) {
    blocks.push(Block::Title { name: page.id.clone(), title: page.title.clone() });
    blocks.push(Block::Text(page.explanation.clone()));
    fact("stage", page.stage.name(), blocks);
    fact("fault on", page.fault_domain.name(), blocks);
    fact("client shows", page.client_codes.join(", "), blocks);
    let prior = format!("{:+.1} dB against a cause that is not listed", page.prior_db);
    fact("how common", prior, blocks);
    fact("sources", page.sources.join("; "), blocks);
    for (heading, rules, supports) in
        [("Speaks for it", &page.evidence, true), ("Speaks against it", &page.against, false)]
    {
        if !rules.is_empty() {
            blocks.push(Block::Heading(heading.to_owned()));
            blocks.extend(rules.iter().map(|rule| weight(rule, supports)));
        }
    }
    if !page.settle.is_empty() {
        blocks.push(Block::Heading("What would settle it".to_owned()));
    }
    for settle in &page.settle {
        blocks.push(Block::Item(settle.what.clone()));
        blocks.push(Block::Commands(settle.how.clone()));
    }
    if !page.fixes.is_empty() {
        blocks.push(Block::Heading("What to do, safest first".to_owned()));
        page.fixes.iter().for_each(|fix| fix_of_cause(fix, blocks));
    }
}

fn provider(page: &ProviderPage, blocks: &mut Vec<Block>) {
    let title = count(page.events.len(), "event");
    blocks.push(Block::Title { name: page.provider.clone(), title });
    fact("short name", &page.slug, blocks);
    fact("also", page.also_known_as.join(", "), blocks);
    fact("channel", &page.channel, blocks);
    fact("written on", &page.side, blocks);
    let events = page.events.iter().map(|event| format!("{}: {}", event.term, event.title));
    blocks.push(Block::Heading("Events".to_owned()));
    blocks.extend(events.map(Block::Item));
}

/// `1 code`, `2 codes`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The ink of a risk.
pub(super) fn ink(risk: crate::knowledge::Risk) -> Ink {
    use crate::knowledge::Risk;
    match risk {
        Risk::Safe => Ink::Good,
        Risk::Caution => Ink::Doubtful,
        Risk::LowersSecurity => Ink::Bad,
    }
}
