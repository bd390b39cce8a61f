//! Which tracks and releases get series of their own. Services, environments and releases come from the input, so somebody can
//! invent a million of them; the number of series must not follow.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::HashSet;

use crate::model::incident::TrackKey;
use crate::model::view::ReleaseView;
use crate::telemetry::inert::label_value;

/// Label value that stands for everything beyond a limit.
pub const OTHER: &str = "other";
/// Tracks with series of their own; the ones known first win.
pub const MAX_TRACKS: usize = 1_000;
/// Releases with a series of their own; the ones heard last win.
pub const MAX_RELEASES: usize = 200;

/// How a track is labelled: signature, service, environment.
pub(super) type TrackLabels = [String; 3];

/// The tracks that were let in.
#[derive(Debug, Default)]
pub(super) struct TrackLimit {
    admitted: HashSet<TrackKey>,
}

/// What the limit says about one track.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It has series of its own, since now.
    New(TrackLabels),
    /// It has series of its own.
    Known(TrackLabels),
    /// It shares the series of [`OTHER`].
    Folded(TrackLabels),
}

impl TrackLimit {
    pub(super) fn admit(&mut self, key: &TrackKey) -> Admission {
        let labels = || {
            [label_value(&key.signature), label_value(&key.service), label_value(&key.environment)]
                .map(std::borrow::Cow::into_owned)
        };
        if self.admitted.contains(key) {
            return Admission::Known(labels());
        }
        if self.admitted.len() >= MAX_TRACKS {
            return Admission::Folded([label_value(&key.signature).into_owned(), OTHER.to_owned(), OTHER.to_owned()]);
        }
        self.admitted.insert(key.clone());
        Admission::New(labels())
    }
}

/// How a release is labelled: service, environment, release, `contains_fix`.
pub(super) type ReleaseLabels = [String; 4];

/// The labels to export for `live`, and how many releases were folded into [`OTHER`] or left out.
pub(super) fn limit_releases(live: &[ReleaseView]) -> (BTreeSet<ReleaseLabels>, usize) {
    let mut newest: Vec<&ReleaseView> = live.iter().collect();
    newest.sort_by_key(|release| (Reverse(release.last_seen.max(release.declared_at)), &release.release));
    let folded = newest.len().saturating_sub(MAX_RELEASES);
    let mut labels: BTreeSet<ReleaseLabels> = newest
        .iter()
        .take(MAX_RELEASES)
        .map(|release| {
            let contains_fix = match release.contains_fix {
                Some(true) => "yes",
                Some(false) => "no",
                None => "unknown",
            };
            let names = [&release.service, &release.environment, &release.release].map(|name| label_value(name));
            let [service, environment, name] = names.map(Cow::into_owned);
            [service, environment, name, contains_fix.to_owned()]
        })
        .collect();
    if folded > 0 {
        labels.insert([OTHER, OTHER, OTHER, "unknown"].map(str::to_owned));
    }
    (labels, folded)
}
