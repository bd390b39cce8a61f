//! One worker a sink: takes what is owed, delivers it, writes down what came of it, pauses when the sink fails.
//!
//! The outbox holds everything that matters; a worker that is killed at any point delivers a notice twice at worst, with the same
//! id. Cancel `stop` only after the last commit: what is owed then gets one more attempt within a deadline.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::alert::level;
use crate::alert::outbox::Clock;
use crate::alert::outbox::Outbox;
use crate::alert::outbox::OutboxError;
use crate::alert::outbox::Owed;
use crate::alert::retry;
use crate::alert::sink::DeliveryError;
use crate::alert::sink::Outcome;
use crate::alert::sink::Sink;
use crate::alert::sink::SinkKind;
use crate::alert::sink::describe;

/// Notices taken from the outbox at a time.
const BATCH: usize = 32;
/// Longest time between two looks into the outbox: a lost wake-up costs no more than this.
const LONGEST_IDLE: Duration = Duration::from_secs(15);

/// How long to wait before the next round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::alert) enum Pause {
    /// Until something new is owed, or this long.
    Idle(Duration),
    /// This long, whatever comes: the sink or the outbox fails.
    Failing(Duration),
}

/// Serves one sink until `stop` is cancelled and the last attempts are made. `wake` belongs to this worker alone: call `notify_one`
/// after every commit that carries a notice.
pub async fn run(sink: Sink, outbox: Arc<dyn Outbox>, wake: Arc<Notify>, clock: Clock, stop: CancellationToken) {
    let deadline = retry::unsigned(sink.retry.last_attempts);
    let name = sink.name().to_owned();
    let mut desk = Desk { sink, outbox, clock, failures: 0, unwritten: Vec::new() };
    let serving = async {
        loop {
            let last = stop.is_cancelled();
            let pause = match &desk.sink.kind {
                SinkKind::Alertmanager(_) => level::round(&mut desk).await,
                SinkKind::Stdout(_) | SinkKind::Webhook(_) => edges(&mut desk).await,
            };
            if last {
                return;
            }
            wait(pause, &wake, &stop).await;
        }
    };
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(deadline).await;
    };
    tokio::select! {
        () = serving => {}
        () = overdue => warn!(sink = name, "the sink did not answer in time: what it is owed is delivered after the restart"),
    }
}

async fn wait(pause: Pause, wake: &Notify, stop: &CancellationToken) {
    match pause {
        Pause::Idle(time) => tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(time) => {}
            () = stop.cancelled() => {}
        },
        Pause::Failing(time) => tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = stop.cancelled() => {}
        },
    }
}

/// What came of a notice, to be written into the outbox.
#[derive(Debug, Clone)]
pub(in crate::alert) enum Entry {
    Delivered(i64),
    Postponed(i64, Timestamp, String),
    Dead(i64, String),
}

/// A worker's things.
pub(in crate::alert) struct Desk {
    pub(in crate::alert) sink: Sink,
    outbox: Arc<dyn Outbox>,
    clock: Clock,
    /// Failed attempts in a row, over all notices.
    failures: u32,
    /// What happened and could not be written down (a full disk): it must not happen again before it is.
    unwritten: Vec<Entry>,
}

