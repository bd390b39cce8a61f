//! A look at what there is: names first, then every file. As long as no directory has changed, names are left alone and a look is one
//! `stat` a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::source::Emit;
use crate::source::OutputClosed;
use crate::source::file::access::AccessError;
use crate::source::file::bytes::Seen;
use crate::source::file::discover::Found;
use crate::source::file::identity::FileKey;
use crate::source::file::reader::Tailed;
use crate::source::file::sibling::Listings;
use crate::source::file::tail::Tailer;
use crate::source::file::tail::elapsed;
use crate::source::stream::RecordStream;

/// Names are looked at so often, whatever the directories say: some file systems do not tell.
const LISTING: SignedDuration = SignedDuration::from_secs(10);

/// What the latest look at names gave.
#[derive(Debug)]
pub(super) struct Names {
    found: Found,
    at: Timestamp,
    /// Paths that must be looked at each time: they could not be opened, or lead through a link.
    unsteady: Vec<PathBuf>,
}

impl Names {
    fn is_current(&self, now: Timestamp) -> bool {
        let since = now.duration_since(self.at);
        !since.is_negative() && since < LISTING && self.found.is_current(self.at)
    }
}

impl<S: RecordStream> Tailer<S> {
    /// Looks at every name and every open file; opens, follows renames, closes. Reads nothing but the beginnings of new files.
    pub fn poll(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        self.round += 1;
        let before = self.names.take().filter(|names| names.is_current(now));
        let names = match before {
            Some(names) if self.glance() => self.look_at(names, false, now, emit)?,
            _ => {
                let names = Names { found: self.discovery.scan(), at: now, unsteady: Vec::new() };
                self.look_at(names, true, now, emit)?
            }
        };
        self.names = Some(names);
        self.look_at_unseen(now, emit)
    }

    /// Looks at the files that had a name at the latest look. `false` when names must be looked at.
    fn glance(&mut self) -> bool {
        let round = self.round;
        let mut news = Vec::new();
        let steady = |file: &&mut Tailed<S>| file.round + 1 == round && !file.linked && file.gone_since.is_none();
        for file in self.files.values_mut().filter(steady) {
            let metadata = match &file.file {
                Some(opened) => opened.metadata(),
                None => fs::metadata(&file.path),
            };
            let Ok(metadata) = metadata else { return false };
            if file.file.is_none() && FileKey::of(&metadata) != file.key {
                return false;
            }
            file.round = round;
            file.seen = Seen::of(&metadata);
            if file.has_news() && !file.queued {
                news.push(file.key);
            }
        }
        for key in news {
            self.enqueue(key);
        }
        true
    }

    /// Looks at the names that must be looked at, or at `all`.
    fn look_at(
        &mut self,
        mut names: Names,
        all: bool,
        now: Timestamp,
        emit: &mut Emit<'_>,
    ) -> Result<Names, OutputClosed> {
        let mut waiting = names.found.waiting.clone();
        let mut rotations = Vec::new();
        let some = std::mem::take(&mut names.unsteady);
        let every = names.found.paths.iter().filter(|_| all).chain(some.iter().filter(|_| !all));
        for path in every {
            match self.sight(path, now) {
                Ok(rotation) => rotations.extend(rotation),
                Err(error) if error.is_absent() => waiting.push(path.to_string_lossy().into_owned()),
                Err(error) => self.complain(path, &error, now),
            }
            let file = self.paths.get(path).and_then(|key| self.files.get(key));
            if file.is_none_or(|file| file.linked) {
                names.unsteady.push(path.clone());
            }
        }
        if all {
            for (path, error) in std::mem::take(&mut names.found.problems) {
                names.found.partial = true;
                self.complain(&path, &AccessError::from(error), now);
            }
            self.directories.clone_from(&names.found.directories);
        }
        if self.round == 1 {
            self.find_renamed(now, emit)?;
        }
        let mut listings = Listings::default();
        for rotation in rotations {
            self.totals.rotations += 1;
            self.chain(&rotation.path, rotation.older, &mut listings, now);
        }
        self.changed |= self.faults.end_of_look(self.round) || self.waiting != waiting;
        for name in waiting.iter().filter(|name| !self.waiting.contains(name)) {
            tracing::info!(path = %name, "does not exist yet: waiting for it");
        }
        self.waiting = waiting;
        Ok(names)
    }

    pub(super) fn complain(&mut self, path: &Path, error: &AccessError, now: Timestamp) {
        if self.faults.note(path, error, Some(self.round), now) {
            self.totals.unreadable += 1;
            self.changed = true;
        }
    }

    /// Open files that no path leads to any more: drained, and closed when nothing was added for a while.
    fn look_at_unseen(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        let (mut news, mut ended, mut closed) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (key, file) in self.files.iter_mut().filter(|(_, file)| file.round != self.round) {
            let mut since = *file.gone_since.get_or_insert(now);
            let Some(opened) = &file.file else {
                closed.push(*key);
                continue;
            };
            let Ok(metadata) = opened.metadata() else { continue };
            file.deleted = std::os::unix::fs::MetadataExt::nlink(&metadata) == 0;
            file.seen = Seen::of(&metadata);
            let wait = if file.deleted { self.config.delete_wait } else { self.config.rotate_wait };
            let quiet = elapsed(&mut since, now).min(elapsed(&mut file.last_data, now));
            file.gone_since = Some(since);
            if file.has_news() {
                news.push(*key);
            } else if !file.queued && quiet >= wait {
                ended.insert(*key);
            }
        }
        for key in closed {
            if self.reopen(key) {
                news.push(key);
            } else {
                ended.insert(key);
            }
        }
        for key in news {
            self.enqueue(key);
        }
        self.end(&ended, now, emit)
    }

    fn end(&mut self, ended: &BTreeSet<FileKey>, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        if ended.is_empty() {
            return Ok(());
        }
        for key in ended {
            let Some(mut file) = self.files.remove(key) else { continue };
            if file.file.is_none() {
                tracing::warn!(path = %file.path.display(), "gone while it was closed: what was not read is lost");
                self.totals.gaps += 1;
            }
            file.close(now, emit)?;
            self.known.remember(file.position(), file.deleted);
            self.faults.forget(&file.path);
            self.awake.remove(key);
        }
        (self.changed, self.names_changed) = (true, true);
        self.paths.retain(|_, key| !ended.contains(key));
        self.link_targets.retain(|directory| directory.is_dir());
        Ok(())
    }
}
