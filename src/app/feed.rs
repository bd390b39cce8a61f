//! From observations to events, the same for the sidecar and the offline commands: completes what a record does not say itself
//! (its process start) and lets time pass for the services a stream speaks for.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::app::boots::Boots;
use crate::app::hearing::Place;
use crate::app::pin;
use crate::app::raises::Raises;
use crate::incident::engine::place_of;
use crate::incident::event::Event;
use crate::incident::event::Occurrence;
use crate::matcher::Match;
use crate::matcher::Observation;
use crate::model::incident::UNKNOWN_SERVICE;
use crate::model::position::Position;
use crate::model::record::Resource;

/// Services a single stream may speak for; beyond it the timers of the rest wait for their own records.
const MAX_PLACES: usize = 64;

/// What is known of each path.
#[derive(Debug, Default)]
pub(super) struct Feed {
    boots: Boots,
    raises: Raises,
    /// Where records came from since it was last asked.
    heard: BTreeSet<Place>,
    places: HashMap<Arc<str>, BTreeSet<Place>>,
    /// Service and environment of records that name none, if configured.
    default_place: Option<Place>,
}

impl Feed {
    /// `defaults` is the static resource of records that name none.
    pub(super) fn new(defaults: &Resource) -> Self {
        let named = defaults.service.is_some() || defaults.environment.is_some();
        Self { default_place: named.then(|| place_of(defaults)), ..Self::default() }
    }

    /// The events of one observation, in order: first the time that passed before it. `undated` is the event time of a record that
    /// states none.
    pub(super) fn events(&mut self, path: &Arc<str>, observation: &Observation, undated: Timestamp) -> Vec<Event> {
        let (record, preceded_at) = match observation {
            Observation::Match(found) => (&found.record, found.preceded_at),
            Observation::Sighting(sighting) => (&sighting.record, None),
        };
        let resource = self.boots.resource(path, record);
        let known = self.places.entry(path.clone()).or_insert_with(|| self.default_place.clone().into_iter().collect());
        let place = place_of(&resource);
        if known.len() < MAX_PLACES {
            known.insert(place.clone());
        }
        self.heard.insert(place);
        let mut events = preceded_at.map_or_else(Vec::new, |time| self.passed(path, time));
        let time = record.time.or(Some(undated));
        events.push(match observation {
            Observation::Match(found) if !self.raises.is_told(found) => {
                Event::Occurrence(Box::new(Occurrence { time, ..pin::occurrence(found, resource) }))
            }
            Observation::Match(_) | Observation::Sighting(_) => Event::Sighting { resource, time },
        });
        events
    }

    /// Whether the raise in `found` is remembered.
    pub(super) fn knows_raise(&self, found: &Match) -> bool {
        self.raises.knows(found)
    }

    /// The stream went on until `time`: lines without a verdict still say that its services are alive.
    pub(super) fn passed(&mut self, path: &Arc<str>, time: Timestamp) -> Vec<Event> {
        let known = self.places.entry(path.clone()).or_insert_with(|| self.default_place.clone().into_iter().collect());
        let activity = |(service, environment): &Place| Event::Activity {
            service: service.clone(),
            environment: environment.clone(),
            time,
        };
        known.iter().map(activity).collect()
    }

    /// Lines went by at `path`: those of the default place or, where nobody is named, of anybody.
    pub(super) fn hear_lines(&mut self, path: &Arc<str>) {
        let names_service = |(service, _): &&Place| service.as_ref() != UNKNOWN_SERVICE;
        let named = self.places.get(path).is_some_and(|known| known.iter().any(|place| names_service(&place)));
        let place = self.default_place.clone().unwrap_or_else(|| place_of(&Resource::default()));
        if !named || names_service(&&place) {
            self.heard.insert(place);
        }
    }

    /// Where records came from since the last call.
    pub(super) fn take_heard(&mut self) -> BTreeSet<Place> {
        std::mem::take(&mut self.heard)
    }

    /// What a stored position knows.
    pub(super) fn restore(&mut self, position: &Position) {
        self.boots.restore(position);
    }

    /// `position` with what is known of the processes that write there.
    pub(super) fn complete(&self, position: Position) -> Position {
        Position { processes: self.boots.known(&position.path), ..position }
    }
}
