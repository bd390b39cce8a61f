//! The same judgement without a sidecar: observations in, findings out, on event time. `scan`, `check`, `explain` and `replay` use it.

use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use crate::app::feed::Feed;
use crate::app::identity;
use crate::catalog::signature::Catalog;
use crate::incident::config::IncidentConfig;
use crate::incident::engine::Engine;
use crate::incident::engine::place_of;
use crate::incident::event::Effect;
use crate::incident::event::Event;
use crate::incident::verdict::Judgement;
use crate::matcher::Match;
use crate::matcher::Observation;
use crate::model::alert::Notice;
use crate::model::command::Deploy;
use crate::model::command::Mute;
use crate::model::correlation::OpenWindow;
use crate::model::incident::EpisodeKind;
use crate::model::incident::Evidence;
use crate::model::incident::LiveRelease;
use crate::model::incident::Track;
use crate::model::incident::TrackKey;
use crate::model::incident::TrackState;
use crate::model::record::Record;
use crate::model::record::Resource;
use crate::store::event::EventId;

/// Parts of correlations remembered at most.
const MAX_PARTS: usize = 10_000;

/// One judged match.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What was found.
    pub found: Match,
    /// Its track.
    pub key: TrackKey,
    /// The verdict and why.
    pub judgement: Judgement,
    /// Event time the verdict was given on.
    pub time: Timestamp,
    /// What is worth showing of the record, redacted.
    pub evidence: Evidence,
}

/// What one observation led to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The judged match, if the observation was one; with correlations it may complete several, or none.
    pub findings: Vec<Finding>,
    /// What a sidecar would have said.
    pub notices: Vec<Notice>,
    /// Everything that happened, in order: the notices again, and what has no notice.
    pub timeline: Vec<Moment>,
}

/// Something that happened.
#[derive(Debug)]
pub struct Moment {
    /// Event time of the record (or deployment) that brought it about.
    pub time: Timestamp,
    /// What.
    pub what: Happening,
}

/// What can happen besides verdicts.
#[derive(Debug)]
pub enum Happening {
    /// A track went to another state.
    Entered {
        /// Which one.
        key: TrackKey,
        /// From where; `None` for a new track.
        from: Option<TrackState>,
        /// To where.
        to: TrackState,
        /// Since when: the moment it was due.
        since: Timestamp,
    },
    /// An episode was opened.
    Opened {
        /// In which track.
        key: TrackKey,
        /// Its id.
        episode: String,
        /// What kind of return it is.
        kind: EpisodeKind,
    },
    /// Someone would have been told.
    Told(Box<Notice>),
    /// Someone would have been told, had the track not been muted or acknowledged.
    Suppressed(TrackKey),
    /// A deployment was declared.
    Deployed {
        /// `service.name`.
        service: Arc<str>,
        /// `deployment.environment.name`.
        environment: Arc<str>,
        /// `service.version`.
        release: String,
    },
}

/// A judge that remembers only for as long as it lives.
#[derive(Debug)]
pub struct Offline {
    engine: Engine,
    feed: Feed,
    /// Stands for the ingest time: caps event times, and dates records that carry none.
    now: Timestamp,
    /// Declared deployments still to come, earliest first.
    deploys: VecDeque<Event>,
    /// Parts of correlations that may still become findings.
    parts: VecDeque<Match>,
    /// Entries named by their sender that were judged; `None`: every match is judged.
    named: Option<HashSet<EventId>>,
}

impl Offline {
    /// A fresh judge; `now` caps event times.
    pub fn new(catalog: &Catalog, config: IncidentConfig, now: Timestamp) -> Self {
        Self {
            engine: Engine::new(config, catalog).explain_all(),
            feed: Feed::default(),
            now,
            deploys: VecDeque::new(),
            parts: VecDeque::new(),
            named: None,
        }
    }

    /// Records that name no service are taken for those of `defaults`, also before the first of them comes.
    #[must_use]
    pub fn with_defaults(self, defaults: &Resource) -> Self {
        Self { feed: Feed::new(defaults), ..self }
    }

    /// Judges an entry once that its sender has named (`insertId`), as a sidecar does, however often it was pulled.
    #[must_use]
    pub fn once_each(self) -> Self {
        Self { named: Some(HashSet::new()), ..self }
    }

    /// Goes on from what a sidecar remembered.
    #[must_use]
    pub fn with_memory(mut self, tracks: Vec<Track>, live: Vec<LiveRelease>, mutes: Vec<Mute>) -> Self {
        self.engine.restore(tracks, live);
        self.engine.restore_mutes(mutes);
        self
    }

    /// The same for the open windows of correlations.
    #[must_use]
    pub fn with_windows(mut self, windows: Vec<OpenWindow>) -> Self {
        self.engine.restore_windows(windows);
        self
    }

    /// Declares `deploys`, each when its time comes.
    #[must_use]
    pub fn with_deploys(mut self, mut deploys: Vec<Deploy>, defaults: &Resource) -> Self {
        deploys.sort_by(|a, b| {
            (a.at, &a.service, &a.environment, &a.release).cmp(&(b.at, &b.service, &b.environment, &b.release))
        });
        let event = |deploy: Deploy| {
            let environment = deploy.environment.or_else(|| defaults.environment.clone());
            let (service, environment) =
                place_of(&Resource { service: Some(deploy.service), environment, ..Resource::default() });
            Event::Deploy { service, environment, release: deploy.release, time: deploy.at }
        };
        self.deploys = deploys.into_iter().map(event).collect();
        self
    }

