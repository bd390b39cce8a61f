//! The server: routes, bounds and an orderly end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::header;
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http::api;
use crate::http::commands;
use crate::http::health;
use crate::http::reply;
use crate::http::shared::Shared;
use crate::listen::connection::Bounded;
use crate::listen::tls::Tls;

/// The largest command has a few short fields.
pub(super) const MAX_BODY_BYTES: usize = 4 * 1024;
/// How long requests under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves until `stop` is cancelled, then lets requests under way finish (at most 2 s).
pub async fn serve(
    (listener, tls): (TcpListener, Option<Tls>),
    shared: Arc<Shared>,
    stop: CancellationToken,
) -> io::Result<()> {
    let server = axum::serve(Bounded::new(listener).over(tls), router(shared))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = server => ended,
        () = overdue => Ok(()),
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(reply::index))
        .route("/metrics", get(health::metrics))
        .route("/livez", get(health::livez))
        .route("/healthz", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/api/v1/incidents", get(api::incidents))
        .route("/api/v1/blind", get(api::blind))
        .route("/api/v1/deploys", get(api::deploys).post(commands::deploy))
        .route("/api/v1/mutes", post(commands::mute).delete(commands::unmute))
        .route("/api/v1/acknowledgements", post(commands::acknowledge))
        .fallback(reply::not_found)
        .method_not_allowed_fallback(reply::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::map_response(harden))
        .with_state(shared)
}

/// Answers quote logs: a browser must take them for nothing but what they say they are.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
