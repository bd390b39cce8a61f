//! What the API shows: snapshots the pipeline publishes and `http` only reads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::incident::{Episode, EpisodeKind, LiveRelease, Track, TrackState};
use crate::model::verdict::Verdict;

/// One track, as `GET /api/v1/incidents` lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentView {
    /// Signature id.
    pub signature: String,
    /// Signature title.
    pub title: String,
    /// `service.name`.
    pub service: String,
    /// `deployment.environment.name`.
    pub environment: String,
    /// Where the track stands.
    pub state: TrackState,
    /// Since when (event time).
    pub since: Timestamp,
    /// Verdict of the latest match; null before the first.
    pub verdict: Option<Verdict>,
    /// Matched records, durable total over all verdicts.
    pub occurrences: u64,
    /// Event time of the earliest match.
    pub first_seen: Option<Timestamp>,
    /// Event time of the latest match.
    pub last_seen: Option<Timestamp>,
    /// The open episode; null when there is none.
    pub episode: Option<Episode>,
    /// Episodes opened so far.
    pub episodes: u64,
    /// Until when nothing is delivered (it may be over); null when it was never muted or was unmuted.
    pub muted_until: Option<Timestamp>,
    /// Who works on the open episode.
    pub acknowledged_by: Option<String>,
    /// Since when it goes back and forth between calm and failing.
    pub flapping_since: Option<Timestamp>,
    /// Since when an old build or stale bytecode fails long after the rollout.
    pub stale_since: Option<Timestamp>,
    /// Since when the fix is known to be one that can never be judged here.
    pub unsatisfiable_since: Option<Timestamp>,
    /// Kind of the open episode: `relapse`, `ineffective_fix` or `rollback`.
    pub episode_kind: Option<EpisodeKind>,
}

impl IncidentView {
    /// The view of `track`.
    pub fn of(track: &Track, title: &str) -> Self {
        Self {
            signature: track.key.signature.to_string(),
            title: title.to_owned(),
            service: track.key.service.to_string(),
            environment: track.key.environment.to_string(),
            state: track.state,
            since: track.since,
            verdict: track.last_verdict,
            occurrences: track.occurrences,
            first_seen: track.first_seen,
            last_seen: track.last_seen,
            episode: track.episode.as_deref().cloned(),
            episodes: track.episodes,
            muted_until: track.muted_until,
            acknowledged_by: track.acknowledged_by.clone(),
            flapping_since: track.flapping,
            stale_since: track.stale.map(|known| known.first),
            unsatisfiable_since: track.unsatisfiable,
            episode_kind: track.episode.as_ref().map(|episode| episode.kind),
        }
    }
}

/// One live release, as `GET /api/v1/deploys` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseView {
    /// `service.name`.
    pub service: String,
    /// `deployment.environment.name`.
    pub environment: String,
    /// `service.version`.
    pub release: String,
    /// Whether the service is taken to run it now.
    pub current: bool,
    /// When its deployment was declared; null when it was only heard.
    pub declared_at: Option<Timestamp>,
    /// Event time of its first record; null when it was only declared.
    pub first_seen: Option<Timestamp>,
    /// Event time of its latest record; null when it was only declared.
    pub last_seen: Option<Timestamp>,
    /// Instances heard on it.
    pub instances: usize,
    /// Whether it contains every fix of the incidents known there; null when nobody can tell, or there is none.
    pub contains_fix: Option<bool>,
}

impl ReleaseView {
    /// The view of `live`.
    pub fn of(live: &LiveRelease, contains_fix: Option<bool>) -> Self {
        Self {
            service: live.service.to_string(),
            environment: live.environment.to_string(),
            release: live.release.clone(),
            current: live.current,
            declared_at: live.declared_at,
            first_seen: live.heard.then_some(live.first_seen),
            last_seen: live.heard.then_some(live.last_seen),
            instances: live.instances.len(),
            contains_fix,
        }
    }
}

/// One signature that is blind, as `GET /api/v1/blind` lists it: no record comes that it could match in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlindView {
    /// Signature id.
    pub signature: String,
    /// The services of its scope; empty when it names none.
    pub services: Vec<String>,
    /// The environments of its scope; empty when it names none.
    pub environments: Vec<String>,
    /// When such a record came last, by relapse's clock; null when none has since relapse started.
    pub last_heard: Option<Timestamp>,
}

/// One line of `/readyz?verbose`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `catalog`, `store`, `source/<path>`.
    pub name: String,
    /// `Err` carries the reason, for humans.
    pub state: Result<(), String>,
    /// What is worth knowing and does not make it fail, a line each.
    pub notes: Vec<String>,
}
