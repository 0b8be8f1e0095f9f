//! How a list changed: what came, what went, what stands elsewhere.

use super::model::{ListChange, MovedItem};
use std::collections::HashMap;

/// The change from one list to another; `None` where there is none. Of an item that is
/// named twice the first place counts. Where the order says nothing, nothing is moved.
pub(super) fn change(good: &[String], bad: &[String], ordered: bool) -> Option<ListChange> {
    let (in_good, in_bad) = (places(good), places(bad));
    let only = |these: &[String], others: &HashMap<&str, usize>| -> Vec<String> {
        let mut seen = HashMap::new();
        let missing = these.iter().filter(|item| !others.contains_key(item.as_str()));
        missing.filter(|item| seen.insert(item.as_str(), ()).is_none()).cloned().collect()
    };
    let mut change =
        ListChange { added: only(bad, &in_good), removed: only(good, &in_bad), moved: Vec::new() };
    if ordered {
        change.moved = moved(good, &in_good, &in_bad);
    }
    (change != ListChange::default()).then_some(change)
}

/// The first place of every item, counted from 1.
fn places(list: &[String]) -> HashMap<&str, usize> {
    let mut places = HashMap::new();
    for (place, item) in (1..).zip(list) {
        places.entry(item.as_str()).or_insert(place);
    }
    places
}

/// The common items that are not in the longest run that both lists have in one order.
fn moved(
    good: &[String],
    in_good: &HashMap<&str, usize>,
    in_bad: &HashMap<&str, usize>,
) -> Vec<MovedItem> {
    // Common items in GOOD's order, with their places.
    let common: Vec<(&String, usize, usize)> = (1..)
        .zip(good)
        .filter(|(place, item)| in_good.get(item.as_str()) == Some(place))
        .filter_map(|(place, item)| Some((item, place, *in_bad.get(item.as_str())?)))
        .collect();
    let kept = longest_ascending(&common.iter().map(|(_, _, to)| *to).collect::<Vec<_>>());
    common
        .into_iter()
        .zip(kept)
        .filter(|(_, kept)| !kept)
        .map(|((item, from, to), _)| MovedItem { item: item.clone(), from, to })
        .collect()
}

/// Which of these distinct numbers are in their longest ascending run, in n log n.
fn longest_ascending(numbers: &[usize]) -> Vec<bool> {
    // For every length of run the index at which the lowest such run ends.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    let number = |index: &usize| numbers.get(*index).copied().unwrap_or_default();
    for (index, value) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| number(end) < *value);
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut kept = vec![false; numbers.len()];
    let mut at = ends.last().copied();
    while let Some(index) = at {
        if let Some(kept) = kept.get_mut(index) {
            *kept = true;
        }
        at = before.get(index).copied().flatten();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(good: &str, bad: &str) -> String {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let Some(change) = change(&list(good), &list(bad), true) else { return "same".to_owned() };
        let moved: Vec<String> =
            change.moved.iter().map(|m| format!("{}:{}>{}", m.item, m.from, m.to)).collect();
        format!("+{} -{} {}", change.added.join(""), change.removed.join(""), moved.join(" "))
    }

    #[test]
    fn lists_tell_what_came_what_went_and_what_moved() {
        assert_eq!(shown("a b c", "a b c"), "same");
        assert_eq!(shown("", ""), "same");
        assert_eq!(shown("a b c", "a c d"), "+d -b ");
        assert_eq!(shown("a b c d", "d a b c"), "+ - d:4>1");
        assert_eq!(shown("a b c", "c b a"), "+ - a:1>3 b:2>2");
        assert_eq!(shown("a a b", "a b"), "same");
    }

    #[test]
    fn where_the_order_says_nothing_nothing_is_moved() {
        let (good, bad) = (["a".to_owned(), "b".to_owned()], ["b".to_owned(), "a".to_owned()]);
        assert_eq!(change(&good, &bad, false), None);
    }

    #[test]
    fn long_lists_are_compared_at_once() {
        let good: Vec<String> = (0..60_000).map(|n| n.to_string()).collect();
        let bad: Vec<String> = good.iter().rev().cloned().collect();
        assert_eq!(change(&good, &bad, true).unwrap().moved.len(), 59_999);
    }
}
