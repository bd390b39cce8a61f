//! The timers and release orders of the judge. All timers run on event time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::incident::manifest::Manifests;
use crate::incident::order::Rules;
use crate::incident::scheme::ReleasePattern;
use crate::incident::scheme::Scheme;

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
    /// How many failures of old builds after the rollout warn earlier than that. Default 1000.
    pub stale_count: u64,
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
    /// What only holds for one service, by `service.name`.
    pub services: BTreeMap<String, ServiceConfig>,
    /// Files written by `relapse manifest` in CI: which release contains which fix. Default none.
    pub manifest: Vec<PathBuf>,
    /// What these files say; filled by whoever reads them.
    #[serde(skip)]
    pub manifests: Manifests,
}

/// What only holds for one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// How its releases are ordered; default as everywhere. `{ ordinal: '-(\d{5})-' }` takes a counter out of the name.
    pub order: Option<Scheme>,
    /// Whether `+build` orders releases that are equal otherwise. Default `ordered`.
    pub build: Build,
    /// Parts release families that must not be compared: its first group must be equal, `-(nightly|beta)`.
    pub channel: Option<ReleasePattern>,
    /// Take the order in which releases were first seen here for their order, where nothing better is known. Default off: an old
    /// build that speaks late looks new.
    pub first_seen: bool,
}

/// What build metadata means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Build {
    /// `1.0.0+7` comes before `1.0.0+8`.
    #[default]
    Ordered,
    /// They are the same release.
    Ignored,
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
            stale_count: 1_000,
            soak_min: SignedDuration::from_hours(1),
            pending: SignedDuration::from_hours(14 * 24),
            repeat: SignedDuration::from_hours(4),
            order: Scheme::Auto,
            services: BTreeMap::new(),
            manifest: Vec::new(),
            manifests: Manifests::default(),
        }
    }
}

impl IncidentConfig {
    /// How the releases of `service` are read.
    pub(crate) fn rules<'a>(&'a self, service: &'a str) -> Rules<'a> {
        let own = self.services.get(service);
        let scheme = own.and_then(|own| own.order.as_ref()).unwrap_or(&self.order);
        Rules {
            service,
            scheme,
            build: own.map(|own| own.build).unwrap_or_default(),
            channel: own.and_then(|own| own.channel.as_ref()),
            first_seen: own.is_some_and(|own| own.first_seen) || *scheme == Scheme::Deploy,
            manifests: &self.manifests,
        }
    }
}
