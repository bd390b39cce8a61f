//! The state machine of one track (verdicts.md, section 5): a judgement or the passing of time in, steps out.
//! What is not listed there changes counters only.

use jiff::Timestamp;

use crate::incident::config::IncidentConfig;
use crate::incident::containment::later;
use crate::incident::episode;
use crate::incident::event::Occurrence;
use crate::incident::late;
use crate::incident::population::Population;
use crate::incident::standing::Standing;
use crate::incident::verdict::Ruling;
use crate::model::incident::Heard;
use crate::model::incident::Past;
use crate::model::incident::Track;
use crate::model::incident::TrackKey;
use crate::model::incident::TrackState;
use crate::model::verdict::Verdict;
use crate::model::verdict::VerdictCounts;

/// One judged occurrence, and what is known around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) occurrence: &'a Occurrence,
    /// Event time.
    pub(crate) time: Timestamp,
    /// The latest event time heard here.
    pub(crate) clock: Timestamp,
    /// Who is alive.
    pub(crate) population: &'a Population,
    /// When the rollout of the fix in force ends.
    pub(crate) rollout_end: Option<Timestamp>,
    /// Since when the fix in force counts here.
    pub(crate) effective_at: Option<Timestamp>,
}

/// What a change of a track asks for, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Say that the incident is back.
    Page,
    /// Say that something needs a look.
    Warn,
    /// Say that the fix can never be judged here, and why.
    Unsatisfiable(String),
    /// Tell news of the open episode.
    Update(News),
    /// Say that it is over, and why.
    Resolve(Over),
}

/// What is worth telling again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Another release fails.
    Release,
    /// So many per cent of the instances fail.
    Share(u8),
    /// It goes back and forth.
    Flapping,
    /// It is still there.
    Repeat,
}

/// Why an episode or a suspicion is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Calm for long enough.
    Calm,
    /// A newer fix is in the catalog.
    Refixed,
    /// The signature left the catalog.
    Retired,
    /// The suspicion was not confirmed.
    Unconfirmed,
    /// The fix can be judged after all.
    Judgeable,
}

/// A track that has seen nothing yet.
pub(crate) fn new_track(key: TrackKey, state: TrackState, time: Timestamp) -> Track {
    Track {
        key,
        state,
        since: time,
        before_suspect: None,
        occurrences: 0,
        verdicts: VerdictCounts::default(),
        first_seen: None,
        last_seen: None,
        last_verdict: None,
        last_alarm: None,
        unconfirmed: Vec::new(),
        episode: None,
        episodes: 0,
        fix_at: None,
        soaked: false,
        returns: Vec::new(),
        flapping: None,
        unsatisfiable: None,
        muted_until: None,
        acknowledged_by: None,
        stale: None,
        stale_builds: 0,
        past: Past::default(),
    }
}

/// Counts one occurrence, whatever its verdict.
pub(crate) fn count(track: &mut Track, verdict: Verdict, time: Timestamp) {
    track.occurrences += 1;
    track.verdicts.add(verdict);
    track.first_seen = Some(track.first_seen.map_or(time, |first| first.min(time)));
    track.last_seen = Some(track.last_seen.map_or(time, |last| last.max(time)));
    track.last_verdict = Some(verdict);
}

/// Notes whether the fix has had a calm spell before this occurrence, whatever its verdict.
pub(crate) fn note_calm(track: &mut Track, seen: &Seen<'_>, config: &IncidentConfig) {
    let since = track.last_seen.max(seen.effective_at).filter(|_| seen.effective_at.is_some());
    track.soaked |= since.is_some_and(|since| seen.time >= later(since, config.soak_min));
}

/// What a judged occurrence does to its track.
pub(crate) fn on_judgement(
    track: &mut Track,
    ruling: &Ruling<'_>,
    seen: &Seen<'_>,
    config: &IncidentConfig,
) -> Vec<Step> {
    match ruling.verdict {
        Verdict::Regression | Verdict::Rollback if track.episode.is_some() => episode::go_on(track, seen, config),
        _ if is_late(track, ruling.verdict, seen, config) => Vec::new(),
        Verdict::Regression => on_regression(track, ruling, seen, config),
        Verdict::Rollback => episode::open(track, ruling, seen),
        // The warning about the fix has been given; a suspicion would only repeat it.
        Verdict::UnknownRelease if track.unsatisfiable.is_some() => Vec::new(),
        Verdict::UnknownRelease => suspect(track, seen.time),
        Verdict::StaleRuntime => stale(track, seen.time),
        Verdict::StaleBuild => on_stale_build(track, seen, config),
        _ => Vec::new(),
    }
}

/// Whether the alarm that this occurrence would raise is the last one of its kind, which is over.
fn is_late(track: &mut Track, verdict: Verdict, seen: &Seen<'_>, config: &IncidentConfig) -> bool {
    let (past, calm) = match verdict {
        Verdict::Regression | Verdict::Rollback => (&mut track.past.episode, config.quiet.saturating_add(config.clear)),
        Verdict::UnknownRelease => (&mut track.past.doubt, config.unknown),
        Verdict::StaleRuntime | Verdict::StaleBuild => (&mut track.past.stale, config.quiet),
        _ => return false,
    };
    late::belongs(past, seen.time, seen.clock, calm)
}

/// An old build that still fails so long after the rollout, or so often, is a zombie and not a straggler.
fn on_stale_build(track: &mut Track, seen: &Seen<'_>, config: &IncidentConfig) -> Vec<Step> {
    track.stale_builds += 1;
    let long = seen.rollout_end.is_some_and(|end| seen.time >= later(end, config.stale_after));
    if long || track.stale_builds >= config.stale_count { stale(track, seen.time) } else { Vec::new() }
}

