//! What would speak against a cause, had it been seen.

use crate::diagnose::Diagnosis;
use crate::knowledge::{Cause, Rule};

/// Sentences that are told.
const MOST: usize = 2;

/// The heaviest rows against a cause that no fact meets, in their words without values.
/// What only says that the attempt ended otherwise does not refute it.
pub(super) fn refuted_by(cause: &Cause, diagnosis: &Diagnosis) -> Vec<String> {
    let mut rows: Vec<&Rule> = cause.against.iter().filter(|rule| !rule.only_the_end).collect();
    rows.sort_by(|a, b| b.weight_db.total_cmp(&a.weight_db));
    let told = |sentence: &String| {
        let seen = diagnosis.against.iter().map(|evidence| evidence.statement.as_str());
        !seen.into_iter().any(|statement| alike(statement, sentence))
    };
    let mut sentences: Vec<String> =
        rows.into_iter().map(|rule| without_values(&rule.says)).filter(told).collect();
    sentences.dedup();
    // A sentence with blanks in it says little; one that ends with a value still says something.
    sentences.retain(|sentence| !sentence.trim_end_matches('…').contains('…'));
    sentences.sort_by_key(|sentence| sentence.contains('…'));
    sentences.truncate(MOST);
    sentences
}

/// Whether a statement is the sentence with values in it: they begin alike.
fn alike(statement: &str, sentence: &str) -> bool {
    let fixed = sentence.split('…').next().unwrap_or(sentence);
    statement.starts_with(fixed.trim_end())
}

/// A sentence of the knowledge where nothing fills it: brackets that hold only values fall
/// away, any other value is an ellipsis.
pub(in crate::report) fn without_values(says: &str) -> String {
    let mut out = String::with_capacity(says.len());
    let mut rest = says;
    while let Some(at) = rest.find(" (") {
        let (before, bracket) = rest.split_at(at);
        let end = bracket.find(')').map_or(bracket.len(), |end| end + 1);
        let (inside, after) = bracket.split_at(end);
        out.push_str(before);
        if !inside.contains('{') {
            out.push_str(inside);
        }
        rest = after;
    }
    out.push_str(rest);
    ellipses(&out)
}

fn ellipses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        out.push('…');
        rest = after.split_once('}').map_or("", |(_, tail)| tail);
    }
    out.push_str(rest);
    out.replace("… …", "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_of_values_fall_away_and_others_stay() {
        let sentence = |says| without_values(says);
        assert_eq!(sentence("It was valid (until {not_after})"), "It was valid");
        assert_eq!(sentence("Refused with {code} {name} here"), "Refused with … here");
        assert_eq!(sentence("An alert (RFC 8446) came"), "An alert (RFC 8446) came");
        assert_eq!(sentence("cut {off"), "cut …");
    }
}
