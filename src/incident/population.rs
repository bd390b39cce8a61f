//! Who is alive: the releases and instances heard in one service and environment, and which release is current.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::incident::challenge;
use crate::incident::config::IncidentConfig;
use crate::incident::containment::earlier;
use crate::incident::containment::later;
use crate::incident::version::is_commit;
use crate::model::incident::Heard;
use crate::model::incident::LiveRelease;
use crate::model::record::Resource;

/// Releases remembered a service and environment; beyond it the one not heard for longest is forgotten.
const MAX_RELEASES: usize = 200;
/// Instances remembered a release.
const MAX_INSTANCES: usize = 1_000;
/// An instance not heard for so long is no longer counted as running.
const INSTANCE_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Everything alive in one service and environment.
#[derive(Debug)]
pub(crate) struct Population {
    releases: BTreeMap<String, LiveRelease>,
    /// Instance → the release it was last heard on.
    running: HashMap<String, String>,
    current: Option<String>,
    /// Deployments are declared: nothing is inferred.
    declared: bool,
    /// Some release is named by its commit.
    commits: bool,
    /// Moves on with everything but the time of the latest record.
    version: u64,
    /// How many instances are alive, at which version and until when.
    counted: Cell<Option<(u64, Timestamp, usize)>>,
    /// Event time of the latest record of any kind: what timers run on.
    pub(crate) clock: Option<Timestamp>,
}

impl Default for Population {
    fn default() -> Self {
        Self {
            releases: BTreeMap::new(),
            running: HashMap::new(),
            current: None,
            declared: false,
            commits: false,
            version: 1,
            counted: Cell::new(None),
            clock: None,
        }
    }
}

/// What a record told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// It must be saved.
    pub(crate) save: bool,
    /// Who is alive, or what is current, has changed.
    pub(crate) change: bool,
}

impl Population {
    /// Puts back what the store kept.
    pub(crate) fn restore(&mut self, live: LiveRelease) {
        // A declaration says nothing about how far the logs have been read.
        self.clock = self.clock.max(live.heard.then_some(live.last_seen));
        for (instance, heard) in &live.instances {
            let known = self.running.get(instance).and_then(|on| self.last_on(instance, on));
            if known.is_none_or(|other| other < (heard.last, live.release.as_str())) {
                self.running.insert(instance.clone(), live.release.clone());
            }
        }
        if live.current {
            self.current = Some(live.release.clone());
        }
        self.declared |= live.declared_at.is_some();
        self.commits |= is_named_by_commit(&live.release);
        self.releases.insert(live.release.clone(), live);
        self.version += 1;
    }

    /// Time goes on here.
    pub(crate) fn advance(&mut self, time: Timestamp) {
        self.clock = self.clock.max(Some(time));
    }

    /// Changes whenever anything does but the time of the latest record.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// A record of `resource` was written at `time`.
    pub(crate) fn hear(
        &mut self,
        key: (&Arc<str>, &Arc<str>),
        resource: &Resource,
        time: Timestamp,
        config: &IncidentConfig,
    ) -> News {
        self.advance(time);
        let Some(release) = resource.release.as_deref().or(resource.commit.as_deref()) else {
            return News::default();
        };
        let mut change = self.know(key, release, time);
        let Some(live) = self.releases.get_mut(release) else { return News::default() };
        if !live.heard {
            (live.heard, live.last_seen) = (true, time);
            change = true;
        }
        // Back after a silence: whether a release with the fix is absent is asked anew.
        change |= time.duration_since(live.last_seen) > config.drain;
        live.longest_gap = live.longest_gap.max(time.duration_since(live.last_seen));
        change |= time < live.first_seen;
        live.first_seen = live.first_seen.min(time);
        let minute = |time: Timestamp| time.as_second().div_euclid(60);
        // Once a minute is enough for the store, and keeps healthy traffic from writing all the time.
        let save = minute(live.last_seen) < minute(time);
        live.last_seen = live.last_seen.max(time);
        let mut moved = Moved::No;
        if let Some(instance) = resource.instance.as_deref() {
            change |= note_instance(live, instance, time);
            moved = self.note_running(instance, release, time);
            change |= moved != Moved::No;
        }
        change |= self.update_current(release, moved == Moved::FromCurrent, time, config);
        self.version += u64::from(change);
        News { save: save | change, change }
    }

