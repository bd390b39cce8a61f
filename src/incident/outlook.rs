//! How each fix of a signature looks from one service and environment: since when it counts, when its rollout ended, who has it.
//! This depends on who is alive and not on the event, so it is worked out only when that changes.

use jiff::Timestamp;

use crate::catalog::signature::Signature;
use crate::incident::config::IncidentConfig;
use crate::incident::containment::Surroundings;
use crate::incident::containment::earlier;
use crate::incident::containment::is_comparable;
use crate::incident::containment::later;
use crate::incident::containment::travels;
use crate::model::fix::Fix;

/// One fix, seen from one service and environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// Index into the signature's fixes.
    fix: usize,
    /// The fix is contained in releases, or not.
    pub(crate) travels: bool,
    /// min(fix.at, first sight of a release that contains it).
    pub(crate) effective_at: Timestamp,
    /// `None` while no release with the fix has been seen.
    pub(crate) rollout_end: Option<Timestamp>,
    /// Whether a release with the fix is current.
    pub(crate) shipped: Shipped,
    /// At least one live release can be ordered against it.
    pub(crate) comparable: bool,
    /// The releases that have it, while none of them has been current.
    holders: Vec<Box<str>>,
    /// From here on it counts: `effective_at`, less what clocks may differ.
    in_force_at: Timestamp,
}

/// Whether a fix is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shipped {
    /// No release with it has been current.
    Never,
    /// One was, and the current one has it, too.
    Live,
    /// One was, and the current one is not one.
    TakenBack,
}

/// Every fix meant for one service and environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outlook {
    /// Of the population it was worked out from; 0 = not yet.
    version: u64,
    /// The first of the views stands beside its track: most signatures have one fix, and with thousands of tracks every detour counts.
    first: Option<View>,
    others: Box<[View]>,
    /// From a time on, the next moment at which the passing of time alone changes something.
    next: Option<(Timestamp, Option<Timestamp>)>,
}

/// The newest fix meant for this place whose effect reaches a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FixState<'a> {
    /// No fix applies here, or the signature says it is open.
    None,
    /// Fixes exist, all of them later; this is the earliest.
    Later(&'a Fix),
    /// This one counts.
    InForce(&'a Fix, &'a View),
}

impl Outlook {
    /// Looks again if anything changed among the living. `environment` is where the fixes must be meant for.
    pub(crate) fn refresh(&mut self, signature: &Signature, environment: &str, around: &Surroundings<'_>) {
        let version = around.population.version();
        if self.version == version {
            return;
        }
        let meant = signature.fixes.iter().enumerate();
        let meant = meant.filter(|(_, fix)| fix.applies_to(around.rules.service, environment));
        let mut views = meant.map(|(index, fix)| View::of((index, fix), around));
        self.first = views.next();
        self.others = views.collect();
        (self.version, self.next) = (version, None);
    }

    /// Nothing is known any more (another catalog).
    pub(crate) fn forget(&mut self) {
        (self.version, self.next) = (0, None);
    }

    fn views(&self) -> impl Iterator<Item = &View> {
        self.first.iter().chain(&self.others)
    }

    /// Which fix counts at `time` (as-of: one that came later does not).
    pub(crate) fn at<'a>(&'a self, signature: &'a Signature, time: Timestamp) -> FixState<'a> {
        if signature.open {
            return FixState::None;
        }
        let fixes = || self.views().filter_map(|view| Some((signature.fixes.get(view.fix)?, view)));
        let newest = fixes().filter(|(_, view)| view.in_force_at <= time).max_by_key(|(fix, _)| fix.at);
        match (newest, fixes().min_by_key(|(fix, _)| fix.at)) {
            (Some((fix, view)), _) => FixState::InForce(fix, view),
            (None, Some((fix, _))) => FixState::Later(fix),
            (None, None) => FixState::None,
        }
    }

    /// The first moment after `clock` at which the passing of time alone changes which fix counts or where it puts a track. One named
    /// too early would cost a look and change nothing.
    pub(crate) fn next_change(
        &mut self,
        signature: &Signature,
        clock: Timestamp,
        config: &IncidentConfig,
    ) -> Option<Timestamp> {
        if let Some((from, moment)) = self.next
            && clock >= from
            && moment.is_none_or(|moment| moment > clock)
        {
            return moment;
        }
        let moments = self.views().filter_map(|view| Some((signature.fixes.get(view.fix)?, view)));
        let moments = moments.flat_map(|(fix, view)| {
            let given_up = later(fix.at, config.pending);
            [Some(view.in_force_at), fix.day_start, view.rollout_end, Some(given_up)]
        });
        let next = moments.flatten().filter(|moment| *moment > clock).min();
        self.next = Some((clock, next));
        next
    }
}

impl View {
    fn of((index, fix): (usize, &Fix), around: &Surroundings<'_>) -> Self {
        let population = around.population;
        let travels = travels(fix, &around.rules);
        let contains = |release: &str| around.has_fix(fix, release);
        let first_sight = if travels { population.first_sight(contains) } else { None };
        let rollout_end = match (travels, first_sight) {
            (false, _) => Some(later(fix.at, around.config.rollout_max)),
            (true, None) => None,
            (true, Some(seen)) => {
                let latest = later(seen, around.config.rollout_max);
                Some(population.all_instances_since(seen, contains).map_or(latest, |all| all.min(latest)))
            }
        };
        let was_current = travels && population.releases().any(|live| live.was_current && contains(&live.release));
        let holders = population.releases().filter(|live| travels && !was_current && contains(&live.release));
        let effective_at = first_sight.map_or(fix.at, |seen| seen.min(fix.at));
        Self {
            fix: index,
            travels,
            effective_at,
            in_force_at: earlier(effective_at, around.config.skew),
            rollout_end,
            shipped: match population.current() {
                _ if !was_current => Shipped::Never,
                Some(live) if !contains(&live.release) => Shipped::TakenBack,
                _ => Shipped::Live,
            },
            comparable: is_comparable(fix, around),
            holders: holders.map(|live| Box::from(live.release.as_str())).collect(),
        }
    }

    /// No release with the fix has ever been current, and none was heard within `drain` before `time`.
    pub(crate) fn is_absent(&self, time: Timestamp, around: &Surroundings<'_>) -> bool {
        let heard = |release: &str| {
            let last = around.population.last_heard(release);
            last.is_some_and(|last| time.duration_since(last) <= around.config.drain)
        };
        self.travels && self.shipped == Shipped::Never && !self.holders.iter().any(|release| heard(release))
    }
}
