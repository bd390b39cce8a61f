//! One byte stream: blocks in, observations out. Lines that cannot match are never split, decoded or copied.
//!
//! What comes out depends on the bytes alone, never on how they were cut into blocks; only how often a known release is sighted
//! again follows the blocks (once a block, so that "last seen" moves on).

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::mem;
use std::ops::AddAssign;
use std::sync::Arc;

use jiff::Timestamp;

use crate::decode::DecodeConfig;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::buffer::Buffer;
use crate::matcher::framing::Framing;
use crate::matcher::judge::Judge;
use crate::matcher::judge::Memory;

/// A push is worked off in pieces of this size: they fit the cache and bound the memory.
const BLOCK: usize = 256 * 1024;

/// Limits and habits of a scanner.
#[derive(Debug, Clone)]
pub struct ScannerConfig {
    /// `false`: every line is a record.
    pub multiline: bool,
    /// A record of more bytes is cut between two lines, and counted. One line alone may be longer.
    pub max_record_bytes: usize,
    /// A record of more lines is cut, and counted.
    pub max_record_lines: usize,
    /// Only the first so many bytes of a line are matched; the rest is counted.
    pub max_line_bytes: usize,
    /// Report releases, instances and boots seen on healthy records.
    pub release_watch: bool,
    /// Report every record, matched or not (as a sighting where it is no match).
    pub every_record: bool,
    /// What the source knows about its records.
    pub decode: DecodeConfig,
}

impl Default for ScannerConfig {
    fn default() -> Self {
        Self {
            multiline: true,
            max_record_bytes: 256 * 1024,
            max_record_lines: 1_000,
            max_line_bytes: 1024 * 1024,
            release_watch: true,
            every_record: false,
            decode: DecodeConfig::default(),
        }
    }
}

impl ScannerConfig {
    pub(crate) fn framing(&self) -> Framing<'_> {
        Framing {
            multiline: self.multiline,
            max_bytes: self.max_record_bytes,
            max_lines: self.max_record_lines.max(1),
            header: self.decode.header.as_deref(),
        }
    }
}

/// What a signature was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes of the records that were decoded and compared with it.
    pub bytes: u64,
    /// Records of which it looked at the beginning only: the rest would have exceeded its step budget.
    pub over_budget: u64,
}

/// What went through, for accounting: `bytes` of every kind add up to what was pushed and completed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes completed (judged), those of skipped parts included.
    pub bytes: u64,
    /// Of these: bytes beyond `max_line_bytes`, not matched.
    pub overlong_bytes: u64,
    /// Lines completed.
    pub lines: u64,
    /// Candidate records decoded.
    pub decoded: u64,
    /// Of these: records cut at a bound.
    pub cut_records: u64,
    /// Of these: records whose bytes were not valid UTF-8 (matched lossily).
    pub invalid_utf8: u64,
    /// Of these: JSON lines that did not parse and were read as text.
    pub broken_json: u64,
    /// Of these: records that state no time, none before them nearby either.
    pub no_time: u64,
    /// By signature id: of these, records that held a literal of a signature in whose scope they are and did not match it. A sign
    /// that a text has drifted.
    pub near_misses: BTreeMap<Arc<str>, u64>,
    /// By signature id: what was asked of it.
    pub work: BTreeMap<Arc<str>, Work>,
    /// Of these: records whose rows of two tracebacks are mixed up; their exceptions are not told.
    pub ambiguous: u64,
    /// Of these: records with a time that could not be read.
    pub unread_times: u64,
    /// Event time that the latest completed header line states; `None` when none nearby does.
    pub last_time: Option<Timestamp>,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.overlong_bytes += other.overlong_bytes;
        self.lines += other.lines;
        self.decoded += other.decoded;
        self.cut_records += other.cut_records;
        self.invalid_utf8 += other.invalid_utf8;
        self.broken_json += other.broken_json;
        self.no_time += other.no_time;
        for (signature, records) in other.near_misses {
            *self.near_misses.entry(signature).or_default() += records;
        }
        for (signature, work) in other.work {
            let own = self.work.entry(signature).or_default();
            own.bytes += work.bytes;
            own.over_budget += work.over_budget;
        }
        self.ambiguous += other.ambiguous;
        self.unread_times += other.unread_times;
        self.last_time = self.last_time.max(other.last_time);
    }
}

/// The state of one byte stream.
#[derive(Debug)]
pub struct Scanner {
    matcher: Arc<Matcher>,
    config: ScannerConfig,
    file: Arc<str>,
    buffer: Buffer,
    memory: Memory,
    unflushed: bool,
}

