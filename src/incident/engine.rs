//! The judge: `handle(event, now, &mut effects)`. Synchronous and pure: no clock, no I/O; what it remembers is what `store`
//! keeps, so a restart changes nothing.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::catalog::signature::Catalog;
use crate::catalog::signature::Signature;
use crate::incident::config::IncidentConfig;
use crate::incident::containment::later;
use crate::incident::correlation::Correlator;
use crate::incident::correlation::Joined;
use crate::incident::event::Effect;
use crate::incident::event::Event;
use crate::incident::event::Occurrence;
use crate::incident::mutes::Mutes;
use crate::incident::place::Found;
use crate::incident::place::Place;
use crate::incident::place::Settings;
use crate::incident::verdict::Judgement;
use crate::model::command::Mute;
use crate::model::command::Selector;
use crate::model::correlation::OpenWindow;
use crate::model::correlation::WindowKey;
use crate::model::incident::LiveRelease;
use crate::model::incident::Track;
use crate::model::incident::TrackKey;
use crate::model::incident::UNKNOWN_ENVIRONMENT;
use crate::model::incident::UNKNOWN_SERVICE;
use crate::model::record::Resource;
use crate::model::view::ReleaseView;

/// All incidents of one sidecar.
#[derive(Debug, Default)]
pub struct Engine {
    config: IncidentConfig,
    explain: bool,
    signatures: HashMap<Arc<str>, Arc<Signature>>,
    numbers: Numbers,
    /// Service → the signatures whose scope names it.
    scoped: HashMap<Arc<str>, Vec<Arc<Signature>>>,
    places: Vec<Place>,
    /// Service → environment → index into `places`.
    index: BTreeMap<Arc<str>, BTreeMap<Arc<str>, usize>>,
    correlator: Correlator,
    mutes: Mutes,
}

impl Engine {
    /// A judge that remembers nothing.
    pub fn new(config: IncidentConfig, catalog: &Catalog) -> Self {
        let mut engine = Self { config, ..Self::default() };
        engine.set_signatures(catalog);
        engine
    }

    /// Gives every verdict its sentence. Without it only those that somebody is told have one: most are counted and never read.
    #[must_use]
    pub fn explain_all(mut self) -> Self {
        self.explain = true;
        self
    }

    /// Puts back what the store kept. Call before the first event.
    pub fn restore(&mut self, tracks: Vec<Track>, live: Vec<LiveRelease>) {
        for release in live {
            let at = self.place_at(&release.service, &release.environment);
            if let Some(place) = self.places.get_mut(at) {
                place.population.restore(release);
            }
        }
        for track in tracks {
            let at = self.place_at(&track.key.service, &track.key.environment);
            let number = self.numbers.of(&track.key.signature);
            let signature = self.signatures.get(&track.key.signature);
            if let Some(place) = self.places.get_mut(at) {
                place.restore((number, track), signature);
            }
        }
    }

    /// The same for the open windows of correlations. Those of signatures that are gone are given back, to be forgotten.
    pub fn restore_windows(&mut self, windows: Vec<OpenWindow>) -> Vec<WindowKey> {
        let mut gone = Vec::new();
        for open in windows {
            match self.signatures.get(&open.key.signature).filter(|signature| signature.correlation.is_some()) {
                Some(signature) => self.correlator.restore(open, signature),
                None => gone.push(open.key),
            }
        }
        gone
    }

    /// A window as it is to be stored; `None` = it is over.
    pub fn window(&self, key: &WindowKey) -> Option<OpenWindow> {
        self.correlator.stored(key)
    }

    /// Replaces the catalog (reload): unchanged signatures keep their state, removed ones are retired.
    pub fn set_catalog(&mut self, catalog: &Catalog, out: &mut Vec<Effect>) {
        self.set_signatures(catalog);
        let settings = Settings { config: &self.config, explain: self.explain, mutes: &self.mutes };
        for at in self.index.values().flat_map(BTreeMap::values) {
            let Some(place) = self.places.get_mut(*at) else { continue };
            place.set_signatures(|id| self.signatures.get(id));
            let Some(clock) = place.population.clock else { continue };
            place.run_timers((clock, clock), settings, out);
        }
    }

    fn set_signatures(&mut self, catalog: &Catalog) {
        self.signatures =
            catalog.signatures.iter().map(|signature| (signature.id.clone(), signature.clone())).collect();
        self.scoped.clear();
        for signature in &catalog.signatures {
            for service in signature.scope_of("service.name") {
                self.scoped.entry(Arc::from(service.as_str())).or_default().push(signature.clone());
            }
        }
    }

