//! The verdict: a total function, first row wins (verdicts.md, section 4).

use jiff::Timestamp;

use crate::catalog::signature::Signature;
use crate::incident::config::IncidentConfig;
use crate::incident::containment::Answer;
use crate::incident::containment::FixInForce;
use crate::incident::containment::Surroundings;
use crate::incident::containment::contains;
use crate::incident::containment::later;
use crate::incident::containment::release_contains;
use crate::incident::order::Scheme;
use crate::incident::population::Population;
use crate::model::fix::Fix;
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
    /// One sentence for humans.
    pub why: String,
}

/// What a verdict is given on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) signature: &'a Signature,
    pub(crate) service: &'a str,
    pub(crate) environment: &'a str,
    pub(crate) resource: &'a Resource,
    /// Event time, capped at ingest time + skew.
    pub(crate) time: Timestamp,
    /// Index of the diagnosis rule that matched.
    pub(crate) diagnosis: Option<usize>,
}

/// The newest fix meant for this place whose effect reaches `time`; the newest of all when none does.
pub(crate) enum FixState<'a> {
    /// No fix applies here, or the signature says it is open.
    None,
    /// Fixes exist, all of them later than `time`.
    Later(&'a Fix),
    /// This one counts.
    InForce(FixInForce<'a>),
}

/// Which fix counts at `time`.
pub(crate) fn fix_state<'a>(case: &Case<'a>, population: &Population, config: &IncidentConfig) -> FixState<'a> {
    let scheme = config.order_of(case.service);
    let applicable = case.signature.fixes.iter().filter(|fix| fix.applies_to(case.service, case.environment));
    let mut earliest: Option<&Fix> = None;
    let mut newest: Option<FixInForce<'_>> = None;
    if case.signature.open {
        return FixState::None;
    }
    for fix in applicable {
        earliest = Some(earliest.filter(|other| other.at <= fix.at).unwrap_or(fix));
        let seen = FixInForce::new(fix, population, scheme, case.time, config);
        if seen.effective_at <= later(case.time, config.skew) && newest.is_none_or(|other| other.fix.at <= fix.at) {
            newest = Some(seen);
        }
    }
    match (newest, earliest) {
        (Some(in_force), _) => FixState::InForce(in_force),
        (None, Some(fix)) => FixState::Later(fix),
        (None, None) => FixState::None,
    }
}

/// Judges one occurrence.
pub(crate) fn judge(case: &Case<'_>, population: &Population, config: &IncidentConfig) -> Judgement {
    let give = |verdict, basis, why| Judgement { verdict, basis, why };
    if let Some(rule) = case.diagnosis.and_then(|index| case.signature.diagnosis.get(index)) {
        let why = rule.advice.clone().unwrap_or_else(|| "a diagnosis rule of the signature matches".to_owned());
        return give(rule.verdict, Basis::Diagnosis, why);
    }
    let in_force = match fix_state(case, population, config) {
        FixState::None => return give(Verdict::KnownOpen, Basis::NoFix, "no fix applies here".to_owned()),
        FixState::Later(fix) if fix.day_start.is_some_and(|start| later(case.time, config.skew) >= start) => {
            let why = format!("the fix names only its day, and {} lies inside it: give the fix a time", case.time);
            return give(Verdict::UnknownRelease, Basis::AmbiguousFixTime, why);
        }
        FixState::Later(fix) => {
            return give(Verdict::PreFix, Basis::Time, format!("{} is before the fix of {}", case.time, fix.at));
        }
        FixState::InForce(in_force) => in_force,
    };
    let scheme = config.order_of(case.service);
    let found = contains(&in_force, case.resource, case.time, Surroundings { population, scheme, config });
    match found.answer {
        Answer::Yes => give(Verdict::Regression, found.basis, found.why),
        Answer::Unknown => give(Verdict::UnknownRelease, found.basis, found.why),
        Answer::No => {
            let (verdict, more) = without_fix(&in_force, case, population, scheme, config);
            give(verdict, found.basis, format!("{}; {more}", found.why))
        }
    }
}

/// Rows 4–7: the build is known not to contain the fix.
fn without_fix(
    in_force: &FixInForce<'_>,
    case: &Case<'_>,
    population: &Population,
    scheme: &Scheme,
    config: &IncidentConfig,
) -> (Verdict, String) {
    let has_fix = |release: &str| release_contains(in_force.fix, release, scheme);
    let travels = in_force.fix.release.is_some() || !in_force.fix.lines.is_empty();
    let current = population.current();
    let ever_current = population.releases().any(|live| live.was_current && has_fix(&live.release));
    if travels
        && ever_current
        && let Some(now) = current.filter(|now| !has_fix(&now.release))
    {
        return (Verdict::Rollback, format!("the fix was live and {} is current again", now.release));
    }
    let heard_lately = population
        .releases()
        .any(|live| has_fix(&live.release) && case.time.duration_since(live.last_seen) <= config.drain);
    if travels && !ever_current && !heard_lately {
        return (Verdict::AwaitingDeploy, "no release with the fix has been seen here".to_owned());
    }
    match in_force.rollout_end {
        Some(end) if case.time < end => (Verdict::Rollout, format!("the rollout lasts until {end}")),
        Some(end) => (Verdict::StaleBuild, format!("the rollout ended at {end}")),
        None => (Verdict::AwaitingDeploy, "the fixed release has not been seen here".to_owned()),
    }
}
