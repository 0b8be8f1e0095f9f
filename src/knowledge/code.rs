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
    #[serde(rename = "code")]
    pub codes: Vec<Code>,
}

impl CodeTable {
    pub fn by_value(&self, value: i64) -> Option<&Code> {
        self.codes.iter().find(|code| code.value == Some(value))
    }
}
