//! The live pipeline: batches in; verdicts, one transaction, metrics and snapshots out. Runs on a thread of its own, because
//! a commit waits for the disk.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tracing::debug_span;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::app::accounting;
use crate::app::build;
use crate::app::command::Waiting;
use crate::app::effects::Ledger;
use crate::app::feed::Feed;
use crate::app::hearing::Hearing;
use crate::app::identity;
use crate::app::raises;
use crate::app::slow::Slow;
use crate::catalog::signature::Catalog;
use crate::http::orders::Order;
use crate::http::shared::Shared;
use crate::incident::engine::Engine;
use crate::incident::event::Event;
use crate::matcher::Match;
use crate::matcher::Observation;
use crate::matcher::Sighting;
use crate::model::record::Resource;
use crate::model::view::Check;
use crate::model::view::IncidentView;
use crate::source::Batch;
use crate::store::Store;
use crate::store::event::EventId;
use crate::telemetry::labels::SourceKind;
use crate::telemetry::metrics::Metrics;

/// Orders and batches committed together at most: bounds the memory and the delay of a group.
const MAX_GROUP: usize = 64;
/// No batch joins a group that holds so many observations: what is committed at once takes the store away from everybody else.
const MAX_OBSERVATIONS: usize = 2_000;
/// How long to wait before a failed commit is tried again without new batches.
const RETRY: Duration = Duration::from_secs(1);
/// What the pipeline works with.
pub struct Pipeline {
    /// The judge.
    pub engine: Engine,
    /// What survives.
    pub store: Arc<Store>,
    /// Where verdicts are counted.
    pub metrics: Arc<Metrics>,
    /// Where snapshots are published.
    pub shared: Arc<Shared>,
    /// Wakes the alert workers.
    pub wake: Vec<Arc<Notify>>,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// Title of each signature, for snapshots.
    pub titles: HashMap<Arc<str>, String>,
    /// The static resource of records that name none.
    pub defaults: Resource,
    /// What is known of each stream.
    pub(super) feed: Feed,
    /// Which signatures are slow.
    pub(super) slow: Slow,
    /// Who is heard.
    pub(super) hearing: Hearing,
}

/// Where the pipeline's work comes from.
#[derive(Debug)]
pub struct Inlets {
    /// What was read. When every sender is gone, the work is done.
    pub batches: mpsc::Receiver<Batch>,
    /// Catalogs that come into force.
    pub catalogs: mpsc::Receiver<Arc<Catalog>>,
    /// What people and CI say.
    pub orders: mpsc::Receiver<Order>,
}

/// What a match is to the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// Read again: it was judged.
    Known,
    /// Another way to tell of a raise that was judged.
    ToldBefore,
    /// News.
    New,
}

/// What woke the pipeline.
enum Received {
    Batch(Box<Batch>),
    Catalog(Arc<Catalog>),
    Order(Box<Order>),
    Nothing,
    End,
}

impl Pipeline {
    /// Works until every sender of batches is gone, then commits what is left. Blocks.
    pub fn run(mut self, inlets: Inlets, runtime: &Handle) {
        let Inlets { mut batches, mut catalogs, mut orders } = inlets;
        self.publish();
        let (mut ledger, mut waiting) = (Ledger::default(), Waiting::default());
        loop {
            // A commit that failed is tried again soon, even if nothing new comes.
            let patience = if ledger.is_empty() { Duration::MAX } else { RETRY };
            let received = runtime.block_on(async {
                tokio::select! {
                    batch = batches.recv() => batch.map_or(Received::End, |batch| Received::Batch(Box::new(batch))),
                    Some(catalog) = catalogs.recv() => Received::Catalog(catalog),
                    Some(order) = orders.recv() => Received::Order(Box::new(order)),
                    () = tokio::time::sleep(patience) => Received::Nothing,
                }
            });
            let _span = debug_span!("relapse.batch").entered();
            match received {
                Received::End => break,
                Received::Nothing => {}
                Received::Catalog(catalog) => self.take_over(&catalog, &mut ledger),
                Received::Order(first) => {
                    self.obey(*first, &mut waiting, &mut ledger);
                    for _ in 1..MAX_GROUP {
                        let Ok(next) = orders.try_recv() else { break };
                        self.obey(next, &mut waiting, &mut ledger);
                    }
                }
                Received::Batch(first) => {
                    let mut observations = first.observations.len();
                    self.judge(*first, &mut waiting, &mut ledger);
                    for _ in 1..MAX_GROUP {
                        if observations >= MAX_OBSERVATIONS {
                            break;
                        }
                        let Ok(next) = batches.try_recv() else { break };
                        observations += next.observations.len();
                        self.judge(next, &mut waiting, &mut ledger);
                    }
                }
            }
            waiting.answer(&self.commit(&mut ledger));
        }
        if self.commit(&mut ledger).is_err() {
            error!("the last commit failed: what it held is judged again after the next start");
        }
    }

    /// Unchanged signatures keep their counters and state; removed ones are retired.
    fn take_over(&mut self, catalog: &Catalog, ledger: &mut Ledger) {
        let mut effects = Vec::new();
        self.engine.set_catalog(catalog, &mut effects);
        self.titles = build::titles(catalog);
        self.hearing.set_catalog(catalog, &self.metrics);
        build::zero(&self.metrics, catalog, &self.defaults, &self.engine);
        ledger.take(effects, &self.engine, &self.metrics);
    }

