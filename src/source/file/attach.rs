//! Which files are opened, known again under another name, drained and closed: the part of the tailer that looks at names.

use std::fs;
use std::fs::Metadata;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::matcher::scanner::Tally;
use crate::model::position::Position;
use crate::source::Batch;
use crate::source::Emit;
use crate::source::EventScope;
use crate::source::OutputClosed;
use crate::source::file::StartFrom;
use crate::source::file::access;
use crate::source::file::access::AccessError;
use crate::source::file::bytes;
use crate::source::file::bytes::Seen;
use crate::source::file::copy::Kin;
use crate::source::file::copy::Past;
use crate::source::file::identity::FileKey;
use crate::source::file::known::Candidate;
use crate::source::file::known::Lookup;
use crate::source::file::reader::Tailed;
use crate::source::file::reader::Unproven;
use crate::source::file::sibling;
use crate::source::file::sibling::Listings;
use crate::source::file::sibling::Rotated;
use crate::source::file::sibling::TRIES;
use crate::source::file::start::Start;
use crate::source::file::start::scope;
use crate::source::file::tail::Tailer;
use crate::source::stream::RecordStream;
use crate::telemetry::labels::SourceKind;

/// A path that came to name another file: who had it before.
pub(super) struct Rotation {
    pub(super) path: PathBuf,
    pub(super) older: FileKey,
}

impl<S: RecordStream> Tailer<S> {
    /// One existing path: known, new, or named like a file that is known by another name.
    pub(super) fn sight(&mut self, path: &Path, now: Timestamp) -> Result<Option<Rotation>, AccessError> {
        let metadata = fs::metadata(path)?;
        access::regular(metadata.file_type())?;
        let key = FileKey::of(&metadata);
        let before = self.paths.get(path).copied();
        if self.files.contains_key(&key) {
            self.sight_known(path, key, &metadata);
        } else {
            self.attach(path, now)?;
        }
        let older = before.filter(|before| *before != key && self.files.contains_key(before));
        Ok(older.map(|older| Rotation { path: path.to_path_buf(), older }))
    }

    fn sight_known(&mut self, path: &Path, key: FileKey, metadata: &Metadata) {
        let Some(file) = self.files.get_mut(&key) else { return };
        if file.round == self.round {
            // A hard link, or two patterns for one file.
            return;
        }
        file.round = self.round;
        file.gone_since = None;
        let seen = Seen::of(metadata);
        // The path shows more than the descriptor gives (a copied-up overlay file, a stale handle): take the one behind the path.
        let stuck = !file.queued && file.seen_by_path == Some(seen) && file.read != Some(seen);
        if stuck
            && file.unproven.is_none()
            && let Ok((reopened, found)) = access::open(path)
            && FileKey::of(&found) == key
        {
            file.file = Some(reopened);
        }
        file.seen_by_path = Some(seen);
        file.seen = seen;
        let news = file.has_news();
        if file.path != path {
            file.path = path.to_path_buf();
            (self.changed, self.names_changed) = (true, true);
        }
        if self.paths.get(path) != Some(&key) {
            self.name(path, key);
        }
        if news {
            self.enqueue(key);
        }
    }

