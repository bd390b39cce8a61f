//! OTLP's log records and spans → [`Record`]s, by the names and rules that JSON lines are read by.

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1 as proto;
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::decode::Decoded;
use crate::decode::access;
use crate::decode::exception;
use crate::decode::fields::Ranks;
use crate::decode::json;
use crate::decode::otlp::attributes;
use crate::decode::severity;
use crate::decode::text;
use crate::model::record::Exception;
use crate::model::record::Record;
use crate::model::record::Resource;
use crate::model::record::Severity;
use crate::model::record::Span as SpanFields;

/// `STATUS_CODE_ERROR`.
const FAILED: i32 = 2;
/// Names a structured body may give its message.
const MESSAGES: [&str; 3] = ["message", "msg", "event"];

/// Nanoseconds since 1970; 0 is no time.
pub(super) fn moment(nanos: u64) -> Option<Timestamp> {
    (nanos > 0).then(|| Timestamp::from_nanosecond(i128::from(nanos)).ok()).flatten()
}

/// Who wrote records: their resource and their scope.
#[derive(Debug, Clone, Default)]
pub struct Source {
    resource: Resource,
    ranks: Ranks,
    logger: String,
}

impl Source {
    pub(super) fn new(resource: proto::Resource, scope: InstrumentationScope) -> Self {
        let (mut record, mut ranks) = (Record::default(), Ranks::default());
        attributes::each(resource.attributes, &mut |key, value| ranks.resource(&key, &value, &mut record));
        Self { resource: record.resource, ranks, logger: scope.name }
    }

    /// Fills what the resource leaves open.
    #[must_use]
    pub fn with_defaults(mut self, defaults: &Resource) -> Self {
        self.resource.fill_from(defaults);
        self
    }

    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    pub(super) fn log(&self, log: LogRecord) -> Decoded {
        let (own_time, severity) = (moment(log.time_unix_nano), severity_of(&log.severity_text, log.severity_number));
        let unread = own_time.is_none() && severity.is_none();
        let mut record = self.record(log.trace_id, log.span_id);
        record.severity = severity;
        record.time = own_time;
        self.attributes(log.attributes, &mut record);
        if !log.event_name.is_empty() {
            record.attributes.push("event.name", log.event_name);
        }
        let stack = of_attributes(&record);
        body(log.body, unread, &mut record);
        record.time = record.time.or_else(|| moment(log.observed_time_unix_nano));
        exceptions(stack, &mut record);
        self.finish(record)
    }

    /// The exceptions a span saw, and its own failure.
    pub(super) fn span(&self, span: Span) -> Vec<Decoded> {
        let Span { trace_id, span_id, name, events, status, attributes, end_time_unix_nano: end, .. } = span;
        let status = status.unwrap_or_default();
        let fields = SpanFields { name, status_message: status.message.clone() };
        let base = |nanos: u64| Record {
            time: moment(nanos),
            severity: severity::of("ERROR"),
            span: Some(fields.clone()),
            ..self.record(trace_id.clone(), span_id.clone())
        };
        let mut found = Vec::new();
        for event in events {
            if event.name != "exception" && !event.name.ends_with(".exception") {
                continue;
            }
            let mut record = base(event.time_unix_nano);
            self.attributes(event.attributes, &mut record);
            let stack = of_attributes(&record);
            record.attributes.get("exception.message").unwrap_or_default().clone_into(&mut record.body);
            exceptions(stack, &mut record);
            found.push(self.finish(record));
        }
        if status.code == FAILED {
            let mut record = base(end);
            self.attributes(attributes, &mut record);
            let stack = of_attributes(&record);
            record.body = status.message;
            exceptions(stack, &mut record);
            found.push(self.finish(record));
        }
        found
    }

    /// What cannot be decoded is text.
    pub(super) fn broken(&self, bytes: &[u8]) -> Decoded {
        let record =
            Record { body: String::from_utf8_lossy(bytes).into_owned(), ..self.record(Vec::new(), Vec::new()) };
        Decoded { invalid_utf8: true, ..self.finish(record) }
    }

    fn record(&self, trace: Vec<u8>, span: Vec<u8>) -> Record {
        Record { resource: self.resource.clone(), trace_id: id(&trace, 16), span_id: id(&span, 8), ..Record::default() }
    }