    fn judge(&mut self, batch: Batch, waiting: &mut Waiting, ledger: &mut Ledger) {
        let _span =
            debug_span!("relapse.judge", source = %batch.source, observations = batch.observations.len()).entered();
        for observation in &batch.observations {
            let told_before = match observation {
                Observation::Match(found) => match self.enter(found, &batch, ledger) {
                    Entry::Known => continue,
                    Entry::New => None,
                    Entry::ToldBefore => Some(Observation::Sighting(Sighting { record: Arc::clone(&found.record) })),
                },
                Observation::Sighting(_) => None,
            };
            let observation = told_before.as_ref().unwrap_or(observation);
            let events = self.feed.events(&batch.source, observation, batch.written);
            self.handle(events, batch.read_at, ledger);
        }
        if batch.tally.lines > 0 {
            self.feed.hear_lines(&batch.source);
            let events = self.feed.passed(&batch.source, batch.tally.last_time.unwrap_or(batch.written));
            self.handle(events, batch.read_at, ledger);
        }
        self.hearing.hear(self.feed.take_heard(), batch.read_at);
        accounting::count(&self.metrics, &batch, &mut self.slow);
        for deploy in batch.deploys {
            self.deploy(deploy, batch.read_at, ledger);
        }
        waiting.senders.extend(batch.sender);
        ledger.position(batch.position.map(|position| self.feed.complete(position)), batch.closed);
    }

    pub(super) fn handle(&mut self, events: Vec<Event>, read_at: Timestamp, ledger: &mut Ledger) {
        let mut effects = Vec::new();
        for event in events {
            self.engine.handle(event, read_at, &mut effects);
        }
        ledger.take(effects, &self.engine, &self.metrics);
    }

    /// Gives a match its name and finds out whether it is news.
    fn enter(&self, found: &Match, batch: &Batch, ledger: &mut Ledger) -> Entry {
        let sent = batch.kind == SourceKind::Otlp;
        let id = if sent {
            identity::of_sent(found, batch.read_at)
        } else {
            identity::of(found, &batch.event_scope.stream, batch.event_scope.generation)
        };
        let is_known = |id: &EventId| ledger.holds(id) || !self.is_new(id);
        if is_known(&id) {
            return Entry::Known;
        }
        let raise = if sent { raises::ids(found) } else { None };
        // What is not remembered may have been told before a restart.
        let told = !self.feed.knows_raise(found) && raise.is_some_and(|raise| raise.others.iter().any(is_known));
        let time = found.record.time.unwrap_or(batch.written);
        ledger.event(id, time);
        self.metrics.event_delay(time, batch.read_at);
        if told {
            return Entry::ToldBefore;
        }
        if let Some(raise) = raise {
            ledger.event(raise.own, time);
        }
        Entry::New
    }

    fn is_new(&self, id: &EventId) -> bool {
        self.store.is_new(id).unwrap_or_else(|error| {
            // Counting twice is harmless, losing a match is not.
            warn!(%error, "failed to look up an event id");
            true
        })
    }

    /// Commits what the ledger holds; on failure it keeps it, positions stop advancing and detection goes on. An error is for people.
    fn commit(&mut self, ledger: &mut Ledger) -> Result<(), String> {
        if ledger.is_empty() {
            return Ok(());
        }
        let _span = debug_span!("relapse.commit").entered();
        let commit = ledger.as_commit(&self.engine, (self.now)());
        let began = (self.now)();
        let state = match self.store.commit(&commit) {
            Ok(()) => {
                self.metrics.commit_took((self.now)().duration_since(began).unsigned_abs());
                if ledger.failed {
                    info!("the store takes commits again");
                }
                let (told, changed) = (ledger.has_notices(), ledger.has_changes());
                *ledger = Ledger::default();
                if told {
                    self.wake.iter().for_each(|worker| worker.notify_one());
                }
                if changed {
                    self.publish();
                }
                Ok(())
            }
            Err(error) => {
                if !ledger.failed {
                    error!(%error, "failed to commit; detection goes on from memory, positions wait");
                }
                ledger.failed = true;
                self.publish();
                Err(error.to_string())
            }
        };
        self.shared.publish_check(Check { name: "store".to_owned(), state: state.clone(), notes: Vec::new() });
        state
    }

    fn publish(&self) {
        let title = |signature: &Arc<str>| self.titles.get(signature).map_or("", String::as_str);
        let mut views: Vec<_> =
            self.engine.tracks().map(|track| IncidentView::of(track, title(&track.key.signature))).collect();
        views.sort_by(|a, b| {
            (&a.signature, &a.service, &a.environment).cmp(&(&b.signature, &b.service, &b.environment))
        });
        self.shared.publish_incidents(views);
        let mut views = self.engine.releases();
        self.metrics.set_live_releases(&views);
        views.sort_by(|a, b| (&a.service, &a.environment, &a.release).cmp(&(&b.service, &b.environment, &b.release)));
        self.shared.publish_releases(views);
    }
}
