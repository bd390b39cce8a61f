//! Logs and traces that services send over OTLP: gRPC and HTTP, protobuf and JSON, on one port.
//!
//! Receives export requests; gives batches, and answers each request once what it held is stored. A sender that gets no answer, or a
//! 503, sends again: what it sends counts once. The way of a request: `receive::server` (connections) → `exchange` (routes, headers,
//! answers) → `receive::body` (limits, decompression) → `intake` (judging, the pipeline).

use std::iter;
use std::path::PathBuf;
use std::sync::Arc;

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
use crate::listen::tls::Http;
use crate::listen::tls::Tls;
use crate::listen::tls::TlsConfig;
use crate::source::Batch;
use crate::source::SourceContext;
use crate::source::SourceError;
use crate::source::otlp::exchange::Exchange;
use crate::source::otlp::intake::Intake;
use crate::source::otlp::token::Token;
use crate::source::receive::pipeline;
use crate::source::receive::server;
use crate::source::receive::server::Bounds;

mod exchange;
mod grpc;
pub mod intake;
mod reply;
mod token;

pub use token::TokenError;

const WORDS: Words = Words {
    example: "--otlp 127.0.0.1:4318",
    flag: "--otlp",
    danger: "anybody could send records",
    allow: "`otlp.bearer_token_file`, `otlp.tls` or `otlp.allow_public: true`",
};
const GRPC_WORDS: Words = Words { example: "`otlp.grpc: 127.0.0.1:4317`", flag: "`otlp.grpc`", ..WORDS };

/// Where services send logs and traces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpConfig {
    /// `HOST:PORT` for HTTP (`/v1/logs`, `/v1/traces`; protobuf and JSON) and gRPC. Default `127.0.0.1:4318`. Port 0 takes any free one.
    pub listen: String,
    /// One more `HOST:PORT` for gRPC, as in `127.0.0.1:4317`. Default: none; the main port takes gRPC too. For services that are set to
    /// the usual port.
    pub grpc: Option<String>,
    /// Allows an address other than loopback without a token and without TLS. Default false: whoever reaches the port can send records. Set it where
    /// the network keeps strangers out, as in a pod.
    pub allow_public: bool,
    /// A file with the token that senders must show (`Authorization: Bearer …`). Default: none is asked for.
    pub bearer_token_file: Option<PathBuf>,
    /// Takes TLS alone. Default: no TLS.
    pub tls: Option<TlsConfig>,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        let listen = "127.0.0.1:4318".to_owned();
        Self { listen, grpc: None, allow_public: false, bearer_token_file: None, tls: None }
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
    let tls = Tls::load_if(config.tls.as_ref(), Http::Both)?;
    Handle::current().block_on(async {
        let listeners = bind_all(config).await?;
        for listener in &listeners {
            match listener.local_addr() {
                Ok(address) => tracing::info!(%address, "taking OTLP"),
                Err(error) => tracing::warn!(%error, "failed to read the bound address"),
            }
        }
        let (status, now) = (context.status.clone(), context.now);
        status.update(|status| status.kind = "otlp");
        let alive = pipeline::alive(status.clone(), now, output);
        let exchange = Exchange::new(Intake::new(context, output.clone()), token, Bounds::default());
        tokio::select! {
            () = serve_all((listeners, tls), exchange, stop.clone()) => {}
            () = alive => {}
            () = output.closed() => {}
        }
        status.update(|status| status.running = false);
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
    serve_all((vec![listener], None), Exchange::new(Intake::new(context, output), None, bounds), stop).await;
}

async fn serve_all(listeners: (Vec<TcpListener>, Option<Tls>), exchange: Exchange, stop: CancellationToken) {
    let bounds = exchange.bounds();
    server::serve(listeners, Arc::new(exchange), bounds, stop).await;
}

/// Whether the addresses may be listened on, and the token, if senders must show one, can be read.
pub(super) fn validate(config: &OtlpConfig) -> Result<(), SourceError> {
    wanted(config).try_for_each(bind::check)?;
    Tls::load_if(config.tls.as_ref(), Http::Both)?;
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
    let mut listeners = Vec::new();
    for wanted in wanted(config) {
        listeners.push(bind::bind(wanted).await?);
    }
    Ok(listeners)
}

fn wanted(config: &OtlpConfig) -> impl Iterator<Item = Wanted<'_>> {
    let allow_public = config.allow_public || config.bearer_token_file.is_some() || config.tls.is_some();
    let grpc = config.grpc.as_deref().map(|listen| Wanted { listen, allow_public, words: &GRPC_WORDS });
    iter::once(Wanted { listen: &config.listen, allow_public, words: &WORDS }).chain(grpc)
}
