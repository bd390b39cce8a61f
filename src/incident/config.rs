//! The timers and release orders of the judge. All timers run on event time.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::incident::order::Scheme;

/// How the judge decides. The defaults are those of a service that rolls out within half an hour.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IncidentConfig {
    /// How far clocks may disagree. Default 60 s; raise it only for hosts without NTP.
    #[schemars(with = "String")]
    pub skew: SignedDuration,
    /// How long before the fix a process may have started and still count as part of its rollout. Default 10 m.
    #[schemars(with = "String")]
    pub boot: SignedDuration,
    /// How long a rollout takes at most. Default 30 m; teams with slow canaries raise it.
    #[schemars(with = "String")]
    pub rollout_max: SignedDuration,
    /// How long an old instance may take to finish its work. Default 5 m.
    #[schemars(with = "String")]
    pub drain: SignedDuration,
    /// How many regressions within `confirm_window` page. Default 1; raise it for flaky signatures.
    pub confirm_count: usize,
    /// See `confirm_count`. Default 2 m.
    #[schemars(with = "String")]
    pub confirm_window: SignedDuration,
    /// How long a suspicion lasts without news. Default 10 m.
    #[schemars(with = "String")]
    pub unknown: SignedDuration,
    /// How long calm must last before a relapsed track is quiet. Default 15 m.
    #[schemars(with = "String")]
    pub quiet: SignedDuration,
    /// How long a quiet track waits before it is fixed again and its alert resolved. Default 1 h.
    #[schemars(with = "String")]
    pub clear: SignedDuration,
    /// How long past the rollout an old build may still fail before a warning. Default 2 h.
    #[schemars(with = "String")]
    pub stale_after: SignedDuration,
    /// How long the fix must have been live and calm for a return to count as a relapse and not as an ineffective fix. Default 1 h.
    #[schemars(with = "String")]
    pub soak_min: SignedDuration,
    /// How long a fixed release may fail to appear before a warning says that the fix can never be judged. Default 336h (14 days).
    #[schemars(with = "String")]
    pub pending: SignedDuration,
    /// How often an open episode is told again. Default 4 h.
    #[schemars(with = "String")]
    pub repeat: SignedDuration,
    /// How releases are ordered where `services` says nothing. Default `auto`.
    pub order: Scheme,
    /// Release order by `service.name`.
    pub services: BTreeMap<String, ServiceConfig>,
}

/// What only holds for one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// How its releases are ordered.
    pub order: Scheme,
}

impl Default for IncidentConfig {
    fn default() -> Self {
        Self {
            skew: SignedDuration::from_secs(60),
            boot: SignedDuration::from_mins(10),
            rollout_max: SignedDuration::from_mins(30),
            drain: SignedDuration::from_mins(5),
            confirm_count: 1,
            confirm_window: SignedDuration::from_mins(2),
            unknown: SignedDuration::from_mins(10),
            quiet: SignedDuration::from_mins(15),
            clear: SignedDuration::from_hours(1),
            stale_after: SignedDuration::from_hours(2),
            soak_min: SignedDuration::from_hours(1),
            pending: SignedDuration::from_hours(14 * 24),
            repeat: SignedDuration::from_hours(4),
            order: Scheme::Auto,
            services: BTreeMap::new(),
        }
    }
}

impl IncidentConfig {
    /// The release order of `service`.
    pub fn order_of(&self, service: &str) -> &Scheme {
        self.services.get(service).map_or(&self.order, |own| &own.order)
    }
}