    /// Notes every name under which hints may speak of a file.
    fn name(&mut self, path: &Path, key: FileKey) {
        self.paths.insert(path.to_path_buf(), key);
        let absolute = std::path::absolute(path).ok();
        let target = fs::canonicalize(path).ok();
        if let Some(file) = self.files.get_mut(&key) {
            file.linked = target != absolute;
        }
        if let Some(absolute) = absolute {
            self.paths.insert(absolute, key);
        }
        if let Some(target) = target {
            if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
                self.link_targets.extend(target.parent().map(Path::to_path_buf));
            }
            self.paths.insert(target, key);
        }
    }

    /// Opens a file that is not open yet.
    fn attach(&mut self, path: &Path, now: Timestamp) -> Result<(), AccessError> {
        self.attach_at(path, None, now)
    }

    /// Opens a file that is not open yet and begins at `start`, or where what is known of it says.
    pub(super) fn attach_at(&mut self, path: &Path, start: Option<Start>, now: Timestamp) -> Result<(), AccessError> {
        let (file, metadata) = self.open_within_limit(path)?;
        let key = FileKey::of(&metadata);
        if self.files.contains_key(&key) {
            return Ok(());
        }
        self.own.refuse(path, key)?;
        let head = bytes::head(&file)?;
        let (mut unproven, mut past) = (false, None);
        let candidate = Candidate { key, file: &file, head: &head, size: metadata.len() };
        let start = match (start, self.known.claim(&candidate)?) {
            (_, Lookup::Resume(start)) => {
                unproven = start.offset == 0 && start.prefix.len == 0;
                start
            }
            (Some(start), _) => start,
            (None, Lookup::Rewritten(start, position)) => {
                tracing::info!(path = %path.display(), "the file is not the one that was read: reading it from its start");
                self.totals.truncations += 1;
                self.totals.gaps += 1;
                past = Some(Past { position: *position, recent: Vec::new() });
                start
            }
            (None, Lookup::New) => {
                let from_end = self.round == 1 && self.config.from == StartFrom::End;
                let offset = if from_end { bytes::after_last_line(&file, metadata.len())? } else { 0 };
                unproven = offset == 0;
                Start { offset, ..Start::anew(key.to_string().into(), 0) }
            }
        };
        let mut tailed = Tailed::new(file, path, start, &self.open, now)?;
        tailed.round = self.round;
        tailed.unproven = unproven.then_some(Unproven { size: 0, since: now });
        let rewritten = past.is_some();
        tailed.past.extend(past);
        self.files.insert(key, tailed);
        self.name(path, key);
        (self.changed, self.names_changed) = (true, true);
        self.enqueue(key);
        if rewritten {
            self.recover(key, now);
        }
        Ok(())
    }

    /// Files of stored positions that no pattern led to: renamed, or gone, while relapse was stopped.
    pub(super) fn find_renamed(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        let mut listings = Listings::default();
        for position in self.known.unclaimed() {
            let path = self.path_of(&position);
            let Some(key) = FileKey::parse(&position.file_id).filter(|_| self.discovery.covers(&path)) else {
                continue;
            };
            match self.attach_renamed(&path, key, &mut listings, now) {
                Ok(Some(renamed)) => {
                    if let Some(older) = self.paths.get(&renamed).copied() {
                        self.chain(&path, older, &mut listings, now);
                    }
                }
                Ok(None) => {
                    tracing::warn!(
                        path = position.path,
                        "deleted or compressed while relapse was stopped: what was not read is lost"
                    );
                    self.totals.gaps += 1;
                    if key.birth.is_some() {
                        emit(forget(position, now))?;
                    }
                }
                Err(error) => self.complain(&path, &error, now),
            }
        }
        Ok(())
    }

    /// Opens the file `key`, last seen at `path`, under the name it has now, and drains it. Gives that name; `None` when there is none.
    fn attach_renamed(
        &mut self,
        path: &Path,
        key: FileKey,
        listings: &mut Listings,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, AccessError> {
        let successor = self.paths.get(path).copied();
        for _ in 0..TRIES {
            let Some(renamed) = listings.renamed(path, key)? else { return Ok(None) };
            self.attach(&renamed, now)?;
            self.drain(path, &renamed, successor, now);
            if self.files.keys().any(|open| open.same_file(&key)) {
                return Ok(Some(renamed));
            }
            // It was renamed once more before it was opened; another one has that name now.
            *listings = Listings::default();
        }
        Err(sibling::restless().into())
    }

    /// The path of a position. One that is no text is stored with replacements: it is the one it looks like.
    pub(super) fn path_of(&self, position: &Position) -> PathBuf {
        let is_like = |path: &&PathBuf| path.to_string_lossy() == position.path;
        let replaced = position.path.contains(char::REPLACEMENT_CHARACTER);
        let like = replaced.then(|| self.paths.keys().find(is_like)).flatten();
        like.cloned().unwrap_or_else(|| PathBuf::from(&position.path))
    }

    /// A file that was found beside its old path is only drained, and keeps the old path as its name.
    pub(super) fn drain(&mut self, path: &Path, renamed: &Path, successor: Option<FileKey>, now: Timestamp) {
        let Some(key) = self.paths.get(renamed).copied() else { return };
        if let Some(file) = self.files.get_mut(&key) {
            file.path = path.to_path_buf();
            file.gone_since = Some(now);
            self.names_changed = true;
        }
        match successor {
            Some(successor) => self.name(path, successor),
            None => self.name(path, key),
        }
    }

    /// `path` names another file than before: generations in between are read too, each file after the one before it.
    pub(super) fn chain(&mut self, path: &Path, older: FileKey, listings: &mut Listings, now: Timestamp) {
        let newer = self.paths.get(path).copied().filter(|newer| *newer != older);
        let mut last = older;
        for _ in 0..TRIES {
            let found = self.generations_between(path, older, newer, listings);
            for rotated in &found {
                if self.attach(&rotated.path, now).is_err() {
                    continue;
                }
                self.drain(path, &rotated.path, newer, now);
                let Some(key) = self.paths.get(&rotated.path).copied() else { continue };
                if let Some(file) = self.files.get_mut(&key) {
                    file.after = Some(last);
                    last = key;
                }
            }
            // A rename between the look and the opening leads to another file; the one that was meant is found under its new name.
            if found.iter().all(|rotated| self.files.contains_key(&rotated.key)) {
                break;
            }
        }
        if let Some(file) = newer.and_then(|newer| self.files.get_mut(&newer)) {
            file.after = Some(last);
        }
    }

    fn generations_between(
        &self,
        path: &Path,
        older: FileKey,
        newer: Option<FileKey>,
        listings: &mut Listings,
    ) -> Vec<Rotated> {
        let Some(file) = self.files.get(&older) else { return Vec::new() };
        let Some(begun) = file.begun else { return Vec::new() };
        let is_new = |rotated: &Rotated| self.differs(file, &rotated.path).unwrap_or(false);
        let newer = newer.and_then(|newer| self.files.get(&newer)).and_then(|newer| fs::metadata(&newer.path).ok());
        let found = listings.between(path, begun, newer.as_ref(), file.file.as_ref());
        found.into_iter().filter(is_new).collect()
    }

    /// Whether the file at `path` is not open, and no copy of `older`.
    fn differs(&self, older: &Tailed<S>, path: &Path) -> Result<bool, AccessError> {
        let (file, metadata) = access::open(path)?;
        let key = FileKey::of(&metadata);
        let head = bytes::head(&file)?;
        let kin = older.kin(&Candidate { key, file: &file, head: &head, size: metadata.len() })?;
        Ok(!self.files.contains_key(&key) && !matches!(kin, Kin::Copy | Kin::Begun))
    }
}

/// Tells the store that the file of a position is gone for good.
fn forget(position: Position, now: Timestamp) -> Batch {
    Batch {
        kind: SourceKind::File,
        observations: Vec::new(),
        read_at: now,
        written: now,
        source: Arc::from(position.path.as_str()),
        tally: Tally::default(),
        event_scope: EventScope { stream: Arc::from(scope(&position)), generation: position.generation },
        position: Some(position),
        closed: true,
        deploys: Vec::new(),
        sender: None,
    }
}
