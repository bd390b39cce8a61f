//! The set of files that are followed: which one is read next, what is flushed and reported when.
//!
//! Receives explicit looks ([`Tailer::poll`]), hints ([`Tailer::touched`]) and turns ([`Tailer::read_round`]) with the time as
//! argument; gives batches. It never waits and reads no clock. (Which files are opened and closed: `attach`.)

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::matcher::Matcher;
use crate::model::position::Position;
use crate::source::Emit;
use crate::source::OutputClosed;
use crate::source::file::FileConfig;
use crate::source::file::Touched;
use crate::source::file::access::Own;
use crate::source::file::copy::Proof;
use crate::source::file::discover::Discovery;
use crate::source::file::faults::Faults;
use crate::source::file::identity::FileKey;
use crate::source::file::known::Known;
use crate::source::file::look::Names;
use crate::source::file::reader::BLOCK;
use crate::source::file::reader::Open;
use crate::source::file::reader::Tailed;
use crate::source::file::reader::Turn;
use crate::source::file::reader::TurnError;
use crate::source::status::FileStatus;
use crate::source::status::SourceStatus;
use crate::source::status::StatusHandle;
use crate::source::status::Totals;
use crate::source::stream::RecordStream;

/// Follows files.
pub struct Tailer<S> {
    pub(super) config: FileConfig,
    pub(super) discovery: Discovery,
    pub(super) open: Open<S>,
    pub(super) files: BTreeMap<FileKey, Tailed<S>>,
    /// Every name under which an open file was seen, link targets and absolute names included.
    pub(super) paths: HashMap<PathBuf, FileKey>,
    pub(super) known: Known,
    /// Files that may have something to read, in turn.
    queue: VecDeque<FileKey>,
    /// Files with a record to flush or a position to report.
    timed: BTreeSet<FileKey>,
    pub(super) directories: BTreeSet<PathBuf>,
    pub(super) link_targets: BTreeSet<PathBuf>,
    pub(super) waiting: Vec<String>,
    pub(super) faults: Faults,
    pub(super) totals: Totals,
    /// Looks so far.
    pub(super) round: u64,
    /// Something was opened, read or closed since the last snapshot.
    pub(super) changed: bool,
    pub(super) buffer: Vec<u8>,
    pub(super) names: Option<Names>,
    /// Files by name without directory, made when needed.
    pub(super) by_name: HashMap<Vec<u8>, Vec<FileKey>>,
    pub(super) names_changed: bool,
    /// Files whose stream keeps a history.
    pub(super) awake: BTreeSet<FileKey>,
    pub(super) own: Own,
    /// So many files may be open.
    pub(super) descriptors: usize,
    /// So many more may be opened before they are counted.
    pub(super) room: usize,
    pub(super) told_descriptors: bool,
}

impl<S> fmt::Debug for Tailer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tailer").field("files", &self.files.len()).field("round", &self.round).finish_non_exhaustive()
    }
}

impl<S: RecordStream> Tailer<S> {
    /// A tailer that goes on from `positions`; `open` makes the record stream of a path at an offset and its line.
    pub fn new(
        config: FileConfig,
        discovery: Discovery,
        positions: Vec<Position>,
        open: impl Fn(Arc<str>, u64, u64) -> S + Send + 'static,
    ) -> Self {
        Self {
            config,
            discovery,
            open: Box::new(open),
            files: BTreeMap::new(),
            paths: HashMap::new(),
            known: Known::new(positions),
            queue: VecDeque::new(),
            timed: BTreeSet::new(),
            directories: BTreeSet::new(),
            link_targets: BTreeSet::new(),
            waiting: Vec::new(),
            faults: Faults::default(),
            totals: Totals::default(),
            round: 0,
            changed: true,
            buffer: vec![0; BLOCK],
            names: None,
            by_name: HashMap::new(),
            names_changed: false,
            awake: BTreeSet::new(),
            own: Own::default(),
            descriptors: usize::MAX,
            room: usize::MAX,
            told_descriptors: false,
        }
    }

