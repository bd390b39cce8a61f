//! Who is alive: the releases and instances heard in one service and environment, and which release is current.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::incident::config::IncidentConfig;
use crate::model::incident::Heard;
use crate::model::incident::LiveRelease;
use crate::model::record::Resource;

/// Releases remembered a service and environment; beyond it the one not heard for longest is forgotten.
const MAX_RELEASES: usize = 200;
/// Instances remembered a release.
const MAX_INSTANCES: usize = 1_000;
/// An instance not heard for so long is no longer counted as running.
const INSTANCE_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// A challenger needs so many records since the current release was last heard.
const CHALLENGER_RECORDS: u32 = 3;

/// Everything alive in one service and environment.
#[derive(Debug, Default)]
pub(crate) struct Population {
    releases: BTreeMap<String, LiveRelease>,
    /// Instance → the release it was last heard on.
    running: HashMap<String, String>,
    challenger: HashMap<String, Challenge>,
    /// Event time of the latest record of any kind: what timers run on.
    pub(crate) clock: Option<Timestamp>,
}

/// A release that may be about to become current.
#[derive(Debug, Clone, Copy)]
struct Challenge {
    records: u32,
    since: Timestamp,
}

impl Population {
    /// Puts back what the store kept.
    pub(crate) fn restore(&mut self, live: LiveRelease) {
        // A declaration says nothing about how far the logs have been read.
        self.clock = self.clock.max(live.heard.then_some(live.last_seen));
        for (instance, heard) in &live.instances {
            let known = self.running.get(instance).and_then(|release| self.releases.get(release));
            if known.and_then(|other| other.instances.get(instance)).is_none_or(|other| other.last <= heard.last) {
                self.running.insert(instance.clone(), live.release.clone());
            }
        }
        self.releases.insert(live.release.clone(), live);
    }

    /// Time goes on here.
    pub(crate) fn advance(&mut self, time: Timestamp) {
        self.clock = self.clock.max(Some(time));
    }

    /// A record of `resource` was written at `time`. Returns whether a release, an instance or `current` is new.
    pub(crate) fn hear(
        &mut self,
        key: (&Arc<str>, &Arc<str>),
        resource: &Resource,
        time: Timestamp,
        config: &IncidentConfig,
    ) -> bool {
        self.advance(time);
        let Some(release) = resource.release.as_deref().or(resource.commit.as_deref()) else {
            return false;
        };
        let mut changed = !self.releases.contains_key(release);
        if changed {
            self.make_room();
        }
        let live = self.releases.entry(release.to_owned()).or_insert_with(|| new_release(key, release, time));
        if !live.heard {
            (live.heard, live.last_seen) = (true, time);
            changed = true;
        }
        live.longest_gap = live.longest_gap.max(time.duration_since(live.last_seen));
        live.first_seen = live.first_seen.min(time);
        let minute = |time: Timestamp| time.as_second().div_euclid(60);
        // Once a minute is enough for the store, and keeps healthy traffic from writing all the time.
        changed |= minute(live.last_seen) < minute(time);
        live.last_seen = live.last_seen.max(time);
        let mut moved_from = None;
        if let Some(instance) = resource.instance.as_deref() {
            changed |= note_instance(live, instance, time);
            moved_from = self.running.insert(instance.to_owned(), release.to_owned()).filter(|old| old != release);
            changed |= moved_from.is_some();
        }
        changed | self.update_current(release, moved_from.as_deref(), time, config)
    }

    /// Someone declared that `release` was deployed at `time`. Declarations decide what is current as soon as there is one.
    /// Time does not go on with it: only records show that the service has been calm. Returns whether it was news.
    pub(crate) fn declare(&mut self, key: (&Arc<str>, &Arc<str>), release: &str, time: Timestamp) -> bool {
        if !self.releases.contains_key(release) {
            self.make_room();
        }
        let live = self.releases.entry(release.to_owned()).or_insert_with(|| new_release(key, release, time));
        if live.declared_at >= Some(time) && live.first_seen <= time {
            return false;
        }
        live.declared_at = live.declared_at.max(Some(time));
        live.first_seen = live.first_seen.min(time);
        // It was current from its deployment to the next one, in whatever order the two are told.
        live.was_current = true;
        let latest =
            self.releases.values().filter(|live| live.declared_at.is_some()).max_by_key(|live| live.declared_at);
        if let Some(name) = latest.map(|live| live.release.clone()) {
            self.set_current(&name);
        }
        true
    }

    /// When the deployment of `release` was declared.
    pub(crate) fn declared_at(&self, release: &str) -> Option<Timestamp> {
        self.releases.get(release)?.declared_at
    }

    /// Whether `release` tells anything: one that has been the only one for very long, through at least two process starts, is a
    /// constant somebody forgot to set (OpenTelemetry's default is `1.0.0`).
    pub(crate) fn is_constant(&self, release: &str, pending: SignedDuration) -> bool {
        self.releases.len() == 1
            && self.releases.get(release).is_some_and(|live| {
                live.declared_at.is_none()
                    && live.instances.len() >= 2
                    && live.last_seen.duration_since(live.first_seen) >= pending
            })
    }

