//! What survives a restart: positions, tracks, live releases, event ids, owed notices and firing alerts, in one `SQLite`
//! database and one transaction a batch.
//!
//! Receives [`Commit`](commit::Commit)s from the pipeline and questions from the alert workers; gives back what was committed.
//! Every call blocks (a durable commit waits for the disk): call it off the async threads. There is one connection behind one
//! lock, so two calls never see half of each other.

pub mod alerts;
pub mod commit;
pub mod directory;
pub mod error;
pub mod event;
pub mod load;
pub mod outbox;
pub mod recover;
mod row;
mod schema;
pub mod snapshot;

use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use jiff::Timestamp;
use rusqlite::Connection;

use crate::store::error::StoreError;
use crate::store::event::EventId;
use crate::store::recover::Recovered;

/// How much is remembered. The oldest goes first; nothing that is still owed to a sink is ever dropped silently.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Event ids, newest event time first.
    pub events: u64,
    /// Read positions, most recently written first.
    pub positions: u64,
    /// Live releases over all services, most recently heard first.
    pub live_releases: u64,
    /// Dead letters over all sinks, newest first.
    pub dead_letters: u64,
    /// Notices owed to one sink; beyond it the oldest become dead letters, which are counted and shown.
    pub owed_per_sink: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 200_000, positions: 20_000, live_releases: 10_000, dead_letters: 1_000, owed_per_sink: 50_000 }
    }
}

/// The state of one relapse, exclusively held: a second instance on the same directory is refused until this is dropped.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    limits: Limits,
    writer: Mutex<Writer>,
    /// Held for its lock alone; the kernel releases it however the process ends.
    _lock: File,
}

/// The one connection and what is known about the database without asking it.
#[derive(Debug)]
pub(in crate::store) struct Writer {
    pub(in crate::store) connection: Connection,
    /// Queue names that get a row for every notice.
    pub(in crate::store) sinks: Vec<String>,
    /// Rows in `events`, so that pruning need not count.
    pub(in crate::store) events: u64,
    /// Argument time of the last pruning by age.
    pub(in crate::store) pruned_at: Option<Timestamp>,
    /// Whether the connection syncs every commit at the moment.
    pub(in crate::store) durable: Option<bool>,
}

/// An opened store, and what had to be done to open it.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Set when the database found was unusable: tell it loudly, everything will be read again from the start.
    pub recovered: Option<Recovered>,
}

impl Store {
    /// Opens the state directory `dir` with the default limits, creating it (mode 0700) when it is missing.
    ///
    /// A corrupt database is moved aside and replaced, never refused; see [`Opened::recovered`].
    pub fn open(dir: &Path) -> Result<Opened, StoreError> {
        Self::open_with(dir, Limits::default())
    }

    /// The same with other limits.
    pub fn open_with(dir: &Path, limits: Limits) -> Result<Opened, StoreError> {
        directory::prepare(dir)?;
        let lock = directory::lock(dir)?;
        let (connection, recovered) = recover::open(dir)?;
        let events = load::count_events(&connection).map_err(|error| StoreError::database(dir, error))?;
        let writer = Writer { connection, sinks: Vec::new(), events, pruned_at: None, durable: None };
        let store = Self { dir: dir.to_owned(), limits, writer: Mutex::new(writer), _lock: lock };
        Ok(Opened { store, recovered })
    }

    /// The state directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether this occurrence has not been committed yet. Occurrences of the batch at hand are the caller's to remember.
    pub fn is_new(&self, event: &EventId) -> Result<bool, StoreError> {
        self.with(|writer| load::is_new(&writer.connection, event))
    }

    /// Runs `act` on the connection under the lock.
    ///
    /// A panic under the lock cannot leave half a batch (the transaction rolls back when it is dropped): poison is ignored.
    pub(in crate::store) fn with<T>(&self, act: impl FnOnce(&mut Writer) -> row::Read<T>) -> Result<T, StoreError> {
        let mut writer: MutexGuard<'_, Writer> = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut writer).map_err(|fault| fault.at(&self.dir))
    }
}
