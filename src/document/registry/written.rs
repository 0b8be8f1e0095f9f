//! How registry keys are written: by `reg export`, in `.reg` files, and by `reg query`.
//! None of it is translated.

/// One value of a key.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// Counted from 1.
    pub(super) line: usize,
    /// As written, the hive in front.
    pub(super) key: &'a str,
    pub(super) name: String,
    /// `None` where it is not understood, or cut off.
    pub(super) value: Option<Value>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Text(String),
    List(Vec<String>),
    Bytes(Vec<u8>),
}

/// Gives each value that `wanted` asks for by its key. Returns how many keys or values the
/// text deletes: such a text is meant to change a registry and tells of none.
pub(super) fn each(
    text: &str,
    wanted: impl Fn(&str) -> bool,
    mut give: impl FnMut(Entry<'_>),
) -> u64 {
    let mut lines = text.lines().enumerate();
    let mut key: Option<&str> = None;
    let mut deleted = 0;
    // REGEDIT4 writes the characters of lists as one byte each.
    let mut wide = true;
    while let Some((at, line)) = lines.next() {
        match line.trim_end() {
            "REGEDIT4" => wide = false,
            "Windows Registry Editor Version 5.00" => wide = true,
            _ => {}
        }
        if let Some(named) = key_of(line) {
            deleted += u64::from(named.starts_with('-'));
            key = Some(named).filter(|named| wanted(named));
            continue;
        }
        let Some(key) = key else { continue };
        let found = match line.starts_with("    ") {
            true => queried(line),
            false => {
                let mut whole = line.trim_end().to_owned();
                while whole.ends_with('\\') && is_hex(&whole) {
                    whole.pop();
                    let Some((_, next)) = lines.next() else {
                        // Cut off: what is missing must not look like an end.
                        whole.push('?');
                        break;
                    };
                    whole.push_str(next.trim());
                }
                exported(&whole, wide)
            }
        };
        match found {
            Some((_, Some(Written::Deletion))) => deleted += 1,
            Some((name, Some(Written::Value(value)))) => {
                give(Entry { line: at + 1, key, name, value: Some(value) });
            }
            Some((name, None)) => give(Entry { line: at + 1, key, name, value: None }),
            None => {}
        }
    }
    deleted
}

/// What stands behind a name.
enum Written {
    Value(Value),
    Deletion,
}

/// `[HKEY_LOCAL_MACHINE\…]`, `[-HKEY_LOCAL_MACHINE\…]`, or the key alone in its line.
fn key_of(line: &str) -> Option<&str> {
    let line = line.trim_end();
    let named = match line.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None => line,
    };
    named.strip_prefix('-').unwrap_or(named).starts_with("HKEY_").then_some(named)
}

/// Whether the bytes of a value are written in hex, over several lines.
fn is_hex(line: &str) -> bool {
    line.split_once('=').is_some_and(|(_, value)| value.trim_start().starts_with("hex"))
        && (line.starts_with('"') || line.starts_with('@'))
}

/// `"Name"=dword:00000001`. `None` for what is no value at all.
fn exported(line: &str, wide: bool) -> Option<(String, Option<Written>)> {
    let (name, rest) = match line.strip_prefix('@') {
        Some(rest) => (String::new(), rest),
        None => quoted(line)?,
    };
    let value = rest.trim_start().strip_prefix('=')?.trim();
    Some((name, exported_value(value, wide)))
}

fn exported_value(value: &str, wide: bool) -> Option<Written> {
    if value == "-" {
        return Some(Written::Deletion);
    }
    if value.starts_with('"') {
        let (text, rest) = quoted(value)?;
        return rest.trim().is_empty().then_some(Written::Value(Value::Text(text)));
    }
    if let Some(number) = value.strip_prefix("dword:") {
        let number = u32::from_str_radix(number, 16).ok()?;
        return Some(Written::Value(Value::Number(number.into())));
    }
    let (kind, bytes) = value.strip_prefix("hex")?.split_once(':')?;
    let bytes = hex_list(bytes)?;
    let value = match kind {
        "(1)" | "(2)" => Value::Text(strings(&bytes, wide).into_iter().next().unwrap_or_default()),
        "(7)" => Value::List(strings(&bytes, wide)),
        "(4)" => Value::Number(u32::from_le_bytes(bytes.try_into().ok()?).into()),
        "(b)" | "(B)" => Value::Number(u64::from_le_bytes(bytes.try_into().ok()?)),
        _ => Value::Bytes(bytes),
    };
    Some(Written::Value(value))
}

/// A text in quotation marks, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, inner.get(at + 1..)?)),
            '\\' => out.push(chars.next()?.1),
            c => out.push(c),
        }
    }
    None
}

/// `54,00,4c,00`.
fn hex_list(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_end_matches(',');
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(|byte| u8::from_str_radix(byte.trim(), 16).ok()).collect()
}

/// Strings that end with a zero each.
fn strings(bytes: &[u8], wide: bool) -> Vec<String> {
    let text = match wide {
        true => {
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)))
                .collect();
            String::from_utf16_lossy(&units)
        }
        false => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.split('\0').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// `    Name    REG_DWORD    0x1`, as `reg query` writes it.
fn queried(line: &str) -> Option<(String, Option<Written>)> {
    let (name, rest) = line.strip_prefix("    ")?.split_once("    REG_")?;
    let (kind, data) = rest.split_once("    ").unwrap_or((rest.trim_end(), ""));
    Some((name.to_owned(), queried_value(kind, data.trim_end()).map(Written::Value)))
}

fn queried_value(kind: &str, data: &str) -> Option<Value> {
    match kind {
        "DWORD" | "QWORD" => {
            u64::from_str_radix(data.strip_prefix("0x")?, 16).ok().map(Value::Number)
        }
        "SZ" | "EXPAND_SZ" => Some(Value::Text(data.to_owned())),
        "MULTI_SZ" => {
            let parts = data.split("\\0").filter(|part| !part.is_empty());
            Some(Value::List(parts.map(str::to_owned).collect()))
        }
        "BINARY" => crate::base::hex_bytes(data).map(Value::Bytes),
        _ => None,
    }
}
