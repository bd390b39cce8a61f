//! Which services are heard, and which signatures are therefore blind: nothing that they could match in has come for long enough. Quiet
//! is not healthy: a misspelt scope and a source that broke look like an incident that stays away.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::SignedDuration;
use jiff::Timestamp;
use tracing::info;
use tracing::warn;

use crate::catalog::signature::Catalog;
use crate::model::incident::UNKNOWN_ENVIRONMENT;
use crate::model::incident::UNKNOWN_SERVICE;
use crate::model::view::BlindView;
use crate::telemetry::metrics::Metrics;

/// Places remembered; beyond it, those heard last.
const MAX_PLACES: usize = 10_000;

/// Service and environment of a record, or what stands for one that is not named.
pub(super) type Place = (Arc<str>, Arc<str>);

/// Shared by the pipeline, which hears, and the housekeeping, which looks for silence.
#[derive(Debug, Clone)]
pub(super) struct Hearing {
    inner: Arc<Mutex<Inner>>,
    /// How long silence must last.
    patience: SignedDuration,
}

#[derive(Debug)]
struct Inner {
    since: Timestamp,
    /// When each place was heard last, by relapse's clock.
    heard: BTreeMap<Place, Timestamp>,
    scopes: Vec<Scope>,
}

/// Where a signature can match: anywhere if nothing is named. What names nothing may be anything.
#[derive(Debug)]
struct Scope {
    signature: Arc<str>,
    services: Vec<String>,
    environments: Vec<String>,
    blind: bool,
}

impl Scope {
    fn holds(&self, (service, environment): &Place) -> bool {
        let allows = |wanted: &[String], value: &str, unknown: &str| {
            wanted.is_empty() || value == unknown || wanted.iter().any(|wanted| wanted == value)
        };
        allows(&self.services, service, UNKNOWN_SERVICE) && allows(&self.environments, environment, UNKNOWN_ENVIRONMENT)
    }
}

impl Hearing {
    /// Begins to listen at `now`.
    pub(super) fn new(patience: SignedDuration, now: Timestamp) -> Self {
        let inner = Inner { since: now, heard: BTreeMap::new(), scopes: Vec::new() };
        Self { inner: Arc::new(Mutex::new(inner)), patience }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over the scopes of `catalog`.
    pub(super) fn set_catalog(&self, catalog: &Catalog, metrics: &Metrics) {
        let scopes: Vec<Scope> = catalog
            .signatures
            .iter()
            .map(|signature| Scope {
                signature: signature.id.clone(),
                services: signature.scope_of("service.name").cloned().collect(),
                environments: signature.scope_of("deployment.environment.name").cloned().collect(),
                blind: false,
            })
            .collect();
        for scope in &scopes {
            metrics.set_blind(&scope.signature, false);
        }
        self.with(|inner| {
            let old = std::mem::replace(&mut inner.scopes, scopes);
            for gone in old.iter().filter(|old| inner.scopes.iter().all(|scope| scope.signature != old.signature)) {
                metrics.forget_blind(&gone.signature);
            }
        });
    }

    /// Records came from `places`.
    pub(super) fn hear(&self, places: BTreeSet<Place>, now: Timestamp) {
        self.with(|inner| {
            inner.heard.extend(places.into_iter().map(|place| (place, now)));
            if inner.heard.len() > MAX_PLACES {
                let oldest = now - self.patience;
                inner.heard.retain(|_, heard| *heard >= oldest);
            }
        });
    }

    /// Looks for silence: every signature that is blind, told once in the log.
    pub(super) fn look(&self, now: Timestamp, metrics: &Metrics) -> Vec<BlindView> {
        self.with(|inner| {
            let Inner { since, heard, scopes } = inner;
            let mut blind = Vec::new();
            for scope in scopes {
                let last = heard.iter().filter(|(place, _)| scope.holds(place)).map(|(_, at)| *at).max();
                let silent = now.duration_since(last.unwrap_or(*since)) >= self.patience;
                let (signature, services) = (&scope.signature, scope.services.join(", "));
                if silent != scope.blind {
                    metrics.set_blind(signature, silent);
                    if silent {
                        warn!(%signature, services, last = last.map(tracing::field::display), "blind: no record that it could match in comes");
                    } else {
                        info!(%signature, services, "records come again");
                    }
                }
                scope.blind = silent;
                if silent {
                    blind.push(BlindView {
                        signature: signature.to_string(),
                        services: scope.services.clone(),
                        environments: scope.environments.clone(),
                        last_heard: last,
                    });
                }
            }
            blind
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::load;

    const CATALOG: &str = "
schema: relapse/v1
id: scoped
title: t
severity: low
owner: o
scope: { service.name: api, deployment.environment.name: prod }
fixes: [{ at: 2025-09-08T12:00:00Z }]
detection: { pattern: 'a scoped failure' }
---
schema: relapse/v1
id: anywhere
title: t
severity: low
owner: o
fixes: [{ at: 2025-09-08T12:00:00Z }]
detection: { pattern: 'a failure anywhere' }
";

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// Ids that are blind at `minute`, when `service` in `environment` was heard at minute 30.
    fn blind(heard: Option<(&str, &str)>, minute: i64) -> Vec<String> {
        let metrics = Metrics::new().unwrap();
        let hearing = Hearing::new(SignedDuration::from_hours(1), at(0));
        hearing.set_catalog(&load::from_str("c.yaml", CATALOG).catalog, &metrics);
        let heard = heard.map(|(service, environment)| (Arc::from(service), Arc::from(environment)));
        hearing.hear(heard.into_iter().collect(), at(30));
        hearing.look(at(minute), &metrics).into_iter().map(|view| view.signature).collect()
    }

    #[test]
    fn silence_of_the_scope_blinds() {
        assert!(blind(None, 59).is_empty(), "too soon to say");
        assert_eq!(blind(None, 60), ["scoped", "anywhere"]);
        assert!(blind(Some(("api", "prod")), 89).is_empty());
        assert_eq!(blind(Some(("api", "prod")), 90), ["scoped", "anywhere"], "silent since");
        assert_eq!(blind(Some(("web", "prod")), 60), ["scoped"], "others speak");
        assert_eq!(blind(Some(("api", "staging")), 60), ["scoped"]);
    }

    #[test]
    fn what_names_no_service_may_be_any() {
        assert!(blind(Some((UNKNOWN_SERVICE, UNKNOWN_ENVIRONMENT)), 60).is_empty());
        assert!(blind(Some(("api", UNKNOWN_ENVIRONMENT)), 60).is_empty());
    }
}