    /// Judges one event. `now` is the ingest time.
    pub fn handle(&mut self, event: Event, now: Timestamp, out: &mut Vec<Effect>) {
        let latest = later(now, self.config.skew);
        let cap = |time: Option<Timestamp>, out: &mut Vec<Effect>| match time {
            Some(time) if time > latest => {
                out.push(Effect::ClockSkew);
                latest
            }
            Some(time) => time,
            None => now,
        };
        match event {
            Event::Occurrence(occurrence) => {
                let time = cap(occurrence.time, out);
                self.occur(occurrence, time, out);
                self.pass(time, out);
            }
            Event::Sighting { resource, time } => {
                let time = cap(time, out);
                let (service, environment) = names_of(&resource);
                self.at(service, environment, |place, settings| {
                    place.hear(&resource, time, settings.config, out);
                    place.tick(time, settings, out);
                });
                self.pass(time, out);
            }
            Event::Activity { service, environment, time } => {
                let time = cap(Some(time), out);
                // A place that has told nothing yet has no timers.
                if self.known(&service, &environment).is_some() {
                    self.at(&service, &environment, |place, settings| place.tick(time, settings, out));
                }
                self.pass(time, out);
            }
            Event::Deploy { service, environment, release, time } => {
                let time = cap(Some(time), out);
                self.at(&service, &environment, |place, settings| place.declare(&release, time, settings, out));
            }
            Event::Mute { tracks, until } => {
                self.mutes.say(&tracks, until, now);
                out.push(Effect::MutesChanged);
                self.change(&tracks, |track| track.muted_until = until, out);
            }
            Event::Acknowledge { tracks, by } => {
                let acknowledge =
                    |track: &mut Track| track.acknowledged_by = track.episode.as_ref().map(|_| by.clone());
                self.change(&tracks, acknowledge, out);
            }
        }
    }

    /// The input has ended: what correlations wait for will not come.
    pub fn finish(&mut self, out: &mut Vec<Effect>) {
        let joined = self.correlator.finish();
        self.judge_joined(joined, out);
    }

    /// Puts back what is muted.
    pub fn restore_mutes(&mut self, mutes: Vec<Mute>) {
        self.mutes.restore(mutes);
    }

    /// What is muted, tracks that are not found yet included.
    pub fn mutes(&self) -> &[Mute] {
        self.mutes.all()
    }

