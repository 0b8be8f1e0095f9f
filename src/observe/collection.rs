//! What a collector gathered.

/// Files that lie as a collector leaves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Id of the collector.
    pub collector: String,
    /// The folders and archives of the ticket that hold them; `.` is the ticket itself.
    pub at: Vec<String>,
}

impl Collection {
    /// Whether a file, by its name in the report, is part of it.
    pub fn holds(&self, file: &str) -> bool {
        self.at.iter().any(|at| {
            at == "." || file.strip_prefix(at.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    }
}
