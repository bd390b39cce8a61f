//! Patterns that no shell has expanded → files, by the same rules as `run --logs`.

use std::io;
use std::path::PathBuf;

use crate::source::file::discover::Discovery;
use crate::source::file::discover::PatternError;
use crate::source::file::discover::is_compressed;

/// Why a pattern gives no files.
#[derive(Debug, thiserror::Error)]
pub enum ExpandError {
    /// It is no pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A directory cannot be listed.
    #[error("failed to list {directory}: {source}")]
    List {
        /// Which one.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing has such a name.
    #[error("no file matches `{pattern}`")]
    Nothing {
        /// As given.
        pattern: String,
    },
}

/// The files a glob names now, sorted; compressed ones are left out.
pub fn expand(pattern: &str) -> Result<Vec<PathBuf>, ExpandError> {
    let found = Discovery::new(&[pattern.to_owned()], &[])?.scan();
    if let Some((directory, source)) = found.problems.into_iter().next() {
        return Err(ExpandError::List { directory, source });
    }
    let files: Vec<_> = found.paths.into_iter().filter(|path| path.is_file() && !is_compressed(path)).collect();
    if files.is_empty() {
        return Err(ExpandError::Nothing { pattern: pattern.to_owned() });
    }
    Ok(files)
}

/// Whether every pattern can be used, without a look at the disk.
pub fn check(include: &[String], exclude: &[String]) -> Result<(), PatternError> {
    Discovery::new(include, exclude).map(drop)
}
