//! Joins the alert workers to the store: the store's outbox in the words the workers use.

use std::io::IsTerminal;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::alert::config::AlertConfig;
use crate::alert::outbox::Outbox;
use crate::alert::outbox::OutboxError;
use crate::alert::outbox::Owed;
use crate::alert::sink::BuildError;
use crate::alert::sink::Sink;
use crate::alert::sink::StdoutIs;
use crate::alert::stats::SinkStats;
use crate::alert::worker;
use crate::model::alert::Notice;
use crate::store::Store;
use crate::store::error::StoreError;

/// One sink with everything its worker needs.
pub struct Worker {
    sink: Sink,
    outbox: Arc<dyn Outbox>,
    now: fn() -> Timestamp,
    /// Wakes this worker after a commit that carries a notice.
    pub wake: Arc<Notify>,
}

impl Worker {
    /// Until `stop`, and then one last round.
    pub async fn run(self, stop: CancellationToken) {
        worker::run(self.sink, self.outbox, self.wake, Arc::new(self.now), stop).await;
    }

    /// Queue name and counters, for the metrics.
    pub fn stats(&self) -> (String, Arc<SinkStats>) {
        (self.sink.name().to_owned(), self.sink.stats())
    }
}

/// A worker for every configured sink; each is owed every notice from now on.
pub(super) fn workers(
    config: &AlertConfig,
    store: &Arc<Store>,
    now: fn() -> Timestamp,
) -> Result<Vec<Worker>, BuildError> {
    let stdout = StdoutIs {
        writer: Box::new(std::io::stdout()),
        terminal: std::io::stdout().is_terminal(),
        color: anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never,
    };
    let sinks = Sink::build(config, stdout)?;
    let names: Vec<&str> = sinks.iter().map(Sink::name).collect();
    store.register_sinks(&names);
    let outbox: Arc<dyn Outbox> = Arc::new(StoreOutbox(Arc::clone(store)));
    let worker = |sink| Worker { sink, outbox: Arc::clone(&outbox), now, wake: Arc::new(Notify::new()) };
    Ok(sinks.into_iter().map(worker).collect())
}

struct StoreOutbox(Arc<Store>);

fn told<T>(result: Result<T, StoreError>) -> Result<T, OutboxError> {
    result.map_err(OutboxError::new)
}

impl Outbox for StoreOutbox {
    fn due(&self, sink: &str, now: Timestamp, limit: usize) -> Result<Vec<Owed>, OutboxError> {
        let owed = told(self.0.due(sink, now, limit))?;
        let words = |owed: crate::store::outbox::Owed| Owed {
            id: owed.id,
            notice: owed.notice,
            attempts: owed.attempts,
            since: owed.since,
        };
        Ok(owed.into_iter().map(words).collect())
    }

    fn next_due(&self, sink: &str, now: Timestamp) -> Result<Option<Timestamp>, OutboxError> {
        told(self.0.next_due(sink, now))
    }

    fn delivered(&self, id: i64, now: Timestamp) -> Result<(), OutboxError> {
        told(self.0.delivered(id, now))
    }

    fn postpone(&self, id: i64, next: Timestamp, error: &str) -> Result<(), OutboxError> {
        told(self.0.postpone(id, next, error))
    }

    fn dead(&self, id: i64, now: Timestamp, error: &str) -> Result<(), OutboxError> {
        told(self.0.dead(id, now, error))
    }

    fn active_alerts(&self) -> Result<Vec<Notice>, OutboxError> {
        told(self.0.active_alerts())
    }

    fn recent_resolved(&self, since: Timestamp) -> Result<Vec<Notice>, OutboxError> {
        told(self.0.recent_resolved(since))
    }
}
