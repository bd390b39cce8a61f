//! Finds what rotation made of a file while nobody looked: the file of a stored position under another name, the generations that came
//! and went between it and the file that has the path now, and copies of it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::fs::DirEntry;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirEntryExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::source::file::discover::is_compressed;
use crate::source::file::identity::FileKey;

/// So many directories below the one of a log are looked through for its rotated files (`olddir`).
const MAX_BELOW: usize = 64;
/// A date in a file name has at least so many digits.
const DATE_DIGITS: usize = 6;

#[derive(Debug)]
struct Entry {
    inode: u64,
    path: PathBuf,
    is_directory: bool,
}

impl From<DirEntry> for Entry {
    fn from(entry: DirEntry) -> Self {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        Self { inode: entry.ino(), path: entry.path(), is_directory }
    }
}

/// Directory listings of one search, each read once.
#[derive(Debug, Default)]
pub(super) struct Listings(HashMap<PathBuf, Vec<Entry>>);

impl Listings {
    fn of(&mut self, directory: &Path) -> io::Result<&[Entry]> {
        if !self.0.contains_key(directory) {
            let entries = fs::read_dir(directory)?.flatten().map(Entry::from).collect();
            self.0.insert(directory.to_path_buf(), entries);
        }
        Ok(self.0.get(directory).map(Vec::as_slice).unwrap_or_default())
    }

    /// Where the file `key`, last seen at `path`, is now; `Ok(None)` when it is neither beside it nor in a directory below.
    pub(super) fn renamed(&mut self, path: &Path, key: FileKey) -> io::Result<Option<PathBuf>> {
        let same = |path: &Path| {
            fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && FileKey::of(&found).same_file(&key))
        };
        let directory = directory_of(path);
        self.of(&directory)?;
        for directory in self.with_below(&directory) {
            let entries = self.of(&directory).unwrap_or_default();
            let found = entries.iter().find(|entry| entry.inode == key.inode && same(&entry.path));
            if let Some(found) = found {
                return Ok(Some(found.path.clone()));
            }
        }
        Ok(None)
    }

    /// Rotated generations of `path` that began since `begun` and before `newer`, oldest first; `older` is the one they follow. Several
    /// may begin within one tick of the kernel's clock, so equal times count.
    pub(super) fn between(
        &mut self,
        path: &Path,
        begun: SystemTime,
        newer: Option<&Metadata>,
        older: Option<&File>,
    ) -> Vec<PathBuf> {
        let mut directories = vec![directory_of(path)];
        directories.extend(older.and_then(lies_in).filter(|moved| !directories.contains(moved)));
        let ended = newer.and_then(age);
        let mut found = self.rotated(path, directories);
        found.retain(|(age, _)| *age >= begun && ended.is_none_or(|ended| *age <= ended));
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// Everything that may be a rotated file of `path`, beside it or in a directory below, and when it began; oldest first.
    pub(super) fn rotations(&mut self, path: &Path) -> Vec<(SystemTime, PathBuf)> {
        let directories = self.with_below(&directory_of(path));
        self.rotated(path, directories)
    }

    fn rotated(&mut self, path: &Path, directories: Vec<PathBuf>) -> Vec<(SystemTime, PathBuf)> {
        let real = real(path);
        let Some(name) = real.file_name() else { return Vec::new() };
        let mut found = Vec::new();
        for directory in directories {
            let entries = self.of(&directory).unwrap_or_default().iter();
            let rotated = entries.filter(|entry| {
                !entry.is_directory
                    && !is_compressed(&entry.path)
                    && entry.path.file_name().is_some_and(|other| is_rotation_of(other, name))
            });
            found.extend(rotated.filter_map(|entry| {
                let metadata = fs::symlink_metadata(&entry.path).ok().filter(Metadata::is_file)?;
                Some((age(&metadata)?, entry.path.clone()))
            }));
        }
        found.sort();
        found
    }

    fn with_below(&mut self, directory: &Path) -> Vec<PathBuf> {
        let entries = self.of(directory).unwrap_or_default().iter();
        let below = entries.filter(|entry| entry.is_directory).map(|entry| entry.path.clone()).take(MAX_BELOW);
        std::iter::once(directory.to_path_buf()).chain(below).collect()
    }
}

/// Names of which `other` may be a rotated one: `app.log.1` of `app.log`, `app-20250901.log` of `app.log`.
pub(super) fn originals(other: &OsStr) -> Vec<Vec<u8>> {
    let other = other.as_encoded_bytes();
    let splits = || (1..other.len()).map(|at| other.split_at(at));
    let starts_suffix = |first: &u8| b".-_~".contains(first) || first.is_ascii_digit();
    let appended = splits().filter(|(_, rest)| rest.first().is_some_and(starts_suffix)).map(|(name, _)| name.to_vec());
    let inserted = splits().filter_map(|(stem, rest)| {
        let (separator, rest) = rest.split_first()?;
        let (stamp, ending) = rest.split_at(memchr::memrchr(b'.', rest)?);
        let digits = stamp.iter().filter(|byte| byte.is_ascii_digit()).count();
        let only_stamp = stamp.iter().all(|byte| byte.is_ascii_digit() || b"-_:T.".contains(byte));
        let numbered = *separator == b'.' && digits > 0 && digits == stamp.len();
        let dated = b".-_".contains(separator) && only_stamp && digits >= DATE_DIGITS;
        (numbered || dated).then(|| [stem, ending].concat())
    });
    appended.chain(inserted).collect()
}

/// Names that are no text are compared as far as they are: a stored position has them no better.
fn is_rotation_of(other: &OsStr, name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    originals(other).iter().any(|original| String::from_utf8_lossy(original) == name)
}

/// Where a link leads; rotation happens there.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

fn directory_of(path: &Path) -> PathBuf {
    let real = real(path);
    let parent = real.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_path_buf()
}

/// The directory an open file is in now, where the system tells.
fn lies_in(file: &File) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    path.parent().filter(|parent| parent.is_dir()).map(Path::to_path_buf)
}

/// When the file began, as well as the file system knows.
pub(super) fn age(metadata: &Metadata) -> Option<SystemTime> {
    metadata.created().or_else(|_| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_lead_back_to_their_original() {
        let is = |other: &str, name: &str| is_rotation_of(OsStr::new(other), OsStr::new(name));
        for other in
            ["app.log.1", "app.log-20250901", "app.log.20250901-120000", "app.log.old", "app.log~", "app.log2025"]
        {
            assert!(is(other, "app.log"), "{other}");
        }
        for other in ["app-20250901.log", "app.1.log", "app_2025-09-01.log", "app-2025-09-01T12:00.log"] {
            assert!(is(other, "app.log"), "{other}");
        }
        for other in ["app.log", "app-worker.log", "app-2.log", "apple.log", "my-app.log", "app.txt"] {
            assert!(!is(other, "app.log"), "{other} is a log of its own");
        }
    }
}
