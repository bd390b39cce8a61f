//! Where the fixes alone put a track: the state without any alarm, and whether the fix can be judged here at all.

use jiff::Timestamp;

use crate::incident::containment::Surroundings;
use crate::incident::containment::later;
use crate::incident::outlook::FixState;
use crate::incident::outlook::View;
use crate::model::fix::Fix;
use crate::model::incident::TrackState;

/// What the fixes say about a track at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing<'a> {
    /// The state without any alarm.
    pub(crate) base: TrackState,
    /// The fixed release was seen and is gone again, without ever having been current.
    pub(crate) vanished: bool,
    /// Time of the fix in force.
    pub(crate) fix_at: Option<Timestamp>,
    /// Since when it counts here.
    pub(crate) effective_at: Option<Timestamp>,
    /// When its rollout ends.
    pub(crate) rollout_end: Option<Timestamp>,
    /// Why it can never be judged here.
    pub(crate) unsatisfiable: Option<Unsatisfiable<'a>>,
}

/// A fix that can never be judged: someone must correct the fix or the service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unsatisfiable<'a> {
    fix: &'a Fix,
    /// A live release with which it has no order; `None` = the fixed release never came.
    example: Option<&'a str>,
}

impl std::fmt::Display for Unsatisfiable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fixed = name(self.fix);
        match self.example {
            Some(example) => {
                write!(f, "its release {fixed} cannot be compared with any live release ({example})")
            }
            None => write!(f, "its release {fixed} has not been seen here since the fix of {}", self.fix.at),
        }
    }
}

impl<'a> Standing<'a> {
    /// At `time`, by the fix that counts then.
    pub(crate) fn of(state: FixState<'a>, time: Timestamp, around: &Surroundings<'a>) -> Self {
        let alone = |base| Self {
            base,
            vanished: false,
            fix_at: None,
            effective_at: None,
            rollout_end: None,
            unsatisfiable: None,
        };
        match state {
            FixState::Later(fix) if fix.day_start.is_some_and(|start| time >= start) => alone(TrackState::FixPending),
            FixState::None | FixState::Later(_) => alone(TrackState::Open),
            FixState::InForce(fix, view) => {
                let ended = view.rollout_end.map(|end| time >= end);
                let vanished = ended == Some(true) && view.is_absent(time, around);
                let base = match ended {
                    None => TrackState::FixPending,
                    Some(false) => TrackState::RollingOut,
                    Some(true) if vanished => TrackState::FixPending,
                    Some(true) => TrackState::Fixed,
                };
                Self {
                    vanished,
                    fix_at: Some(fix.at),
                    effective_at: Some(view.effective_at),
                    rollout_end: view.rollout_end,
                    unsatisfiable: unsatisfiable((fix, view), time, around),
                    ..alone(base)
                }
            }
        }
    }
}

/// A release that never appears, or that nothing here can be compared with, makes every verdict `unknown`.
fn unsatisfiable<'a>(
    (fix, view): (&'a Fix, &View),
    time: Timestamp,
    around: &Surroundings<'a>,
) -> Option<Unsatisfiable<'a>> {
    if view.rollout_end.is_some() {
        return None;
    }
    if !view.comparable {
        let example = around.population.releases().next().map(|live| live.release.as_str());
        return Some(Unsatisfiable { fix, example });
    }
    (time >= later(fix.at, around.config.pending)).then_some(Unsatisfiable { fix, example: None })
}

fn name(fix: &Fix) -> &str {
    let of_line = || fix.lines.iter().find_map(|(_, fixed)| fixed.as_deref());
    fix.release.as_deref().or_else(of_line).or(fix.commit.as_deref()).unwrap_or("?")
}
