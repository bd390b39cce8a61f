//! Once a second: how the sources and the outbox are doing, for metrics and `/readyz`.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::alert::stats::SinkCounts;
use crate::alert::stats::SinkStats;
use crate::app::hearing::Hearing;
use crate::http::shared::Shared;
use crate::model::view::Check;
use crate::source::status::Requests;
use crate::source::status::SourceStatus;
use crate::source::status::StatusHandle;
use crate::source::status::Totals;
use crate::store::Store;
use crate::telemetry::labels::DeliveryOutcome;
use crate::telemetry::labels::RequestOutcome;
use crate::telemetry::labels::SourceKind;
use crate::telemetry::metrics::Metrics;

/// How often.
const INTERVAL: Duration = Duration::from_secs(1);
/// A source that has not looked at its input for so long is stuck.
const STUCK: SignedDuration = SignedDuration::from_secs(60);

/// Files named in a check.
const MAX_NOTES: usize = 10;

/// Reads statuses, publishes checks and metrics.
pub(super) struct Housekeeping {
    pub(super) statuses: Vec<StatusHandle>,
    /// Each sink, its counters and what was told of them.
    pub(super) sinks: Vec<(String, Arc<SinkStats>, SinkCounts)>,
    pub(super) shared: Arc<Shared>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) store: Arc<Store>,
    pub(super) hearing: Hearing,
    pub(super) now: fn() -> Timestamp,
}

impl Housekeeping {
    /// Until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut seen = Seen::default();
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = (self.now)();
            self.metrics.heartbeat(now);
            self.sources(now, &mut seen);
            self.shared.publish_blind(self.hearing.look(now, &self.metrics));
            self.outbox().await;
        }
    }

    /// Says of each source whether it is ready.
    pub(super) fn publish_sources(&self) {
        let now = (self.now)();
        for status in &self.statuses {
            self.shared.publish_check(check(&status.snapshot(), now));
        }
    }

    fn sources(&self, now: Timestamp, seen: &mut Seen) {
        let (mut files, mut unread, mut lag, mut furthest) = (0, 0, 0, 0);
        let mut totals = Totals::default();
        let mut pushes: HashMap<RequestOutcome, u64> = HashMap::new();
        let mut kinds: BTreeMap<&'static str, (SignedDuration, u64)> = BTreeMap::new();
        for status in self.statuses.iter().map(StatusHandle::snapshot) {
            let kind = kinds.entry(status.kind).or_default();
            kind.0 = kind.0.max(oldest_unread(&status, now));
            kind.1 += status.totals.restarts;
            files += status.files.len();
            unread += status.problems.len();
            for file in &status.files {
                lag += file.lag();
                furthest = furthest.max(file.lag());
            }
            totals.rotations += status.totals.rotations;
            totals.gaps += status.totals.gaps;
            for (kind, requests) in &status.requests {
                let told = seen.requests.entry(*kind).or_default();
                self.metrics.otlp_requests(kind.0, kind.1, requests.saturating_sub(*told));
                *told = *requests;
            }
            for (outcome, count) in &status.pushes {
                *pushes.entry(*outcome).or_default() += count;
            }
            self.shared.publish_check(check(&status, now));
        }
        for (outcome, count) in pushes {
            let told = seen.pushes.insert(outcome, count).unwrap_or(0);
            self.metrics.pubsub_pushes(outcome, count.saturating_sub(told));
        }
        for kind in SourceKind::ALL {
            let Some((oldest, restarts)) = kinds.get(kind.as_str()) else { continue };
            self.metrics.set_source_oldest_unread(*kind, *oldest);
            if oldest.is_zero() {
                self.metrics.set_source_lag_seconds(*kind, SignedDuration::ZERO);
            }
            let told = seen.restarts.insert(kind.as_str(), *restarts).unwrap_or(0);
            self.metrics.source_restarts(*kind, restarts.saturating_sub(told));
        }
        self.metrics.set_source_files(files, unread);
        self.metrics.set_source_lag(lag, furthest);
        for _ in seen.files.rotations..totals.rotations {
            self.metrics.source_rotation();
        }
        for _ in seen.files.gaps..totals.gaps {
            self.metrics.source_gap();
        }
        seen.files = totals;
    }

    async fn outbox(&mut self) {
        let store = Arc::clone(&self.store);
        let counted = tokio::task::spawn_blocking(move || store.queues()).await;
        if let Ok(Ok(queues)) = counted {
            for queue in queues {
                self.metrics.set_sink_backlog(&queue.sink, queue.owed, queue.dead);
            }
        }
        for (sink, stats, told) in &mut self.sinks {
            let counts = stats.counts();
            let more = [
                (DeliveryOutcome::Delivered, counts.delivered - told.delivered),
                (DeliveryOutcome::Retried, counts.failed - told.failed),
                (DeliveryOutcome::Dead, counts.dead - told.dead),
            ];
            for (outcome, times) in more {
                (0..times).for_each(|_| self.metrics.sink_delivery(sink, outcome));
            }
            *told = counts;
        }
    }
}

