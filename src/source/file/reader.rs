//! One file that is read: where it stands, whether it is still the file that was read, and the batches it gives.
//!
//! Before every read the file's beginning is hashed and the bytes before the read offset are compared: a file that began anew in place
//! (copytruncate) is found out even when it has grown past the offset again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;

use crate::matcher::scanner::Tally;
use crate::model::position::Position;
use crate::source::Emit;
use crate::source::OutputClosed;
use crate::source::file::bytes;
use crate::source::file::bytes::Seen;
use crate::source::file::copy::Past;
use crate::source::file::identity::FileKey;
use crate::source::file::identity::Marker;
use crate::source::file::identity::Prefix;
use crate::source::file::identity::TAIL_MAX;
use crate::source::file::sibling::age;
use crate::source::file::start::Start;
use crate::source::stream::RecordStream;

/// Bytes read at once; one buffer serves all files.
pub(super) const BLOCK: usize = 256 * 1024;
/// Blocks of one file before the next one has its turn.
const BLOCKS_A_TURN: usize = 4;
/// So many ended generations of a file, and ends of reads, are remembered: what a copy may be a copy of.
const PAST: usize = 4;

/// Opens the record stream of `path` at an offset and its 1-based line.
pub(super) type Open<S> = Box<dyn Fn(Arc<str>, u64, u64) -> S + Send>;

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// There is more to read.
    More,
    /// Everything there is has been read.
    CaughtUp,
    /// The file is not the one that was read any more: it shrank or its content changed.
    Rewritten,
}

/// Why a turn broke off.
#[derive(Debug)]
pub(super) enum TurnError {
    Io(io::Error),
    Closed(OutputClosed),
}

impl From<io::Error> for TurnError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<OutputClosed> for TurnError {
    fn from(error: OutputClosed) -> Self {
        Self::Closed(error)
    }
}

/// A file of which nothing was read yet, and which may be a copy of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unproven {
    pub(super) size: u64,
    /// Since when it has this size.
    pub(super) since: Timestamp,
}

/// One file that is followed.
#[derive(Debug)]
pub(super) struct Tailed<S> {
    pub(super) key: FileKey,
    pub(super) path: PathBuf,
    pub(super) shown: Arc<str>,
    /// `None` while there are more files than descriptors: opened when there is something to read.
    pub(super) file: Option<File>,
    /// The path leads through a link: its directory does not tell when it changes.
    pub(super) linked: bool,
    pub(super) unproven: Option<Unproven>,
    /// Where earlier generations ended, oldest first.
    pub(super) past: Vec<Past>,
    /// Ends of the latest reads, oldest first.
    recent: Vec<Marker>,
    pub(super) stream: S,
    pub(super) start: Start,
    pub(super) read_offset: u64,
    pub(super) prefix: Prefix,
    /// When this generation began; `None` when that is not known any more. Rotated files that are older are copies of what was read.
    pub(super) begun: Option<SystemTime>,
    /// The bytes before `read_offset`.
    pub(super) tail: Vec<u8>,
    /// Tallies of streams that were begun anew.
    pub(super) tally: Tally,
    /// What the latest look at the file said.
    pub(super) seen: Seen,
    /// What the latest look through a path said.
    pub(super) seen_by_path: Option<Seen>,
    /// What the look before the latest complete read said.
    pub(super) read: Option<Seen>,
    pub(super) last_data: Timestamp,
    pub(super) sent: Position,
    pub(super) sent_at: Timestamp,
    /// The round in which a path last led here.
    pub(super) round: u64,
    /// No path has led here since.
    pub(super) gone_since: Option<Timestamp>,
    pub(super) deleted: bool,
    pub(super) queued: bool,
    /// Reading waits until this file has been read to its end: it was written before.
    pub(super) after: Option<FileKey>,
}

