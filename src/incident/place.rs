//! One service in one environment: who is alive there, what was found there, and its timers.

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::signature::Role;
use crate::catalog::signature::Signature;
use crate::incident::config::IncidentConfig;
use crate::incident::containment::Surroundings;
use crate::incident::episode;
use crate::incident::event::Effect;
use crate::incident::event::Occurrence;
use crate::incident::group::Groups;
use crate::incident::inventory;
use crate::incident::mutes::Mutes;
use crate::incident::notice;
use crate::incident::outlook::Outlook;
use crate::incident::population::Population;
use crate::incident::standing::Standing;
use crate::incident::track;
use crate::incident::track::Over;
use crate::incident::track::Seen;
use crate::incident::track::Step;
use crate::incident::verdict;
use crate::incident::verdict::Case;
use crate::incident::verdict::Judgement;
use crate::model::incident::Track;
use crate::model::incident::TrackKey;
use crate::model::incident::TrackState;
use crate::model::record::Resource;
use crate::model::view::ReleaseView;

const NO_TRACK: u32 = u32::MAX;

/// One service in one environment.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) service: Arc<str>,
    pub(crate) environment: Arc<str>,
    pub(crate) population: Population,
    /// In the order in which they were met.
    tracks: Vec<Kept>,
    /// Number of a signature → index into `tracks`; [`NO_TRACK`] where it has none.
    index: Vec<u32>,
    groups: Groups,
    /// The earliest event time at which a timer of any track may fire.
    due: Option<Timestamp>,
}

/// A track and what it is judged by.
#[derive(Debug)]
struct Kept {
    track: Track,
    outlook: Outlook,
    /// `None` = it left the catalog.
    signature: Option<Arc<Signature>>,
}

/// How verdicts are given, everywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings<'a> {
    pub(crate) config: &'a IncidentConfig,
    /// Every verdict gets its sentence, not only those that somebody is told.
    pub(crate) explain: bool,
    /// What is muted before it is found.
    pub(crate) mutes: &'a Mutes,
}

/// One occurrence to be judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) occurrence: &'a Occurrence,
    /// Of its signature.
    pub(crate) number: usize,
    /// Event time, capped.
    pub(crate) time: Timestamp,
    /// What it was joined with.
    pub(crate) note: Option<&'a str>,
    /// Only a part of a correlation.
    pub(crate) is_part: bool,
    /// It comes out of a correlation.
    pub(crate) is_joined: bool,
}

impl Place {
    pub(crate) fn new(service: &str, environment: &str) -> Self {
        Self {
            service: Arc::from(service),
            environment: Arc::from(environment),
            population: Population::default(),
            tracks: Vec::new(),
            index: Vec::new(),
            groups: Groups::default(),
            due: None,
        }
    }

    /// Puts back what the store kept.
    pub(crate) fn restore(&mut self, (number, track): (usize, Track), signature: Option<&Arc<Signature>>) {
        let clock = &mut self.population.clock;
        *clock = (*clock).max(track.last_seen).max(Some(track.since));
        self.look_again();
        self.groups.know(&track, signature.and_then(|signature| signature.family.as_deref()));
        self.add(number, Kept { track, outlook: Outlook::default(), signature: signature.cloned() });
    }