fn on_regression(track: &mut Track, ruling: &Ruling<'_>, seen: &Seen<'_>, config: &IncidentConfig) -> Vec<Step> {
    let time = seen.time;
    track.unconfirmed.retain(|earlier| time.duration_since(*earlier) <= config.confirm_window);
    track.unconfirmed.push(time);
    if track.unconfirmed.len() < config.confirm_count {
        return suspect(track, time);
    }
    episode::open(track, ruling, seen)
}

/// A fix that can never be judged here is said once, and once more when it can.
pub(crate) fn on_standing(track: &mut Track, standing: &Standing<'_>, clock: Timestamp) -> Vec<Step> {
    match (&standing.unsatisfiable, track.unsatisfiable) {
        (Some(why), None) if track.episode.is_none() => {
            track.unsatisfiable = Some(clock);
            vec![Step::Unsatisfiable(why.to_string())]
        }
        (None, Some(_)) => {
            track.unsatisfiable = None;
            if track.episode.is_some() { Vec::new() } else { vec![Step::Resolve(Over::Judgeable)] }
        }
        _ => Vec::new(),
    }
}

fn suspect(track: &mut Track, time: Timestamp) -> Vec<Step> {
    match track.state {
        TrackState::Relapsed | TrackState::Quiet => Vec::new(),
        TrackState::Suspect => {
            track.last_alarm = track.last_alarm.max(Some(time));
            Vec::new()
        }
        before => {
            track.before_suspect = Some(before);
            track.last_alarm = Some(time);
            enter(track, TrackState::Suspect, time);
            vec![Step::Warn]
        }
    }
}

fn stale(track: &mut Track, time: Timestamp) -> Vec<Step> {
    if let Some(known) = &mut track.stale {
        known.last = known.last.max(time);
        return Vec::new();
    }
    track.stale = Some(Heard { first: time, last: time });
    // A page is out already: the staleness is in its numbers.
    if track.episode.is_some() { Vec::new() } else { vec![Step::Warn] }
}

/// What the passing of time does: `clock` is the latest event time heard in the track's service and environment (silence
/// never moves it, so silence never resolves).
pub(crate) fn on_time(
    track: &mut Track,
    clock: Timestamp,
    standing: &Standing<'_>,
    config: &IncidentConfig,
) -> Vec<Step> {
    let base = standing.base;
    let mut steps = Vec::new();
    // A state is entered when it was due, not when it was noticed: how events were batched must not show.
    let due = |since: Option<Timestamp>, wait| Some(later(since?, wait)).filter(|due| clock >= *due);
    if track.state == TrackState::Relapsed
        && let Some(at) = due(track.last_alarm, config.quiet)
    {
        enter(track, TrackState::Quiet, at);
    }
    match track.state {
        TrackState::Quiet => {
            if let Some(at) = due(Some(track.since), config.clear) {
                track.past.episode = Some(at);
                episode::close(track, base, at);
                steps.push(Step::Resolve(Over::Calm));
            }
        }
        TrackState::Suspect => {
            if let Some(at) = due(track.last_alarm, config.unknown) {
                track.before_suspect = None;
                track.past.doubt = Some(at);
                enter(track, base, at);
                steps.push(Step::Resolve(Over::Unconfirmed));
            }
        }
        TrackState::Relapsed => {}
        _ => settle(track, standing, clock),
    }
    if let Some(known) = track.stale.filter(|known| clock >= later(known.last, config.quiet)) {
        track.past.stale = Some(later(known.last, config.quiet));
        (track.stale, track.stale_builds) = (None, 0);
        if track.episode.is_none() && steps.is_empty() && track.state != TrackState::Suspect {
            steps.push(Step::Resolve(Over::Calm));
        }
    }
    steps
}

/// Without an alarm a track stands where its fixes put it.
pub(crate) fn settle(track: &mut Track, standing: &Standing<'_>, clock: Timestamp) {
    match track.state {
        TrackState::Relapsed | TrackState::Quiet | TrackState::Suspect => {}
        // Whether the fixed release is still there is asked once, when its rollout ends.
        TrackState::Fixed if standing.vanished => {}
        TrackState::Open
        | TrackState::FixPending
        | TrackState::RollingOut
        | TrackState::Fixed
        | TrackState::Retired => {
            enter(track, standing.base, clock);
        }
    }
}

/// Another fix is in force than before: an open episode ends, and the new fix has everything still to prove.
pub(crate) fn on_fix(track: &mut Track, standing: &Standing<'_>, clock: Timestamp) -> Vec<Step> {
    if standing.fix_at == track.fix_at {
        return Vec::new();
    }
    let newer = track.fix_at.is_some() && standing.fix_at > track.fix_at;
    track.soaked &= !newer;
    track.stale_builds = 0;
    track.fix_at = standing.fix_at;
    if newer && track.episode.is_some() {
        episode::close(track, standing.base, clock);
        return vec![Step::Resolve(Over::Refixed)];
    }
    Vec::new()
}

/// When an alarm of the track may end, in event time. A moment named too early would cost a look and change nothing.
pub(crate) fn due(track: &Track, config: &IncidentConfig) -> Option<Timestamp> {
    let own = match track.state {
        TrackState::Relapsed => track.last_alarm.map(|last| later(last, config.quiet)),
        TrackState::Quiet => Some(later(track.since, config.clear)),
        TrackState::Suspect => track.last_alarm.map(|last| later(last, config.unknown)),
        _ => None,
    };
    let stale = track.stale.map(|known| later(known.last, config.quiet));
    own.into_iter().chain(stale).min()
}

pub(crate) fn enter(track: &mut Track, state: TrackState, time: Timestamp) {
    if track.state != state {
        track.state = state;
        track.since = time;
    }
}
