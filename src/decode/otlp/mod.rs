//! OTLP export requests → records. A request is first cut into its parts, without reading the records in it; then single resources
//! and records are read, the same way whether they came as protobuf or as JSON.
//!
//! Receives the decompressed body of one request. Gives ranges of it ([`Parcel`]) and, for each range asked for, what stands there.
//! Sizes and counts are bounded, so what a request costs is bounded by its bytes.

use std::ops::Range;

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1 as proto;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use thiserror::Error;

use crate::decode::Decoded;
use crate::model::record::Record;

mod attributes;
mod json;
mod record;
mod wire;

pub use record::Source;

/// Records one request may hold.
pub const MAX_RECORDS: usize = 100_000;
/// A longer record is not read.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// What a request holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Log records.
    Logs,
    /// Spans.
    Traces,
}

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`, and what gRPC carries.
    Protobuf,
    /// `application/json`, OTLP's own mapping (ids in hex).
    Json,
}

/// Why a request cannot be read; sending it again is in vain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Not the message it should be.
    #[error("the protobuf is broken or cut off at byte {at}")]
    Protobuf {
        /// Where.
        at: usize,
    },
    /// Not the JSON it should be.
    #[error("the JSON cannot be read: {reason}")]
    Json {
        /// What serde says.
        reason: String,
    },
    /// More than [`MAX_RECORDS`].
    #[error("more than {MAX_RECORDS} records in one request; send smaller batches")]
    TooMany,
}

/// Where the parts of a request stand in its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parcel {
    /// `ResourceLogs` or `ResourceSpans`, in order.
    pub groups: Vec<Group>,
}

/// The records of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// The resource; empty when none is given.
    pub resource: Range<usize>,
    /// `ScopeLogs` or `ScopeSpans`.
    pub scopes: Vec<Scope>,
}

/// The records of one instrumentation scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The scope; empty when none is given.
    pub scope: Range<usize>,
    /// Log records or spans.
    pub records: Vec<Range<usize>>,
}

impl Parcel {
    /// Cuts `body` into its parts.
    pub fn of(body: &[u8], signal: Signal, encoding: Encoding) -> Result<Self, Malformed> {
        match encoding {
            Encoding::Protobuf => wire::parcel(body),
            Encoding::Json => json::parcel(body, signal),
        }
    }

    /// Log records or spans in it.
    pub fn records(&self) -> usize {
        self.groups.iter().flat_map(|group| &group.scopes).map(|scope| scope.records.len()).sum()
    }
}

/// Reads parts of one request.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    body: &'a [u8],
    signal: Signal,
    encoding: Encoding,
}

impl<'a> Reader<'a> {
    /// Of the body that a [`Parcel`] was made of.
    pub fn new(body: &'a [u8], signal: Signal, encoding: Encoding) -> Self {
        Self { body, signal, encoding }
    }

    /// The bytes of one part.
    pub fn bytes(&self, part: &Range<usize>) -> &'a [u8] {
        self.body.get(part.clone()).unwrap_or_default()
    }

    /// What the records of `scope` in `group` have in common. What cannot be read says nothing.
    pub fn source(&self, group: &Range<usize>, scope: &Range<usize>) -> Source {
        let (resource, scope) = (self.bytes(group), self.bytes(scope));
        let (resource, scope) = match self.encoding {
            Encoding::Protobuf => (
                proto::Resource::decode(resource).unwrap_or_default(),
                InstrumentationScope::decode(scope).unwrap_or_default(),
            ),
            Encoding::Json => (json::resource(resource), json::scope(scope)),
        };
        Source::new(resource, scope)
    }

    /// The records that `part` tells: a log record is one, a span is as many as it has exceptions, and one more when it failed.
    pub fn records(&self, part: &Range<usize>, source: &Source) -> Vec<Decoded> {
        let bytes = self.bytes(part);
        let found = match (self.signal, self.encoding) {
            (Signal::Logs, Encoding::Protobuf) => LogRecord::decode(bytes).ok().map(|log| vec![source.log(log)]),
            (Signal::Logs, Encoding::Json) => json::log_record(bytes).map(|log| vec![source.log(log)]),
            (Signal::Traces, Encoding::Protobuf) => Span::decode(bytes).ok().map(|span| source.span(span)),
            (Signal::Traces, Encoding::Json) => json::span(bytes).map(|span| source.span(span)),
        };
        // What is broken inside (a text that is not UTF-8) is text like any other.
        found.unwrap_or_else(|| vec![source.broken(bytes)])
    }

    /// Which processes write, as [`Reader::records`] tells it, at the time of `part`.
    pub fn sighting(&self, part: &Range<usize>, source: &Source) -> Record {
        Record { time: self.time(part), resource: source.resource().clone(), ..Record::default() }
    }

    /// When a record was written (a span: ended), without reading the rest of it.
    pub fn time(&self, part: &Range<usize>) -> Option<Timestamp> {
        let bytes = self.bytes(part);
        let nanos = match self.encoding {
            Encoding::Protobuf => wire::time(bytes, self.signal),
            Encoding::Json => json::time(bytes),
        };
        record::moment(nanos)
    }
}
