//! OTLP over gRPC: tonic speaks the protocol and decompresses, the message stays bytes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Buf;
use bytes::BufMut;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use tonic::Code;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::Codec;
use tonic::codec::CompressionEncoding;
use tonic::codec::DecodeBuf;
use tonic::codec::Decoder;
use tonic::codec::EncodeBuf;
use tonic::codec::Encoder;
use tonic::server::Grpc;
use tonic::server::UnaryService;

use crate::decode::otlp::Encoding;
use crate::decode::otlp::Signal;
use crate::source::otlp::exchange::Exchange;
use crate::source::receive::body;
use crate::source::receive::body::Held;
use crate::source::receive::body::Limited;
use crate::source::receive::refusal::Refusal;
use crate::telemetry::labels::RequestOutcome;

/// Messages as they are.
#[derive(Debug, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// `LogsService.Export` or `TraceService.Export`.
struct Export {
    exchange: Arc<Exchange>,
    signal: Signal,
    held: Arc<Held>,
}

impl UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let Self { exchange, signal, held } = self;
        let (exchange, signal, held) = (Arc::clone(exchange), *signal, Arc::clone(held));
        Box::pin(async move {
            let told = take(&exchange, request.into_inner(), signal, &held).await;
            told.map(tonic::Response::new).map_err(|refusal| {
                held.end(refusal.outcome());
                Status::from(refusal)
            })
        })
    }
}

async fn take(exchange: &Exchange, message: Bytes, signal: Signal, held: &Held) -> Result<Bytes, Refusal> {
    body::check(held.wire(), message.len())?;
    held.hold(message.len())?;
    let taken = exchange.intake().take(message, signal, Encoding::Protobuf).await?;
    held.end(taken.outcome());
    Ok(taken.message(signal).into())
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::from(&refusal)
    }
}

/// What tonic refuses by itself: what is too big when decompressed, and what is no message.
fn refused_by_tonic(response: &Response<Body>) -> RequestOutcome {
    let code = response.headers().get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()));
    match code {
        Some(Code::ResourceExhausted | Code::OutOfRange) => RequestOutcome::TooLarge,
        _ => RequestOutcome::Malformed,
    }
}

/// Answers one call.
pub(super) async fn call(exchange: Arc<Exchange>, signal: Signal, request: Request<Incoming>) -> Response<Body> {
    let held = Held::new(exchange.room());
    let limited = Arc::clone(&held);
    let within = exchange.bounds().body;
    let request = request.map(|body| Body::new(Limited::new(body, limited, within).map_err(Status::from)));
    let mut server =
        Grpc::new(Raw).accept_compressed(CompressionEncoding::Gzip).max_decoding_message_size(body::MAX_DECODED);
    let export = Export { exchange: Arc::clone(&exchange), signal, held: Arc::clone(&held) };
    let response = server.unary(export, request).await;
    exchange.count(signal, held.outcome().unwrap_or_else(|| refused_by_tonic(&response)));
    response
}