    /// Judges one observation. `undated` is the event time of a record that states none.
    pub fn observe(&mut self, observation: &Observation, undated: Timestamp) -> Outcome {
        if let (Some(judged), Observation::Match(found)) = (&mut self.named, observation)
            && identity::named(found).is_some_and(|id| !judged.insert(id))
        {
            return Outcome::default();
        }
        let stream = record_of(observation).origin.file.clone();
        let events = self.feed.events(&stream, observation, undated);
        let mut evidence = Evidence::default();
        for event in &events {
            if let Event::Occurrence(occurrence) = event {
                evidence.clone_from(&occurrence.evidence);
            }
        }
        self.keep_part(observation);
        let mut outcome = Outcome::default();
        for event in events {
            let at = time_of(&event).unwrap_or(undated);
            self.declare_until(at, &mut outcome);
            for effect in self.effects_of(event) {
                if let (Effect::Judged { key, judgement, time, joined: None }, Observation::Match(found)) =
                    (&effect, observation)
                {
                    let (key, judgement, evidence) = (key.clone(), judgement.clone(), std::mem::take(&mut evidence));
                    outcome.findings.push(Finding { found: found.clone(), key, judgement, time: *time, evidence });
                }
                self.note(effect, at, &mut outcome);
            }
        }
        outcome
    }

    /// The stream has ended and went on until `time`.
    pub fn passed(&mut self, stream: &Arc<str>, time: Timestamp) -> Outcome {
        let mut outcome = Outcome::default();
        self.declare_until(time, &mut outcome);
        for event in self.feed.passed(stream, time) {
            for effect in self.effects_of(event) {
                self.note(effect, time, &mut outcome);
            }
        }
        outcome
    }

    fn keep_part(&mut self, observation: &Observation) {
        if let Observation::Match(found) = observation
            && found.part.is_some()
        {
            if self.parts.len() >= MAX_PARTS {
                self.parts.pop_front();
            }
            self.parts.push_back(found.clone());
        }
    }

    /// Nothing more will come: correlations are decided on what is there, and deployments later than the last record declared.
    pub fn finish(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        let mut effects = Vec::new();
        self.engine.finish(&mut effects);
        let judged = |effect: &Effect| if let Effect::Judged { time, .. } = effect { Some(*time) } else { None };
        // Whatever else there is came with the judged records.
        let mut at = effects.iter().find_map(judged).unwrap_or(self.now);
        for effect in effects {
            at = judged(&effect).unwrap_or(at);
            self.note(effect, at, &mut outcome);
        }
        self.declare_until(Timestamp::MAX, &mut outcome);
        outcome
    }

    /// Declares the deployments up to `time`.
    fn declare_until(&mut self, time: Timestamp, outcome: &mut Outcome) {
        while let Some(at) = self.deploys.front().and_then(time_of).filter(|at| *at <= time) {
            let Some(event) = self.deploys.pop_front() else { break };
            if let Event::Deploy { service, environment, release, .. } = &event {
                let what = Happening::Deployed {
                    service: service.clone(),
                    environment: environment.clone(),
                    release: release.clone(),
                };
                outcome.timeline.push(Moment { time: at, what });
            }
            for effect in self.effects_of(event) {
                self.note(effect, at, outcome);
            }
        }
    }

    /// Adds what an effect tells of. `time` is that of its cause.
    fn note(&self, effect: Effect, time: Timestamp, outcome: &mut Outcome) {
        let track = |key: &TrackKey| self.engine.track(key);
        let what = match effect {
            Effect::Entered { key, from, to } => {
                let since = track(&key).map_or(time, |track| track.since);
                Happening::Entered { key, from, to, since }
            }
            Effect::EpisodeOpened { key } => {
                let Some(episode) = track(&key).and_then(|track| track.episode.as_ref()) else { return };
                Happening::Opened { episode: episode.id.clone(), kind: episode.kind, key }
            }
            Effect::Notify(notice) => {
                outcome.notices.push((*notice).clone());
                Happening::Told(notice)
            }
            Effect::Suppressed(key) => Happening::Suppressed(key),
            Effect::Judged { key, judgement, time, joined: Some(evidence) } => {
                let is_it = |part: &&Match| {
                    let origin = &part.record.origin;
                    (part.signature.id == key.signature)
                        && (&*origin.file, origin.line) == (&*evidence.file, evidence.line)
                };
                let found = self.parts.iter().rev().find(is_it).cloned();
                let finding = |found| Finding { found, key, judgement, time, evidence: *evidence };
                outcome.findings.extend(found.map(finding));
                return;
            }
            Effect::Judged { .. }
            | Effect::TrackChanged(_)
            | Effect::LiveChanged { .. }
            | Effect::WindowChanged(_)
            | Effect::Crowded(_)
            | Effect::MutesChanged
            | Effect::ClockSkew => return,
        };
        outcome.timeline.push(Moment { time, what });
    }

    fn effects_of(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.engine.handle(event, self.now, &mut effects);
        effects
    }

    /// The judge's memory, for summaries.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// The record of an observation.
pub fn record_of(observation: &Observation) -> &Arc<Record> {
    observation.record()
}

/// The event time an event states.
fn time_of(event: &Event) -> Option<Timestamp> {
    match event {
        Event::Occurrence(occurrence) => occurrence.time,
        Event::Sighting { time, .. } => *time,
        Event::Deploy { time, .. } | Event::Activity { time, .. } => Some(*time),
        Event::Mute { .. } | Event::Acknowledge { .. } => None,
    }
}
