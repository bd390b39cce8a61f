//! What the pipeline publishes and the handlers read: whole snapshots, swapped at once. And the way of commands to the pipeline.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use crate::http::guard::Hosts;
use crate::http::orders::Orders;
use crate::model::view::BlindView;
use crate::model::view::Check;
use crate::model::view::IncidentView;
use crate::model::view::ReleaseView;
use crate::telemetry::metrics::Metrics;

/// Shared by the pipeline (which publishes) and the server (which reads); keep it in an `Arc`.
#[derive(Debug)]
pub struct Shared {
    metrics: Arc<Metrics>,
    incidents: RwLock<Arc<Vec<IncidentView>>>,
    releases: RwLock<Arc<Vec<ReleaseView>>>,
    blind: RwLock<Arc<Vec<BlindView>>>,
    checks: RwLock<Arc<Vec<Check>>>,
    orders: Option<Orders>,
    hosts: Hosts,
}

impl Shared {
    /// Nothing is known yet: no incidents, and not ready. Takes no commands, and answers the API under local names only.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            incidents: RwLock::default(),
            releases: RwLock::default(),
            blind: RwLock::default(),
            checks: RwLock::default(),
            orders: None,
            hosts: Hosts::default(),
        }
    }

    /// Takes commands.
    #[must_use]
    pub fn taking(self, orders: Orders) -> Self {
        Self { orders: Some(orders), ..self }
    }

    /// Answers the API under these names.
    #[must_use]
    pub fn named(self, hosts: Hosts) -> Self {
        Self { hosts, ..self }
    }

    /// Where commands go; `None` when none are taken.
    pub(super) fn orders(&self) -> Option<&Orders> {
        self.orders.as_ref()
    }

    /// The names the API answers under.
    pub(super) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The metrics that `/metrics` renders.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Replaces the list of incidents (one a track).
    pub fn publish_incidents(&self, incidents: Vec<IncidentView>) {
        *self.incidents.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(incidents);
    }

    /// Replaces the list of live releases.
    pub fn publish_releases(&self, releases: Vec<ReleaseView>) {
        *self.releases.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(releases);
    }

    /// Replaces the readiness checks. relapse is ready when there is at least one and all of them hold.
    pub fn publish_checks(&self, checks: Vec<Check>) {
        *self.checks.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(checks);
    }

    /// Sets one readiness check by its name and keeps the others.
    pub fn publish_check(&self, check: Check) {
        let mut checks = self.checks.write().unwrap_or_else(PoisonError::into_inner);
        let list = Arc::make_mut(&mut checks);
        match list.iter_mut().find(|known| known.name == check.name) {
            Some(known) => *known = check,
            None => list.push(check),
        }
    }

    /// Replaces the list of blind signatures.
    pub fn publish_blind(&self, blind: Vec<BlindView>) {
        *self.blind.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(blind);
    }

    /// The blind signatures last published.
    pub fn blind(&self) -> Arc<Vec<BlindView>> {
        Arc::clone(&self.blind.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The incidents last published.
    pub fn incidents(&self) -> Arc<Vec<IncidentView>> {
        Arc::clone(&self.incidents.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The live releases last published.
    pub fn releases(&self) -> Arc<Vec<ReleaseView>> {
        Arc::clone(&self.releases.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The checks last published.
    pub fn checks(&self) -> Arc<Vec<Check>> {
        Arc::clone(&self.checks.read().unwrap_or_else(PoisonError::into_inner))
    }
}
