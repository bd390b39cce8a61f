//! How a source is doing, for `/readyz`, metrics and `status`: the source publishes whole snapshots, everyone else only reads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::Timestamp;

use crate::telemetry::labels::OtlpSignal;
use crate::telemetry::labels::RequestOutcome;

/// A snapshot of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceStatus {
    /// `file`, `stdin`, `otlp`, `pubsub`.
    pub kind: &'static str,
    /// Which of several of its kind; empty for kinds of which there is one.
    pub name: String,
    /// Whether the source has looked at its input at least once and is still running.
    pub running: bool,
    /// When the source last completed a look at its input; an old value means that it is stuck (a blocked output, a hanging disk).
    pub last_poll: Option<Timestamp>,
    /// Every stream that is open.
    pub files: Vec<FileStatus>,
    /// Plain paths and patterns that name no file yet: waited for, not an error.
    pub waiting: Vec<String>,
    /// Paths that cannot be read, and why.
    pub problems: Vec<Problem>,
    /// Since when the oldest of what was taken and is not a file's has not been stored; `None` when everything is.
    pub oldest_unstored: Option<Timestamp>,
    /// Counters since the start.
    pub totals: Totals,
    /// Requests since the start, by signal and outcome; empty for sources that take none.
    pub requests: Requests,
    /// Pushed messages since the start, by outcome; empty for sources that take none.
    pub pushes: HashMap<RequestOutcome, u64>,
}

/// Counts requests.
pub type Requests = HashMap<(OtlpSignal, RequestOutcome), u64>;

/// One open file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// The path it was last seen at.
    pub path: Arc<str>,
    /// Bytes read.
    pub offset: u64,
    /// Bytes there.
    pub size: u64,
    /// When bytes were last read, or the file was opened.
    pub last_read: Timestamp,
    /// Renamed or deleted: only drained.
    pub draining: bool,
}

impl FileStatus {
    /// Bytes there and not read.
    pub fn lag(&self) -> u64 {
        self.size.saturating_sub(self.offset)
    }
}

/// A path that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path.
    pub path: String,
    /// Why, and what to do: for humans.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// Counters of one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes read from streams.
    pub bytes_read: u64,
    /// Paths that came to name another file.
    pub rotations: u64,
    /// Files that shrank or began anew in place.
    pub truncations: u64,
    /// Times bytes may have been lost before they could be read (every truncation in place; a file that vanished while relapse was
    /// stopped).
    pub gaps: u64,
    /// Times a path was found unreadable or refused.
    pub unreadable: u64,
    /// Times a connection or a subprocess was begun anew.
    pub restarts: u64,
}

/// Shares snapshots of one source.
#[derive(Debug, Clone, Default)]
pub struct StatusHandle(Arc<Mutex<SourceStatus>>);

impl StatusHandle {
    /// The latest snapshot.
    pub fn snapshot(&self) -> SourceStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the snapshot in place.
    pub fn update(&self, change: impl FnOnce(&mut SourceStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
