//! From observations to events, the same for the sidecar and the offline commands: completes what a record does not say itself
//! (its process start) and lets time pass for the services a stream speaks for.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::app::boots::Boots;
use crate::app::pin;
use crate::app::raises::Raises;
use crate::incident::engine::place_of;
use crate::incident::event::Event;
use crate::incident::event::Occurrence;
use crate::matcher::Match;
use crate::matcher::Observation;
use crate::model::position::Position;
use crate::model::record::Resource;

/// Services a single stream may speak for; beyond it the timers of the rest wait for their own records.
const MAX_PLACES: usize = 64;

/// `service.name` and environment.
type Place = (Arc<str>, Arc<str>);

/// What is known of each path.
#[derive(Debug, Default)]
pub(super) struct Feed {
    boots: Boots,
    raises: Raises,
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
        if known.len() < MAX_PLACES {
            known.insert(place_of(&resource));
        }
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

    /// What a stored position knows.
    pub(super) fn restore(&mut self, position: &Position) {
        self.boots.restore(position);
    }

    /// `position` with what is known of the processes that write there.
    pub(super) fn complete(&self, position: Position) -> Position {
        Position { processes: self.boots.known(&position.path), ..position }
    }
}
