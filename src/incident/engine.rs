//! The judge: `handle(event, now, &mut effects)`. Synchronous and pure: no clock, no I/O; what it remembers is what `store`
//! keeps, so a restart changes nothing.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::catalog::signature::Catalog;
use crate::catalog::signature::Signature;
use crate::incident::config::IncidentConfig;
use crate::incident::containment::later;
use crate::incident::event::Effect;
use crate::incident::event::Event;
use crate::incident::event::Occurrence;
use crate::incident::place::Place;
use crate::incident::place::Signatures;
use crate::incident::population::Population;
use crate::incident::verdict;
use crate::incident::verdict::Case;
use crate::incident::verdict::Judgement;
use crate::model::command::Selector;
use crate::model::incident::LiveRelease;
use crate::model::incident::Track;
use crate::model::incident::TrackKey;
use crate::model::incident::UNKNOWN_ENVIRONMENT;
use crate::model::incident::UNKNOWN_SERVICE;
use crate::model::record::Resource;

/// All incidents of one sidecar.
#[derive(Debug, Default)]
pub struct Engine {
    config: IncidentConfig,
    signatures: Signatures,
    places: HashMap<(Arc<str>, Arc<str>), Place>,
}

impl Engine {
    /// A judge that remembers nothing.
    pub fn new(config: IncidentConfig, catalog: &Catalog) -> Self {
        let mut engine = Self { config, ..Self::default() };
        engine.set_signatures(catalog);
        engine
    }

    /// Puts back what the store kept. Call before the first event.
    pub fn restore(&mut self, tracks: Vec<Track>, live: Vec<LiveRelease>) {
        for release in live {
            self.place(&release.service.clone(), &release.environment.clone()).population.restore(release);
        }
        for track in tracks {
            let key = track.key.clone();
            let place = self.place(&key.service, &key.environment);
            place.population.clock = place.population.clock.max(track.last_seen).max(Some(track.since));
            place.look_again();
            place.tracks.insert(key.signature, track);
        }
    }

    /// Replaces the catalog (reload): unchanged signatures keep their state, removed ones are retired.
    pub fn set_catalog(&mut self, catalog: &Catalog, out: &mut Vec<Effect>) {
        self.set_signatures(catalog);
        let (signatures, config) = (&self.signatures, &self.config);
        for (key, place) in &mut self.places {
            let Some(clock) = place.population.clock else { continue };
            place.run_timers((clock, clock), signatures, config, out);
            tracing::debug!(service = %key.0, environment = %key.1, "tracks judged by the new catalog");
        }
    }