impl Desk {
    pub(in crate::alert) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Asks the outbox off the async threads.
    pub(in crate::alert) async fn ask<T, F>(&self, question: F) -> Result<T, OutboxError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Outbox) -> Result<T, OutboxError> + Send + 'static,
    {
        let outbox = Arc::clone(&self.outbox);
        match tokio::task::spawn_blocking(move || question(&*outbox)).await {
            Ok(answer) => answer,
            Err(panic) => Err(OutboxError::new(panic)),
        }
    }

    /// What the sink should be given now.
    pub(in crate::alert) async fn due(&mut self, limit: usize) -> Result<Vec<Owed>, OutboxError> {
        self.write_down().await?;
        let (name, now) = (self.sink.name().to_owned(), self.now());
        self.ask(move |outbox| outbox.due(&name, now, limit)).await
    }

    /// Notes what came of a notice and tries to write it down.
    pub(in crate::alert) async fn note(&mut self, entry: Entry) -> Result<(), OutboxError> {
        match &entry {
            Entry::Delivered(_) => self.sink.stats().delivered(),
            Entry::Postponed(..) => {}
            Entry::Dead(id, reason) => {
                self.sink.stats().dead();
                error!(sink = self.sink.name(), notice = id, reason, "a notice became a dead letter");
            }
        }
        self.unwritten.push(entry);
        self.write_down().await
    }

    async fn write_down(&mut self) -> Result<(), OutboxError> {
        while let Some(entry) = self.unwritten.first().cloned() {
            let now = self.now();
            self.ask(move |outbox| match entry {
                Entry::Delivered(id) => outbox.delivered(id, now),
                Entry::Postponed(id, next, reason) => outbox.postpone(id, next, &reason),
                Entry::Dead(id, reason) => outbox.dead(id, now, &reason),
            })
            .await?;
            self.unwritten.remove(0);
        }
        Ok(())
    }

    /// The sink answered.
    pub(in crate::alert) fn succeed(&mut self) {
        if self.failures > 0 {
            info!(sink = self.sink.name(), "the sink accepts notices again");
        }
        self.failures = 0;
        self.sink.stats().healthy();
    }

    /// The sink failed: how long to leave it alone.
    pub(in crate::alert) fn fail(&mut self, after: Option<Duration>, reason: &str) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.sink.stats().failed();
        let pause = self.sink.retry.delay(self.failures).max(after.unwrap_or_default());
        warn!(sink = self.sink.name(), reason, failures = self.failures, ?pause, "the sink failed, trying again later");
        pause
    }

    /// The outbox failed: the same, without blaming the sink.
    pub(in crate::alert) fn lose(&mut self, error: &OutboxError) -> Pause {
        let reason = describe(error);
        error!(sink = self.sink.name(), reason, "the outbox cannot be used, trying again later");
        Pause::Failing(self.sink.retry.delay(self.failures.max(1)))
    }

    /// Whether a notice is owed for so long that it is given up.
    pub(in crate::alert) fn is_too_old(&self, owed: &Owed) -> bool {
        self.now().duration_since(owed.since) > self.sink.retry.give_up
    }
}

/// One round of a sink that is told every notice once.
async fn edges(desk: &mut Desk) -> Pause {
    match deliver_due(desk).await {
        Ok(Some(pause)) => pause,
        Ok(None) => match next(desk).await {
            Ok(pause) => pause,
            Err(error) => desk.lose(&error),
        },
        Err(error) => desk.lose(&error),
    }
}

/// Delivers until nothing is due (`None`) or the sink fails. After a failure nothing else is tried in this round: the next notice
/// would most likely fail the same way, only later. The failed one then waits longer than the others, so that one notice a
/// receiver chokes on does not hold up the rest.
async fn deliver_due(desk: &mut Desk) -> Result<Option<Pause>, OutboxError> {
    loop {
        let due = desk.due(BATCH).await?;
        if due.is_empty() {
            return Ok(None);
        }
        for owed in due {
            if desk.is_too_old(&owed) {
                let reason = describe(&DeliveryError::TooOld(owed.attempts));
                desk.note(Entry::Dead(owed.id, reason)).await?;
                continue;
            }
            let now = desk.now();
            match desk.sink.kind.deliver(&owed.notice, now).await {
                Outcome::Accepted => {
                    desk.succeed();
                    desk.note(Entry::Delivered(owed.id)).await?;
                }
                Outcome::Refused(error) => {
                    desk.succeed();
                    desk.note(Entry::Dead(owed.id, describe(&error))).await?;
                }
                Outcome::Retry { after, error } => {
                    let reason = describe(&error);
                    let pause = desk.fail(after, &reason);
                    let wait = pause.saturating_add(desk.sink.retry.delay(owed.attempts.saturating_add(1)));
                    desk.note(Entry::Postponed(owed.id, retry::later(desk.now(), wait), reason)).await?;
                    return Ok(Some(Pause::Failing(pause)));
                }
            }
        }
    }
}

async fn next(desk: &Desk) -> Result<Pause, OutboxError> {
    let (name, now) = (desk.sink.name().to_owned(), desk.now());
    let due = desk.ask(move |outbox| outbox.next_due(&name, now)).await?;
    let time = due.map_or(LONGEST_IDLE, |due| retry::unsigned(due.duration_since(now)));
    Ok(Pause::Idle(time.clamp(Duration::from_millis(1), LONGEST_IDLE)))
}
