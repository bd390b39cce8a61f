//! The verdict: a total function, first row wins (verdicts.md, section 4).

use std::fmt;

use jiff::Timestamp;

use crate::catalog::signature::Diagnosis;
use crate::incident::containment::Answer;
use crate::incident::containment::Surroundings;
use crate::incident::containment::contains;
use crate::incident::containment::later;
use crate::incident::outlook::FixState;
use crate::incident::outlook::Shipped;
use crate::incident::outlook::View;
use crate::incident::reason::Place;
use crate::incident::reason::Reason;
use crate::model::record::Resource;
use crate::model::verdict::Basis;
use crate::model::verdict::Verdict;

/// A verdict, what it rests on and why, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// What it rests on.
    pub basis: Basis,
    /// One sentence for humans. Empty where nobody is told: see `Engine::explain_all`.
    pub why: String,
}

/// A verdict whose reason has not become a sentence yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ruling<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) basis: Basis,
    reason: Reason<'a>,
    place: Option<Place<'a>>,
    /// What else the occurrence rests on (the other records of a correlation).
    note: Option<&'a str>,
}

impl fmt::Display for Ruling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        if let Some(place) = self.place {
            write!(f, "; {place}")?;
        }
        match self.note {
            Some(note) => write!(f, "; {note}"),
            None => Ok(()),
        }
    }
}

/// What a verdict is given on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) resource: &'a Resource,
    /// Event time, capped at ingest time + skew.
    pub(crate) time: Timestamp,
    /// The diagnosis rule that matched.
    pub(crate) diagnosis: Option<&'a Diagnosis>,
    /// Only a part of a correlation was seen: nothing may be claimed on it.
    pub(crate) is_part: bool,
    /// See [`Ruling`].
    pub(crate) note: Option<&'a str>,
}

/// Judges one occurrence by the fix that counts at its time.
pub(crate) fn judge<'a>(case: &Case<'a>, state: FixState<'a>, around: &Surroundings<'a>) -> Ruling<'a> {
    let ruling = by_table(case, state, around);
    let alarming = matches!(ruling.verdict, Verdict::Regression | Verdict::Rollback | Verdict::UnknownRelease);
    if case.is_part && alarming {
        return Ruling {
            verdict: Verdict::UnknownRelease,
            basis: Basis::Partial,
            reason: Reason::Part,
            place: None,
            note: case.note,
        };
    }
    ruling
}

fn by_table<'a>(case: &Case<'a>, state: FixState<'a>, around: &Surroundings<'a>) -> Ruling<'a> {
    let give = |verdict, basis, reason| Ruling { verdict, basis, reason, place: None, note: case.note };
    if let Some(rule) = case.diagnosis {
        return give(rule.verdict, Basis::Diagnosis, Reason::Diagnosis(rule.advice.as_deref()));
    }
    let time = case.time;
    let (fix, view) = match state {
        FixState::None => return give(Verdict::KnownOpen, Basis::NoFix, Reason::NoFix),
        FixState::Later(fix) if fix.day_start.is_some_and(|start| later(time, around.config.skew) >= start) => {
            return give(Verdict::UnknownRelease, Basis::AmbiguousFixTime, Reason::InsideDay { time });
        }
        FixState::Later(fix) => {
            return give(Verdict::PreFix, Basis::Time, Reason::BeforeFix { time, fix: fix.at });
        }
        FixState::InForce(fix, view) => (fix, view),
    };
    let found = contains((fix, view), case.resource, time, around);
    match found.answer {
        Answer::Yes => give(Verdict::Regression, found.basis, found.reason),
        Answer::Unknown => give(Verdict::UnknownRelease, found.basis, found.reason),
        Answer::No => {
            let (verdict, place) = without_fix(view, time, around);
            Ruling { place: Some(place), ..give(verdict, found.basis, found.reason) }
        }
    }
}

/// Rows 4–7: the build is known not to contain the fix.
fn without_fix<'a>(view: &View, time: Timestamp, around: &Surroundings<'a>) -> (Verdict, Place<'a>) {
    if view.shipped == Shipped::TakenBack
        && let Some(current) = around.population.current()
    {
        return (Verdict::Rollback, Place::Unshipped(&current.release));
    }
    if view.is_absent(time, around) {
        return (Verdict::AwaitingDeploy, Place::NotSeen);
    }
    match view.rollout_end {
        Some(end) if time < end => (Verdict::Rollout, Place::RollingOut(end)),
        Some(end) => (Verdict::StaleBuild, Place::RolledOut(end)),
        None => (Verdict::AwaitingDeploy, Place::NotRollingOut),
    }
}