    /// Never follows these.
    #[must_use]
    pub fn refusing(self, own: Own) -> Self {
        Self { own, ..self }
    }

    /// Keeps at most so many files open.
    #[must_use]
    pub fn with_descriptors(self, descriptors: usize) -> Self {
        Self { descriptors, room: descriptors, ..self }
    }

    /// Looks, reads everything there is, and does what is due.
    pub fn tick(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        self.poll(now, emit)?;
        while self.read_round(now, emit)? {}
        self.flush_idle(now, emit)
    }

    /// Puts a file in line.
    pub(super) fn enqueue(&mut self, key: FileKey) {
        if let Some(file) = self.files.get_mut(&key).filter(|file| !file.queued) {
            file.queued = true;
            self.queue.push_back(key);
        }
    }

    /// Puts the files in line that a hint named.
    pub fn touched(&mut self, paths: &Touched) {
        for path in paths {
            if let Some(key) = self.paths.get(path).copied() {
                self.enqueue(key);
            }
        }
    }

    /// Gives every file in line one turn. `true` when there is more to read.
    pub fn read_round(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<bool, OutputClosed> {
        for _ in 0..self.queue.len() {
            let Some(key) = self.queue.pop_front() else { break };
            let waits = self.files.get(&key).and_then(|file| file.after).and_then(|before| self.files.get(&before));
            if waits.is_some_and(|before| before.queued) {
                self.queue.push_back(key);
            } else {
                self.give_turn(key, now, emit)?;
            }
        }
        Ok(!self.queue.is_empty())
    }

    fn give_turn(&mut self, key: FileKey, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        // A file that is not found any more is dealt with by the next look.
        let found = self.reopen(key);
        let Some(file) = self.files.get_mut(&key) else { return Ok(()) };
        file.queued = false;
        file.after = None;
        if !found {
            return Ok(());
        }
        let outcome =
            if file.unproven.is_some() { self.settle_kind(key, now).map_err(TurnError::from) } else { Ok(true) };
        let Some(file) = self.files.get_mut(&key) else { return Ok(()) };
        let before = file.read_offset;
        let turn = match outcome {
            Ok(true) => file.turn(&mut self.buffer, &self.open, now, emit),
            Ok(false) => {
                self.timed.insert(key);
                return file.report(&mut Vec::new(), now, emit);
            }
            Err(error) => Err(error),
        };
        let read = file.read_offset.saturating_sub(before);
        self.totals.bytes_read += read;
        if read > 0 {
            self.changed = true;
            self.awake.insert(key);
        }
        self.after_turn(key, turn, now, emit)
    }

    /// Whether a file that nothing was read of is to be read now, and from where.
    fn settle_kind(&mut self, key: FileKey, now: Timestamp) -> io::Result<bool> {
        let proof = self.prove(key, now)?;
        let Some(file) = self.files.get_mut(&key) else { return Ok(false) };
        match proof {
            Proof::Wait => return Ok(false),
            Proof::Own => {}
            Proof::Copy(start) => {
                tracing::info!(path = %file.path.display(), offset = start.offset, "a copy: reading what the original was left with");
                file.restart(start, &self.open)?;
            }
        }
        file.unproven = None;
        Ok(true)
    }

    fn after_turn(
        &mut self,
        key: FileKey,
        turn: Result<Turn, TurnError>,
        now: Timestamp,
        emit: &mut Emit<'_>,
    ) -> Result<(), OutputClosed> {
        let Some(file) = self.files.get_mut(&key) else { return Ok(()) };
        let again = match turn {
            Ok(turn) => {
                self.changed |= self.faults.readable(&file.path);
                if turn == Turn::Rewritten {
                    tracing::info!(path = %file.path.display(), "the file began anew in place: reading it from its start");
                    self.totals.truncations += 1;
                    self.totals.gaps += 1;
                    self.changed = true;
                    self.faults.forget(&file.path);
                    file.begin_generation(&self.open, now, emit)?;
                    self.recover(key, now);
                } else {
                    self.rest_between(key, now, emit)?;
                }
                turn != Turn::CaughtUp
            }
            Err(TurnError::Closed(closed)) => return Err(closed),
            Err(TurnError::Io(error)) => {
                let new = self.faults.note(&file.path, &error, None, now);
                self.totals.unreadable += u64::from(new);
                self.changed |= new;
                false
            }
        };
        self.timed.insert(key);
        if again {
            self.enqueue(key);
        }
        Ok(())
    }

    /// Judges records that nothing was added to for a while, and reports positions that moved.
    pub fn flush_idle(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        let (mut done, mut unread) = (Vec::new(), Vec::new());
        for key in &self.timed {
            let Some(file) = self.files.get_mut(key) else {
                done.push(*key);
                continue;
            };
            // A clock set back must not put off what is due.
            file.last_data = file.last_data.min(now);
            let is_due = file.flush_due(&self.config).is_some_and(|due| due <= now);
            if is_due && file.has_unread() && !self.faults.concern(&file.path) {
                // Reading was held up: the record may go on in what is there.
                unread.push(*key);
                continue;
            }
            if is_due {
                file.flush(now, emit)?;
            } else {
                file.report(&mut Vec::new(), now, emit)?;
            }
            if file.flush_due(&self.config).is_none() && file.report_due().is_none() {
                done.push(*key);
            }
        }
        for key in done {
            self.timed.remove(&key);
        }
        for key in unread {
            self.enqueue(key);
        }
        self.rest_some(now);
        Ok(())
    }

    /// When there is something to do without a hint, `latest` at the latest.
    pub fn next_due(&self, latest: Timestamp) -> Timestamp {
        let files = self.timed.iter().filter_map(|key| self.files.get(key));
        let due = files.flat_map(|file| [file.flush_due(&self.config), file.report_due()]);
        due.flatten().min().map_or(latest, |due| due.min(latest))
    }

    /// The source stops: judges what is pending and keeps it, because it may go on after a restart, and reports every position.
    pub fn stop(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        self.files.values_mut().try_for_each(|file| file.settle(now, emit))
    }

    /// Replaces the matcher of every stream (reload).
    pub fn set_matcher(&mut self, matcher: &Arc<Matcher>) {
        for file in self.files.values_mut() {
            file.stream.set_matcher(Arc::clone(matcher));
        }
    }

    /// Directories in which something can happen.
    pub fn directories(&self) -> BTreeSet<PathBuf> {
        self.directories.union(&self.link_targets).cloned().collect()
    }

    /// Shows how it stands.
    pub fn publish(&mut self, now: Timestamp, handle: &StatusHandle) {
        let snapshot = std::mem::take(&mut self.changed).then(|| self.status());
        handle.update(|status| {
            if let Some(snapshot) = snapshot {
                *status = snapshot;
            }
            status.running = true;
            status.last_poll = Some(now);
        });
    }

    /// How it stands.
    pub fn status(&self) -> SourceStatus {
        let shown = |file: &Tailed<S>| FileStatus {
            path: file.path.to_string_lossy().into(),
            offset: file.read_offset,
            size: file.seen.size.max(file.read_offset),
            last_read: file.last_data,
            draining: file.gone_since.is_some(),
        };
        SourceStatus {
            kind: "file",
            running: true,
            files: self.files.values().map(shown).collect(),
            waiting: self.waiting.clone(),
            problems: self.faults.problems(),
            totals: self.totals,
            ..SourceStatus::default()
        }
    }
}

/// Time since `since`; a clock set back begins anew.
pub(super) fn elapsed(since: &mut Timestamp, now: Timestamp) -> SignedDuration {
    *since = (*since).min(now);
    now.duration_since(*since)
}