impl Scanner {
    /// A scanner that begins at byte `offset`, line `line` (1-based) of `file`; both must be the start of a record, as
    /// [`Scanner::position`] gives it.
    pub fn new(matcher: Arc<Matcher>, config: ScannerConfig, file: Arc<str>, offset: u64, line: u64) -> Self {
        let buffer = Buffer::new(offset, line);
        let mut memory = Memory::default();
        memory.earlier.zone.clone_from(&config.decode.zone);
        Self { matcher, config, file, buffer, memory, unflushed: false }
    }

    /// Appends bytes and reports every record they complete, in order. A record is complete when the next one has begun.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Observation>) {
        for block in bytes.chunks(BLOCK) {
            let lines_before = self.buffer.complete_lines();
            self.buffer.append(block, self.config.max_line_bytes.max(1));
            self.advance(lines_before, out);
        }
        self.unflushed &= self.has_pending();
    }

    /// Reads once, at most `most` bytes, and goes on as [`Scanner::push`] does; no byte is copied twice. Gives how many were read.
    pub fn read(&mut self, most: usize, reader: &mut dyn Read, out: &mut Vec<Observation>) -> io::Result<usize> {
        let lines_before = self.buffer.complete_lines();
        let read = self.buffer.read(most.min(BLOCK), self.config.max_line_bytes.max(1), reader)?;
        if read > 0 {
            self.advance(lines_before, out);
            self.unflushed &= self.has_pending();
        }
        Ok(read)
    }

    fn advance(&mut self, lines_before: usize, out: &mut Vec<Observation>) {
        self.unflushed = true;
        let lines = self.buffer.complete_lines();
        if lines == lines_before {
            return;
        }
        let start = self.buffer.start();
        let complete = self.buffer.bytes().get(..lines).unwrap_or_default();
        let end = self.config.framing().last_start(complete, start);
        if end > start {
            self.memory.watch.begin_region();
            self.judge(start, end, out);
            self.complete(end);
        }
    }

    /// The stream is idle: judges the pending record as if it were complete and keeps it, because the rest may still come
    /// (the same observation may then be reported again, with the same origin). The tally counts it when it is complete.
    pub fn flush(&mut self, out: &mut Vec<Observation>) {
        if !mem::take(&mut self.unflushed) {
            return;
        }
        let tally = self.memory.tally.clone();
        self.judge(self.buffer.start(), self.buffer.bytes().len(), out);
        self.memory.tally = tally;
    }

    /// Judges the pending record at once when nothing that follows can belong to it: one line, a whole object of JSON.
    pub fn flush_whole(&mut self, out: &mut Vec<Observation>) {
        let pending = self.buffer.bytes().get(self.buffer.start()..).unwrap_or_default();
        let line = pending.strip_suffix(b"\n").unwrap_or_default().trim_ascii_end();
        if line.starts_with(b"{") && line.ends_with(b"}") && memchr::memchr(b'\n', line).is_none() {
            self.flush(out);
        }
    }

    /// The stream has ended: judges and forgets the pending record.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        let end = self.buffer.bytes().len();
        let unended_line = end > self.buffer.complete_lines();
        self.memory.watch.begin_region();
        self.judge(self.buffer.start(), end, out);
        self.complete(end);
        self.memory.tally.lines += u64::from(unended_line);
        self.memory.tally.last_time = self.latest_time();
        self.buffer.forget();
        self.unflushed = false;
    }

    /// Offset and line number of the first byte not yet completed: always the start of a record.
    pub fn position(&self) -> (u64, u64) {
        self.buffer.position()
    }

    /// Whether bytes are pending that no `flush` has judged.
    pub fn has_unflushed(&self) -> bool {
        self.unflushed
    }

    /// Takes the tally since the last call.
    pub fn take_tally(&mut self) -> Tally {
        let mut tally = mem::take(&mut self.memory.tally);
        // What has been finished is forgotten.
        tally.last_time = self.latest_time().or(tally.last_time);
        tally
    }

    fn latest_time(&mut self) -> Option<Timestamp> {
        self.memory.earlier.time(self.buffer.bytes(), self.buffer.start(), self.buffer.dropped())
    }

    /// Replaces the matcher (reload); pending bytes are judged by the new one.
    pub fn set_matcher(&mut self, matcher: Arc<Matcher>) {
        self.matcher = matcher;
        self.unflushed = self.has_pending();
    }

    fn has_pending(&self) -> bool {
        self.buffer.bytes().len() > self.buffer.start()
    }

    fn judge(&mut self, start: usize, end: usize, out: &mut Vec<Observation>) {
        let Self { matcher, config, file, buffer, memory, .. } = self;
        let lines = buffer.complete_lines().max(end);
        Judge { matcher, config, file, buffer, memory, out, lines }.judge(start, end);
    }

    fn complete(&mut self, end: usize) {
        let completed = self.buffer.complete(end);
        let tally = &mut self.memory.tally;
        tally.bytes += completed.bytes;
        tally.overlong_bytes += completed.overlong;
        tally.lines += completed.lines;
    }
}
