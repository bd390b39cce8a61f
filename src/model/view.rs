//! What the API shows: snapshots the pipeline publishes and `http` only reads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::incident::{Episode, Track, TrackState};
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
            episode: track.episode.clone(),
            episodes: track.episodes,
        }
    }
}

/// One line of `/readyz?verbose`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `catalog`, `store`, `source/<path>`.
    pub name: String,
    /// `Err` carries the reason, for humans.
    pub state: Result<(), String>,
}
