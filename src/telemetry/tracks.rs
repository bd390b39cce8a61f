//! Series of tracks and releases: the ones whose labels come from the input, and therefore the limited ones.

use std::collections::BTreeSet;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use jiff::Timestamp;

use crate::model::incident::TrackKey;
use crate::model::incident::TrackState;
use crate::model::verdict::Verdict;
use crate::model::view::ReleaseView;
use crate::telemetry::inert::label_value;
use crate::telemetry::labels::SuppressReason;
use crate::telemetry::limit::Admission;
use crate::telemetry::limit::ReleaseLabels;
use crate::telemetry::limit::TrackLabels;
use crate::telemetry::limit::TrackLimit;
use crate::telemetry::limit::limit_releases;
use crate::telemetry::metrics::Metrics;

/// What is exported of the input's names.
#[derive(Debug, Default)]
pub(super) struct Shown {
    tracks: TrackLimit,
    releases: BTreeSet<ReleaseLabels>,
    folded_releases: usize,
}

impl Metrics {
    /// Makes every series of a track exist: all verdicts, all states, the episodes and overlays, at 0. Does nothing to a known track.
    pub fn zero(&self, key: &TrackKey) {
        self.admit(key);
    }

    /// One matched record got `verdict`. Beyond [`MAX_TRACKS`](crate::telemetry::limit::MAX_TRACKS) it counts under `other`.
    pub fn count_match(&self, key: &TrackKey, verdict: Verdict) {
        let (labels, _) = self.admit(key);
        let [signature, service, environment] = &labels;
        self.matches.with_label_values(&[signature.as_str(), service, environment, verdict.as_str()]).inc();
    }

    /// The track is in `state`. Not shown for tracks beyond the limit: they share their labels and would overwrite each other.
    pub fn set_state(&self, key: &TrackKey, state: TrackState) {
        let (labels, own) = self.admit(key);
        if !own {
            return;
        }
        let [signature, service, environment] = &labels;
        for other in TrackState::ALL {
            self.incident_state
                .with_label_values(&[signature.as_str(), service, environment, other.as_str()])
                .set(i64::from(other == state));
        }
    }

    /// One episode was opened.
    pub fn episode(&self, key: &TrackKey) {
        let (labels, _) = self.admit(key);
        self.episodes.with_label_values(&labels).inc();
    }

    /// The moment from which the fix in force counts (`Fix::at`, or its first sight here); `None` when no fix applies any more.
    pub fn set_fix(&self, key: &TrackKey, at: Option<Timestamp>) {
        let (labels, own) = self.admit(key);
        match at {
            Some(at) if own => self.fix_timestamp.with_label_values(&labels).set(at.as_second()),
            // The series may never have existed; then there is nothing to remove.
            _ => drop(self.fix_timestamp.remove_label_values(&labels)),
        }
    }

    /// Whether the fix can never be judged for this track.
    pub fn set_unsatisfiable(&self, key: &TrackKey, unsatisfiable: bool) {
        let (labels, own) = self.admit(key);
        if own {
            self.fix_unsatisfiable.with_label_values(&labels).set(i64::from(unsatisfiable));
        }
    }

    /// Records of a signature that nearly matched. Call it with 0 for every signature of the catalog.
    pub fn near_misses(&self, signature: &str, records: u64) {
        self.near_misses.with_label_values(&[label_value(signature)]).inc_by(records);
    }

    /// Bytes a signature was compared with, and records that exceeded its step budget. Call it with 0 for every signature of the catalog.
    pub fn signature_work(&self, signature: &str, bytes: u64, over_budget: u64) {
        let labels = [label_value(signature)];
        self.signature_work.with_label_values(&labels).inc_by(bytes);
        self.signature_over_budget.with_label_values(&labels).inc_by(over_budget);
    }

    /// The releases that are live now; all others disappear. Beyond
    /// [`MAX_RELEASES`](crate::telemetry::limit::MAX_RELEASES) only the ones heard last are shown.
    pub fn set_live_releases(&self, live: &[ReleaseView]) {
        let (wanted, folded) = limit_releases(live);
        let mut shown = self.shown();
        for gone in shown.releases.difference(&wanted) {
            drop(self.live_release.remove_label_values(gone));
        }
        for labels in &wanted {
            self.live_release.with_label_values(labels).set(1);
        }
        let newly_folded = folded.saturating_sub(shown.folded_releases) as u64;
        shown.releases = wanted;
        shown.folded_releases = folded;
        drop(shown);
        self.suppressed.with_label_values(&[SuppressReason::LabelLimit.as_str()]).inc_by(newly_folded);
    }

    /// The labels of a track, and whether they are its own.
    fn admit(&self, key: &TrackKey) -> (TrackLabels, bool) {
        let admission = self.shown().tracks.admit(key);
        match admission {
            Admission::Known(labels) => (labels, true),
            Admission::New(labels) => {
                self.show_track(&labels);
                (labels, true)
            }
            Admission::Folded(labels) => {
                self.suppressed.with_label_values(&[SuppressReason::LabelLimit.as_str()]).inc();
                (labels, false)
            }
        }
    }

    fn show_track(&self, labels: &TrackLabels) {
        let [signature, service, environment] = labels;
        for verdict in Verdict::ALL {
            self.matches.with_label_values(&[signature.as_str(), service, environment, verdict.as_str()]);
        }
        for state in TrackState::ALL {
            self.incident_state.with_label_values(&[signature.as_str(), service, environment, state.as_str()]);
        }
        self.episodes.with_label_values(labels);
        self.fix_unsatisfiable.with_label_values(labels);
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        // A panic elsewhere leaves sets of names at worst: nothing that could be half done matters.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
