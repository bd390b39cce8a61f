//! What a worker needs of whatever remembers the owed notices. Two implementations: the store's (in `app`) and one in memory (in
//! the tests). Calls block and are made off the async threads.

use std::error::Error;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::alert::Notice;

/// The clock of the edge: the only source of "now" a worker has.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// One notice owed to one sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Owed {
    /// Names the row to [`Outbox::delivered`], [`Outbox::postpone`] and [`Outbox::dead`].
    pub id: i64,
    /// What to deliver.
    pub notice: Notice,
    /// Failed attempts so far, over restarts.
    pub attempts: u32,
    /// Since when it is owed.
    pub since: Timestamp,
}

/// The outbox could not be read or written; the worker pauses and tries again.
#[derive(Debug, thiserror::Error)]
#[error("use the outbox")]
pub struct OutboxError(#[source] pub Box<dyn Error + Send + Sync>);

impl OutboxError {
    /// Wraps the error of an implementation.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// Owed notices by sink, and the alerts that fire.
pub trait Outbox: Send + Sync + 'static {
    /// What `sink` should be given now, longest due first (a postponed one comes after those that were never tried), at most `limit`.
    fn due(&self, sink: &str, now: Timestamp, limit: usize) -> Result<Vec<Owed>, OutboxError>;

    /// When the next notice of `sink` is due; `None` when nothing is owed.
    fn next_due(&self, sink: &str, now: Timestamp) -> Result<Option<Timestamp>, OutboxError>;

    /// The sink accepted it.
    fn delivered(&self, id: i64, now: Timestamp) -> Result<(), OutboxError>;

    /// The attempt failed with `error`; it is due again at `next`.
    fn postpone(&self, id: i64, next: Timestamp, error: &str) -> Result<(), OutboxError>;

    /// The sink will never accept it, for the reason given: it stays visible as a dead letter.
    fn dead(&self, id: i64, now: Timestamp, error: &str) -> Result<(), OutboxError>;

    /// The latest page or warning of every alert that fires.
    fn active_alerts(&self) -> Result<Vec<Notice>, OutboxError>;

    /// Alerts resolved at `since` or later, as they last fired, with `ends_at` set.
    fn recent_resolved(&self, since: Timestamp) -> Result<Vec<Notice>, OutboxError>;
}
