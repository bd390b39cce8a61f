//! From effects to what must be written: the ledger gathers what one transaction will carry, and counts it in the metrics.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tracing::debug;

use crate::incident::engine::Engine;
use crate::incident::event::Effect;
use crate::model::alert::Notice;
use crate::model::correlation::WindowKey;
use crate::model::incident::TrackKey;
use crate::model::incident::TrackState;
use crate::model::position::Position;
use crate::store::commit::Commit;
use crate::store::event::EventId;
use crate::telemetry::labels::OddReason;
use crate::telemetry::labels::SuppressReason;
use crate::telemetry::metrics::Metrics;

/// What has been judged and not been committed.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    positions: BTreeMap<String, Position>,
    forgotten: BTreeSet<String>,
    tracks: BTreeSet<TrackKey>,
    live: BTreeSet<(Arc<str>, Arc<str>)>,
    windows: BTreeSet<WindowKey>,
    events: BTreeMap<EventId, Timestamp>,
    notices: Vec<Notice>,
    /// What is muted has changed.
    mutes: bool,
    /// Someone waits to hear that this is stored.
    pub(super) promised: bool,
    /// A commit of this ledger has failed.
    pub(super) failed: bool,
}

impl Ledger {
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.forgotten.is_empty() && !self.has_changes()
    }

    pub(super) fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    pub(super) fn has_changes(&self) -> bool {
        self.mutes
            || self.has_notices()
            || !self.tracks.is_empty()
            || !self.live.is_empty()
            || !self.windows.is_empty()
            || !self.events.is_empty()
    }

    pub(super) fn holds(&self, id: &EventId) -> bool {
        self.events.contains_key(id)
    }

    pub(super) fn event(&mut self, id: EventId, time: Timestamp) {
        self.events.insert(id, time);
    }

    pub(super) fn position(&mut self, position: Option<Position>, closed: bool) {
        let Some(position) = position else { return };
        if closed {
            self.positions.remove(&position.file_id);
            self.forgotten.insert(position.file_id);
        } else {
            self.positions.insert(position.file_id.clone(), position);
        }
    }

    /// Metrics and alerts come out of the same list of effects, so they cannot disagree.
    pub(super) fn take(&mut self, effects: Vec<Effect>, engine: &Engine, metrics: &Metrics) {
        for effect in effects {
            match effect {
                Effect::Judged { key, judgement, .. } => {
                    metrics.count_match(&key, judgement.verdict);
                    self.change(key, engine, metrics);
                }
                Effect::Entered { key, from, to } => {
                    debug!(signature = %key.signature, service = %key.service, environment = %key.environment,
                        from = from.map(TrackState::as_str), to = to.as_str(), "state changed");
                    metrics.set_state(&key, to);
                    metrics.set_fix(&key, engine.track(&key).and_then(|track| track.fix_at));
                }
                Effect::EpisodeOpened { key } => metrics.episode(&key),
                Effect::Notify(notice) => {
                    metrics.notice(notice.kind);
                    self.notices.push(*notice);
                }
                Effect::TrackChanged(key) => self.change(key, engine, metrics),
                Effect::LiveChanged { service, environment } => {
                    self.live.insert((service, environment));
                }
                Effect::WindowChanged(key) => {
                    self.windows.insert(key);
                }
                Effect::Suppressed(_) => metrics.suppressed(SuppressReason::Muted),
                Effect::MutesChanged => self.mutes = true,
                Effect::Crowded(_) => metrics.suppressed(SuppressReason::WindowLimit),
                Effect::ClockSkew => metrics.records_odd(OddReason::ClockSkew, 1),
            }
        }
    }

    fn change(&mut self, key: TrackKey, engine: &Engine, metrics: &Metrics) {
        let unsatisfiable = engine.track(&key).is_some_and(|track| track.unsatisfiable.is_some());
        metrics.set_unsatisfiable(&key, unsatisfiable);
        self.tracks.insert(key);
    }

    /// The transaction. State is taken from the engine as it is now.
    pub(super) fn as_commit(&self, engine: &Engine, now: Timestamp) -> Commit {
        Commit {
            now,
            positions: self.positions.values().cloned().collect(),
            forgotten: self.forgotten.iter().cloned().collect(),
            tracks: self.tracks.iter().filter_map(|key| engine.track(key)).cloned().collect(),
            live_releases: self
                .live
                .iter()
                .flat_map(|(service, environment)| engine.live_in(service, environment))
                .cloned()
                .collect(),
            windows: self.windows.iter().map(|key| (key.clone(), engine.window(key))).collect(),
            events: self.events.iter().map(|(id, time)| (*id, *time)).collect(),
            notices: self.notices.clone(),
            mutes: self.mutes.then(|| engine.mutes().to_vec()),
            promised: self.promised,
        }
    }
}
