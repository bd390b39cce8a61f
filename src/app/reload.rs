//! A changed catalog is taken over whole, or not at all: compiled off the hot path, then swapped. A bad one keeps the last good set
//! and is visible at once (log, metric).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use jiff::Timestamp;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing::info;
use walkdir::WalkDir;

use crate::catalog::load;
use crate::catalog::problem::Problem;
use crate::catalog::signature::Catalog;
use crate::matcher::Matcher;
use crate::telemetry::metrics::Metrics;

/// How often the files are looked at. Kubernetes swaps a link, editors write twice: a change counts once it has stood still for one look.
const LOOK: Duration = Duration::from_secs(1);

/// Size and time of every catalog file.
type Fingerprint = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// What a reload needs.
pub struct Reload {
    /// Catalog files and directories; empty = the embedded catalog, which cannot change.
    pub paths: Vec<PathBuf>,
    /// Where scanners take their matcher from.
    pub matcher: watch::Sender<Arc<Matcher>>,
    /// Where the judge takes its catalog from.
    pub catalogs: mpsc::Sender<Arc<Catalog>>,
    /// Where success and failure show.
    pub metrics: Arc<Metrics>,
    /// The clock.
    pub now: fn() -> Timestamp,
}

impl Reload {
    /// Until `stop`: reloads on SIGHUP and when the files changed.
    pub(super) async fn run(self, mut hangup: Signal, stop: CancellationToken) {
        let reload = Arc::new(self);
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut in_force = reload.fingerprint();
        let mut last = in_force.clone();
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => false,
                _ = hangup.recv() => true,
            };
            let seen = reload.fingerprint();
            let changed = seen != in_force && seen == last;
            last.clone_from(&seen);
            if asked || changed {
                in_force = seen;
                let task = Arc::clone(&reload);
                if let Err(panic) = tokio::task::spawn_blocking(move || task.load()).await {
                    error!(error = %panic, "the reload failed; the last good catalog stays in force");
                    reload.metrics.catalog_refused();
                }
            }
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        let files = self.paths.iter().flat_map(|path| WalkDir::new(path).follow_links(true)).flatten();
        files
            .filter(|entry| entry.file_type().is_file())
            .filter_map(|entry| {
                let meta = entry.metadata().ok()?;
                Some((entry.into_path(), (meta.len(), meta.modified().ok())))
            })
            .collect()
    }

    fn load(&self) {
        if self.paths.is_empty() {
            info!("the embedded catalog is in force: there is nothing to reload");
            return;
        }
        let loaded = load::load(&self.paths);
        let bad = loaded.problems.iter().filter(|problem| problem.blocks()).count();
        if bad > 0 || loaded.catalog.signatures.is_empty() {
            let first = loaded.problems.iter().find(|problem| problem.blocks()).map(place);
            error!(
                errors = bad,
                first,
                "the changed catalog is invalid, the last good one stays in force; `relapse check` shows every error"
            );
            self.metrics.catalog_refused();
            return;
        }
        let signatures = loaded.catalog.signatures.len();
        let catalog = Arc::new(loaded.catalog);
        // Both ends are gone only when the sidecar is ending.
        drop(self.matcher.send(Arc::new(Matcher::new(&catalog))));
        drop(self.catalogs.blocking_send(catalog));
        self.metrics.catalog_loaded(signatures, (self.now)());
        info!(signatures, "catalog reloaded");
    }
}

fn place(problem: &Problem) -> String {
    let line = problem.span.as_ref().map_or(1, |span| span.line);
    format!("{}:{line}: {}", problem.file, problem.message)
}
