//! The sidecar: opens, binds, spawns, and stops in order. Stop only the sources; dropped senders drain the rest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing::info;

use crate::alert::sink::BuildError;
use crate::alert::stats::SinkCounts;
use crate::app::build::Parts;
use crate::app::housekeeping;
use crate::app::outbox::Worker;
use crate::app::pipeline::Inlets;
use crate::http::serve;
use crate::listen::bind::BindError;
use crate::listen::tls::Tls;
use crate::listen::tls::TlsError;
use crate::source;
use crate::source::SourceError;
use crate::store::error::StoreError;
use crate::telemetry::metrics::MetricsError;

/// How long everything may take to end after the first signal.
const DEADLINE: Duration = Duration::from_secs(10);

/// Batches between sources and pipeline: enough to keep both busy, few enough that files are the buffer. In a storm, where every
/// line matches, one batch takes megabytes.
const BATCHES_IN_FLIGHT: usize = 8;

/// Why the sidecar could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Its certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A source's configuration.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An alert sink's configuration.
    #[error(transparent)]
    Alert(#[from] BuildError),
    /// A defect of relapse.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The system refuses signals or sockets.
    #[error("failed to {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// A task panicked: a defect of relapse; the state is safe.
    #[error("the {stage} failed: {source}; state is safe, start relapse again and report this")]
    Task {
        /// Which part.
        stage: Stage,
        /// The panic.
        source: JoinError,
    },
    /// Not everything ended in time.
    #[error("{DEADLINE:?} after the signal something still runs: what it held is judged again after the next start")]
    Deadline,
    /// Nothing to read is named.
    #[error(
        "no logs to read: name them with --logs 'GLOB' (or `-` for standard input), take them over OTLP with --otlp 127.0.0.1:4318, or \
         name either, or `pubsub`, `journald` or `syslog`, in --config"
    )]
    NoLogs,
}

impl RunError {
    /// Whether the configuration is to blame, and starting again as it is would be in vain.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Source(SourceError::Listen(error)) | Self::Bind(error) => error.is_configuration(),
            Self::NoLogs | Self::Tls(_) | Self::Alert(_) | Self::Source(_) => true,
            _ => false,
        }
    }
}

/// The parts that run on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reads.
    Source,
    /// Judges and commits.
    Pipeline,
    /// Serves metrics, health and the API.
    Http,
    /// Delivers notices.
    Alert,
    /// Publishes status.
    Housekeeping,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Pipeline => "pipeline",
            Self::Http => "http server",
            Self::Alert => "alert worker",
            Self::Housekeeping => "housekeeping",
        })
    }
}

type Tasks = JoinSet<(Stage, Result<(), RunError>)>;

/// Runs until a signal, or until every source has ended.
pub async fn run(parts: Parts) -> Result<(), RunError> {
    let system = |what| move |source| RunError::System { what, source };
    // Registered once and first: a signal that comes while something starts must not be lost.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("listen for SIGINT"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(system("listen for SIGTERM"))?;
    let hangup = signal(SignalKind::hangup()).map_err(system("listen for SIGHUP"))?;
    let tls = crate::http::bind::tls(&parts.http)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listener = crate::http::bind::bind(&parts.http).await?;
    let address = listener.local_addr().map_err(system("read the bound address"))?;
    info!(metrics = %format!("{scheme}://{address}/metrics"), incidents = %format!("{scheme}://{address}/api/v1/incidents"), "listening");

    let (stop_sources, stop_rest) = (CancellationToken::new(), CancellationToken::new());
    let mut tasks = Tasks::new();
    spawn(&mut tasks, (parts, (listener, tls), hangup), (&stop_sources, &stop_rest));
    let mut outcome = Ok(());
    let mut signals = 0;
    let deadline = tokio::time::sleep(Duration::MAX);
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            ended = tasks.join_next_with_id() => match ended {
                None => break,
                Some(ended) => {
                    let (stage, result) = match ended {
                        Ok((_, (stage, result))) => (Some(stage), result),
                        Err(source) => (None, Err(RunError::Task { stage: Stage::Pipeline, source })),
                    };
                    if let Err(error) = result {
                        error!(%error, "a part of relapse failed");
                        outcome = outcome.and(Err(error));
                        stop_sources.cancel();
                    }
                    if stage == Some(Stage::Pipeline) || stage.is_none() {
                        stop_rest.cancel();
                    }
                }
            },
            _ = interrupt.recv() => signals += 1,
            _ = terminate.recv() => signals += 1,
            () = &mut deadline => return outcome.and(Err(RunError::Deadline)),
        }
        if signals == 1 && !stop_sources.is_cancelled() {
            info!("stopping: reading ends, what was read is judged and committed; a second signal ends at once");
            stop_sources.cancel();
            deadline.as_mut().reset(tokio::time::Instant::now() + DEADLINE);
        } else if signals > 1 {
            return outcome;
        }
    }
    outcome
}

fn spawn(
    tasks: &mut Tasks,
    (parts, listener, hangup): (Parts, (TcpListener, Option<Tls>), Signal),
    stop: (&CancellationToken, &CancellationToken),
) {
    let Parts { sources, pipeline, catalogs, reload, ordered, deploys, workers, shared, metrics, store, now, .. } =
        parts;
    let hearing = pipeline.hearing.clone();
    let sinks = workers.iter().map(Worker::stats).map(|(name, stats)| (name, stats, SinkCounts::default())).collect();
    let (batches, received) = mpsc::channel(BATCHES_IN_FLIGHT);
    let statuses: Vec<_> = sources.iter().map(|(_, context)| context.status.clone()).collect();
    for (config, context) in sources {
        let (batches, stop) = (batches.clone(), stop.0.clone());
        tasks.spawn_blocking(move || {
            (Stage::Source, source::run(&config, context, &batches, &stop).map_err(RunError::from))
        });
    }
    let runtime = Handle::current();
    tasks.spawn_blocking(move || {
        pipeline.run(Inlets { batches: received, catalogs, orders: ordered }, &runtime);
        (Stage::Pipeline, Ok(()))
    });
    for worker in workers {
        let stop = stop.1.clone();
        tasks.spawn(async move {
            worker.run(stop).await;
            (Stage::Alert, Ok(()))
        });
    }
    if let Some(file) = deploys {
        let stopped = stop.0.clone();
        tasks.spawn(async move {
            file.run(stopped).await;
            (Stage::Housekeeping, Ok(()))
        });
    }
    let stopped = stop.1.clone();
    tasks.spawn(async move {
        reload.run(hangup, stopped).await;
        (Stage::Housekeeping, Ok(()))
    });
    let keeper =
        housekeeping::Housekeeping { statuses, sinks, shared: Arc::clone(&shared), metrics, store, hearing, now };
    // Before anybody can ask: what has not looked at its input yet is not ready.
    keeper.publish_sources();
    let stopped = stop.1.clone();
    tasks.spawn(async move {
        keeper.run(stopped).await;
        (Stage::Housekeeping, Ok(()))
    });
    let stopped = stop.1.clone();
    tasks.spawn(async move {
        let served = serve::serve(listener, shared, stopped).await;
        (Stage::Http, served.map_err(|source| RunError::System { what: "serve http", source }))
    });
}
