//! Which paths there are: plain paths and globs in, existing paths out. Looks at names only; what a path is, the tailer finds out.
//!
//! A pattern is walked component by component, so that only directories that can hold a match are listed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use globset::Glob;
use globset::GlobBuilder;
use globset::GlobMatcher;
use globset::GlobSet;
use globset::GlobSetBuilder;
use jiff::Timestamp;
use thiserror::Error;

/// Rotated files with these endings are compressed: never followed.
const COMPRESSED: &[&str] = &["gz", "zst", "bz2", "xz", "lz4", "zip"];
/// Deeper directories under `**` are not looked at.
const MAX_DEPTH: usize = 32;
/// A directory that was not changed for so long is believed to show its next change by its time.
const SETTLED: Duration = Duration::from_secs(2);

/// A pattern that cannot be used.
#[derive(Debug, Error)]
pub enum PatternError {
    /// Not a glob.
    #[error("read the pattern `{pattern}`; write a path or a glob such as `/var/log/app/*.log`")]
    Syntax {
        /// As given.
        pattern: String,
        /// What is wrong.
        #[source]
        source: globset::Error,
    },
    /// `{a/b,c}`.
    #[error("read the pattern `{pattern}`: alternatives in braces must not hold a `/`; write a pattern for each")]
    SlashInBraces {
        /// As given.
        pattern: String,
    },
    /// The empty string.
    #[error("read an empty pattern; name a path or leave the entry out")]
    Empty,
}

/// One component of a pattern.
#[derive(Debug)]
enum Step {
    Literal(PathBuf),
    Glob(GlobMatcher),
    AnyDepth,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    base: PathBuf,
    steps: Vec<Step>,
    /// The whole pattern, for paths that are not on disk.
    whole: GlobMatcher,
}

/// What a look found.
#[derive(Debug, Default)]
pub struct Found {
    /// Existing paths (links are not followed yet), sorted, each once.
    pub paths: BTreeSet<PathBuf>,
    /// Directories in which a matching name can appear.
    pub directories: BTreeSet<PathBuf>,
    /// Directories that could not be listed.
    pub problems: BTreeMap<PathBuf, io::Error>,
    /// Patterns that name nothing yet.
    pub waiting: Vec<String>,
    /// Part could not be looked at.
    pub partial: bool,
    /// What the answer depends on: directories and when each was changed, `None` for one that does not exist.
    visited: BTreeMap<PathBuf, Option<SystemTime>>,
}

impl Found {
    /// Whether another look would give the same as this one, of the time `at`, as far as the directories tell.
    pub fn is_current(&self, at: Timestamp) -> bool {
        let settled = SystemTime::from(at).checked_sub(SETTLED);
        let unchanged = |directory: &PathBuf, then: Option<SystemTime>| {
            // A directory changed a moment ago may change again within one tick of the kernel's clock.
            changed(directory) == then && then.is_none_or(|then| settled.is_some_and(|settled| then < settled))
        };
        !self.partial
            && self.problems.is_empty()
            && self.visited.iter().all(|(directory, then)| unchanged(directory, *then))
    }

    /// Notes, before looking, that what is there depends on `directory`.
    fn visit(&mut self, directory: PathBuf) {
        self.visited.entry(directory).or_insert_with_key(|directory| changed(directory));
    }
}

fn changed(directory: &Path) -> Option<SystemTime> {
    fs::metadata(directory).and_then(|metadata| metadata.modified()).ok()
}

/// The compiled patterns of a file source.
#[derive(Debug)]
pub struct Discovery {
    patterns: Vec<Pattern>,
    exclude: GlobSet,
    exclude_names: GlobSet,
}

impl Discovery {
    /// Compiles patterns; a relative one counts from the working directory.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, PatternError> {
        let (mut paths, mut names) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in exclude {
            if pattern.contains('/') { &mut paths } else { &mut names }.add(glob(pattern)?);
        }
        let build = |set: &GlobSetBuilder| {
            set.build().map_err(|source| PatternError::Syntax { pattern: exclude.join(" "), source })
        };
        Ok(Self {
            patterns: include.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>()?,
            exclude: build(&paths)?,
            exclude_names: build(&names)?,
        })
    }

    /// Looks at the disk.
    pub fn scan(&self) -> Found {
        let mut found = Found::default();
        for pattern in &self.patterns {
            if let Some(parent) = Path::new(&pattern.text).parent() {
                found.visit(or_here(parent));
            }
            let mut walk = Walk { discovery: self, found: &mut found, hits: 0 };
            if Path::new(&pattern.text).exists() {
                // A name with brackets in it, as a shell hands it over.
                walk.hit(PathBuf::from(&pattern.text));
            }
            walk.steps(&pattern.base, &pattern.steps, 0);
            if walk.hits == 0 {
                found.waiting.push(pattern.text.clone());
            }
        }
        found
    }

    /// Whether `path` is meant, whether or not it exists.
    pub fn covers(&self, path: &Path) -> bool {
        !self.excluded(path)
            && self.patterns.iter().any(|pattern| Path::new(&pattern.text) == path || pattern.whole.is_match(path))
    }

    fn excluded(&self, path: &Path) -> bool {
        is_compressed(path)
            || self.exclude.is_match(path)
            || path.file_name().is_some_and(|name| self.exclude_names.is_match(name))
    }
}

