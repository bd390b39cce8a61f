//! What people see of the live releases: which is current, and which contain the fixes of the incidents known there.

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::signature::Signature;
use crate::incident::containment::Answer;
use crate::incident::containment::Surroundings;
use crate::incident::containment::later;
use crate::incident::containment::travels;
use crate::model::fix::Fix;
use crate::model::view::ReleaseView;

/// The live releases of one service and environment, beside the fixes of `signatures`.
pub(crate) fn of<'a>(
    environment: &str,
    signatures: impl Iterator<Item = &'a Arc<Signature>>,
    around: &Surroundings<'a>,
) -> Vec<ReleaseView> {
    let reached = around.population.clock.map_or(Timestamp::MAX, |clock| later(clock, around.config.skew));
    let newest = |signature: &'a Arc<Signature>| {
        let meant =
            signature.fixes.iter().filter(|fix| !signature.open && fix.at <= reached && travels(fix, &around.rules));
        meant.filter(|fix| fix.applies_to(around.rules.service, environment)).max_by_key(|fix| fix.at)
    };
    let fixes: Vec<&Fix> = signatures.filter_map(newest).collect();
    around
        .population
        .releases()
        .map(|live| ReleaseView::of(live, contains_all(&fixes, &live.release, around)))
        .collect()
}

/// Whether `release` contains every fix. `None` = nobody can tell, or there is none to contain.
fn contains_all(fixes: &[&Fix], release: &str, around: &Surroundings<'_>) -> Option<bool> {
    let answers = || fixes.iter().map(|fix| around.answer(fix, release));
    if answers().any(|answer| answer == Answer::No) {
        return Some(false);
    }
    (!fixes.is_empty() && answers().all(|answer| answer == Answer::Yes)).then_some(true)
}
