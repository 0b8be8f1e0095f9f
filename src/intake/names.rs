//! How the report names files: briefly, and never two by one name.

use super::Found;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};
use std::sync::Arc;

/// Leaves one of each file that several of the given paths lead to.
pub(super) fn keep_once(found: &mut Vec<Found>) {
    let mut known = BTreeSet::new();
    found.retain(|found| known.insert(found.path.canonicalize().unwrap_or(found.path.clone())));
}

/// The name of each file: its path below what the user gave, with `/` on every system,
/// and as much of the path before that as tells it from others.
pub(super) fn names(found: &[Found]) -> Vec<Arc<str>> {
    let parts: Vec<Vec<String>> = found.iter().map(|found| parts(&found.path)).collect();
    let mut shown: Vec<usize> = found.iter().map(below_root).collect();
    loop {
        let names: Vec<Arc<str>> =
            parts.iter().zip(&shown).map(|(parts, shown)| last(parts, *shown).into()).collect();
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            by_name.entry(name).or_default().push(index);
        }
        let mut longer = false;
        for index in by_name.into_values().filter(|same| same.len() > 1).flatten() {
            if let (Some(shown), Some(parts)) = (shown.get_mut(index), parts.get(index))
                && *shown < parts.len()
            {
                *shown += 1;
                longer = true;
            }
        }
        // Every round shows more of some path, and paths end.
        if !longer {
            return names;
        }
    }
}

/// How many parts of a path lie below what the user gave: its name, where that is the
/// file itself.
fn below_root(found: &Found) -> usize {
    let below = found.path.strip_prefix(&found.root).map(|below| below.components().count());
    below.unwrap_or(1).max(1)
}

fn parts(path: &Path) -> Vec<String> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let parts = absolute.components().filter(|part| !matches!(part, Component::RootDir));
    parts.map(|part| part.as_os_str().to_string_lossy().replace('\\', "/")).collect()
}

fn last(parts: &[String], count: usize) -> String {
    parts.get(parts.len().saturating_sub(count)..).unwrap_or(parts).join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::FileKind;

    #[track_caller]
    fn check(files: &[(&str, &str)], expect: &[&str]) {
        let found: Vec<Found> = files
            .iter()
            .map(|(root, below)| Found {
                root: root.into(),
                path: Path::new(root).join(below),
                seen: Ok((FileKind::Evtx, 1)),
            })
            .collect();
        let names = names(&found);
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        assert_eq!(names, expect);
    }

    #[test]
    fn names_are_as_short_as_they_can_be() {
        check(
            &[("/t/1", "System.evtx"), ("/t/1", "a/System.evtx")],
            &["System.evtx", "a/System.evtx"],
        );
        check(&[("/t/1/x.pcap", ""), ("/t/2/y.pcap", "")], &["x.pcap", "y.pcap"]);
    }

    #[test]
    fn files_of_one_name_are_told_apart_by_what_lies_before() {
        check(
            &[("/t/1", "System.evtx"), ("/t/2", "System.evtx"), ("/t/2", "other.evtx")],
            &["1/System.evtx", "2/System.evtx", "other.evtx"],
        );
        check(
            &[("/t/1/logs", "a.evtx"), ("/t/2/logs", "a.evtx")],
            &["1/logs/a.evtx", "2/logs/a.evtx"],
        );
        // The longer name of one is the name of another.
        check(
            &[("/t/1", "a.evtx"), ("/t/2", "a.evtx"), ("/u", "1/a.evtx")],
            &["t/1/a.evtx", "2/a.evtx", "u/1/a.evtx"],
        );
    }
}