/// Whether the name says that the content is compressed.
pub fn is_compressed(path: &Path) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|ending| COMPRESSED.contains(&ending))
}

fn glob(pattern: &str) -> Result<Glob, PatternError> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|source| PatternError::Syntax { pattern: pattern.to_owned(), source })
}

impl Pattern {
    fn new(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let whole = glob(text)?.compile_matcher();
        let (mut base, mut steps) = (PathBuf::new(), Vec::new());
        for component in Path::new(text).components() {
            let part = component.as_os_str().to_str().unwrap_or_default();
            let is_glob = matches!(component, Component::Normal(_)) && part.contains(['*', '?', '[', '{', '}', '\\']);
            match (part, is_glob) {
                ("**", _) => steps.push(Step::AnyDepth),
                (_, true) if part.matches('{').count() != part.matches('}').count() => {
                    return Err(PatternError::SlashInBraces { pattern: text.to_owned() });
                }
                (_, true) => steps.push(Step::Glob(glob(part)?.compile_matcher())),
                (_, false) if steps.is_empty() => base.push(component),
                (_, false) => steps.push(Step::Literal(PathBuf::from(part))),
            }
        }
        if matches!(steps.last(), Some(Step::AnyDepth)) {
            steps.push(Step::Glob(glob("*")?.compile_matcher()));
        }
        Ok(Self { text: text.to_owned(), base, steps, whole })
    }
}

/// One walk along one pattern.
struct Walk<'a> {
    discovery: &'a Discovery,
    found: &'a mut Found,
    hits: usize,
}

impl Walk<'_> {
    fn hit(&mut self, path: PathBuf) {
        if self.discovery.excluded(&path) {
            return;
        }
        if let Some(parent) = path.parent() {
            self.found.directories.insert(or_here(parent));
        }
        self.hits += 1;
        self.found.paths.insert(path);
    }

    fn steps(&mut self, at: &Path, steps: &[Step], depth: usize) {
        let Some((first, rest)) = steps.split_first() else {
            if let Some(parent) = at.parent() {
                self.found.visit(or_here(parent));
            }
            // A link that points nowhere is reported by whoever follows it.
            if fs::symlink_metadata(at).is_ok() {
                self.hit(at.to_path_buf());
            } else if let Some(parent) = at.parent().map(or_here).filter(|parent| parent.is_dir()) {
                self.found.directories.insert(parent);
            }
            return;
        };
        match first {
            Step::Literal(name) => self.steps(&at.join(name), rest, depth),
            Step::Glob(matcher) => {
                for (path, is_directory) in self.list(at) {
                    if !path.file_name().is_some_and(|name| matcher.is_match(name)) {
                        continue;
                    }
                    if rest.is_empty() {
                        // A wildcard means the files; a directory among them is no mistake.
                        if !is_directory {
                            self.hit(path);
                        }
                    } else if path.is_dir() {
                        self.steps(&path, rest, depth);
                    }
                }
            }
            Step::AnyDepth => {
                self.steps(at, rest, depth);
                if depth < MAX_DEPTH {
                    // Linked directories are not entered: they may lead back.
                    for (path, _) in self.list(at).into_iter().filter(|(_, is_directory)| *is_directory) {
                        self.steps(&path, steps, depth + 1);
                    }
                }
            }
        }
    }

    /// The entries of a directory, and whether each is a directory itself (not through a link).
    fn list(&mut self, directory: &Path) -> Vec<(PathBuf, bool)> {
        let here = directory.as_os_str().is_empty();
        let directory = or_here(directory);
        self.found.visit(directory.clone());
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
                    self.found.problems.insert(directory, error);
                }
                return Vec::new();
            }
        };
        let path_of = |entry: &fs::DirEntry| if here { PathBuf::from(entry.file_name()) } else { entry.path() };
        let listed = entries
            .flatten()
            .map(|entry| (path_of(&entry), entry.file_type().is_ok_and(|kind| kind.is_dir())))
            .collect();
        self.found.directories.insert(directory);
        listed
    }
}

/// The empty path stands for the working directory.
fn or_here(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_path_buf() }
}
