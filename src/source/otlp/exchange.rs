//! One request and its answer: which service is meant, whether the sender may, what its headers say.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header;
use tonic::body::Body;

use crate::decode::otlp::Encoding;
use crate::decode::otlp::Signal;
use crate::source::otlp::grpc;
use crate::source::otlp::intake::Intake;
use crate::source::otlp::reply;
use crate::source::otlp::reply::Taken;
use crate::source::otlp::token::Token;
use crate::source::receive::body;
use crate::source::receive::body::Compression;
use crate::source::receive::body::Held;
use crate::source::receive::body::Limited;
use crate::source::receive::body::Room;
use crate::source::receive::refusal;
use crate::source::receive::refusal::Refusal;
use crate::source::receive::server::Answers;
use crate::source::receive::server::Bounds;
use crate::telemetry::labels::OtlpSignal;
use crate::telemetry::labels::RequestOutcome;

/// Bodies of all requests together, decoded.
const MAX_HELD: usize = 64 * 1024 * 1024;
const GRPC: &str = "application/grpc";
const NO_TOKEN: &str =
    "a token is asked for: send `Authorization: Bearer …` with the content of `otlp.bearer_token_file`";
const NO_SUCH_PATH: &str = "OTLP is taken at /v1/logs and /v1/traces (HTTP) and by LogsService and TraceService (gRPC)";

/// What all requests share.
#[derive(Debug)]
pub(super) struct Exchange {
    intake: Intake,
    token: Option<Token>,
    room: Room,
    bounds: Bounds,
}

impl Exchange {
    pub(super) fn new(intake: Intake, token: Option<Token>, bounds: Bounds) -> Self {
        Self { intake, token, room: Room::new(MAX_HELD), bounds }
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(super) fn intake(&self) -> &Intake {
        &self.intake
    }

    pub(super) fn room(&self) -> Room {
        self.room.clone()
    }

    /// One request ended.
    pub(super) fn count(&self, signal: Signal, outcome: RequestOutcome) {
        let signal = match signal {
            Signal::Logs => OtlpSignal::Logs,
            Signal::Traces => OtlpSignal::Traces,
        };
        self.intake.status().update(|status| *status.requests.entry((signal, outcome)).or_default() += 1);
    }

    fn refuses(&self, headers: &HeaderMap) -> Option<Refusal> {
        let unknown = self.token.as_ref().is_some_and(|token| !token.is_shown(headers));
        refusal::of_page(headers).or_else(|| unknown.then_some(Refusal::Unauthorized(NO_TOKEN.to_owned())))
    }

    async fn http(&self, request: Request<Incoming>, signal: Signal, kind: &str) -> Result<Taken, Refusal> {
        let encoding = match kind {
            "application/json" => Encoding::Json,
            "application/x-protobuf" | "application/protobuf" => Encoding::Protobuf,
            _ => {
                let told = "the content type must be application/x-protobuf, application/json or application/grpc";
                return Err(Refusal::Unsupported(told.to_owned()));
            }
        };
        let compression = Compression::of(request.headers())?;
        let held = Held::new(self.room.clone());
        let body = Limited::new(request.into_body(), Arc::clone(&held), self.bounds.body).read().await?;
        let body = body::decompress(body, compression, &held)?;
        self.intake.take(body, signal, encoding).await
    }
}

impl Answers for Exchange {
    const NAME: &'static str = "otlp";

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let kind = content_type(request.headers()).to_ascii_lowercase();
        let is_grpc = kind.starts_with(GRPC);
        let signal = if is_grpc { of_method(&request) } else { of_path(&request) };
        let encoding = if kind == "application/json" { Encoding::Json } else { Encoding::Protobuf };
        let (signal, refused) = match signal {
            None => (Signal::Logs, Some(Refusal::NoSuchPath(NO_SUCH_PATH))),
            Some(signal) => (signal, self.refuses(request.headers())),
        };
        if let Some(refusal) = refused {
            self.count(signal, refusal.outcome());
            return if is_grpc { reply::grpc(&refusal) } else { reply::http(Err(&refusal), signal, encoding) };
        }
        if is_grpc {
            return grpc::call(self, signal, request).await;
        }
        let told = self.http(request, signal, &kind).await;
        self.count(signal, told.as_ref().map_or_else(Refusal::outcome, |taken| taken.outcome()));
        reply::http(told.as_ref().copied(), signal, encoding)
    }
}

/// Without parameters.
fn content_type(headers: &HeaderMap) -> &str {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

fn of_path(request: &Request<Incoming>) -> Option<Signal> {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/logs") => Some(Signal::Logs),
        (&Method::POST, "/v1/traces") => Some(Signal::Traces),
        _ => None,
    }
}

fn of_method(request: &Request<Incoming>) -> Option<Signal> {
    match request.uri().path() {
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Signal::Logs),
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(Signal::Traces),
        _ => None,
    }
}