    fn attributes(&self, list: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>, record: &mut Record) {
        let mut ranks = self.ranks.clone();
        record.attributes.0.reserve(list.len() + 2);
        attributes::each(list, &mut |key, value| ranks.attribute(key, value, record));
    }

    fn finish(&self, mut record: Record) -> Decoded {
        if !self.logger.is_empty() {
            record.attributes.push("logger.name", self.logger.as_str());
        }
        Decoded { record, ..Decoded::default() }
    }
}

fn severity_of(word: &str, number: i32) -> Option<Severity> {
    let number = u8::try_from(number).ok().filter(|number| (1..=24).contains(number));
    match (severity::of(word), number) {
        (Some(known), _) => Some(known),
        (None, Some(number)) if word.is_empty() => Some(Severity { text: severity::name(number).to_owned(), number }),
        (None, Some(number)) => Some(Severity { text: word.to_owned(), number }),
        (None, None) => None,
    }
}

/// Hexadecimal digits of an id of `len` bytes; all zero is none.
fn id(bytes: &[u8], len: usize) -> Option<String> {
    use std::fmt::Write as _;
    if bytes.len() != len || bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let mut text = String::with_capacity(2 * len);
    for byte in bytes {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// Escape sequences are taken out; a lone control character is text.
fn clean(said: String) -> String {
    let escaped = memchr::memmem::find(said.as_bytes(), b"\x1b[").is_some()
        || memchr::memmem::find(said.as_bytes(), b"\x1b]").is_some()
        || memchr::memmem::find(said.as_bytes(), b"\xc2\x9b").is_some();
    if escaped { text::strip(&said).into_owned() } else { said }
}

/// The message. `unread`: neither time nor severity is told, as collectors send lines of files they have not looked into.
fn body(value: Option<AnyValue>, unread: bool, record: &mut Record) {
    let said = match value.and_then(|value| value.value) {
        None => return,
        Some(Value::StringValue(said)) => said,
        Some(Value::KvlistValue(map)) => {
            let is_message = |key: &str| MESSAGES.contains(&key);
            let message = map.values.iter().find(|pair| is_message(&pair.key)).and_then(|pair| pair.value.clone());
            let whole = attributes::text(Value::KvlistValue(map.clone()));
            attributes::each(map.values, &mut |key, value| {
                if !is_message(&key) {
                    record.attributes.push(format!("body.{key}"), value);
                }
            });
            message.and_then(|message| message.value).map_or(whole, attributes::text)
        }
        Some(other) => attributes::text(other),
    };
    let mut said = clean(said);
    said.truncate(said.trim_end_matches(['\n', '\r']).len());
    if said.starts_with('{') && json::read_logged(&said, record) {
        return;
    }
    if unread {
        crate::decode::plain(&said, None, record);
        return;
    }
    record.body = if text::opens_with_markup(&said) { text::strip_markup(&said).into_owned() } else { said };
    access::fields(&record.body, &mut record.attributes);
}

/// The exception that attributes tell, by its stack trace or by type and message.
fn of_attributes(record: &Record) -> Vec<Exception> {
    let stack = record.attributes.get("exception.stacktrace").unwrap_or_default();
    let chain = if stack.is_empty() { Vec::new() } else { exception::parse(&text::strip(stack)) };
    if !chain.is_empty() {
        return chain;
    }
    let Some(kind) = record.attributes.get("exception.type").filter(|kind| !kind.is_empty()) else { return chain };
    let message = record.attributes.get("exception.message").unwrap_or_default().to_owned();
    vec![Exception { kind: kind.to_owned(), message, ..Exception::default() }]
}

/// What attributes told, unless the message tells more.
fn exceptions(told: Vec<Exception>, record: &mut Record) {
    if !told.is_empty() || record.exceptions.is_empty() {
        record.exceptions = told;
    }
    if record.exceptions.iter().all(|exception| exception.frames.is_empty()) {
        let printed = exception::parse(&record.body);
        if !printed.is_empty() {
            record.exceptions = printed;
        }
    }
    if let (true, Some(span)) = (record.exceptions.is_empty(), &record.span) {
        record.exceptions.extend(exception::one(&span.status_message));
    }
    if record.body.is_empty()
        && let Some(exception) = record.exceptions.last()
    {
        record.body.clone_from(&exception.message);
    }
}
