//! The folder of the reports: whole ones only, whatever interrupts the batch.

use super::cases::Case;
use crate::base::steers;
use crate::report::{Report, write_html, write_json};
use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// How temporary files begin and end: they are no reports yet.
const UNFINISHED: (&str, &str) = (".rdp-triage-", ".partial");

/// Says with what options the reports of a folder were made.
const OPTIONS: &str = ".rdp-triage-options";

/// Bytes of a file name that every file system takes, without the extension.
const MAX_NAME: usize = 200;

/// Where the reports go.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// For each case the name of its file.
    names: Vec<String>,
    /// Whether what is there is used.
    resume: bool,
    /// Whether what is there was made with other options.
    other_options: bool,
    /// Whether each report is written as a page too.
    pages: bool,
}

impl Store {
    /// Opens the folder, makes it if need be, and takes away what an interrupted batch
    /// left unfinished.
    ///
    /// # Errors
    /// When the folder cannot be made or listed.
    /// `options` stands for all that changes what a report says: reports that were made with
    /// other ones are not used again.
    pub fn open(folder: &Path, cases: &[Case], resume: bool, options: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1) {
                // Another batch may just have finished it.
                let _ = fs::remove_file(entry.path());
            }
        }
        let same = fs::read_to_string(folder.join(OPTIONS)).is_ok_and(|made| made == options);
        let names = file_names(cases);
        if !(resume && same) {
            // They would all be replaced; an interruption must not leave them for a later
            // `--resume`, as if they answered this question.
            for name in &names {
                for name in [name, &page_name(name)] {
                    match fs::remove_file(folder.join(name)) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
            }
        }
        fs::write(folder.join(OPTIONS), options)?;
        let (resume, other_options) = (resume && same, resume && !same);
        Ok(Self { folder: folder.to_owned(), names, resume, other_options, pages: false })
    }

    /// Writes each report as a page for browsers too.
    pub fn with_pages(self) -> Self {
        Self { pages: true, ..self }
    }

    /// Whether a folder that is there holds what no batch put into it.
    pub fn is_foreign(folder: &Path) -> bool {
        let holds_something =
            fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        holds_something && !folder.join(OPTIONS).is_file()
    }

    /// Whether reports are there that cannot be used, because they answer another question.
    pub fn has_other_options(&self) -> bool {
        self.other_options
    }

    /// The name of a case's file, by the case's number.
    pub fn name(&self, case: usize) -> &str {
        self.names.get(case).map_or("", String::as_str)
    }

    /// The report of a case, where it is there, whole and made by this version of a case
    /// that was analysed to its end.
    pub(super) fn finished(&self, index: usize, case: &Case) -> Option<Report> {
        if !self.resume {
            return None;
        }
        let file = File::open(self.folder.join(self.name(index))).ok()?;
        let report: Report = serde_json::from_reader(BufReader::new(file)).ok()?;
        let this = report.tool.version == env!("CARGO_PKG_VERSION");
        let same = report.case.inputs == [case.path.to_string_lossy()];
        (this && same && report.case.unfinished.is_none()).then_some(report)
    }

    /// Writes a report: under its name there is a whole one or none.
    pub(super) fn write(&self, index: usize, report: &Report) -> io::Result<()> {
        write_whole(&self.folder, self.name(index), |out| write_json(report, out))
    }

    /// Writes the page of a report, where pages are wanted: of a report that was there
    /// already only if it has none.
    pub(super) fn write_page(&self, index: usize, report: &Report, is_new: bool) -> io::Result<()> {
        let name = page_name(self.name(index));
        if !self.pages || (!is_new && self.folder.join(&name).is_file()) {
            return Ok(());
        }
        write_whole(&self.folder, &name, |out| write_html(report, out))
    }
}

/// The page of a report, by the name of its file. None is called like the index of a folder.
pub fn page_name(report: &str) -> String {
    let stem = report.strip_suffix(".json").unwrap_or(report);
    let mark = if stem.eq_ignore_ascii_case("index") { "~" } else { "" };
    format!("{stem}{mark}.html")
}

/// Writes a file of a folder: under its name there is a whole one or none, or the one that was
/// there before.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_whole(
    folder: &Path,
    name: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    #[cfg(unix)]
    {
        // As any file that a program makes; temporary ones are for their owner only.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = BufWriter::with_capacity(1 << 16, builder.tempfile_in(folder)?);
    write(&mut file)?;
    file.flush()?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(folder.join(name)).map_err(|error| error.error)?;
    Ok(())
}

/// File names of cases: what they are called, without what no file name may hold.
fn file_names(cases: &[Case]) -> Vec<String> {
    let mut given = HashSet::new();
    cases
        .iter()
        .map(|case| {
            let clean: String = case.name.chars().map(clean).collect();
            // Some file systems do not tell capital letters from small ones.
            let is_free = clean.len() <= MAX_NAME && given.insert(clean.to_lowercase());
            if is_free && clean == case.name {
                return format!("{clean}.json");
            }
            let mut hasher = DefaultHasher::new();
            case.path.hash(&mut hasher);
            let kept: String = clean.chars().take(MAX_NAME / 4).collect();
            format!("{kept}~{:016x}.json", hasher.finish())
        })
        .collect()
}

fn clean(c: char) -> char {
    let forbidden = steers(c) || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    if forbidden || c == char::REPLACEMENT_CHARACTER { '_' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str) -> Case {
        Case { name: name.to_owned(), path: name.into(), refused: None }
    }

    #[test]
    fn each_case_has_a_file_of_its_own() {
        let long = "x".repeat(255);
        let names =
            ["a", "A", "b/c", "b_c", long.as_str(), "a\u{1b}", "a\u{202e}", "a\n"].map(case);
        let files = file_names(&names);
        assert_eq!(files[0], "a.json");
        let unique: HashSet<String> = files.iter().map(|file| file.to_lowercase()).collect();
        assert_eq!(unique.len(), names.len());
        assert!(files.iter().all(|file| file.len() <= 255 && !file.contains('/')), "{files:?}");
        assert!(!files.iter().any(|file| file.chars().any(steers)), "{files:?}");
    }

    #[test]
    fn reports_of_another_question_do_not_outlive_the_start_of_a_batch() {
        let folder = tempfile::tempdir().unwrap();
        let open = |resume, options| {
            fs::write(folder.path().join("mine.json"), "{}").unwrap();
            Store::open(folder.path(), &[case("mine")], resume, options).unwrap();
            folder.path().join("mine.json").exists()
        };
        assert!(!open(true, "a"), "nobody knows how it was made");
        assert!(open(true, "a"));
        assert!(!open(true, "b"));
        assert!(!open(false, "b"));
    }

    #[test]
    fn no_page_is_called_like_the_index() {
        assert_eq!(page_name("a.json"), "a.html");
        assert_eq!(page_name("Index.json"), "Index~.html");
    }

    #[test]
    fn what_was_left_unfinished_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".rdp-triage-x.partial");
        fs::write(&left, "{").unwrap();
        fs::write(folder.path().join("mine.json"), "{}").unwrap();
        let store = Store::open(folder.path(), &[case("mine")], true, "").unwrap();
        assert!(!left.exists());
        assert!(store.finished(0, &case("mine")).is_none(), "an object is no report");
    }
}