    /// Hysteresis: a lone stale line among sparse logs must not look like a rollback (verdicts.md, section 1).
    fn update_current(
        &mut self,
        release: &str,
        moved_from: Option<&str>,
        time: Timestamp,
        config: &IncidentConfig,
    ) -> bool {
        let Some(current) = self.current() else {
            self.set_current(release);
            return true;
        };
        if current.release == release || self.releases.values().any(|live| live.declared_at.is_some()) {
            return false;
        }
        let instance_moved = moved_from == Some(current.release.as_str()) && self.holds_majority(release, time);
        let last_heard = current.last_seen;
        let silence = config.drain.max(config.rollout_max.min(current.longest_gap.saturating_mul(3)));
        let challenge = self.challenger.entry(release.to_owned()).or_insert(Challenge { records: 0, since: time });
        if challenge.since <= last_heard {
            *challenge = Challenge { records: 0, since: time };
        }
        challenge.records += 1;
        let outlived = challenge.records >= CHALLENGER_RECORDS
            && time.duration_since(challenge.since) >= config.drain
            && time.duration_since(last_heard) > silence;
        if instance_moved || outlived {
            self.set_current(release);
            return true;
        }
        false
    }

    fn holds_majority(&self, release: &str, time: Timestamp) -> bool {
        let alive = self.alive(time);
        2 * alive.iter().filter(|(_, on)| *on == release).count() > alive.len()
    }

    /// Instances heard within their lifetime and the release each runs.
    fn alive(&self, time: Timestamp) -> Vec<(&str, &str)> {
        self.running
            .iter()
            .filter(|(instance, release)| {
                let heard = self.releases.get(*release).and_then(|live| live.instances.get(*instance));
                heard.is_some_and(|heard| time.duration_since(heard.last) <= INSTANCE_LIFETIME)
            })
            .map(|(instance, release)| (instance.as_str(), release.as_str()))
            .collect()
    }

    /// The moment from which every instance alive reports a release that `contains` accepts; `None` while one does not.
    pub(crate) fn all_instances_since(&self, time: Timestamp, contains: impl Fn(&str) -> bool) -> Option<Timestamp> {
        let mut since = None;
        for (instance, release) in self.alive(time) {
            if !contains(release) {
                return None;
            }
            since = since.max(self.releases.get(release)?.instances.get(instance).map(|heard| heard.first));
        }
        since
    }

    /// How many instances are alive.
    pub(crate) fn instance_count(&self, time: Timestamp) -> usize {
        self.alive(time).len()
    }

    /// First sight of any release that `contains` accepts.
    pub(crate) fn first_sight(&self, contains: impl Fn(&str) -> bool) -> Option<Timestamp> {
        self.releases.values().filter(|live| contains(&live.release)).map(|live| live.first_seen).min()
    }

    /// The release the service is taken to run.
    pub(crate) fn current(&self) -> Option<&LiveRelease> {
        self.releases.values().find(|live| live.current)
    }

    /// Every release remembered.
    pub(crate) fn releases(&self) -> impl Iterator<Item = &LiveRelease> {
        self.releases.values()
    }

    fn set_current(&mut self, release: &str) {
        self.challenger.clear();
        for live in self.releases.values_mut() {
            live.current = live.release == release;
            live.was_current |= live.current;
        }
    }

    fn make_room(&mut self) {
        if self.releases.len() < MAX_RELEASES {
            return;
        }
        let oldest = self.releases.values().filter(|live| !live.current).min_by_key(|live| live.last_seen);
        if let Some(name) = oldest.map(|live| live.release.clone()) {
            self.releases.remove(&name);
            self.running.retain(|_, release| *release != name);
            self.challenger.remove(&name);
        }
    }
}

fn new_release(key: (&Arc<str>, &Arc<str>), release: &str, time: Timestamp) -> LiveRelease {
    LiveRelease {
        service: key.0.clone(),
        environment: key.1.clone(),
        release: release.to_owned(),
        first_seen: time,
        last_seen: time,
        longest_gap: SignedDuration::ZERO,
        current: false,
        was_current: false,
        declared_at: None,
        heard: false,
        instances: BTreeMap::new(),
    }
}

/// Notes that `instance` was heard; true when it is new on this release.
fn note_instance(live: &mut LiveRelease, instance: &str, time: Timestamp) -> bool {
    if let Some(heard) = live.instances.get_mut(instance) {
        heard.first = heard.first.min(time);
        heard.last = heard.last.max(time);
        return false;
    }
    if live.instances.len() >= MAX_INSTANCES {
        let oldest = live.instances.iter().min_by_key(|(_, heard)| heard.last).map(|(name, _)| name.clone());
        oldest.map(|name| live.instances.remove(&name));
    }
    live.instances.insert(instance.to_owned(), Heard { first: time, last: time });
    true
}
