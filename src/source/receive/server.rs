//! Connections: HTTP/1 and HTTP/2 on the same port, bounded in number and in time, and an orderly end.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::listen::connection::Bounded;
use crate::listen::connection::Connection;
use crate::listen::connection::Limits;
use crate::listen::tls::Tls;

/// Whoever answers requests.
pub(in crate::source) trait Answers: Send + Sync + 'static {
    /// What the source is called in relapse's log.
    const NAME: &'static str;

    /// Answers one request.
    fn answer(self: Arc<Self>, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
}

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// At once, each listener; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Until a request's headers are there; an idle connection of HTTP/1 ends then, too.
    pub headers: Duration,
    /// A connection that neither sends nor takes a byte for so long is closed.
    pub idle: Duration,
    /// Until a request's body is there.
    pub body: Duration,
    /// Requests under way may take so long once the server is told to stop.
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 512,
            headers: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(10),
            drain: Duration::from_secs(3),
        }
    }
}

/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 64;
/// Bytes of one request's headers.
const HEADERS: u32 = 16 * 1024;
/// HTTP/2 clients are asked so often whether they are still there.
const PING: Duration = Duration::from_secs(20);

fn protocols(bounds: Bounds) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.headers)
        .max_buf_size(64 * 1024)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(bounds.headers);
    builder
}

/// Serves until `stop` is cancelled, then lets requests under way finish.
pub(in crate::source) async fn serve<A: Answers>(
    (listeners, tls): (Vec<TcpListener>, Option<Tls>),
    answers: Arc<A>,
    bounds: Bounds,
    stop: CancellationToken,
) {
    let mut doors = JoinSet::new();
    for listener in listeners {
        let Bounds { connections, headers: opening, idle, .. } = bounds;
        let listener = Bounded::with_limits(listener, Limits { connections, opening, idle }).over(tls.clone());
        doors.spawn(accept(listener, Arc::clone(&answers), bounds, stop.clone()));
    }
    while let Some(ended) = doors.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, source = A::NAME, "a listener failed; this is a defect of relapse");
        }
    }
}

async fn accept<A: Answers>(mut listener: Bounded, answers: Arc<A>, bounds: Bounds, stop: CancellationToken) {
    let protocols = protocols(bounds);
    let mut connections = JoinSet::new();
    while let Some((connection, _)) = stop.run_until_cancelled(listener.accept()).await {
        let (answers, protocols, stop) = (Arc::clone(&answers), protocols.clone(), stop.clone());
        connections.spawn(async move { attend(connection, answers, &protocols, stop).await });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(bounds.drain, drained).await.is_err() {
        tracing::warn!(
            source = A::NAME,
            "requests under way did not end in time; their senders get no answer and send again"
        );
    }
}

async fn attend<A: Answers>(
    connection: Connection,
    answers: Arc<A>,
    protocols: &Builder<TokioExecutor>,
    stop: CancellationToken,
) {
    let service = service_fn(move |request| {
        let answers = Arc::clone(&answers);
        async move { Ok::<_, Infallible>(answers.answer(request).await) }
    });
    let mut served = pin!(protocols.serve_connection(TokioIo::new(connection), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        note(A::NAME, &*error);
    }
}

/// What went wrong with one connection: nobody's fault, and of interest to nobody else.
fn note(source: &'static str, error: &dyn std::error::Error) {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    tracing::debug!(source, %error, kind = cause.map(|cause| tracing::field::debug(cause.kind())), "a connection ended");
}
