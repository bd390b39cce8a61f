//! What relapse remembers: tracks, episodes, evidence and live releases. Serialised forms are stored and shown: change them
//! only together with `store`'s schema version.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::verdict::{Basis, Verdict, VerdictCounts};

/// `service.name` of a record that names none (OpenTelemetry's own default).
pub const UNKNOWN_SERVICE: &str = "unknown_service";
/// Environment of a record that names none.
pub const UNKNOWN_ENVIRONMENT: &str = "unknown";

/// All state is kept per track: an event in `dev` never consumes an alert of `prod`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrackKey {
    /// Signature id.
    pub signature: Arc<str>,
    /// `service.name`, or [`UNKNOWN_SERVICE`].
    pub service: Arc<str>,
    /// `deployment.environment.name`, or [`UNKNOWN_ENVIRONMENT`].
    pub environment: Arc<str>,
}

impl fmt::Display for TrackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}/{}", self.signature, self.service, self.environment)
    }
}

/// Where a track stands (verdicts.md, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackState {
    /// Known and not fixed: counts, never pages.
    Open,
    /// A fix exists, its release has not been seen here.
    FixPending,
    /// The fixed release is being rolled out.
    RollingOut,
    /// Fixed and rolled out.
    Fixed,
    /// Something that may be a regression and cannot be decided.
    Suspect,
    /// It came back: an episode is open.
    Relapsed,
    /// An episode is open, the regression has stopped for a while.
    Quiet,
    /// The signature left the catalog.
    Retired,
}

impl TrackState {
    /// Every state, in the order of a track's life.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::FixPending,
        Self::RollingOut,
        Self::Fixed,
        Self::Suspect,
        Self::Relapsed,
        Self::Quiet,
        Self::Retired,
    ];

    /// The name used in metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::FixPending => "fix_pending",
            Self::RollingOut => "rolling_out",
            Self::Fixed => "fixed",
            Self::Suspect => "suspect",
            Self::Relapsed => "relapsed",
            Self::Quiet => "quiet",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for TrackState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everything remembered about one signature in one service and environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Which one.
    pub key: TrackKey,
    /// Where it stands.
    pub state: TrackState,
    /// Since when (event time).
    pub since: Timestamp,
    /// Where `suspect` returns to when it is not confirmed.
    pub before_suspect: Option<TrackState>,
    /// Matched records, all verdicts, durable.
    pub occurrences: u64,
    /// The same, by verdict.
    pub verdicts: VerdictCounts,
    /// Event time of the earliest match.
    pub first_seen: Option<Timestamp>,
    /// Event time of the latest match.
    pub last_seen: Option<Timestamp>,
    /// Verdict of the latest match.
    pub last_verdict: Option<Verdict>,
    /// Event time of the latest match that kept the track from calm (a regression, or the doubt behind a suspicion).
    pub last_alarm: Option<Timestamp>,
    /// Recent regressions that wait for `confirm.count`.
    pub unconfirmed: Vec<Timestamp>,
    /// The open episode, if any.
    pub episode: Option<Box<Episode>>,
    /// Episodes opened so far; the open one included.
    pub episodes: u64,
    /// The fix that was in force when the track was last judged (`Fix::at`), to notice a newer one.
    pub fix_at: Option<Timestamp>,
    /// Whether the fix in force has had a calm spell here: then a return is a relapse, else the fix never worked.
    #[serde(default)]
    pub soaked: bool,
    /// When the open episode went from quiet back to relapsed, within the last day.
    #[serde(default)]
    pub returns: Vec<Timestamp>,
    /// Overlay `flapping`: since when the track goes back and forth.
    #[serde(default)]
    pub flapping: Option<Timestamp>,
    /// Overlay `fix_unsatisfiable`: since when the fix is known to be one that can never be judged here.
    #[serde(default)]
    pub unsatisfiable: Option<Timestamp>,
    /// Overlay `muted`: until when nothing is delivered (verdicts, metrics and state go on).
    #[serde(default)]
    pub muted_until: Option<Timestamp>,
    /// Overlay `acknowledged`: who works on the open episode.
    #[serde(default)]
    pub acknowledged_by: Option<String>,
    /// Overlay `stale`: an old build or stale bytecode keeps failing long after the rollout; one warning while it lasts.
    pub stale: Option<Heard>,
    /// Failures of old builds since the fix in force counts.
    #[serde(default)]
    pub stale_builds: u64,
    /// Alarms that are over.
    #[serde(default)]
    pub past: Past,
}