    fn set_signatures(&mut self, catalog: &Catalog) {
        self.signatures =
            catalog.signatures.iter().map(|signature| (signature.id.clone(), signature.clone())).collect();
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
                self.judge(&occurrence, time, out);
            }
            Event::Sighting { resource, time } => {
                let time = cap(time, out);
                let (service, environment) = place_of(&resource);
                self.hear(&resource, (&service, &environment), time, out);
                self.tick(&(service, environment), time, out);
            }
            Event::Activity { service, environment, time } => {
                let time = cap(Some(time), out);
                self.tick(&(service, environment), time, out);
            }
            Event::Deploy { service, environment, release, time } => {
                let time = cap(Some(time), out);
                self.declare((service, environment), &release, time, out);
            }
            Event::Mute { tracks, until } => self.change(&tracks, |track| track.muted_until = until, out),
            Event::Acknowledge { tracks, by } => {
                let acknowledge =
                    |track: &mut Track| track.acknowledged_by = track.episode.as_ref().map(|_| by.clone());
                self.change(&tracks, acknowledge, out);
            }
        }
    }

    /// How far ahead of the clock an event may be; what is further ahead is capped.
    pub fn skew(&self) -> SignedDuration {
        self.config.skew
    }

    /// Every track, for snapshots.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.places.values().flat_map(|place| place.tracks.values())
    }

    /// One track.
    pub fn track(&self, key: &TrackKey) -> Option<&Track> {
        self.places.get(&(key.service.clone(), key.environment.clone()))?.tracks.get(&key.signature)
    }

    /// Every live release, for snapshots.
    pub fn live_releases(&self) -> impl Iterator<Item = &LiveRelease> {
        self.places.values().flat_map(|place| place.population.releases())
    }

    /// The live releases of one service and environment.
    pub fn live_in(&self, service: &Arc<str>, environment: &Arc<str>) -> impl Iterator<Item = &LiveRelease> {
        self.places
            .get(&(service.clone(), environment.clone()))
            .into_iter()
            .flat_map(|place| place.population.releases())
    }

    fn place(&mut self, service: &Arc<str>, environment: &Arc<str>) -> &mut Place {
        self.places.entry((service.clone(), environment.clone())).or_default()
    }

    fn hear(&mut self, resource: &Resource, key: (&Arc<str>, &Arc<str>), time: Timestamp, out: &mut Vec<Effect>) {
        let place = self.places.entry((key.0.clone(), key.1.clone())).or_default();
        if place.population.hear(key, resource, time, &self.config) {
            place.look_again();
            out.push(Effect::LiveChanged { service: key.0.clone(), environment: key.1.clone() });
        }
    }

    fn tick(&mut self, place: &(Arc<str>, Arc<str>), time: Timestamp, out: &mut Vec<Effect>) {
        if let Some(place) = self.places.get_mut(place) {
            place.tick(time, &self.signatures, &self.config, out);
        }
    }

    fn judge(&mut self, occurrence: &Occurrence, time: Timestamp, out: &mut Vec<Effect>) {
        let (service, environment) = place_of(&occurrence.resource);
        self.hear(&occurrence.resource, (&service, &environment), time, out);
        let place = self.places.entry((service.clone(), environment.clone())).or_default();
        let key = TrackKey { signature: occurrence.signature.id.clone(), service, environment };
        place.judge(key, (occurrence, time), &self.config, out);
        place.tick(time, &self.signatures, &self.config, out);
    }

    fn declare(
        &mut self,
        (service, environment): (Arc<str>, Arc<str>),
        release: &str,
        time: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        let place = self.places.entry((service.clone(), environment.clone())).or_default();
        if !place.population.declare((&service, &environment), release, time) {
            return;
        }
        place.look_again();
        let clock = place.population.clock.unwrap_or(time);
        place.run_timers((clock, clock.max(time)), &self.signatures, &self.config, out);
        out.push(Effect::LiveChanged { service, environment });
    }

    /// Changes every track that `tracks` names.
    fn change(&mut self, tracks: &Selector, change: impl Fn(&mut Track), out: &mut Vec<Effect>) {
        let meant = self
            .places
            .values_mut()
            .flat_map(|place| place.tracks.values_mut())
            .filter(|track| tracks.holds(&track.key));
        for track in meant {
            change(track);
            out.push(Effect::TrackChanged(track.key.clone()));
        }
    }
}

/// `service.name` and environment of a record, with the names for those that name none.
pub fn place_of(resource: &Resource) -> (Arc<str>, Arc<str>) {
    let name = |value: &Option<String>, default: &str| {
        Arc::from(value.as_deref().filter(|name| !name.is_empty()).unwrap_or(default))
    };
    (name(&resource.service, UNKNOWN_SERVICE), name(&resource.environment, UNKNOWN_ENVIRONMENT))
}

/// One judgement outside any history (`explain`): the same table, nothing remembered.
pub fn judge_alone(
    signature: &Signature,
    occurrence: &Occurrence,
    time: Timestamp,
    config: &IncidentConfig,
) -> Judgement {
    let (service, environment) = place_of(&occurrence.resource);
    let mut population = Population::default();
    population.hear((&service, &environment), &occurrence.resource, time, config);
    let case = Case {
        signature,
        service: &service,
        environment: &environment,
        resource: &occurrence.resource,
        time,
        diagnosis: occurrence.diagnosis,
    };
    verdict::judge(&case, &population, config)
}
