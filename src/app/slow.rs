//! Names slow signatures while the sidecar runs: one that is compared with much of what is read, and one whose step budget a record exceeds.
//! Receives the tallies of batches, gives each name once; the figures themselves are metrics.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use crate::matcher::scanner::Tally;

/// Of fewer bytes nothing is concluded.
const ENOUGH: u64 = 64 << 20;
/// A signature that is compared with more than one byte in so many is slow.
const SHARE: u64 = 20;

/// What the signatures have cost since the start.
#[derive(Debug, Default)]
pub(super) struct Slow {
    read: u64,
    work: HashMap<Arc<str>, u64>,
    told: HashSet<(Arc<str>, Slowness)>,
}

/// Why a signature is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Slowness {
    /// It is compared with much of what is read.
    OftenAsked,
    /// A record was too long for its step budget.
    OverBudget,
}

impl Slow {
    /// The signatures that `tally` shows to be slow and that were not named before.
    pub(super) fn newly(&mut self, tally: &Tally) -> Vec<(Arc<str>, Slowness)> {
        self.read += tally.bytes;
        let mut named = Vec::new();
        for (signature, work) in &tally.work {
            let bytes = self.work.entry(Arc::clone(signature)).or_default();
            *bytes += work.bytes;
            let often = self.read >= ENOUGH && *bytes > self.read / SHARE;
            let reasons = [(often, Slowness::OftenAsked), (work.over_budget > 0, Slowness::OverBudget)];
            for (_, reason) in reasons.into_iter().filter(|(applies, _)| *applies) {
                if self.told.insert((Arc::clone(signature), reason)) {
                    named.push((Arc::clone(signature), reason));
                }
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::scanner::Work;

    fn tally(bytes: u64, asked: u64, over_budget: u64) -> Tally {
        let work = [(Arc::from("one"), Work { bytes: asked, over_budget })].into();
        Tally { bytes, work, ..Tally::default() }
    }

    #[test]
    fn a_slow_signature_is_named_once_for_each_reason() {
        let mut slow = Slow::default();
        assert!(slow.newly(&tally(ENOUGH / 2, ENOUGH / 2, 0)).is_empty(), "too little was read");
        let named: Vec<_> = slow.newly(&tally(ENOUGH, 1, 0)).into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(named, [Slowness::OftenAsked]);
        let named: Vec<_> = slow.newly(&tally(10, 10, 1)).into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(named, [Slowness::OverBudget]);
        assert!(slow.newly(&tally(ENOUGH, ENOUGH, 1)).is_empty());
    }

    #[test]
    fn a_signature_that_is_asked_seldom_is_not_named() {
        assert!(Slow::default().newly(&tally(2 * ENOUGH, ENOUGH / SHARE, 0)).is_empty());
    }
}
