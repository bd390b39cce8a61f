//! What cannot be read, and why: said once when it begins and once when it ends, shown as long as it lasts.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::source::status::Problem;

#[derive(Debug)]
struct Fault {
    reason: String,
    since: Timestamp,
    /// The look that found it last; `None` for a fault of reading.
    round: Option<u64>,
}

/// The faults of one source.
#[derive(Debug, Default)]
pub(super) struct Faults(BTreeMap<PathBuf, Fault>);

impl Faults {
    /// Notes a fault; `round` is the look that found it, `None` when it was found while reading. `true` when it is new.
    pub(super) fn note(&mut self, path: &Path, reason: &dyn Display, round: Option<u64>, now: Timestamp) -> bool {
        let reason = reason.to_string();
        if let Some(fault) = self.0.get_mut(path).filter(|fault| fault.reason == reason) {
            fault.round = round;
            return false;
        }
        tracing::warn!(path = %path.display(), reason, "cannot read; trying again");
        self.0.insert(path.to_path_buf(), Fault { reason, since: now, round });
        true
    }

    /// Whether something is wrong with `path`.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    /// A look has ended: what it did not find any more is over. `true` when something is.
    pub(super) fn end_of_look(&mut self, round: u64) -> bool {
        let before = self.0.len();
        self.0.retain(|path, fault| {
            let lasts = fault.round.is_none_or(|found| found == round);
            if !lasts {
                tracing::info!(path = %path.display(), "readable again, or gone");
            }
            lasts
        });
        self.0.len() != before
    }

    /// Reading works. `true` when it did not before.
    pub(super) fn readable(&mut self, path: &Path) -> bool {
        if !self.concern(path) {
            return false;
        }
        self.0.remove(path);
        tracing::info!(path = %path.display(), "readable again");
        true
    }

    /// The file is gone, or begins anew.
    pub(super) fn forget(&mut self, path: &Path) {
        self.0.remove(path);
    }

    /// What to show.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let shown = |(path, fault): (&PathBuf, &Fault)| Problem {
            path: path.to_string_lossy().into_owned(),
            reason: fault.reason.clone(),
            since: fault.since,
        };
        self.0.iter().map(shown).collect()
    }
}
