//! Configuration → parts, ready to run. Opens the store (the one thing that must not be shared); everything else waits for `run`.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tracing::info;
use tracing::warn;

use crate::app::deploys::DeployFile;
use crate::app::feed::Feed;
use crate::app::hearing::Hearing;
use crate::app::outbox;
use crate::app::outbox::Worker;
use crate::app::pipeline::Pipeline;
use crate::app::reload::Reload;
use crate::app::run::RunError;
use crate::app::slow::Slow;
use crate::catalog::load::Loaded;
use crate::catalog::problem::Level;
use crate::catalog::signature::Catalog;
use crate::config::Config;
use crate::decode::DecodeConfig;
use crate::http::bind::HttpConfig;
use crate::http::guard::Hosts;
use crate::http::orders::Order;
use crate::http::orders::Orders;
use crate::http::shared::Shared;
use crate::incident::engine::Engine;
use crate::incident::engine::place_of;
use crate::matcher::Matcher;
use crate::matcher::scanner::ScannerConfig;
use crate::model::incident::TrackKey;
use crate::model::record::Resource;
use crate::model::view::Check;
use crate::source::SourceConfig;
use crate::source::SourceContext;
use crate::source::status::StatusHandle;
use crate::store::Store;
use crate::store::commit::Commit;
use crate::telemetry::metrics::Metrics;