    /// Another catalog is in force.
    pub(crate) fn set_signatures<'a>(&mut self, find: impl Fn(&str) -> Option<&'a Arc<Signature>>) {
        for kept in &mut self.tracks {
            kept.signature = find(&kept.track.key.signature).cloned();
            kept.outlook.forget();
        }
    }

    /// Every track here.
    pub(crate) fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().map(|kept| &kept.track)
    }

    /// The same, to be changed.
    pub(crate) fn tracks_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.tracks.iter_mut().map(|kept| &mut kept.track)
    }

    /// Its live releases, for people: beside the fixes of the incidents found here, and of `scoped`, which name this service.
    pub(crate) fn releases(&self, scoped: &[Arc<Signature>], config: &IncidentConfig) -> Vec<ReleaseView> {
        let around = Surroundings { population: &self.population, rules: config.rules(&self.service), config };
        let found = self.tracks.iter().filter_map(|kept| kept.signature.as_ref());
        inventory::of(&self.environment, found.chain(scoped), &around)
    }

    /// The track of the signature with this number.
    pub(crate) fn track(&self, number: usize) -> Option<&Track> {
        self.tracks.get(self.position(number)?).map(|kept| &kept.track)
    }

    fn position(&self, number: usize) -> Option<usize> {
        let at = self.index.get(number).filter(|at| **at != NO_TRACK)?;
        usize::try_from(*at).ok()
    }

    /// A record of `resource` was written at `time`.
    pub(crate) fn hear(
        &mut self,
        resource: &Resource,
        time: Timestamp,
        config: &IncidentConfig,
        out: &mut Vec<Effect>,
    ) {
        let news = self.population.hear((&self.service, &self.environment), resource, time, config);
        if news.change {
            self.look_again();
        }
        if news.save {
            let (service, environment) = (self.service.clone(), self.environment.clone());
            out.push(Effect::LiveChanged { service, environment });
        }
    }

    /// Someone declared a deployment.
    pub(crate) fn declare(&mut self, release: &str, time: Timestamp, settings: Settings<'_>, out: &mut Vec<Effect>) {
        if !self.population.declare((&self.service, &self.environment), release, time) {
            return;
        }
        let clock = self.population.clock.unwrap_or(time);
        self.run_timers((clock, clock.max(time)), settings, out);
        // The logs may be far behind: the next record looks again, as of its own time.
        self.look_again();
        out.push(Effect::LiveChanged { service: self.service.clone(), environment: self.environment.clone() });
    }

    /// Every timer is looked at with the next event.
    fn look_again(&mut self) {
        self.due = Some(Timestamp::MIN);
    }

    /// Time has come to `time` here.
    pub(crate) fn tick(&mut self, time: Timestamp, settings: Settings<'_>, out: &mut Vec<Effect>) {
        self.population.advance(time);
        if let Some(clock) = self.population.clock
            && self.due.is_some_and(|due| clock >= due)
        {
            self.run_timers((clock, clock), settings, out);
        }
    }

    /// The index of the track of `signature`, which is made if it is new.
    fn find_or_add(&mut self, found: &Found<'_>, clock: Timestamp, mutes: &Mutes) -> usize {
        if let Some(at) = self.position(found.number) {
            return at;
        }
        let signature = &found.occurrence.signature;
        let key = TrackKey {
            signature: signature.id.clone(),
            service: self.service.clone(),
            environment: self.environment.clone(),
        };
        let muted_until = mutes.until(&key);
        let track = Track { muted_until, ..track::new_track(key, TrackState::Open, clock) };
        let kept = Kept { track, outlook: Outlook::default(), signature: Some(signature.clone()) };
        self.add(found.number, kept)
    }

    fn add(&mut self, number: usize, kept: Kept) -> usize {
        let at = self.tracks.len();
        self.tracks.push(kept);
        if self.index.len() <= number {
            self.index.resize(number + 1, NO_TRACK);
        }
        if let Some(slot) = self.index.get_mut(number) {
            *slot = u32::try_from(at).unwrap_or(NO_TRACK);
        }
        at
    }

    /// Judges one occurrence; its resource has been heard.
    pub(crate) fn judge(&mut self, found: &Found<'_>, settings: Settings<'_>, out: &mut Vec<Effect>) {
        let Found { occurrence, time, .. } = *found;
        self.population.advance(time);
        let clock = self.population.clock.unwrap_or(time);
        let at = self.find_or_add(found, clock, settings.mutes);
        let Some(Kept { track, outlook, signature }) = self.tracks.get_mut(at) else { return };
        let was_open = track.episode.is_some();
        let signature = signature.as_deref().unwrap_or(&occurrence.signature);
        let around = Surroundings {
            population: &self.population,
            rules: settings.config.rules(&self.service),
            config: settings.config,
        };
        outlook.refresh(signature, &self.environment, &around);
        let change = outlook.next_change(signature, clock, settings.config);
        let state = outlook.at(signature, time);
        let case = Case {
            resource: &occurrence.resource,
            time,
            diagnosis: occurrence.diagnosis.and_then(|index| occurrence.signature.diagnosis.get(index)),
            is_part: found.is_part,
            note: found.note,
        };
        let ruling = verdict::judge(&case, state, &around);
        let state = if clock == time { state } else { outlook.at(signature, clock) };
        let standing = Standing::of(state, clock, &around);
        let facts = notice::Facts { signature: Some(signature), around, time, cause: None };
        let from = change_fix(track, &standing, (&facts, clock), out);
        let mut steps = Vec::new();
        if signature.role == Role::Cause {
            steps = track::on_standing(track, &standing, clock);
            let seen = Seen {
                occurrence,
                time,
                clock,
                population: &self.population,
                rollout_end: standing.rollout_end,
                effective_at: standing.effective_at,
            };
            track::note_calm(track, &seen, settings.config);
            steps.extend(track::on_judgement(track, &ruling, &seen, settings.config));
        }
        if steps.contains(&Step::Page) {
            self.groups.join(track, signature.family.as_deref());
        }
        track::count(track, ruling.verdict, time);
        self.due = self.due.into_iter().chain(change).chain(track::due(track, settings.config)).min();
        let told = settings.explain || !steps.is_empty();
        let why = if told { ruling.to_string() } else { String::new() };
        let (verdict, basis) = (ruling.verdict, ruling.basis);
        let behind = notice::Cause { verdict, basis, why: &why, evidence: &occurrence.evidence };
        let facts = notice::Facts { cause: Some(behind), ..facts };
        let at = out.len();
        report(track, (from, &steps), &facts, out);
        let joined = found.is_joined.then(|| Box::new(occurrence.evidence.clone()));
        let judged =
            Effect::Judged { key: track.key.clone(), judgement: Judgement { verdict, basis, why }, time, joined };
        out.insert(at, judged);
        if was_open {
            self.groups.leave(track);
        }
    }

    /// Lets time pass for every track here and finds the next moment that matters. Alarms end by `clock`, the latest record heard;
    /// rollouts are looked at as of `known`, which a declared deployment may bring ahead of it.
    pub(crate) fn run_timers(
        &mut self,
        (clock, known): (Timestamp, Timestamp),
        settings: Settings<'_>,
        out: &mut Vec<Effect>,
    ) {
        self.due = None;
        let around = Surroundings {
            population: &self.population,
            rules: settings.config.rules(&self.service),
            config: settings.config,
        };
        for Kept { track, outlook, signature } in &mut self.tracks {
            let Some(signature) = signature.as_deref() else {
                retire(track, around, clock, out);
                self.groups.leave(track);
                continue;
            };
            outlook.refresh(signature, &self.environment, &around);
            let change = outlook.next_change(signature, known, settings.config);
            let standing = Standing::of(outlook.at(signature, known), known, &around);
            let facts = notice::Facts { signature: Some(signature), around, time: clock, cause: None };
            // What may change without a step.
            let silent = |track: &Track| (track.fix_at, track.stale, track.unsatisfiable);
            let before = silent(track);
            let from = change_fix(track, &standing, (&facts, clock), out);
            let mut steps = track::on_time(track, clock, &standing, settings.config);
            if signature.role == Role::Cause {
                steps.extend(track::on_standing(track, &standing, clock));
            }
            if report(track, (from, &steps), &facts, out) || silent(track) != before {
                out.push(Effect::TrackChanged(track.key.clone()));
            }
            self.groups.leave(track);
            self.due = self.due.into_iter().chain(change).chain(track::due(track, settings.config)).min();
        }
    }
}

/// The track meets the fix in force and stands where it puts it; ends the episode of an earlier fix. Gives the state before what
/// is still to come.
fn change_fix(
    track: &mut Track,
    standing: &Standing<'_>,
    (facts, clock): (&notice::Facts<'_>, Timestamp),
    out: &mut Vec<Effect>,
) -> TrackState {
    let from = track.state;
    let steps = track::on_fix(track, standing, clock);
    track::settle(track, standing, clock);
    if track.occurrences == 0 && track.last_seen.is_none() {
        out.push(Effect::Entered { key: track.key.clone(), from: None, to: track.state });
        return track.state;
    }
    if steps.is_empty() {
        return from;
    }
    report(track, (from, &steps), facts, out);
    track.state
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
fn retire(track: &mut Track, around: Surroundings<'_>, clock: Timestamp, out: &mut Vec<Effect>) {
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
    let facts = notice::Facts { signature: None, around, time: clock, cause: None };
    report(track, (from, &steps), &facts, out);
    out.push(Effect::TrackChanged(track.key.clone()));
}
