//! What is legal and still a mistake. Each lint receives a compiled [`Draft`] and reports; none of them needs a record, a matcher or a
//! clock. One file a group.

mod fixes;
mod identity;
mod practice;
mod prefilter;
mod proof;
mod skeleton;
mod traps;
mod wording;

use crate::catalog::compile::Draft;
use crate::catalog::practice::Practice;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;

pub(crate) use self::identity::check as catalog;

/// Every lint that looks at one signature.
pub(crate) fn signature(draft: &mut Draft, practice: Practice<'_>, report: &mut Report) {
    traps::check(&draft.texts, report);
    wording::check(&draft.texts, report);
    practice::check(&draft.spec, &draft.texts, practice, report);
    // What could not be read must not be called missing.
    let readable = !report.problems.iter().any(|problem| problem.code == Code::WrongType);
    fixes::check(&draft.spec, readable, report);
    proof::check(&draft.spec, readable, report);
    if let Some(signature) = draft.signature.clone() {
        let place = draft.spec.detection.as_ref().map(crate::catalog::yaml::Node::anchor).unwrap_or_default();
        prefilter::check(&signature.detection, &place, report);
    }
    if report.blocked() {
        draft.signature = None;
    }
}