    /// Someone declared that `release` was deployed at `time`. Declarations decide what is current as soon as there is one.
    /// Time does not go on with it: only records show that the service has been calm. Returns whether it was news.
    pub(crate) fn declare(&mut self, key: (&Arc<str>, &Arc<str>), release: &str, time: Timestamp) -> bool {
        self.know(key, release, time);
        let Some(live) = self.releases.get_mut(release) else { return false };
        if live.declared_at >= Some(time) && live.first_seen <= time {
            return false;
        }
        live.declared_at = live.declared_at.max(Some(time));
        live.first_seen = live.first_seen.min(time);
        // It was current from its deployment to the next one, in whatever order the two are told.
        live.was_current = true;
        self.declared = true;
        let latest =
            self.releases.values().filter(|live| live.declared_at.is_some()).max_by_key(|live| live.declared_at);
        if let Some(name) = latest.map(|live| live.release.clone()) {
            self.set_current(&name);
        }
        self.version += 1;
        true
    }

    /// Makes sure that `release` is remembered; true when it is new.
    fn know(&mut self, key: (&Arc<str>, &Arc<str>), release: &str, time: Timestamp) -> bool {
        if self.releases.contains_key(release) {
            return false;
        }
        self.make_room();
        self.commits |= is_named_by_commit(release);
        self.releases.insert(release.to_owned(), new_release(key, release, time));
        true
    }

    /// Notes on which release an instance runs. A late record of the release it ran before does not bring it back there.
    fn note_running(&mut self, instance: &str, release: &str, time: Timestamp) -> Moved {
        let Some(on) = self.running.get(instance) else {
            self.running.insert(instance.to_owned(), release.to_owned());
            return Moved::Elsewhere;
        };
        if on == release || self.last_on(instance, on).is_some_and(|last| (time, release) < last) {
            return Moved::No;
        }
        let from_current = self.current.as_deref() == Some(on.as_str());
        if let Some(on) = self.running.get_mut(instance) {
            release.clone_into(on);
        }
        if from_current { Moved::FromCurrent } else { Moved::Elsewhere }
    }

