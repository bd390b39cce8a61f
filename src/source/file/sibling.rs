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
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::source::file::discover::is_compressed;
use crate::source::file::identity::FileKey;

/// So many directories below the one of a log are looked through for its rotated files (`olddir`).
const MAX_BELOW: usize = 64;
/// A date in a file name has at least so many digits.
const DATE_DIGITS: usize = 6;

/// A listing that changes while it is looked at is taken again, so often at most.
pub(super) const TRIES: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    path: PathBuf,
    inode: u64,
    is_directory: bool,
}

impl From<DirEntry> for Entry {
    fn from(entry: DirEntry) -> Self {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        Self { inode: entry.ino(), path: entry.path(), is_directory }
    }
}

/// A rotated file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rotated {
    /// When it began.
    began: SystemTime,
    pub(super) path: PathBuf,
    pub(super) key: FileKey,
}

/// Directory listings of one search, each read once while it holds.
///
/// A rotation renames one file after another: while it is under way a listing may miss a file, and a name from it may already mean another
/// one. So nothing is said to be absent unless two listings in a row agree, and no name counts that leads elsewhere.
#[derive(Debug, Default)]
pub(super) struct Listings {
    of: HashMap<PathBuf, Vec<Entry>>,
    /// Taken twice with the same result.
    sure: bool,
}

/// What a search of listings gave.
enum Search<T> {
    Found(T),
    Absent,
    /// A name leads to another file than it was listed with.
    Moved,
}

impl Listings {
    fn of(&mut self, directory: &Path) -> io::Result<&[Entry]> {
        if !self.of.contains_key(directory) {
            self.of.insert(directory.to_path_buf(), list(directory)?);
            self.sure = false;
        }
        Ok(self.of.get(directory).map(Vec::as_slice).unwrap_or_default())
    }

    /// Asks `search` until it finds something, or nothing in listings that agree with the next ones.
    fn surely<T>(&mut self, mut search: impl FnMut(&mut Self) -> io::Result<Search<T>>) -> io::Result<Option<T>> {
        for _ in 0..TRIES {
            match search(self)? {
                Search::Found(found) => return Ok(Some(found)),
                Search::Absent if self.sure || self.is_current() => {
                    self.sure = true;
                    return Ok(None);
                }
                Search::Absent | Search::Moved => *self = Self::default(),
            }
        }
        Err(restless())
    }

    fn is_current(&self) -> bool {
        self.of.iter().all(|(directory, entries)| list(directory).is_ok_and(|now| now == *entries))
    }

    /// Where the file `key`, last seen at `path`, is now; `Ok(None)` when it is neither beside it nor in a directory below.
    pub(super) fn renamed(&mut self, path: &Path, key: FileKey) -> io::Result<Option<PathBuf>> {
        let is_it = |found: &Metadata| found.is_file() && FileKey::of(found).same_file(&key);
        let directory = directory_of(path);
        self.surely(|listings| {
            listings.of(&directory)?;
            for directory in listings.with_below(&directory) {
                let entries = listings.of(&directory).unwrap_or_default();
                if let Some(found) = entries.iter().find(|entry| entry.inode == key.inode) {
                    return Ok(match fs::symlink_metadata(&found.path) {
                        Ok(metadata) if is_it(&metadata) => Search::Found(found.path.clone()),
                        // The inode of a file that is gone, used again.
                        Ok(metadata) if metadata.ino() == key.inode => Search::Absent,
                        _ => Search::Moved,
                    });
                }
            }
            Ok(Search::Absent)
        })
    }

    /// Rotated generations of `path` that began since `begun` and before `newer`, oldest first; `older` is the one they follow. Several
    /// may begin within one tick of the kernel's clock, so equal times count.
    pub(super) fn between(
        &mut self,
        path: &Path,
        begun: SystemTime,
        newer: Option<&Metadata>,
        older: Option<&File>,
    ) -> Vec<Rotated> {
        let mut directories = vec![directory_of(path)];
        directories.extend(older.and_then(lies_in).filter(|moved| !directories.contains(moved)));
        let ended = newer.and_then(age);
        let mut found = self.rotated(path, &directories);
        found.retain(|rotated| rotated.began >= begun && ended.is_none_or(|ended| rotated.began <= ended));
        found
    }

    /// Everything that may be a rotated file of `path`, beside it or in a directory below; oldest first.
    pub(super) fn rotations(&mut self, path: &Path) -> Vec<Rotated> {
        let directories = self.with_below(&directory_of(path));
        self.rotated(path, &directories)
    }

    /// Taken again until it is the same twice: then no rename was under way.
    fn rotated(&mut self, path: &Path, directories: &[PathBuf]) -> Vec<Rotated> {
        let mut before = self.rotated_once(path, directories);
        for _ in 0..TRIES {
            *self = Self::default();
            let found = self.rotated_once(path, directories);
            if found == before {
                return found;
            }
            before = found;
        }
        tracing::warn!(path = %path.display(), error = %restless(), "a rotated file may be missed");
        before
    }

    fn rotated_once(&mut self, path: &Path, directories: &[PathBuf]) -> Vec<Rotated> {
        let real = real(path);
        let Some(name) = real.file_name() else { return Vec::new() };
        let mut found = Vec::new();
        for directory in directories {
            let entries = self.of(directory).unwrap_or_default().iter();
            let rotated = entries.filter(|entry| {
                !entry.is_directory
                    && !is_compressed(&entry.path)
                    && entry.path.file_name().is_some_and(|other| is_rotation_of(other, name))
            });
            found.extend(rotated.filter_map(|entry| {
                let metadata = fs::symlink_metadata(&entry.path).ok().filter(Metadata::is_file)?;
                Some(Rotated { began: age(&metadata)?, path: entry.path.clone(), key: FileKey::of(&metadata) })
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

/// A directory that never was the same for two looks.
pub(super) fn restless() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "its directory changes all the time")
}

/// Sorted, so that listings can be compared.
fn list(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = fs::read_dir(directory)?.flatten().map(Entry::from).collect();
    entries.sort();
    Ok(entries)
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
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering;

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

    /// One listing alone misses a file in some of the looks.
    #[test]
    fn a_rename_under_way_hides_no_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("app.log");
        let at = |generation: usize| home.path().join(format!("app.log.{generation}"));
        (1..30).for_each(|generation| fs::write(at(generation), "x").unwrap());
        let keys: Vec<FileKey> = (1..30).map(|number| FileKey::of(&fs::metadata(at(number)).unwrap())).collect();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    // As logrotate does it, the oldest first; and back again.
                    (2..=30).rev().for_each(|to| fs::rename(at(to - 1), at(to)).unwrap());
                    (2..=30).for_each(|from| fs::rename(at(from), at(from - 1)).unwrap());
                }
            });
            let mut looks = keys.iter().cycle().take(3_000);
            let gone = looks.any(|key| matches!(Listings::default().renamed(&path, *key), Ok(None)));
            over.store(true, Ordering::SeqCst);
            assert!(!gone, "a file that is there was said to be gone");
        });
        assert_eq!(Listings::default().rotations(&path).len(), keys.len());
    }
}
