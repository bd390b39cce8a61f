//! The verdict on one matched record, and what it rests on.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a matched record means. Every matched record gets exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The release contains the fix and the incident happened all the same.
    Regression,
    /// The fix was live and was taken back.
    Rollback,
    /// A diagnosis rule: the source is fixed, the process runs old bytecode.
    StaleRuntime,
    /// An old build still runs after the rollout ended.
    StaleBuild,
    /// An old build while the fix rolls out.
    Rollout,
    /// The fixed release has not been seen here yet.
    AwaitingDeploy,
    /// The event is older than every fix.
    PreFix,
    /// No fix applies here: known and open.
    KnownOpen,
    /// Release and clock do not decide.
    UnknownRelease,
}

impl Verdict {
    /// Every verdict, in the order in which reports list them.
    pub const ALL: [Self; 9] = [
        Self::Regression,
        Self::Rollback,
        Self::StaleRuntime,
        Self::StaleBuild,
        Self::Rollout,
        Self::AwaitingDeploy,
        Self::PreFix,
        Self::KnownOpen,
        Self::UnknownRelease,
    ];

    /// The name used in metrics, JSON and YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Rollback => "rollback",
            Self::StaleRuntime => "stale_runtime",
            Self::StaleBuild => "stale_build",
            Self::Rollout => "rollout",
            Self::AwaitingDeploy => "awaiting_deploy",
            Self::PreFix => "pre_fix",
            Self::KnownOpen => "known_open",
            Self::UnknownRelease => "unknown_release",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How often each verdict was given. Stored and shown as a map of those that were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Verdict, u64>", into = "BTreeMap<Verdict, u64>")]
pub struct VerdictCounts([u64; Verdict::ALL.len()]);

impl VerdictCounts {
    /// Counts one more.
    pub fn add(&mut self, verdict: Verdict) {
        self.add_many(verdict, 1);
    }

    fn add_many(&mut self, verdict: Verdict, times: u64) {
        if let Some(count) = self.0.get_mut(verdict as usize) {
            *count += times;
        }
    }

    /// The verdicts that were given, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Verdict, u64)> {
        Verdict::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

impl From<BTreeMap<Verdict, u64>> for VerdictCounts {
    fn from(counts: BTreeMap<Verdict, u64>) -> Self {
        let mut all = Self::default();
        for (verdict, times) in counts {
            all.add_many(verdict, times);
        }
        all
    }
}

impl From<VerdictCounts> for BTreeMap<Verdict, u64> {
    fn from(counts: VerdictCounts) -> Self {
        counts.iter().collect()
    }
}

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A diagnosis rule of the signature matched the record.
    Diagnosis,
    /// The process started before the fix took effect, or after the rollout ended.
    ProcessStart,
    /// A manifest lists the release or commit.
    Manifest,
    /// The fix's branch map.
    Line,
    /// Release order.
    Order,
    /// Order of declared deploys.
    Deploy,
    /// Order of first sight (opt-in).
    FirstSeen,
    /// Event time against the fix time: low confidence for code.
    Time,
    /// No fix applies to this service and environment.
    NoFix,
    /// Unknown: the record carries no release.
    NoRelease,
    /// Unknown: the releases cannot be compared.
    Incomparable,
    /// Unknown: the release does not parse in its scheme.
    Unparsed,
    /// Unknown: the release lies between two listed branch lines.
    LineGap,
    /// Unknown: only the day of the fix is known and the event lies inside it.
    AmbiguousFixTime,
    /// Unknown: only a part of a correlation was seen.
    Partial,
}

impl Basis {
    /// The name used in JSON and texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Diagnosis => "diagnosis",
            Self::ProcessStart => "process_start",
            Self::Manifest => "manifest",
            Self::Line => "line",
            Self::Order => "order",
            Self::Deploy => "deploy",
            Self::FirstSeen => "first_seen",
            Self::Time => "time",
            Self::NoFix => "no_fix",
            Self::NoRelease => "no_release",
            Self::Incomparable => "incomparable",
            Self::Unparsed => "unparsed",
            Self::LineGap => "line_gap",
            Self::AmbiguousFixTime => "ambiguous_fix_time",
            Self::Partial => "partial",
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_counted_for_itself() {
        let mut counts = VerdictCounts::default();
        for (times, verdict) in Verdict::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| counts.add(verdict));
        }
        let told: Vec<_> = counts.iter().collect();
        let wanted: Vec<_> = Verdict::ALL.into_iter().zip(0..).skip(1).collect();
        assert_eq!(told, wanted, "what was never given is left out");
        let stored = serde_json::to_string(&counts).unwrap();
        assert!(stored.starts_with(r#"{"rollback":1,"#), "{stored}");
        assert_eq!(serde_json::from_str::<VerdictCounts>(&stored).unwrap(), counts);
    }
}