    /// When `instance` was last heard on release `on`; the name decides between records of the same time.
    fn last_on<'a>(&self, instance: &str, on: &'a str) -> Option<(Timestamp, &'a str)> {
        Some((self.releases.get(on)?.instances.get(instance)?.last, on))
    }

    /// When the deployment of `release` was declared.
    pub(crate) fn declared_at(&self, release: &str) -> Option<Timestamp> {
        self.releases.get(release)?.declared_at
    }

    /// Whether any deployment was declared.
    pub(crate) fn is_declared(&self) -> bool {
        self.declared
    }

    /// Whether some release here is named by its commit.
    pub(crate) fn has_commits(&self) -> bool {
        self.commits
    }

    /// First sight of `release`: its deployment if that was declared, else its first record.
    pub(crate) fn first_seen(&self, release: &str) -> Option<Timestamp> {
        let live = self.releases.get(release)?;
        live.declared_at.or(Some(live.first_seen))
    }

    /// First sight of anything here.
    pub(crate) fn began(&self) -> Option<Timestamp> {
        self.releases.values().map(|live| live.first_seen).min()
    }

    /// When `release` was last heard.
    pub(crate) fn last_heard(&self, release: &str) -> Option<Timestamp> {
        self.releases.get(release).map(|live| live.last_seen)
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

    fn update_current(&mut self, release: &str, left_current: bool, time: Timestamp, config: &IncidentConfig) -> bool {
        if self.current.as_deref() == Some(release) {
            return false;
        }
        let Some(current) = self.current() else {
            self.set_current(release);
            return true;
        };
        if self.declared {
            return false;
        }
        let instance_moved = left_current && self.holds_majority(release);
        let current = (current.last_seen, current.longest_gap);
        let Some(live) = self.releases.get_mut(release) else { return false };
        let takes_over = challenge::outlives(live, current, time, config) || instance_moved;
        if takes_over {
            self.set_current(release);
        }
        takes_over
    }

    fn holds_majority(&self, release: &str) -> bool {
        let (mut all, mut on_it) = (0, 0);
        for (_, on, _) in self.alive() {
            all += 1;
            on_it += usize::from(on == release);
        }
        2 * on_it > all
    }

    /// Instances heard within their lifetime: name, the release each runs, and when it was heard there.
    fn alive(&self) -> impl Iterator<Item = (&str, &str, Heard)> {
        let known = self.running.iter().filter_map(|(instance, release)| {
            let heard = self.releases.get(release)?.instances.get(instance)?;
            Some((instance.as_str(), release.as_str(), *heard))
        });
        known.filter(|(.., heard)| self.clock.is_none_or(|clock| clock.duration_since(heard.last) <= INSTANCE_LIFETIME))
    }

    /// The moment from which every known instance reports a release that `contains` accepts; `None` while one does not. Known
    /// are those heard since a lifetime before `first_sight`, the first of such a release.
    pub(crate) fn all_instances_since(
        &self,
        first_sight: Timestamp,
        contains: impl Fn(&str) -> bool,
    ) -> Option<Timestamp> {
        let known_from = earlier(first_sight, INSTANCE_LIFETIME);
        // Records that name no instance come from one, too.
        let nameless = |live: &&LiveRelease| live.heard && live.instances.is_empty() && live.last_seen >= known_from;
        if self.releases.values().filter(nameless).any(|live| !contains(&live.release)) {
            return None;
        }
        let mut since = None;
        for (instance, release) in &self.running {
            let heard = self.releases.get(release)?.instances.get(instance);
            let Some(heard) = heard.filter(|heard| heard.last >= known_from) else { continue };
            if !contains(release) {
                return None;
            }
            since = since.max(Some(heard.first));
        }
        since
    }

    /// How many instances are alive now.
    pub(crate) fn instance_count(&self) -> usize {
        let clock = self.clock.unwrap_or(Timestamp::MIN);
        if let Some((version, until, count)) = self.counted.get()
            && version == self.version
            && clock <= until
        {
            return count;
        }
        // Being heard again only puts an instance's end off: until the first end nothing changes.
        let (count, until) = self.alive().fold((0, Timestamp::MAX), |(count, until), (.., heard)| {
            (count + 1, until.min(later(heard.last, INSTANCE_LIFETIME)))
        });
        self.counted.set(Some((self.version, until, count)));
        count
    }

    /// First sight of any release that `contains` accepts.
    pub(crate) fn first_sight(&self, contains: impl Fn(&str) -> bool) -> Option<Timestamp> {
        self.releases.values().filter(|live| contains(&live.release)).map(|live| live.first_seen).min()
    }

    /// The release the service is taken to run.
    pub(crate) fn current(&self) -> Option<&LiveRelease> {
        self.releases.get(self.current.as_deref()?)
    }

    /// Every release remembered.
    pub(crate) fn releases(&self) -> impl Iterator<Item = &LiveRelease> {
        self.releases.values()
    }

    fn set_current(&mut self, release: &str) {
        self.current = Some(release.to_owned());
        for live in self.releases.values_mut() {
            live.challenge = None;
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
        }
    }
}

/// Whether an instance runs another release than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    No,
    FromCurrent,
    Elsewhere,
}

/// A name of digits only may as well be a build number.
fn is_named_by_commit(release: &str) -> bool {
    is_commit(release) && release.bytes().any(|b| b.is_ascii_alphabetic())
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
        challenge: None,
        instances: BTreeMap::new(),
    }
}

/// Notes that `instance` was heard; true when it is new on this release, or back after having been given up.
fn note_instance(live: &mut LiveRelease, instance: &str, time: Timestamp) -> bool {
    if let Some(heard) = live.instances.get_mut(instance) {
        let news = time < heard.first || time.duration_since(heard.last) > INSTANCE_LIFETIME;
        heard.first = heard.first.min(time);
        heard.last = heard.last.max(time);
        return news;
    }
    if live.instances.len() >= MAX_INSTANCES {
        let oldest = live.instances.iter().min_by_key(|(_, heard)| heard.last).map(|(name, _)| name.clone());
        oldest.map(|name| live.instances.remove(&name));
    }
    live.instances.insert(instance.to_owned(), Heard { first: time, last: time });
    true
}
