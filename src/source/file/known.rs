//! What is remembered of files that are not open: positions of an earlier run, and of files closed in this one. Says where a file that
//! is opened begins.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use crate::model::position::Position;
use crate::source::file::identity::FileKey;
use crate::source::file::start::Start;
use crate::source::file::start::marker;
use crate::source::file::start::prefix;

/// More inodes than this are not remembered; a forgotten file is read again from its start.
const MAX_INODES: usize = 65_536;

#[derive(Debug, Clone)]
struct Entry {
    key: FileKey,
    position: Position,
    /// The file was seen to be deleted: whatever has its inode now is another one.
    deleted: bool,
}

/// Where to begin, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// The file is known, and what was read of it is still there.
    Resume(Start),
    /// The name is known, the content is another: from its start, as another generation. What was known of the one before.
    Rewritten(Start, Box<Position>),
    /// Never seen.
    New,
}

/// A file that was opened, as much of it as decides where to begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) key: FileKey,
    pub(super) file: &'a File,
    /// Its first bytes, as `bytes::head` gives them.
    pub(super) head: &'a [u8],
    pub(super) size: u64,
}

/// Remembered positions by inode.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<u64, Vec<Entry>>);

impl Known {
    pub(super) fn new(positions: Vec<Position>) -> Self {
        let mut known = Self::default();
        for position in positions {
            known.remember(position, false);
        }
        known
    }

    pub(super) fn remember(&mut self, position: Position, deleted: bool) {
        let Some(key) = FileKey::parse(&position.file_id) else { return };
        if self.0.len() >= MAX_INODES && !self.0.contains_key(&key.inode) {
            let any = self.0.keys().next().copied();
            any.map(|inode| self.0.remove(&inode));
        }
        let entries = self.0.entry(key.inode).or_default();
        entries.retain(|entry| entry.key != key);
        entries.push(Entry { key, position, deleted });
    }

    /// Positions that no open file has claimed.
    pub(super) fn unclaimed(&self) -> Vec<Position> {
        let mut left: Vec<Position> = self.0.values().flatten().map(|entry| entry.position.clone()).collect();
        left.sort_by(|a, b| a.path.cmp(&b.path).then_with(|| a.file_id.cmp(&b.file_id)));
        left
    }

    /// Whether a position of the file `key` is remembered.
    pub(super) fn holds(&self, key: FileKey) -> bool {
        self.0.get(&key.inode).is_some_and(|entries| entries.iter().any(|entry| entry.key.same_file(&key)))
    }

    /// Claims the position of a file.
    pub(super) fn claim(&mut self, found: &Candidate<'_>) -> io::Result<Lookup> {
        let Some(entry) = self.take(found.key) else { return Ok(Lookup::New) };
        let position = &entry.position;
        let intact = !entry.deleted
            && position.offset.max(position.tail_end) <= found.size
            && prefix(position).holds(found.head)
            && match marker(position).holds(found.file) {
                Ok(holds) => holds,
                Err(error) => {
                    self.remember(entry.position, false);
                    return Err(error);
                }
            };
        if intact {
            return Ok(Lookup::Resume(Start::at(position)));
        }
        let next = Start::anew(position.file_id.as_str().into(), position.generation + 1);
        Ok(Lookup::Rewritten(next, Box::new(entry.position)))
    }

    fn take(&mut self, key: FileKey) -> Option<Entry> {
        let entries = self.0.get_mut(&key.inode)?;
        let exact = entries.iter().position(|entry| entry.key == key);
        let found = exact.or_else(|| entries.iter().position(|entry| entry.key.same_file(&key)))?;
        let entry = entries.swap_remove(found);
        if entries.is_empty() {
            self.0.remove(&key.inode);
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::NamedTempFile;

    use super::*;
    use crate::source::file::identity::Marker;
    use crate::source::file::identity::Prefix;

    const KEY: FileKey = FileKey { device: 1, inode: 7, birth: Some(9) };

    /// `one` and `two` were read, `two` is not judged yet.
    fn known(deleted: bool) -> Known {
        let (prefix, tail) = (Prefix::of(b"one\n"), Marker::of(8, b"two\n"));
        let mut known = Known::default();
        let position = Position {
            file_id: KEY.to_string(),
            path: "app.log".to_owned(),
            offset: 4,
            line: 2,
            prefix_len: prefix.len,
            prefix_hash: prefix.hash,
            generation: 3,
            tail_end: tail.end,
            tail_len: tail.len,
            tail_hash: tail.hash,
            ..Position::default()
        };
        known.remember(position, deleted);
        known
    }

    fn claim(mut known: Known, key: FileKey, text: &str) -> Lookup {
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let opened = File::open(file.path()).unwrap();
        let candidate = Candidate { key, file: &opened, head: text.as_bytes(), size: text.len() as u64 };
        known.claim(&candidate).unwrap()
    }

    fn generation(lookup: &Lookup) -> Option<(u64, u64)> {
        match lookup {
            Lookup::Resume(start) | Lookup::Rewritten(start, _) => Some((start.generation, start.offset)),
            Lookup::New => None,
        }
    }

    #[test]
    fn resumes_only_when_identity_beginning_and_the_bytes_before_agree() {
        let at = |deleted, key, text| generation(&claim(known(deleted), key, text));
        assert_eq!(at(false, KEY, "one\ntwo\nthree\n"), Some((3, 4)));
        assert_eq!(at(false, KEY, "eno\ntwo\n"), Some((4, 0)), "another beginning");
        assert_eq!(at(false, KEY, "one\nowt\nthree\n"), Some((4, 0)), "other bytes before the offset");
        assert_eq!(at(false, KEY, "one\nt"), Some((4, 0)), "shorter than what was read");
        assert_eq!(at(true, KEY, "one\ntwo\n"), Some((4, 0)), "seen to be deleted");
        let other = FileKey { birth: Some(10), ..KEY };
        assert_eq!(at(false, other, "one\ntwo\n"), None, "the inode is used again");
    }

    #[test]
    fn the_stored_name_survives_a_new_device_number() {
        let Lookup::Resume(start) = claim(known(false), FileKey { device: 2, ..KEY }, "one\ntwo\n") else {
            panic!("the file is the same")
        };
        assert_eq!(&*start.file_id, KEY.to_string());
    }
}
