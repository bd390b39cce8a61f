//! The only place that reads files: paths → texts → documents → a catalog, and every problem met on the way.
//!
//! One bad document never hides another: what compiles is loaded, what does not is a problem with its place.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rust_embed::RustEmbed;
use walkdir::DirEntry;
use walkdir::WalkDir;

use crate::catalog::compile::Draft;
use crate::catalog::compile::ReadFile;
use crate::catalog::compile::compile;
use crate::catalog::lint;
use crate::catalog::practice::Practice;
use crate::catalog::problem::Code;
use crate::catalog::problem::Problem;
use crate::catalog::signature::Catalog;
use crate::catalog::source::Report;
use crate::catalog::source::Source;
use crate::catalog::spec::SignatureSpec;
use crate::catalog::spec::read;
use crate::catalog::yaml::documents;

/// Larger catalog and test files are refused, in bytes.
const MAX_FILE: u64 = 16 << 20;

#[derive(RustEmbed)]
#[folder = "signatures/"]
struct Shipped;

/// What came of loading: every signature that is right, and everything that is wrong.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Every signature that loaded.
    pub catalog: Catalog,
    /// In order of file and place.
    pub problems: Vec<Problem>,
    /// The text of every file that was read, by the name problems carry.
    pub sources: BTreeMap<Arc<str>, Arc<str>>,
}

/// Loads files, and folders with every `*.yaml` and `*.yml` below them (names that begin with a dot are left out: Kubernetes keeps
/// older versions of a volume there).
pub fn load(paths: &[PathBuf]) -> Loaded {
    let mut loading = Loading::default();
    loading.paths(paths);
    loading.finish()
}

/// Loads the catalog that ships in the binary.
pub fn embedded() -> Loaded {
    load_for(&[], Practice::default())
}

/// Loads files and folders, or without any the catalog that ships in the binary, and lints them by what is known of the services.
pub fn load_for(paths: &[PathBuf], practice: Practice<'_>) -> Loaded {
    let mut loading = Loading { practice, ..Loading::default() };
    if paths.is_empty() {
        loading.shipped();
    } else {
        loading.paths(paths);
    }
    loading.finish()
}
/// Loads one text under a name; `input_file` of its tests cannot be read.
pub fn from_str(name: &str, text: &str) -> Loaded {
    let mut loading = Loading::default();
    loading.bytes(name, text.as_bytes().to_vec(), &|_| Err("a text has no folder".to_owned()));
    loading.finish()
}

/// Files compiled so far.
#[derive(Default)]
struct Loading<'a> {
    practice: Practice<'a>,
    files: Vec<(Report, Vec<Draft>)>,
    problems: Vec<Problem>,
    sources: BTreeMap<Arc<str>, Arc<str>>,
    seen: HashSet<PathBuf>,
}

