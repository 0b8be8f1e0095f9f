use super::Knowledge;
use serde::Deserialize;

/// One number of a code table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Absent where the source names the code by text only.
    pub value: Option<i64>,
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub symbol: String,
    #[serde(default)]
    pub meaning: String,
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    pub verification: String,
    #[serde(default)]
    pub source: String,
}

impl Code {
    /// The number as people look it up, decimal where it is short, or the key.
    pub fn shown(&self) -> String {
        match self.value {
            Some(value) if (0..256).contains(&value) => value.to_string(),
            Some(value) => format!("0x{value:X}"),
            None => self.key.clone(),
        }
    }
}

/// A table of codes that belong together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeTable {
    pub table: String,
    #[serde(default)]
    pub title: String,
    /// People write these numbers in hex, whatever a record does.
    #[serde(default)]
    pub hex: bool,
    /// Tables that are looked into, in order, for numbers that this one lacks.
    #[serde(default)]
    pub also: Vec<String>,
    #[serde(rename = "code")]
    pub codes: Vec<Code>,
}

impl CodeTable {
    pub fn by_value(&self, value: i64) -> Option<&Code> {
        self.codes.iter().find(|code| code.value == Some(value))
    }

    fn by_key(&self, key: &str) -> Option<&Code> {
        self.codes.iter().find(|code| !code.key.is_empty() && code.key == key)
    }
}

impl Knowledge {
    /// The entry of a code table, or of the tables it leads to, for a number as records
    /// write it: decimal, hex with `0x`, eight digits of hex, or `%%n`, which stands for
    /// a text of Windows. Numbers that wrap another one ([MS-ERREF] 2.1) are unwrapped
    /// when they are not listed themselves.
    pub fn decode(&self, table: &str, text: &str) -> Option<&Code> {
        let text = text.trim();
        let table = self.codes.get(table)?;
        if let Some(code) = table.by_key(text) {
            return Some(code);
        }
        let find = |number: u32| {
            let also = table.also.iter().filter_map(|name| self.codes.get(name));
            std::iter::once(table).chain(also).find_map(|table| table.by_value(i64::from(number)))
        };
        [number(text), bare_hex(text)]
            .into_iter()
            .flatten()
            .find_map(|number| find(number).or_else(|| unwrapped(number).and_then(find)))
    }

    /// A number with its meaning behind it: `0xc000006a (STATUS_WRONG_PASSWORD: wrong
    /// password)`; the hex form stands in front where people know only that. `None`
    /// where the number is not listed.
    pub(super) fn spell_out(&self, table: &str, text: &str) -> Option<String> {
        let code = self.decode(table, text)?;
        let insertion = text.trim().strip_prefix("%%");
        if code.value.is_none() && insertion.is_some() {
            // Windows itself shows the text in place of the number.
            return Some(code.meaning.clone());
        }
        let hex = number(text)
            .filter(|_| self.codes.get(table).is_some_and(|table| table.hex))
            .filter(|number| *number > 9 && !text.starts_with("0x"))
            .map(|number| format!("0x{number:x}"));
        let name = [hex.as_deref().unwrap_or(""), &code.symbol]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let inside = [name.as_str(), &code.meaning]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(": ");
        Some(format!("{} ({inside})", insertion.unwrap_or(text)))
    }
}

/// A number of at most 32 bits; negative ones and those extended to 64 bits are the
/// same bits.
fn number(text: &str) -> Option<u32> {
    let text = text.strip_prefix("%%").unwrap_or(text);
    let wide = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?.cast_signed(),
        None => text.parse::<i64>().ok()?,
    };
    match u32::try_from(wide) {
        Ok(number) => Some(number),
        Err(_) => i32::try_from(wide).ok().map(i32::cast_unsigned),
    }
}

/// CAPI2 writes its results as eight hex digits without a prefix.
fn bare_hex(text: &str) -> Option<u32> {
    (text.len() == 8).then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

/// The Windows error inside an HRESULT of facility 7, or the NTSTATUS inside one with
/// the bit N set.
fn unwrapped(number: u32) -> Option<u32> {
    match number {
        0x8007_0001..=0x8007_ffff => Some(number & 0xffff),
        0xd000_0000..=0xdfff_ffff => Some(number & !0x1000_0000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(table: &str, text: &str, symbol: &str) {
        let knowledge = Knowledge::embedded().unwrap();
        let found = knowledge.decode(table, text).map(|code| code.symbol.as_str());
        assert_eq!(found, Some(symbol).filter(|symbol| !symbol.is_empty()), "{table} {text}");
    }

    #[test]
    fn numbers_are_found_in_every_spelling() {
        check("hresult", "0x80004005", "E_FAIL");
        check("hresult", "2147500037", "E_FAIL");
        check("hresult", "-2147467259", "E_FAIL");
        check("hresult", "0xffffffff80004005", "E_FAIL");
        check("hresult", "800B0109", "CERT_E_UNTRUSTEDROOT");
        check("win32", "%%5", "ERROR_ACCESS_DENIED");
        check("hresult", "0x1ffffffff", "");
        check("hresult", "", "");
        check("no_such_table", "0", "");
    }

    #[test]
    fn wrapped_numbers_are_unwrapped() {
        check("hresult", "0x80072af9", "WSAHOST_NOT_FOUND");
        check("ntstatus", "0xd000006d", "STATUS_LOGON_FAILURE");
        check("gateway_error", "0x800759db", "E_PROXY_NAP_ACCESSDENIED");
    }
}
