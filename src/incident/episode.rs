//! One return of an incident: how it opens, what counts as news while it lasts, how it closes.

use jiff::SignedDuration;
use jiff::Timestamp;
use sha2::Digest;
use sha2::Sha256;

use crate::incident::config::IncidentConfig;
use crate::incident::containment::later;
use crate::incident::event::Occurrence;
use crate::incident::track::News;
use crate::incident::track::Seen;
use crate::incident::track::Step;
use crate::incident::track::enter;
use crate::incident::verdict::Ruling;
use crate::model::incident::Episode;
use crate::model::incident::EpisodeKind;
use crate::model::incident::Track;
use crate::model::incident::TrackKey;
use crate::model::incident::TrackState;
use crate::model::verdict::Verdict;

/// Releases and instances listed in an episode.
const MAX_LISTED: usize = 50;
/// Shares of the instances, in per cent, that are news.
const SHARES: [u8; 3] = [10, 50, 100];
/// So many returns from quiet within a day are flapping.
const FLAPPING_RETURNS: usize = 3;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The incident is back.
pub(crate) fn open(track: &mut Track, ruling: &Ruling<'_>, seen: &Seen<'_>) -> Vec<Step> {
    let (occurrence, time) = (seen.occurrence, seen.time);
    track.unconfirmed.clear();
    track.episodes += 1;
    let mut evidence = occurrence.evidence.clone();
    evidence.basis = Some(ruling.basis);
    let mut episode = Episode {
        id: id(&track.key, time),
        number: track.episodes,
        opened_at: time,
        closed_at: None,
        cause: ruling.verdict,
        kind: kind(track, ruling.verdict),
        group: String::new(),
        together: Vec::new(),
        told_at: Some(time),
        told_share: 0,
        occurrences: 0,
        releases: Vec::new(),
        instances: Vec::new(),
        evidence,
        why: ruling.to_string(),
    };
    note(&mut episode, occurrence);
    episode.told_share = share(&episode, seen.population.instance_count());
    track.episode = Some(Box::new(episode));
    track.last_alarm = Some(time);
    track.before_suspect = None;
    enter(track, TrackState::Relapsed, time);
    vec![Step::Page]
}

/// A fix that was live for a while without a match has worked; one that never had a calm hour has not.
fn kind(track: &Track, cause: Verdict) -> EpisodeKind {
    match cause {
        Verdict::Rollback => EpisodeKind::Rollback,
        _ if track.soaked => EpisodeKind::Relapse,
        _ => EpisodeKind::IneffectiveFix,
    }
}

/// More of the same: counted, and told only when it is news. A quiet track that speaks again continues its episode.
pub(crate) fn go_on(track: &mut Track, seen: &Seen<'_>, config: &IncidentConfig) -> Vec<Step> {
    let time = seen.time;
    track.last_alarm = track.last_alarm.max(Some(time));
    let mut news = None;
    if track.state == TrackState::Quiet {
        enter(track, TrackState::Relapsed, time);
        track.returns.retain(|earlier| time.duration_since(*earlier) <= DAY);
        track.returns.push(time);
        if track.returns.len() >= FLAPPING_RETURNS && track.flapping.is_none() {
            track.flapping = Some(time);
            news = Some(News::Flapping);
        }
    }
    let flapping = track.flapping.is_some();
    let Some(episode) = &mut track.episode else { return Vec::new() };
    let releases = episode.releases.len();
    note(episode, seen.occurrence);
    let share = share(episode, seen.population.instance_count());
    let repeat = episode.told_at.is_some_and(|told| time >= later(told, config.repeat));
    let news = news.or_else(|| match () {
        () if flapping => repeat.then_some(News::Repeat),
        () if releases > 0 && episode.releases.len() > releases => Some(News::Release),
        () if share > episode.told_share => Some(News::Share(share)),
        () => repeat.then_some(News::Repeat),
    });
    let Some(news) = news else { return Vec::new() };
    episode.told_at = Some(time);
    episode.told_share = episode.told_share.max(share);
    vec![Step::Update(news)]
}

fn note(episode: &mut Episode, occurrence: &Occurrence) {
    episode.occurrences += 1;
    let list = |names: &mut Vec<String>, name: Option<&String>| {
        if let Some(name) = name.filter(|name| names.len() < MAX_LISTED && !names.contains(name)) {
            names.push(name.clone());
        }
    };
    list(&mut episode.releases, occurrence.resource.release.as_ref().or(occurrence.resource.commit.as_ref()));
    list(&mut episode.instances, occurrence.resource.instance.as_ref());
}

/// The largest of [`SHARES`] that the failed instances have reached; 0 where instances are not known.
fn share(episode: &Episode, alive: usize) -> u8 {
    let failed = episode.instances.len();
    let reached = |share: &&u8| failed > 0 && failed * 100 >= usize::from(**share) * alive.max(failed);
    SHARES.iter().rev().find(reached).copied().unwrap_or(0)
}

/// Ends the episode, if one is open, and puts the track into `state`. The episode stays readable until its notice is made.
pub(crate) fn close(track: &mut Track, state: TrackState, time: Timestamp) {
    if let Some(episode) = &mut track.episode {
        episode.closed_at = Some(time);
    }
    track.last_alarm = None;
    track.acknowledged_by = None;
    track.flapping = None;
    track.returns.clear();
    enter(track, state, time);
}

/// Stable over restarts, replays and hosts: the track and the event time of its opening.
fn id(key: &TrackKey, opened_at: Timestamp) -> String {
    let text = format!("{}\u{0}{}\u{0}{}\u{0}{opened_at}", key.signature, key.service, key.environment);
    let digest = Sha256::digest(text.as_bytes());
    let head = digest.first_chunk::<8>().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(head))
}
