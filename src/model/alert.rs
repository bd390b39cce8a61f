//! What leaves: a notice states the facts of one transition; the sinks only render it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::model::fix::Fix;
use crate::model::incident::EpisodeKind;
use crate::model::incident::Evidence;
use crate::model::incident::TrackKey;
use crate::model::verdict::Basis;
use crate::model::verdict::Verdict;

/// How bad the incident is when it returns (from the signature).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Wake someone.
    Critical,
    /// Someone should look today.
    High,
    /// Someone should look this week.
    #[default]
    Medium,
    /// For the record.
    Low,
    /// For the curious.
    Info,
}

impl Level {
    /// The name used in labels and YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

/// What kind of message a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The incident is back: one per episode.
    Page,
    /// Something needs a look: the text says what is missing.
    Warning,
    /// News of an open episode: another release, more instances, flapping, or still there. Never a new alert.
    Update,
    /// The episode or the suspicion is over.
    Resolved,
}

/// The facts of one transition that someone should hear of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Stable over restarts and replays; sinks de-duplicate by it.
    pub id: String,
    /// What kind of message this is.
    pub kind: NoticeKind,
    /// The track: the alert's identity.
    #[serde(flatten)]
    pub key: TrackKey,
    /// Signature title.
    pub title: String,
    /// Signature severity.
    pub severity: Level,
    /// Signature owner.
    pub owner: Option<String>,
    /// Runbook.
    pub runbook_url: Option<String>,
    /// First reference of the signature (report or ticket).
    pub reference: Option<String>,
    /// The episode this belongs to; `None` for a warning outside one.
    pub episode: Option<String>,
    /// What kind of return the episode is.
    #[serde(default)]
    pub episode_kind: Option<EpisodeKind>,
    /// Verdict of the occurrence that caused it.
    pub verdict: Verdict,
    /// What that verdict rests on.
    pub basis: Basis,
    /// One sentence: why.
    pub why: String,
    /// Event time of the transition.
    pub starts_at: Timestamp,
    /// Event time of the end (resolved notices only).
    pub ends_at: Option<Timestamp>,
    /// The fix in force, or the newest one.
    pub fix: Option<Fix>,
    /// Occurrences in this episode so far.
    pub occurrences: u64,
    /// Event time of the first occurrence of this episode.
    pub first_seen: Timestamp,
    /// Instances that failed / instances known.
    pub instances: (usize, usize),
    /// Releases without the fix that are still live.
    pub older_live: Vec<String>,
    /// Episodes before this one.
    pub previous_episodes: u64,
    /// Id of the episode with which this one is told: a receiver that joins alerts joins by it. `None` without an episode.
    #[serde(default)]
    pub group: Option<String>,
    /// Signatures that came back with this one.
    #[serde(default)]
    pub together: Vec<String>,
    /// The record behind it.
    pub evidence: Evidence,
}