impl Loading<'_> {
    fn shipped(&mut self) {
        let mut names: Vec<Cow<'static, str>> =
            Shipped::iter().filter(|name| is_yaml(Path::new(name.as_ref()))).collect();
        names.sort();
        for name in names {
            let Some(file) = Shipped::get(&name) else { continue };
            let folder = Path::new(name.as_ref()).parent().unwrap_or(Path::new("")).to_owned();
            self.bytes(&format!("embedded:{name}"), file.data.into_owned(), &|wanted| {
                let path = folder.join(wanted).to_string_lossy().into_owned();
                let file = Shipped::get(&path).ok_or_else(|| "it is not part of the embedded catalog".to_owned())?;
                String::from_utf8(file.data.into_owned()).map_err(|_| "it is not UTF-8".to_owned())
            });
        }
    }

    fn paths(&mut self, paths: &[PathBuf]) {
        for path in paths {
            self.path(path);
        }
    }

    fn path(&mut self, path: &Path) {
        let name: Arc<str> = path.to_string_lossy().into();
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => self.folder(path, &name),
            Ok(_) => self.file(path),
            Err(error) => self.problems.push(unreadable(&name, &error)),
        }
    }

    fn folder(&mut self, path: &Path, name: &Arc<str>) {
        let before = self.files.len() + self.problems.len();
        let visible = |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_yaml(entry.path()) => self.file(entry.path()),
                Ok(_) => {}
                Err(error) => {
                    let place: Arc<str> =
                        error.path().map_or_else(|| Arc::clone(name), |path| path.to_string_lossy().into());
                    self.problems.push(Problem::of_file(
                        Code::UnreadablePath,
                        &place,
                        format!("cannot be read: {error}"),
                    ));
                }
            }
        }
        if before == self.files.len() + self.problems.len() {
            self.problems.push(Problem::of_file(Code::EmptyFolder, name, "no `*.yaml` or `*.yml` file in this folder"));
        }
    }

    fn file(&mut self, path: &Path) {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(real) {
            return;
        }
        let name = path.to_string_lossy();
        let folder = path.parent().unwrap_or(Path::new(""));
        match read_bytes(path) {
            Ok(bytes) => self.bytes(&name, bytes, &|wanted| {
                let bytes = read_bytes(&folder.join(wanted)).map_err(|error| error.to_string())?;
                String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
            }),
            Err(error) => self.problems.push(unreadable(&Arc::from(name.as_ref()), &error)),
        }
    }

    fn bytes(&mut self, name: &str, bytes: Vec<u8>, read_file: ReadFile<'_>) {
        let name: Arc<str> = name.into();
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
                let message = format!("not UTF-8: byte {valid}, on line {line}");
                self.problems.push(Problem::of_file(Code::NotUtf8, &name, message).with_help("save the file as UTF-8"));
                return;
            }
        };
        let text: Arc<str> = text.into();
        self.sources.insert(Arc::clone(&name), Arc::clone(&text));
        let source = Arc::new(Source::new(Arc::clone(&name), text));
        let mut report = Report::new(Arc::clone(&source));
        let nodes = documents(&mut report);
        if nodes.is_empty() && report.problems.is_empty() {
            self.problems.push(Problem::of_file(Code::EmptyFile, &name, "no signature in this file"));
        }
        let mut drafts = Vec::new();
        for node in &nodes {
            // Each document has its own report: an error of one must not keep the next from loading.
            let mut own = Report::new(Arc::clone(&source));
            let spec: Option<SignatureSpec> = read(node, &mut own);
            if let Some(spec) = spec {
                let mut draft = compile(spec, &mut own, read_file);
                lint::signature(&mut draft, self.practice, &mut own);
                drafts.push(draft);
            }
            report.problems.append(&mut own.problems);
        }
        self.files.push((report, drafts));
    }

    fn finish(mut self) -> Loaded {
        lint::catalog(&mut self.files);
        let mut catalog = Catalog::default();
        for (mut report, drafts) in self.files {
            catalog.signatures.extend(drafts.into_iter().filter_map(|draft| draft.signature));
            report.problems.sort_by_key(|problem| problem.span.as_ref().map(|span| (span.bytes.start, problem.code)));
            self.problems.append(&mut report.problems);
        }
        Loaded { catalog, problems: self.problems, sources: self.sources }
    }
}

fn is_yaml(path: &Path) -> bool {
    matches!(path.extension().and_then(OsStr::to_str), Some("yaml" | "yml"))
}

/// Reads a regular file up to the limit: a device would never end, and opening a pipe would wait for its writer.
fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", MAX_FILE >> 20)));
    }
    Ok(bytes)
}

fn unreadable(name: &Arc<str>, error: &std::io::Error) -> Problem {
    let problem = Problem::of_file(Code::UnreadablePath, name, format!("cannot be read: {error}"));
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            problem.with_help("check the path; a pattern (`*.yaml`) is the shell's to expand")
        }
        std::io::ErrorKind::PermissionDenied => problem.with_help("the user that runs relapse needs read permission"),
        _ => problem,
    }
}
