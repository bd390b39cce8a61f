//! Logs and traces that services send over OTLP: gRPC and HTTP, protobuf and JSON, on one port.
//!
//! Receives export requests; gives batches, and answers each request once what it held is stored. A sender that gets no answer, or a
//! 503, sends again: what it sends counts once. The way of a request: `server` (connections) → `exchange` (routes, headers, answers) →
//! `body` (limits, decompression) → `intake` (judging, the pipeline).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::listen::bind;
use crate::listen::bind::BindError;
use crate::listen::bind::Wanted;
use crate::listen::bind::Words;
use crate::source::Batch;
use crate::source::SourceContext;
use crate::source::SourceError;
use crate::source::otlp::exchange::Exchange;
use crate::source::otlp::intake::Intake;
use crate::source::otlp::server::Bounds;
use crate::source::otlp::token::Token;

mod body;
mod exchange;
mod grpc;
pub mod intake;
mod reply;
pub mod server;
mod token;

pub use token::TokenError;

const WORDS: Words = Words {
    example: "--otlp 127.0.0.1:4318",
    flag: "--otlp",
    danger: "anybody could send records",
    allow: "`otlp.bearer_token_file` or `otlp.allow_public: true`",
};
const GRPC_WORDS: Words = Words { example: "`otlp.grpc: 127.0.0.1:4317`", flag: "`otlp.grpc`", ..WORDS };
/// How often the source says that it is alive.
const TICK: Duration = Duration::from_secs(5);

/// Where services send logs and traces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpConfig {
    /// `HOST:PORT` for HTTP (`/v1/logs`, `/v1/traces`; protobuf and JSON) and gRPC. Default `127.0.0.1:4318`. Port 0 takes any free one.
    pub listen: String,
    /// One more `HOST:PORT` for gRPC, as in `127.0.0.1:4317`. Default: none; the main port takes gRPC too. For services that are set to
    /// the usual port.
    pub grpc: Option<String>,
    /// Allows an address other than loopback without a token. Default false: whoever reaches the port can send records. Set it where
    /// the network keeps strangers out, as in a pod.
    pub allow_public: bool,
    /// A file with the token that senders must show (`Authorization: Bearer …`). Default: none is asked for.
    pub bearer_token_file: Option<PathBuf>,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:4318".to_owned(), grpc: None, allow_public: false, bearer_token_file: None }
    }
}

/// Serves until `stop` is cancelled or the output is closed. Blocks; must be called inside a Tokio runtime.
pub fn run(
    config: &OtlpConfig,
    context: SourceContext,
    output: &mpsc::Sender<Batch>,
    stop: &CancellationToken,
) -> Result<(), SourceError> {
    let token = config.bearer_token_file.as_deref().map(Token::read).transpose()?;
    Handle::current().block_on(async {
        let listeners = bind_all(config).await?;
        for listener in &listeners {
            match listener.local_addr() {
                Ok(address) => tracing::info!(%address, "taking OTLP"),
                Err(error) => tracing::warn!(%error, "failed to read the bound address"),
            }
        }
        let (status, now) = (context.status.clone(), context.now);
        status.update(|status| {
            status.kind = "otlp";
            status.running = true;
            status.last_poll = Some(now());
        });
        let alive = async {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                // A pipeline that takes nothing for a minute is what `/readyz` calls stuck.
                if output.capacity() > 0 {
                    status.update(|status| status.last_poll = Some(now()));
                }
            }
        };
        let exchange = Exchange::new(Intake::new(context.clone(), output.clone()), token, Bounds::default());
        let served = server::serve(listeners, Arc::new(exchange), stop.clone());
        tokio::select! {
            () = served => {}
            () = alive => {}
            () = output.closed() => {}
        }
        context.status.update(|status| status.running = false);
        Ok(())
    })
}

/// Serves on one listener, under other bounds than those of a sidecar, until `stop` is cancelled. Asks for no token.
pub async fn serve(
    listener: TcpListener,
    context: SourceContext,
    output: mpsc::Sender<Batch>,
    bounds: Bounds,
    stop: CancellationToken,
) {
    let exchange = Exchange::new(Intake::new(context, output), None, bounds);
    server::serve(vec![listener], Arc::new(exchange), stop).await;
}

/// Whether the token, if senders must show one, can be read.
pub(super) fn validate(config: &OtlpConfig) -> Result<(), SourceError> {
    config.bearer_token_file.as_deref().map(Token::read).transpose().map(drop).map_err(SourceError::from)
}

/// Takes the addresses and lets go of them: what would be listened on.
pub(super) async fn look_at(config: &OtlpConfig) -> Result<Vec<String>, SourceError> {
    validate(config)?;
    let listeners = bind_all(config).await?;
    let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok());
    Ok(addresses.map(|address| format!("would take logs and traces on {address}")).collect())
}

async fn bind_all(config: &OtlpConfig) -> Result<Vec<TcpListener>, BindError> {
    let allow_public = config.allow_public || config.bearer_token_file.is_some();
    let mut listeners = vec![bind::bind(Wanted { listen: &config.listen, allow_public, words: &WORDS }).await?];
    if let Some(listen) = &config.grpc {
        listeners.push(bind::bind(Wanted { listen, allow_public, words: &GRPC_WORDS }).await?);
    }
    Ok(listeners)
}

/// What went wrong with one connection: nobody's fault, and of interest to nobody else.
fn note_connection(error: &dyn std::error::Error) {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    tracing::debug!(%error, kind = cause.map(|cause| tracing::field::debug(cause.kind())), "an OTLP connection ended");
}
