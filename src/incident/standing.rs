//! Where the fixes alone put a track: the state without any alarm, and whether the fix can be judged here at all.

use jiff::Timestamp;

use crate::incident::config::IncidentConfig;
use crate::incident::containment::FixInForce;
use crate::incident::containment::later;
use crate::incident::order::Scheme;
use crate::incident::population::Population;
use crate::incident::verdict;
use crate::incident::verdict::Case;
use crate::incident::verdict::FixState;
use crate::model::fix::Fix;
use crate::model::incident::TrackState;

/// What the fixes say about a track at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The state without any alarm.
    pub(crate) base: TrackState,
    /// Time of the newest fix meant for this place, in force or not.
    pub(crate) fix_at: Option<Timestamp>,
    /// Since when the fix in force counts here.
    pub(crate) effective_at: Option<Timestamp>,
    /// Why the fix in force can never be judged here.
    pub(crate) unsatisfiable: Option<String>,
}

impl Standing {
    /// At `case.time`.
    pub(crate) fn of(case: &Case<'_>, population: &Population, config: &IncidentConfig) -> Self {
        let meant = case.signature.fixes.iter().filter(|fix| fix.applies_to(case.service, case.environment));
        let alone = |standing| Self {
            base: standing,
            fix_at: meant.clone().map(|fix| fix.at).max(),
            effective_at: None,
            unsatisfiable: None,
        };
        match verdict::fix_state(case, population, config) {
            FixState::Later(fix) if fix.day_start.is_some_and(|start| case.time >= start) => {
                alone(TrackState::FixPending)
            }
            FixState::None | FixState::Later(_) => alone(TrackState::Open),
            FixState::InForce(in_force) => {
                let scheme = config.order_of(case.service);
                let base = match in_force.rollout_end {
                    None => TrackState::FixPending,
                    Some(end) if case.time < end => TrackState::RollingOut,
                    Some(_) => TrackState::Fixed,
                };
                Self {
                    effective_at: Some(in_force.effective_at),
                    unsatisfiable: unsatisfiable(&in_force, case.time, population, scheme, config),
                    ..alone(base)
                }
            }
        }
    }
}

/// An old build that still fails so long after the rollout is a zombie, not a straggler.
pub(crate) fn is_long_stale(case: &Case<'_>, population: &Population, config: &IncidentConfig) -> bool {
    match verdict::fix_state(case, population, config) {
        FixState::InForce(FixInForce { rollout_end: Some(end), .. }) => case.time >= later(end, config.stale_after),
        _ => false,
    }
}

/// A release that never appears, or that nothing here can be compared with, makes every verdict `unknown`: someone must correct
/// the fix or the service.
fn unsatisfiable(
    in_force: &FixInForce<'_>,
    time: Timestamp,
    population: &Population,
    scheme: &Scheme,
    config: &IncidentConfig,
) -> Option<String> {
    if in_force.rollout_end.is_some() {
        return None;
    }
    let fixed = name(in_force.fix);
    let mut heard = population.releases().map(|live| live.release.as_str()).peekable();
    let example = heard.peek().copied();
    if let Some(example) = example
        && in_force.fix.lines.is_empty()
        && heard.all(|release| scheme.compare(release, fixed).is_err())
    {
        return Some(format!("its release {fixed} cannot be compared with any live release ({example})"));
    }
    (time >= later(in_force.fix.at, config.pending))
        .then(|| format!("its release {fixed} has not been seen here since the fix of {}", in_force.fix.at))
}

fn name(fix: &Fix) -> &str {
    let of_line = || fix.lines.iter().find_map(|(_, fixed)| fixed.as_deref());
    fix.release.as_deref().or_else(of_line).unwrap_or("?")
}
