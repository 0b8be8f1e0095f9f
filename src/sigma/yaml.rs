//! YAML in the style that the Sigma specification asks for: blocks, four spaces, texts in
//! single quotation marks, plain numbers.

/// A value of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Yaml {
    Integer(i64),
    Number(f64),
    Flag(bool),
    Text(String),
    /// A word that is written without quotation marks, such as a date.
    Plain(&'static str),
    /// Paragraphs, one a line.
    Lines(Vec<String>),
    List(Vec<Yaml>),
    Map(Map),
}

/// Keys in their order.
pub(super) type Map = Vec<(String, Yaml)>;

/// Words that are no texts without quotation marks, in YAML 1.1 or 1.2.
const NOT_TEXT: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// A whole file.
pub(super) fn document(map: &Map) -> String {
    let mut text = String::new();
    write_map(&mut text, map, 0);
    text
}

fn write_map(text: &mut String, map: &Map, depth: usize) {
    for (key, value) in map {
        indent(text, depth);
        write_entry(text, key, value, depth);
    }
}

fn write_entry(text: &mut String, key: &str, value: &Yaml, depth: usize) {
    text.push_str(&shown_key(key));
    text.push(':');
    match value {
        Yaml::Map(map) => {
            text.push('\n');
            write_map(text, map, depth + 1);
        }
        Yaml::List(list) => {
            text.push('\n');
            list.iter().for_each(|value| write_item(text, value, depth + 1));
        }
        Yaml::Lines(lines) => write_lines(text, lines, depth + 1),
        scalar => {
            text.push(' ');
            text.push_str(&shown(scalar));
            text.push('\n');
        }
    }
}

/// One item of a list. Of a map the first key stands behind the dash; lists hold no lists.
fn write_item(text: &mut String, value: &Yaml, depth: usize) {
    indent(text, depth);
    text.push_str("- ");
    let Yaml::Map(map) = value else {
        text.push_str(&shown(value));
        text.push('\n');
        return;
    };
    for (at, (key, value)) in map.iter().enumerate() {
        if at > 0 {
            indent(text, depth);
            text.push_str("  ");
        }
        write_entry(text, key, value, depth);
    }
}

/// A block of text as it is, where it can stand so.
fn write_lines(text: &mut String, lines: &[String], depth: usize) {
    let whole = lines.join("\n");
    let plain =
        !whole.starts_with([' ', '\t', '\n']) && lines.iter().all(|line| is_printable(line));
    if !plain || whole.trim().is_empty() {
        text.push(' ');
        text.push_str(&quoted(&whole));
        text.push('\n');
        return;
    }
    text.push_str(" |-\n");
    for line in whole.trim_end().lines() {
        if !line.is_empty() {
            indent(text, depth);
            text.push_str(line);
        }
        text.push('\n');
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("    ", depth));
}

fn shown(value: &Yaml) -> String {
    match value {
        Yaml::Integer(number) => number.to_string(),
        Yaml::Number(number) => format!("{number:?}"),
        Yaml::Flag(flag) => flag.to_string(),
        Yaml::Plain(word) => (*word).to_owned(),
        Yaml::Text(text) => quoted(text),
        Yaml::Lines(lines) => quoted(&lines.join("\n")),
        // Never nested so: `write_entry` and `write_item` have them.
        Yaml::List(_) | Yaml::Map(_) => "null".to_owned(),
    }
}

/// A text in single quotation marks; as a JSON string, which YAML reads too, where it has
/// signs that cannot stand there.
fn quoted(text: &str) -> String {
    if is_printable(text) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let escape = |sign: char| match sign {
        '"' | '\\' => format!("\\{sign}"),
        sign if is_printable(sign.encode_utf8(&mut [0; 4])) => sign.to_string(),
        sign => format!("\\U{:08x}", u32::from(sign)),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

/// Whether a text can stand on one line as it is.
fn is_printable(text: &str) -> bool {
    let odd = |sign: char| {
        sign.is_control()
            || matches!(sign, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}')
    };
    !text.chars().any(odd)
}

fn shown_key(key: &str) -> String {
    let word = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '|' | '-');
    let plain = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(word)
        && !NOT_TEXT.contains(&key.to_ascii_lowercase().as_str());
    if plain { key.to_owned() } else { quoted(key) }
}