    /// Every track, for snapshots.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.places.iter().flat_map(Place::tracks)
    }

    /// One track.
    pub fn track(&self, key: &TrackKey) -> Option<&Track> {
        self.known(&key.service, &key.environment)?.track(self.numbers.known(&key.signature)?)
    }

    /// Every live release as people see it.
    pub fn releases(&self) -> Vec<ReleaseView> {
        let views = self.places.iter().flat_map(|place| {
            let scoped = self.scoped.get(&place.service).map_or(&[][..], Vec::as_slice);
            place.releases(scoped, &self.config)
        });
        views.collect()
    }

    /// Every live release, to be kept.
    pub fn live_releases(&self) -> impl Iterator<Item = &LiveRelease> {
        self.places.iter().flat_map(|place| place.population.releases())
    }

    /// The live releases of one service and environment.
    pub fn live_in(&self, service: &str, environment: &str) -> impl Iterator<Item = &LiveRelease> {
        self.known(service, environment).into_iter().flat_map(|place| place.population.releases())
    }

    /// How far ahead of the clock an event may be; what is further ahead is capped.
    pub fn skew(&self) -> SignedDuration {
        self.config.skew
    }

    fn known(&self, service: &str, environment: &str) -> Option<&Place> {
        self.places.get(*self.index.get(service)?.get(environment)?)
    }

    /// The index of a place, which is made if it is new.
    fn place_at(&mut self, service: &str, environment: &str) -> usize {
        if let Some(at) = self.index.get(service).and_then(|environments| environments.get(environment)) {
            return *at;
        }
        let (place, at) = (Place::new(service, environment), self.places.len());
        self.index.entry(place.service.clone()).or_default().insert(place.environment.clone(), at);
        self.places.push(place);
        at
    }

    fn at(&mut self, service: &str, environment: &str, work: impl FnOnce(&mut Place, Settings<'_>)) {
        let at = self.place_at(service, environment);
        if let Some(place) = self.places.get_mut(at) {
            work(place, Settings { config: &self.config, explain: self.explain, mutes: &self.mutes });
        }
    }

    fn occur(&mut self, occurrence: Box<Occurrence>, time: Timestamp, out: &mut Vec<Effect>) {
        let (service, environment) = names_of(&occurrence.resource);
        let at = self.place_at(service, environment);
        let settings = Settings { config: &self.config, explain: self.explain, mutes: &self.mutes };
        let Some(place) = self.places.get_mut(at) else { return };
        place.hear(&occurrence.resource, time, settings.config, out);
        let Some(part) = occurrence.part.clone().filter(|_| occurrence.signature.correlation.is_some()) else {
            let number = self.numbers.of(&occurrence.signature.id);
            let found = Found { occurrence: &occurrence, number, time, note: None, is_part: false, is_joined: false };
            place.judge(&found, settings, out);
            place.tick(time, settings, out);
            return;
        };
        place.tick(time, settings, out);
        let key = TrackKey {
            signature: occurrence.signature.id.clone(),
            service: place.service.clone(),
            environment: place.environment.clone(),
        };
        let names = (&key.service, &key.environment);
        let outcome = self.correlator.offer((occurrence, &part), time, names, self.config.skew);
        out.extend(self.correlator.take_changed().into_iter().map(Effect::WindowChanged));
        self.judge_joined(outcome.joined, out);
        if outcome.dropped {
            out.push(Effect::Crowded(key));
        }
    }

    /// Time has come to `time` somewhere.
    fn pass(&mut self, time: Timestamp, out: &mut Vec<Effect>) {
        if self.correlator.is_idle() {
            return;
        }
        let joined = self.correlator.advance(time);
        out.extend(self.correlator.take_changed().into_iter().map(Effect::WindowChanged));
        self.judge_joined(joined, out);
    }

    fn judge_joined(&mut self, joined: Vec<Joined>, out: &mut Vec<Effect>) {
        for Joined { occurrence, time, note, is_part } in joined {
            let (service, environment) = names_of(&occurrence.resource);
            let number = self.numbers.of(&occurrence.signature.id);
            let note = note.as_deref();
            let found = Found { occurrence: &occurrence, number, time, note, is_part, is_joined: true };
            self.at(service, environment, |place, settings| {
                place.judge(&found, settings, out);
                place.tick(time, settings, out);
            });
        }
    }

    /// Changes every track that `tracks` names.
    fn change(&mut self, tracks: &Selector, change: impl Fn(&mut Track), out: &mut Vec<Effect>) {
        let all = self.places.iter_mut().flat_map(Place::tracks_mut);
        for track in all.filter(|track| tracks.holds(&track.key)) {
            change(track);
            out.push(Effect::TrackChanged(track.key.clone()));
        }
    }
}

/// Gives every signature that was ever met a small number: places find their tracks by it without hashing.
#[derive(Debug, Default)]
struct Numbers(HashMap<Arc<str>, usize>);

impl Numbers {
    fn of(&mut self, signature: &Arc<str>) -> usize {
        if let Some(number) = self.known(signature) {
            return number;
        }
        let number = self.0.len();
        self.0.insert(Arc::clone(signature), number);
        number
    }

    fn known(&self, signature: &str) -> Option<usize> {
        self.0.get(signature).copied()
    }
}

/// `service.name` and environment of a record, with the names for those that name none.
pub fn place_of(resource: &Resource) -> (Arc<str>, Arc<str>) {
    let (service, environment) = names_of(resource);
    (Arc::from(service), Arc::from(environment))
}

fn names_of(resource: &Resource) -> (&str, &str) {
    fn name<'a>(value: Option<&'a str>, default: &'a str) -> &'a str {
        value.filter(|name| !name.is_empty()).unwrap_or(default)
    }
    let (service, environment) = (resource.service.as_deref(), resource.environment.as_deref());
    (name(service, UNKNOWN_SERVICE), name(environment, UNKNOWN_ENVIRONMENT))
}

/// One judgement outside any history (`explain`): the same table, nothing remembered. `None` for a record that is only a part of
/// a correlation.
pub fn judge_alone(occurrence: &Occurrence, time: Timestamp, config: &IncidentConfig) -> Option<Judgement> {
    let mut engine = Engine { config: config.clone(), explain: true, ..Engine::default() };
    let mut effects = Vec::new();
    let mut occurrence = Box::new(occurrence.clone());
    occurrence.part = occurrence.part.filter(|part| !part.whole);
    engine.handle(Event::Occurrence(occurrence), time, &mut effects);
    effects.into_iter().find_map(|effect| match effect {
        Effect::Judged { judgement, .. } => Some(judgement),
        _ => None,
    })
}