/// Counters as they were told last.
#[derive(Debug, Default)]
struct Seen {
    files: Totals,
    /// By kind of source.
    restarts: BTreeMap<&'static str, u64>,
    requests: Requests,
    pushes: HashMap<RequestOutcome, u64>,
}

/// How long the oldest of what is there has not been judged: unread bytes of a file were written after its last read.
fn oldest_unread(status: &SourceStatus, now: Timestamp) -> SignedDuration {
    let behind = status.files.iter().filter(|file| file.lag() > 0).map(|file| file.last_read);
    let oldest = behind.chain(status.oldest_unstored).min();
    oldest.map_or(SignedDuration::ZERO, |since| now.duration_since(since).max(SignedDuration::ZERO))
}

/// A source is ready once it has looked at its input, and for as long as it goes on doing so. A missing file is waited for: that
/// is readiness, too.
fn check(status: &SourceStatus, now: Timestamp) -> Check {
    let name = match status.name.as_str() {
        "" => format!("source/{}", status.kind),
        name => format!("source/{}/{name}", status.kind),
    };
    let state = match status.last_poll {
        None => Err("it has not looked at its input yet".to_owned()),
        Some(last) if status.running && now.duration_since(last) > STUCK => {
            Err(format!("stuck: it has not looked at its input since {last}"))
        }
        Some(_) => Ok(()),
    };
    Check { name, state, notes: notes(status) }
}

/// What is not read, and why: nobody looks for the one line of the log that said so days ago.
fn notes(status: &SourceStatus) -> Vec<String> {
    let unread = status
        .problems
        .iter()
        .map(|problem| format!("cannot read {} since {:.0}: {}", problem.path, problem.since, problem.reason));
    let waited_for = status.waiting.iter().map(|pattern| format!("waiting for {pattern}"));
    let all = status.problems.len() + status.waiting.len();
    let more = (all > MAX_NOTES).then(|| format!("and {} more", all - MAX_NOTES));
    unread.chain(waited_for).take(MAX_NOTES).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::status::Problem;

    #[test]
    fn a_source_is_ready_while_it_looks() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let status = |last_poll| SourceStatus { kind: "file", running: true, last_poll, ..SourceStatus::default() };
        assert!(check(&status(None), now).state.is_err());
        assert!(check(&status(Some(now - SignedDuration::from_secs(59))), now).state.is_ok());
        assert!(check(&status(Some(now - SignedDuration::from_secs(61))), now).state.is_err());
    }

    #[test]
    fn what_is_not_read_is_noted() {
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let problem = |number| Problem { path: format!("{number}.log"), reason: "no permission".to_owned(), since };
        let waiting = vec!["b*.log".to_owned()];
        let status = SourceStatus { problems: vec![problem(0)], waiting: waiting.clone(), ..SourceStatus::default() };
        let told = ["cannot read 0.log since 2026-01-01T00:00:00Z: no permission", "waiting for b*.log"];
        assert_eq!(notes(&status), told);
        let many = SourceStatus { problems: (0..20).map(problem).collect(), waiting, ..SourceStatus::default() };
        let told = notes(&many);
        assert_eq!((told.len(), told.last().map(String::as_str)), (11, Some("and 11 more")));
    }
}
