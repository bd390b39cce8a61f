//! Copies of what was read. `copytruncate` copies a log and empties the original: the copy may match a pattern, and it may hold lines that
//! nobody read before the original was emptied.
//!
//! A file is a copy when its name says that it may be one, and its bytes are those that were read of the original: its beginning, and
//! those before the offset. It then goes on where the original was left, under the original's name for event ids. Should that be a
//! mistake, only a match at the very offset of an equal one would be missed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::model::position::Position;
use crate::source::file::access;
use crate::source::file::bytes;
use crate::source::file::bytes::Seen;
use crate::source::file::identity::FileKey;
use crate::source::file::identity::Marker;
use crate::source::file::identity::Prefix;
use crate::source::file::identity::TAIL_MAX;
use crate::source::file::known::Candidate;
use crate::source::file::reader::Tailed;
use crate::source::file::reader::Unproven;
use crate::source::file::sibling::Listings;
use crate::source::file::sibling::originals;
use crate::source::file::start::Start;
use crate::source::file::start::marker;
use crate::source::file::start::prefix;
use crate::source::file::tail::Tailer;
use crate::source::stream::RecordStream;

/// A file that is so far equal to another one is read after this time without growth: it is no copy that is being made.
const COPYING: SignedDuration = SignedDuration::from_secs(3);

/// What the bytes of a file say about another one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kin {
    /// Everything that was read of the other is there.
    Copy,
    /// Everything there is, the other has too; but it is less than was read of it.
    Begun,
    /// Too short to tell.
    Short,
    Other,
}

/// Compares a file with what was read under `position`.
pub(super) fn compare(position: &Position, found: &Candidate<'_>) -> io::Result<Kin> {
    let prefix = prefix(position);
    if prefix.len == 0 || position.tail_len == 0 {
        return Ok(Kin::Other);
    }
    if (found.head.len() as u64) < prefix.len {
        return Ok(Kin::Short);
    }
    if !prefix.holds(found.head) {
        return Ok(Kin::Other);
    }
    if found.size < position.tail_end {
        return Ok(Kin::Short);
    }
    Ok(if marker(position).holds(found.file)? { Kin::Copy } else { Kin::Other })
}

/// How a generation of a file ended.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) position: Position,
    /// Ends of its latest reads: a copy may have been made before the very last.
    pub(super) recent: Vec<Marker>,
}

/// What becomes of a file of which nothing was read yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It is a log of its own.
    Own,
    /// It goes on where another one was left.
    Copy(Start),
    /// It may be a copy that is being made: wait.
    Wait,
}

impl<S: RecordStream> Tailed<S> {
    /// Compares a file with this one as it is on disk.
    pub(super) fn kin(&self, found: &Candidate<'_>) -> io::Result<Kin> {
        let kin = compare(&self.position(), found)?;
        let Some(file) = self.file.as_ref().filter(|_| kin == Kin::Short && found.size > 0) else { return Ok(kin) };
        let own_head = bytes::head(file)?;
        let begins = own_head.starts_with(found.head);
        let last = bytes::before(found.file, found.size, TAIL_MAX)?;
        let equal = begins && bytes::before(file, found.size, TAIL_MAX)? == last;
        Ok(if equal { Kin::Begun } else { kin })
    }
}

impl Past {
    /// Where a copy of this generation goes on; `None` when `found` is none.
    fn copied_to(&self, found: &Candidate<'_>) -> io::Result<Option<Start>> {
        let start = start(found.key, &self.position);
        match compare(&self.position, found)? {
            Kin::Copy => Ok(Some(start)),
            Kin::Short => {
                for read in self.recent.iter().filter(|read| read.len > 0 && read.end <= found.size) {
                    if read.holds(found.file)? {
                        // Lines were read after the copy was made and before the original was emptied: everything in it is known.
                        return Ok(Some(Start { offset: 0, line: 1, prefix: Prefix::default(), ..start }));
                    }
                }
                Ok(None)
            }
            Kin::Begun | Kin::Other => Ok(None),
        }
    }
}

fn start(key: FileKey, position: &Position) -> Start {
    Start { file_id: key.to_string().into(), ..Start::at(position) }
}

