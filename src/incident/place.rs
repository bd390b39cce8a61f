//! One service in one environment: who is alive there, what was found there, and its timers.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::signature::Role;
use crate::catalog::signature::Signature;
use crate::incident::config::IncidentConfig;
use crate::incident::episode;
use crate::incident::event::Effect;
use crate::incident::event::Occurrence;
use crate::incident::notice;
use crate::incident::order::Scheme;
use crate::incident::population::Population;
use crate::incident::standing;
use crate::incident::standing::Standing;
use crate::incident::track;
use crate::incident::track::Over;
use crate::incident::track::Seen;
use crate::incident::track::Step;
use crate::incident::verdict;
use crate::incident::verdict::Case;
use crate::model::incident::Track;
use crate::model::incident::TrackKey;
use crate::model::incident::TrackState;
use crate::model::record::Resource;

/// Compiled signatures by id.
pub(crate) type Signatures = HashMap<Arc<str>, Arc<Signature>>;

/// One service in one environment.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub(crate) population: Population,
    pub(crate) tracks: BTreeMap<Arc<str>, Track>,
    /// The earliest event time at which a timer of any track may fire.
    pub(crate) due: Option<Timestamp>,
}

impl Place {
    /// Every timer is looked at with the next event.
    pub(crate) fn look_again(&mut self) {
        self.due = Some(Timestamp::MIN);
    }

    /// Time has come to `time` here.
    pub(crate) fn tick(
        &mut self,
        time: Timestamp,
        signatures: &Signatures,
        config: &IncidentConfig,
        out: &mut Vec<Effect>,
    ) {
        self.population.advance(time);
        if let Some(clock) = self.population.clock
            && self.due.is_some_and(|due| clock >= due)
        {
            self.run_timers((clock, clock), signatures, config, out);
        }
    }

    /// Judges one occurrence at event time `time`; its resource has been heard.
    pub(crate) fn judge(
        &mut self,
        key: TrackKey,
        (occurrence, time): (&Occurrence, Timestamp),
        config: &IncidentConfig,
        out: &mut Vec<Effect>,
    ) {
        self.population.advance(time);
        let clock = self.population.clock.unwrap_or(time);
        let signature = &*occurrence.signature;
        let case = Case {
            signature,
            service: &key.service,
            environment: &key.environment,
            resource: &occurrence.resource,
            time,
            diagnosis: occurrence.diagnosis,
        };
        let judgement = verdict::judge(&case, &self.population, config);
        let standing = Standing::of(&Case { time: clock, ..case }, &self.population, config);
        let track = self.tracks.entry(signature.id.clone()).or_insert_with(|| {
            out.push(Effect::Entered { key: key.clone(), from: None, to: standing.base });
            let mut track = track::new_track(key.clone(), standing.base, clock);
            track.fix_at = standing.fix_at;
            track
        });
        let from = track.state;
        track::settle(track, standing.base, clock);
        let mut steps = match signature.role {
            Role::Cause => track::on_standing(track, &standing, clock),
            Role::Symptom => Vec::new(),
        };
        if signature.role == Role::Cause {
            let seen = Seen {
                occurrence,
                time,
                alive: self.population.instance_count(time),
                long_stale: standing::is_long_stale(&case, &self.population, config),
                effective_at: standing.effective_at,
            };
            track::note_calm(track, &seen, config);
            steps.extend(track::on_judgement(track, &judgement, &seen, config));
        }
        track::count(track, judgement.verdict, time);
        self.due = self.due.into_iter().chain(track::due(track, clock, config)).min();
        let facts = notice::Facts {
            signature: Some(signature),
            population: &self.population,
            scheme: config.order_of(&key.service),
            time,
            cause: Some(notice::Cause {
                verdict: judgement.verdict,
                basis: judgement.basis,
                why: &judgement.why,
                evidence: &occurrence.evidence,
            }),
        };
        out.push(Effect::Judged { key: key.clone(), judgement: judgement.clone(), time });
        report(track, (from, &steps), &facts, out);
        out.push(Effect::TrackChanged(key));
    }