/// How long the services of a signature must be silent for it to be called blind.
const BLIND_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Everything `run` needs.
pub struct Parts {
    /// Where to listen.
    pub http: HttpConfig,
    /// What to read.
    pub sources: Vec<(SourceConfig, SourceContext)>,
    /// What judges.
    pub pipeline: Pipeline,
    /// Catalogs that come into force later.
    pub catalogs: mpsc::Receiver<Arc<Catalog>>,
    /// What brings them.
    pub reload: Reload,
    /// Commands from the API and the deploy file.
    pub ordered: mpsc::Receiver<Order>,
    /// The deploy file, if one is watched.
    pub deploys: Option<DeployFile>,
    /// Who tells.
    pub workers: Vec<Worker>,
    /// What the API shows.
    pub shared: Arc<Shared>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What survives.
    pub store: Arc<Store>,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// Builds the parts.
pub fn build(config: Config, loaded: &Loaded, now: fn() -> Timestamp) -> Result<Parts, RunError> {
    let opened = Store::open(&config.state_dir())?;
    if let Some(recovered) = &opened.recovered {
        warn!(%recovered, "the state could not be read and was moved aside; logs are read again from their start");
    }
    let store = Arc::new(opened.store);
    let metrics = Arc::new(Metrics::new()?);
    let (orders, ordered) = Orders::new(now);
    let shared = Shared::new(Arc::clone(&metrics)).taking(orders.clone()).named(Hosts::of(&config.http));
    let shared = Arc::new(shared);
    let catalog = &loaded.catalog;
    let defaults: Resource = config.resource.clone().into();
    catalog_in_force(loaded, &shared, &metrics, now());

    let mut engine = Engine::new(config.incident.clone(), catalog);
    let (tracks, live) = (store.tracks()?, store.live_releases()?);
    info!(signatures = catalog.signatures.len(), tracks = tracks.len(), state = %store.dir().display(), "state restored");
    engine.restore(tracks, live);
    let gone = engine.restore_windows(store.windows()?);
    let forget = Commit { now: now(), windows: gone.into_iter().map(|key| (key, None)).collect(), ..Commit::default() };
    store.commit(&forget)?;
    engine.restore_mutes(store.mutes()?);
    zero(&metrics, catalog, &defaults, &engine);

    let workers = outbox::workers(&config.alerts, &store, now)?;
    for (sink, _) in workers.iter().map(Worker::stats) {
        metrics.set_sink_backlog(&sink, 0, 0);
    }
    let mut feed = Feed::new(&defaults);
    for position in store.positions()? {
        feed.restore(&position);
    }
    let hearing = Hearing::new(config.blind_after.unwrap_or(BLIND_AFTER), now());
    hearing.set_catalog(catalog, &metrics);
    let pipeline = Pipeline {
        engine,
        store: Arc::clone(&store),
        metrics: Arc::clone(&metrics),
        shared: Arc::clone(&shared),
        wake: workers.iter().map(|worker| Arc::clone(&worker.wake)).collect(),
        now,
        titles: titles(catalog),
        defaults: defaults.clone(),
        feed,
        slow: Slow::default(),
        hearing,
    };
    let (matcher, taken) = watch::channel(Arc::new(Matcher::new(catalog)));
    let sources = sources(&config, defaults, (taken, &store), now)?;
    let (sent, catalogs) = mpsc::channel(1);
    let reload = Reload { paths: config.catalog, matcher, catalogs: sent, metrics: Arc::clone(&metrics), now };
    let deploys = config.deploys.map(|path| DeployFile { path, orders, metrics: Arc::clone(&metrics) });
    let http = config.http;
    Ok(Parts { http, sources, pipeline, catalogs, reload, ordered, deploys, workers, shared, metrics, store, now })
}

fn sources(
    config: &Config,
    defaults: Resource,
    (matcher, store): (watch::Receiver<Arc<Matcher>>, &Store),
    now: fn() -> Timestamp,
) -> Result<Vec<(SourceConfig, SourceContext)>, RunError> {
    let configured = config.sources();
    if configured.is_empty() {
        return Err(RunError::NoLogs);
    }
    let decode = DecodeConfig { defaults, ..DecodeConfig::default() }.with(config.format.clone());
    let scanner = ScannerConfig { decode, ..ScannerConfig::default() };
    let positions = store.positions()?;
    let with_context = |source: SourceConfig| {
        let status = StatusHandle::default();
        status.update(|status| {
            status.kind = source.kind().as_str();
            source.name().clone_into(&mut status.name);
        });
        let own_directories = vec![store.dir().to_path_buf()];
        let positions = positions.clone();
        let (matcher, scanner) = (matcher.clone(), scanner.clone());
        (source, SourceContext { matcher, scanner, positions, now, status, own_directories })
    };
    Ok(configured.into_iter().map(with_context).collect())
}

fn catalog_in_force(loaded: &Loaded, shared: &Shared, metrics: &Metrics, now: Timestamp) {
    metrics.catalog_loaded(loaded.catalog.signatures.len(), now);
    let errors =
        loaded.problems.iter().filter(|problem| problem.level == Level::Error && !problem.only_in_check).count();
    if errors > 0 {
        warn!(errors, "part of the catalog is invalid; the rest is in force, `relapse check` shows the errors");
        metrics.catalog_refused();
    }
    shared.publish_check(Check { name: "catalog".to_owned(), state: Ok(()), notes: Vec::new() });
    shared.publish_check(Check { name: "store".to_owned(), state: Ok(()), notes: Vec::new() });
}

/// Title of each signature, for snapshots.
pub(super) fn titles(catalog: &Catalog) -> HashMap<Arc<str>, String> {
    catalog.signatures.iter().map(|signature| (signature.id.clone(), signature.title.clone())).collect()
}

/// A series that first appears at 1 has no increase: every series that can be foreseen exists at 0 from the start.
pub(super) fn zero(metrics: &Metrics, catalog: &Catalog, defaults: &Resource, engine: &Engine) {
    for signature in &catalog.signatures {
        metrics.near_misses(&signature.id, 0);
        metrics.signature_work(&signature.id, 0, 0);
        let named = |name: &str| -> Vec<String> { signature.scope_of(name).cloned().collect() };
        let or_default = |values: Vec<String>, default: &Option<String>| -> Vec<Option<String>> {
            if values.is_empty() { vec![default.clone()] } else { values.into_iter().map(Some).collect() }
        };
        for service in or_default(named("service.name"), &defaults.service) {
            for environment in or_default(named("deployment.environment.name"), &defaults.environment) {
                let resource = Resource { service: service.clone(), environment, ..Resource::default() };
                let (service, environment) = place_of(&resource);
                metrics.zero(&TrackKey { signature: signature.id.clone(), service, environment });
            }
        }
    }
    for track in engine.tracks() {
        metrics.zero(&track.key);
        metrics.set_state(&track.key, track.state);
        metrics.set_fix(&track.key, track.fix_at);
        metrics.set_unsatisfiable(&track.key, track.unsatisfiable.is_some());
    }
}
