//! What senders are told: taken, taken in part, or refused and why, in the words of HTTP and of gRPC.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::StatusCode;
use hyper::header;
use hyper::header::HeaderValue;
use opentelemetry_proto::tonic::collector::logs::v1 as logs;
use opentelemetry_proto::tonic::collector::trace::v1 as trace;
use prost::Message;
use serde_json::json;
use tonic::body::Body;

use crate::decode::otlp::Encoding;
use crate::decode::otlp::Signal;
use crate::source::receive::refusal::RETRY;
use crate::source::receive::refusal::Refusal;
use crate::telemetry::labels::RequestOutcome;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`, whose one field is a `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

impl Status {
    fn of(refusal: &Refusal) -> Self {
        let delay = Delay { seconds: RETRY.as_secs().cast_signed() };
        let retry = RetryInfo { retry_delay: Some(delay) };
        let details = refusal.is_temporary().then(|| Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: retry.encode_to_vec(),
        });
        let (_, code) = refusal.status();
        Self { code: code.into(), message: refusal.to_string(), details: details.into_iter().collect() }
    }
}

impl From<&Refusal> for tonic::Status {
    fn from(refusal: &Refusal) -> Self {
        let (_, code) = refusal.status();
        let details = Status::of(refusal).encode_to_vec();
        Self::with_details(code, refusal.to_string(), details.into())
    }
}

/// What became of the records of a request that was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Records too long to be read.
    pub rejected: u64,
}

impl Taken {
    pub(super) fn outcome(self) -> RequestOutcome {
        if self.rejected == 0 { RequestOutcome::Taken } else { RequestOutcome::Partial }
    }

    /// `Export…ServiceResponse`; without records that were left out it is empty.
    pub(super) fn message(self, signal: Signal) -> Vec<u8> {
        let (rejected, error_message) = (self.rejected.cast_signed(), too_long());
        match signal {
            _ if rejected == 0 => Vec::new(),
            Signal::Logs => logs::ExportLogsServiceResponse {
                partial_success: Some(logs::ExportLogsPartialSuccess { rejected_log_records: rejected, error_message }),
            }
            .encode_to_vec(),
            Signal::Traces => trace::ExportTraceServiceResponse {
                partial_success: Some(trace::ExportTracePartialSuccess { rejected_spans: rejected, error_message }),
            }
            .encode_to_vec(),
        }
    }

    fn json(self, signal: Signal) -> Vec<u8> {
        let count = if signal == Signal::Logs { "rejectedLogRecords" } else { "rejectedSpans" };
        let partial = json!({ "partialSuccess": { count: self.rejected.to_string(), "errorMessage": too_long() } });
        if self.rejected == 0 { b"{}".to_vec() } else { partial.to_string().into_bytes() }
    }
}

fn too_long() -> String {
    format!("records of more than {} bytes are not read", crate::decode::otlp::MAX_RECORD_BYTES)
}

const fn content_type(encoding: Encoding) -> HeaderValue {
    match encoding {
        Encoding::Protobuf => HeaderValue::from_static("application/x-protobuf"),
        Encoding::Json => HeaderValue::from_static("application/json"),
    }
}

/// The answer over HTTP, in the encoding of the request.
pub(super) fn http(told: Result<Taken, &Refusal>, signal: Signal, encoding: Encoding) -> Response<Body> {
    let (status, body) = match told {
        Ok(taken) if encoding == Encoding::Json => (StatusCode::OK, taken.json(signal)),
        Ok(taken) => (StatusCode::OK, taken.message(signal)),
        Err(refusal) if encoding == Encoding::Json => {
            let Status { code, message, .. } = Status::of(refusal);
            (refusal.status().0, json!({ "code": code, "message": message }).to_string().into_bytes())
        }
        Err(refusal) => (refusal.status().0, Status::of(refusal).encode_to_vec()),
    };
    let mut response = Response::new(Body::new(Full::new(Bytes::from(body))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(encoding));
    if let Err(refusal) = told {
        refusal.describe(headers);
    }
    response
}

/// The answer over gRPC to what never reached the service.
pub(super) fn grpc(refusal: &Refusal) -> Response<Body> {
    tonic::Status::from(refusal).into_http()
}