impl<S: RecordStream> Tailed<S> {
    pub(super) fn new(file: File, path: &Path, start: Start, open: &Open<S>, now: Timestamp) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let shown: Arc<str> = path.to_string_lossy().into();
        let tail = bytes::before(&file, start.offset, TAIL_MAX)?;
        Ok(Self {
            key: FileKey::of(&metadata),
            path: path.to_path_buf(),
            stream: open(Arc::clone(&shown), start.offset, start.line),
            shown,
            file: Some(file),
            linked: false,
            unproven: None,
            past: Vec::new(),
            recent: Vec::new(),
            read_offset: start.offset,
            prefix: start.prefix.clone(),
            begun: match (start.generation, start.offset) {
                (0, _) => age(&metadata),
                (_, 0) => metadata.modified().ok(),
                _ => None,
            },
            start,
            tail,
            tally: Tally::default(),
            seen: Seen::of(&metadata),
            seen_by_path: None,
            read: None,
            last_data: now,
            sent: Position::default(),
            sent_at: Timestamp::MIN,
            round: 0,
            gone_since: None,
            deleted: false,
            queued: false,
            after: None,
        })
    }

    /// Whether the latest look showed something that has not been read.
    pub(super) fn has_news(&self) -> bool {
        self.read != Some(self.seen)
    }

    /// Whether there is more than was read, as the file is now.
    pub(super) fn has_unread(&self) -> bool {
        let size = self.file.as_ref().and_then(|file| file.metadata().ok()).map(|metadata| metadata.len());
        size.is_some_and(|size| size > self.read_offset)
    }

    /// Begins at another place; nothing was read yet.
    pub(super) fn restart(&mut self, start: Start, open: &Open<S>) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        self.tail = bytes::before(file, start.offset, TAIL_MAX)?;
        self.stream = open(Arc::clone(&self.shown), start.offset, start.line);
        self.read_offset = start.offset;
        self.prefix = start.prefix.clone();
        self.begun = None;
        self.start = start;
        Ok(())
    }

    /// Whether the file is still the one that was read; `None` when it is too short to tell where its text begins.
    fn check(&mut self, file: &File, seen: Seen, open: &Open<S>) -> io::Result<Option<Turn>> {
        let head = bytes::head(file)?;
        if !self.prefix.holds(&head) || seen.size < self.read_offset {
            return Ok(Some(Turn::Rewritten));
        }
        if self.prefix.may_grow() && head.len() as u64 > self.prefix.len {
            self.prefix = Prefix::of(&head);
        }
        if self.read_offset > 0 {
            return Ok(None);
        }
        match bytes::text_start(&head) {
            None => return Ok(Some(Turn::CaughtUp)),
            Some(0) => {}
            Some(start) => {
                self.stream = open(Arc::clone(&self.shown), start, 1);
                self.read_offset = start;
                self.tally.bytes += start;
                self.tail = bytes::BYTE_ORDER_MARK.to_vec();
            }
        }
        Ok(None)
    }

    /// Reads a bounded number of blocks.
    pub(super) fn turn(
        &mut self,
        buffer: &mut [u8],
        open: &Open<S>,
        now: Timestamp,
        emit: &mut Emit<'_>,
    ) -> Result<Turn, TurnError> {
        let Some(file) = self.file.take() else { return Ok(Turn::CaughtUp) };
        let turn = self.read(&file, (buffer, open), now, emit);
        self.file = Some(file);
        turn
    }

    fn read(
        &mut self,
        file: &File,
        (buffer, open): (&mut [u8], &Open<S>),
        now: Timestamp,
        emit: &mut Emit<'_>,
    ) -> Result<Turn, TurnError> {
        let seen = Seen::of(&file.metadata()?);
        self.seen = seen;
        if let Some(turn) = self.check(file, seen, open)? {
            return Ok(turn);
        }
        self.note_end();
        let mut found = Vec::new();
        for _ in 0..BLOCKS_A_TURN {
            let back = self.tail.len();
            let count = file.read_at(buffer, self.read_offset - back as u64)?;
            let (before, fresh) = buffer.get(..count).unwrap_or_default().split_at_checked(back).unwrap_or_default();
            if before != self.tail.as_slice() {
                return Ok(Turn::Rewritten);
            }
            if fresh.is_empty() {
                self.read = Some(seen);
                self.stream.flush_whole(&mut found);
                self.report(&mut found, now, emit)?;
                return Ok(Turn::CaughtUp);
            }
            self.stream.push(fresh, &mut found);
            self.remember(fresh);
            self.last_data = now;
            if !found.is_empty() {
                self.report(&mut found, now, emit)?;
            }
        }
        self.report(&mut found, now, emit)?;
        Ok(Turn::More)
    }

    fn note_end(&mut self) {
        if self.recent.last().is_none_or(|read| read.end != self.read_offset) {
            if self.recent.len() >= PAST {
                self.recent.remove(0);
            }
            self.recent.push(Marker::of(self.read_offset, &self.tail));
        }
    }

    fn remember(&mut self, fresh: &[u8]) {
        self.read_offset += fresh.len() as u64;
        self.tail.extend_from_slice(fresh.get(fresh.len().saturating_sub(TAIL_MAX)..).unwrap_or(fresh));
        let surplus = self.tail.len().saturating_sub(TAIL_MAX);
        self.tail.drain(..surplus);
    }

    /// The file began anew in place: what is pending is judged, the rest is read as another generation.
    pub(super) fn begin_generation(
        &mut self,
        open: &Open<S>,
        now: Timestamp,
        emit: &mut Emit<'_>,
    ) -> Result<(), OutputClosed> {
        let recent = std::mem::take(&mut self.recent);
        self.past.push(Past { position: self.position(), recent });
        if self.past.len() > PAST {
            self.past.remove(0);
        }
        self.finish(now, emit)?;
        self.unproven = None;
        self.start = Start::anew(Arc::clone(&self.start.file_id), self.start.generation + 1);
        self.stream = open(Arc::clone(&self.shown), 0, 1);
        self.read_offset = 0;
        self.prefix = Prefix::default();
        self.tail.clear();
        self.read = None;
        self.begun = self.seen.modified;
        self.send(Vec::new(), false, now, emit)
    }
}
