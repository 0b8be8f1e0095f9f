//! Text in lines of a width.

/// Breaks text into lines of `width` columns, at spaces, or inside a word that is
/// longer than a line.
pub(super) fn wrap(text: &str, first: &str, rest: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut used = line.chars().count();
    let mut empty = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !empty && used + 1 + length > width {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            (used, empty) = (rest.chars().count(), true);
        }
        if !empty {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            if used >= width && !line.trim().is_empty() {
                lines.push(std::mem::replace(&mut line, rest.to_owned()));
                used = rest.chars().count();
            }
            line.push(c);
            used += 1;
        }
        empty = false;
    }
    lines.push(line);
    lines
}

/// A host without its domain.
pub(super) fn short_host(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}

/// A channel or provider without what they all have in common.
pub(super) fn short_name(name: &str) -> &str {
    ["Microsoft-Windows-", "TerminalServices-", "RemoteDesktopServices-"]
        .iter()
        .fold(name, |name, prefix| name.strip_prefix(prefix).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit() {
        let lines = wrap("one two three four", "* ", "  ", 10);
        assert_eq!(lines, ["* one two", "  three", "  four"]);
        assert_eq!(wrap("abcdefghijkl", "", "", 5), ["abcde", "fghij", "kl"]);
    }
}
