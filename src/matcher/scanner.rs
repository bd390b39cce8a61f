//! One byte stream: blocks in, observations out. Lines that cannot match are never split, decoded or copied.

use std::sync::Arc;

use crate::decode::DecodeConfig;
use crate::matcher::{Matcher, Observation};

/// Limits and habits of a scanner.
#[derive(Debug, Clone)]
pub struct ScannerConfig {
    /// `false`: every line is a record.
    pub multiline: bool,
    /// A record of more bytes is cut, and counted.
    pub max_record_bytes: usize,
    /// A record of more lines is cut, and counted.
    pub max_record_lines: usize,
    /// Only the first so many bytes of a line are matched; the rest is counted.
    pub max_line_bytes: usize,
    /// What the source knows about its records.
    pub decode: DecodeConfig,
}

/// What went through, for accounting: `bytes` of every kind add up to what was pushed and completed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes completed (judged), those of skipped parts included.
    pub bytes: u64,
    /// Of these: bytes beyond `max_line_bytes`, not matched.
    pub overlong_bytes: u64,
    /// Lines completed.
    pub lines: u64,
    /// Candidate records decoded.
    pub decoded: u64,
    /// Records cut at a bound.
    pub cut_records: u64,
    /// Records whose bytes were not valid UTF-8 (matched lossily).
    pub invalid_utf8: u64,
    /// JSON lines that did not parse and were read as text.
    pub broken_json: u64,
}

/// The state of one byte stream.
#[derive(Debug)]
pub struct Scanner {
    _matcher: Arc<Matcher>,
}

impl Scanner {
    /// A scanner that begins at byte `offset`, line `line` (1-based) of `file`.
    pub fn new(matcher: Arc<Matcher>, _config: ScannerConfig, _file: Arc<str>, _offset: u64, _line: u64) -> Self {
        Self { _matcher: matcher }
    }

    /// Appends bytes and reports every record they complete, in order.
    pub fn push(&mut self, _bytes: &[u8], _out: &mut Vec<Observation>) {}

    /// The stream is idle: judges the pending record as if it were complete and keeps it, because the rest may still come
    /// (the same observation may then be reported again, with the same origin).
    pub fn flush(&mut self, _out: &mut Vec<Observation>) {}

    /// The stream has ended: judges and forgets the pending record.
    pub fn finish(&mut self, _out: &mut Vec<Observation>) {}

    /// Offset and line number of the first byte not yet completed: always the start of a record.
    pub fn position(&self) -> (u64, u64) {
        (0, 1)
    }

    /// Whether bytes are pending that no `flush` has judged.
    pub fn has_unflushed(&self) -> bool {
        false
    }

    /// Takes the tally since the last call.
    pub fn take_tally(&mut self) -> Tally {
        Tally::default()
    }

    /// Replaces the matcher (reload); pending bytes are judged by the new one.
    pub fn set_matcher(&mut self, matcher: Arc<Matcher>) {
        self._matcher = matcher;
    }
}