/// When the calm behind the last alarm of each kind was over (event time): an older record that comes late is no return.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// An episode.
    pub episode: Option<Timestamp>,
    /// A suspicion.
    pub doubt: Option<Timestamp>,
    /// Staleness.
    pub stale: Option<Timestamp>,
}

/// One return of the incident, from the page to the all-clear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Stable over restarts and replays: derived from the track and the event that opened it.
    pub id: String,
    /// 1 for the first return in this track.
    pub number: u64,
    /// Event time of the occurrence that opened it.
    pub opened_at: Timestamp,
    /// Event time at which it was closed.
    pub closed_at: Option<Timestamp>,
    /// `regression` or `rollback`.
    pub cause: Verdict,
    /// What kind of return this is; decided when it opened.
    #[serde(default)]
    pub kind: EpisodeKind,
    /// Id of the episode with which this one is told: the first that opened here within a minute, or of one family; its own, if alone.
    #[serde(default)]
    pub group: String,
    /// The signatures of the others in that group when it opened (bounded).
    #[serde(default)]
    pub together: Vec<String>,
    /// Event time of the last notice about it.
    #[serde(default)]
    pub told_at: Option<Timestamp>,
    /// Per cent of the instances that had failed when that notice left.
    #[serde(default)]
    pub told_share: u8,
    /// Occurrences of the cause's kind in this episode.
    pub occurrences: u64,
    /// Releases seen failing, in order of appearance (bounded).
    pub releases: Vec<String>,
    /// Instances seen failing, in order of appearance (bounded).
    pub instances: Vec<String>,
    /// The record that opened it.
    pub evidence: Evidence,
    /// One sentence: why this is a regression.
    pub why: String,
}

/// What kind of return an episode is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeKind {
    /// There was calm after the fix was live, and then it came back.
    #[default]
    Relapse,
    /// It never stopped: the fixed release failed from its first hour on.
    IneffectiveFix,
    /// The fix was live and was taken back.
    Rollback,
    /// An old build or stale bytecode long after the rollout: warned of, never paged.
    Stale,
    /// Nobody can tell whether the fix is there: warned of, never paged.
    Unverifiable,
}

impl EpisodeKind {
    /// The name used in JSON and texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relapse => "relapse",
            Self::IneffectiveFix => "ineffective_fix",
            Self::Rollback => "rollback",
            Self::Stale => "stale",
            Self::Unverifiable => "unverifiable",
        }
    }
}

/// The record that opened an episode, pinned: enough to act on without the log at hand.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Event time.
    pub time: Option<Timestamp>,
    /// First line of the body, bounded.
    pub message: String,
    /// `type: message` of the root exception, if any.
    pub exception: Option<String>,
    /// Where the root exception was raised (`path:line in function`).
    pub raised_at: Option<String>,
    /// `service.version` or commit of the record.
    pub release: Option<String>,
    /// `service.instance.id`.
    pub instance: Option<String>,
    /// Trace id.
    pub trace_id: Option<String>,
    /// What the verdict rests on.
    pub basis: Option<Basis>,
    /// File and line.
    pub file: String,
    /// 1-based line of the record's start.
    pub line: u64,
    /// Named captures of the signature's patterns.
    pub captures: BTreeMap<String, String>,
    /// Advice of the diagnosis rule, if one matched.
    pub advice: Option<String>,
}

/// One release heard in one service and environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRelease {
    /// `service.name`.
    pub service: Arc<str>,
    /// `deployment.environment.name`.
    pub environment: Arc<str>,
    /// `service.version`.
    pub release: String,
    /// Event time of the first record.
    pub first_seen: Timestamp,
    /// Event time of the latest record.
    pub last_seen: Timestamp,
    /// The longest silence between two of its records.
    pub longest_gap: SignedDuration,
    /// Whether this is the release the service is taken to run now.
    pub current: bool,
    /// Whether it ever was.
    pub was_current: bool,
    /// When its deployment was declared (the latest declaration); `None` when it was only heard.
    #[serde(default)]
    pub declared_at: Option<Timestamp>,
    /// Whether any record carried it; false while it is only declared, and the two times above are that of the declaration.
    #[serde(default = "yes")]
    pub heard: bool,
    /// Its claim to be current, while another release is.
    #[serde(default)]
    pub challenge: Option<Challenge>,
    /// Instance → when it was heard on this release (bounded).
    pub instances: BTreeMap<String, Heard>,
}

const fn yes() -> bool {
    true
}

/// A release that may be about to become current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Records since the current release was last heard.
    pub records: u32,
    /// Event time of the first of them.
    pub since: Timestamp,
}

/// When something was heard, in event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// First record.
    pub first: Timestamp,
    /// Latest record.
    pub last: Timestamp,
}