impl<S: RecordStream> Tailer<S> {
    /// Decides about a file of which nothing was read yet.
    pub(super) fn prove(&mut self, key: FileKey, now: Timestamp) -> io::Result<Proof> {
        let originals = self.originals(key);
        let Some(file) = self.files.get_mut(&key) else { return Ok(Proof::Own) };
        let Some(opened) = &file.file else { return Ok(Proof::Wait) };
        let metadata = opened.metadata()?;
        let size = metadata.len();
        let grown = file.unproven.is_none_or(|before| before.size != size || before.since > now);
        if grown {
            file.unproven = Some(Unproven { size, since: now });
        }
        let waited = file.unproven.is_some_and(|before| now.duration_since(before.since) >= COPYING);
        if size == 0 {
            file.read = Some(Seen::of(&metadata));
            return Ok(Proof::Wait);
        }
        let head = bytes::head(opened)?;
        let Some(file) = self.files.get(&key) else { return Ok(Proof::Own) };
        let Some(opened) = &file.file else { return Ok(Proof::Wait) };
        let candidate = Candidate { key, file: opened, head: &head, size };
        let mut undecided = false;
        for original in originals.iter().filter_map(|original| self.files.get(original)) {
            match original.kin(&candidate)? {
                Kin::Copy => return Ok(Proof::Copy(start(key, &original.position()))),
                Kin::Begun => {
                    undecided = true;
                    continue;
                }
                // It may have been emptied a moment ago: its turn will tell.
                Kin::Short if original.queued => {
                    undecided = true;
                    continue;
                }
                _ => {}
            }
            for past in original.past.iter().rev() {
                if let Some(start) = past.copied_to(&candidate)? {
                    return Ok(Proof::Copy(start));
                }
            }
        }
        Ok(if undecided && !waited { Proof::Wait } else { Proof::Own })
    }

    /// Open files that `key` may be a copy of, by its name.
    fn originals(&mut self, key: FileKey) -> Vec<FileKey> {
        if std::mem::take(&mut self.names_changed) {
            self.by_name.clear();
            for (key, file) in &self.files {
                // The original may have been renamed after it was copied.
                for name in BTreeSet::from([file.path.file_name(), Path::new(&*file.shown).file_name()]) {
                    let name = name.map(OsStr::as_encoded_bytes).unwrap_or_default().to_vec();
                    self.by_name.entry(name).or_default().push(*key);
                }
            }
        }
        let opened_as = self.files.get(&key).map(|file| PathBuf::from(&*file.shown));
        let named = opened_as.as_deref().and_then(Path::file_name).map(originals).unwrap_or_default();
        let keys = named.iter().filter_map(|name| self.by_name.get(name)).flatten();
        keys.copied().filter(|original| *original != key).collect()
    }

    /// `key` was emptied: what was not read of it may be in a copy beside it, and in copies that were made after that one.
    pub(super) fn recover(&mut self, key: FileKey, now: Timestamp) {
        let Some(past) = self.files.get(&key).and_then(|file| file.past.last()).cloned() else { return };
        // Its name at that time: it may have been renamed since.
        let path = self.path_of(&past.position);
        let mut last = None;
        for rotated in Listings::default().rotations(&path).into_iter().map(|rotated| rotated.path) {
            let Some(start) = self.unread_copy(&rotated, &past, last.is_some()) else { continue };
            if self.attach_at(&rotated, Some(start), now).is_err() {
                continue;
            }
            let successor = self.paths.get(&path).copied().or(Some(key));
            self.drain(&path, &rotated, successor, now);
            let copy = self.paths.get(&rotated).copied();
            if let Some(file) = copy.and_then(|copy| self.files.get_mut(&copy)) {
                file.after = last;
                last = copy;
            }
        }
        if let Some(file) = self.files.get_mut(&key) {
            file.after = last;
        }
    }

    /// Where a file begins that is a copy of what was read of `past`, or was made `after` one.
    fn unread_copy(&self, path: &Path, past: &Past, after: bool) -> Option<Start> {
        let (file, metadata) = access::open(path).ok()?;
        let key = FileKey::of(&metadata);
        if self.files.contains_key(&key) || self.known.holds(key) {
            return None;
        }
        if after {
            return Some(Start::anew(key.to_string().into(), 0));
        }
        let head = bytes::head(&file).ok()?;
        let candidate = Candidate { key, file: &file, head: &head, size: metadata.len() };
        past.copied_to(&candidate).ok().flatten()
    }
}
