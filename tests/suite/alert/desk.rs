//! An outbox in memory, and a worker at it: the second implementation of the trait, simple enough to be believed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use relapse::alert::config::AlertConfig;
use relapse::alert::config::AlertmanagerConfig;
use relapse::alert::config::StdoutConfig;
use relapse::alert::config::StdoutFormat;
use relapse::alert::config::TimeoutConfig;
use relapse::alert::config::WebhookConfig;
use relapse::alert::outbox::Clock;
use relapse::alert::outbox::Outbox;
use relapse::alert::outbox::OutboxError;
use relapse::alert::outbox::Owed;
use relapse::alert::retry::RetryConfig;
use relapse::alert::sink::Sink;
use relapse::alert::sink::StdoutIs;
use relapse::alert::stats::SinkStats;
use relapse::alert::worker;
use relapse::model::alert::Notice;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::store::sample::at;

/// Where a notice stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    Owed,
    Delivered,
    Dead(String),
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) notice: Notice,
    pub(super) state: State,
    pub(super) attempts: u32,
    pub(super) due: Timestamp,
    pub(super) errors: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) rows: Mutex<BTreeMap<i64, Row>>,
    pub(super) active: Mutex<Vec<Notice>>,
    pub(super) resolved: Mutex<Vec<Notice>>,
    /// How many of the next writes fail.
    pub(super) broken: AtomicI64,
}

impl Memory {
    pub(super) fn owe(&self, notice: Notice) {
        let mut rows = self.rows.lock().unwrap();
        let id = i64::try_from(rows.len()).unwrap() + 1;
        rows.insert(id, Row { notice, state: State::Owed, attempts: 0, due: at(0), errors: Vec::new() });
    }

    pub(super) fn states(&self) -> Vec<State> {
        self.rows.lock().unwrap().values().map(|row| row.state.clone()).collect()
    }

    pub(super) fn row(&self, id: i64) -> Row {
        self.rows.lock().unwrap()[&id].clone()
    }

    fn change(&self, id: i64, change: impl FnOnce(&mut Row)) -> Result<(), OutboxError> {
        if self.broken.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Err(OutboxError::new(std::io::Error::other("disk full")));
        }
        if let Some(row) = self.rows.lock().unwrap().get_mut(&id) {
            change(row);
        }
        Ok(())
    }
}

impl Outbox for Memory {
    fn due(&self, _sink: &str, now: Timestamp, limit: usize) -> Result<Vec<Owed>, OutboxError> {
        let rows = self.rows.lock().unwrap();
        let mut due: Vec<(&i64, &Row)> =
            rows.iter().filter(|(_, row)| row.state == State::Owed && row.due <= now).collect();
        due.sort_by_key(|(id, row)| (row.due, **id));
        let owed = |(id, row): (&i64, &Row)| Owed {
            id: *id,
            notice: row.notice.clone(),
            attempts: row.attempts,
            since: at(0),
        };
        Ok(due.into_iter().take(limit).map(owed).collect())
    }

    fn next_due(&self, _sink: &str, _now: Timestamp) -> Result<Option<Timestamp>, OutboxError> {
        Ok(self.rows.lock().unwrap().values().filter(|row| row.state == State::Owed).map(|row| row.due).min())
    }

    fn delivered(&self, id: i64, _now: Timestamp) -> Result<(), OutboxError> {
        self.change(id, |row| row.state = State::Delivered)
    }

    fn postpone(&self, id: i64, next: Timestamp, error: &str) -> Result<(), OutboxError> {
        self.change(id, |row| {
            row.attempts += 1;
            row.due = next;
            row.errors.push(error.to_owned());
        })
    }

    fn dead(&self, id: i64, _now: Timestamp, error: &str) -> Result<(), OutboxError> {
        self.change(id, |row| row.state = State::Dead(error.to_owned()))
    }

    fn active_alerts(&self) -> Result<Vec<Notice>, OutboxError> {
        Ok(self.active.lock().unwrap().clone())
    }

    fn recent_resolved(&self, _since: Timestamp) -> Result<Vec<Notice>, OutboxError> {
        Ok(self.resolved.lock().unwrap().clone())
    }
}

/// A configuration without standard output and with pauses a test can wait for.
pub(super) fn quick() -> AlertConfig {
    AlertConfig {
        stdout: StdoutConfig { format: StdoutFormat::Off, trace_project: None },
        retry: RetryConfig {
            min_delay: SignedDuration::from_millis(2),
            max_delay: SignedDuration::from_millis(10),
            last_attempts: SignedDuration::from_millis(300),
            ..RetryConfig::default()
        },
        timeouts: TimeoutConfig { connect: SignedDuration::from_secs(2), total: SignedDuration::from_millis(300) },
        ..AlertConfig::default()
    }
}

pub(super) fn webhook(url: &str) -> AlertConfig {
    let webhook = WebhookConfig { url: url.parse().unwrap(), bearer_token_file: None };
    AlertConfig { webhooks: vec![webhook], ..quick() }
}

pub(super) fn alertmanagers(urls: &[&str]) -> AlertConfig {
    let urls = urls.iter().map(|url| url.parse().unwrap()).collect();
    let alertmanager = AlertmanagerConfig { urls, ..AlertmanagerConfig::default() };
    AlertConfig { alertmanager, ..quick() }
}

pub(super) fn sinks(config: &AlertConfig) -> Vec<Sink> {
    let stdout = StdoutIs { writer: Box::new(std::io::sink()), terminal: false, color: false };
    Sink::build(config, stdout).unwrap()
}

/// A running worker over an outbox in memory. Its clock shows the sample moment plus what the test has let pass; pauses of the
/// worker itself are real and a few milliseconds long.
pub(super) struct Desk {
    pub(super) outbox: Arc<Memory>,
    pub(super) stats: Arc<SinkStats>,
    pub(super) wake: Arc<Notify>,
    pub(super) elapsed: Arc<AtomicI64>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Desk {
    pub(super) fn start(sink: Sink, outbox: Arc<Memory>) -> Self {
        let (wake, stop, elapsed) = (Arc::new(Notify::new()), CancellationToken::new(), Arc::new(AtomicI64::new(0)));
        let passed = Arc::clone(&elapsed);
        // Every look at the clock is a second later: what is postponed comes round without waiting.
        let clock: Clock = Arc::new(move || at(passed.fetch_add(1, Ordering::SeqCst)));
        let stats = sink.stats();
        let mut tasks = JoinSet::new();
        let owner: Arc<dyn Outbox> = Arc::<Memory>::clone(&outbox);
        tasks.spawn(worker::run(sink, owner, Arc::clone(&wake), clock, stop.clone()));
        Self { outbox, stats, wake, elapsed, stop, tasks }
    }

    /// Waits until `done`; the limit is there so that a defect ends, not to measure anything.
    pub(super) async fn until(&self, done: impl Fn(&Memory) -> bool) {
        let waiting = async {
            while !done(&self.outbox) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it never came");
    }

    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(end) = self.tasks.join_next().await {
            end.unwrap();
        }
    }
}