    /// Lets time pass for every track here and finds the next moment that matters. Alarms end by `clock`, the latest record heard;
    /// rollouts are looked at as of `known`, which a declared deployment may bring ahead of it.
    pub(crate) fn run_timers(
        &mut self,
        (clock, known): (Timestamp, Timestamp),
        signatures: &Signatures,
        config: &IncidentConfig,
        out: &mut Vec<Effect>,
    ) {
        self.due = None;
        for track in self.tracks.values_mut() {
            let from = track.state;
            let Some(signature) = signatures.get(&track.key.signature) else {
                retire(track, &self.population, clock, out);
                continue;
            };
            let (key, resource) = (track.key.clone(), Resource::default());
            let case = Case {
                signature,
                service: &key.service,
                environment: &key.environment,
                resource: &resource,
                time: known,
                diagnosis: None,
            };
            let standing = Standing::of(&case, &self.population, config);
            track::settle(track, standing.base, known);
            let refixed = track.fix_at.is_some() && standing.fix_at > track.fix_at;
            let mut steps = if refixed && track.episode.is_some() {
                episode::close(track, standing.base, clock);
                vec![Step::Resolve(Over::Refixed)]
            } else {
                track::on_time(track, clock, standing.base, config)
            };
            if signature.role == Role::Cause {
                steps.extend(track::on_standing(track, &standing, clock));
            }
            let facts = notice::Facts {
                signature: Some(signature),
                population: &self.population,
                scheme: config.order_of(&key.service),
                time: clock,
                cause: None,
            };
            // A newer fix has its calm still to prove.
            track.soaked &= standing.fix_at <= track.fix_at;
            track.fix_at = standing.fix_at;
            if report(track, (from, &steps), &facts, out) {
                out.push(Effect::TrackChanged(key));
            }
            self.due = self.due.into_iter().chain(track::due(track, clock, config)).min();
        }
    }
}

/// Turns steps into effects; says whether anything changed.
fn report(
    track: &mut Track,
    (from, steps): (TrackState, &[Step]),
    facts: &notice::Facts<'_>,
    out: &mut Vec<Effect>,
) -> bool {
    if from != track.state {
        out.push(Effect::Entered { key: track.key.clone(), from: Some(from), to: track.state });
    }
    for step in steps {
        if *step == Step::Page {
            out.push(Effect::EpisodeOpened { key: track.key.clone() });
        }
        let muted = track.muted_until.is_some_and(|until| facts.time < until);
        let acknowledged = matches!(step, Step::Update(_)) && track.acknowledged_by.is_some();
        if muted || acknowledged {
            out.push(Effect::Suppressed(track.key.clone()));
        } else {
            out.push(Effect::Notify(Box::new(notice::build(track, step, facts))));
        }
    }
    if track.episode.as_ref().is_some_and(|episode| episode.closed_at.is_some()) {
        track.episode = None;
    }
    from != track.state || !steps.is_empty()
}

/// A track whose signature left the catalog: its alert must not stay on for ever.
fn retire(track: &mut Track, population: &Population, clock: Timestamp, out: &mut Vec<Effect>) {
    let from = track.state;
    if from == TrackState::Retired {
        return;
    }
    let told = track.episode.is_some()
        || from == TrackState::Suspect
        || track.stale.is_some()
        || track.unsatisfiable.is_some();
    episode::close(track, TrackState::Retired, clock);
    (track.stale, track.unsatisfiable) = (None, None);
    let steps = if told { vec![Step::Resolve(Over::Retired)] } else { Vec::new() };
    let facts = notice::Facts { signature: None, population, scheme: &Scheme::Auto, time: clock, cause: None };
    report(track, (from, &steps), &facts, out);
    out.push(Effect::TrackChanged(track.key.clone()));
}
