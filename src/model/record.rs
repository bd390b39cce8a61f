//! The record: one log entry or span, in the OpenTelemetry log data model, whatever it looked like on the wire.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One joined log entry (a traceback belongs to the line that announced it) or one span.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Record {
    /// Event time as the record states it; `None` where it states none (the source's clock then counts).
    pub time: Option<Timestamp>,
    /// The record states no time; `time` is that of the nearest earlier header line of its stream.
    pub time_inherited: bool,
    /// Severity as written and as OpenTelemetry number.
    pub severity: Option<Severity>,
    /// The message without its header, every continuation line included, ANSI sequences removed.
    pub body: String,
    /// The whole text as it was written (ANSI removed), for plain text only: JSON text is never matched raw, because every
    /// nested `"severity":"ERROR"` would then be a false alarm.
    pub original: Option<String>,
    /// Who wrote it.
    pub resource: Resource,
    /// Everything else, flattened to dotted keys, in the order of the record (`code.function.name`, `http.response.status_code`, …).
    pub attributes: Attributes,
    /// 32 hex digits; `None` when absent or all zero.
    pub trace_id: Option<String>,
    /// 16 hex digits; `None` when absent or all zero.
    pub span_id: Option<String>,
    /// Set when the record is a span.
    pub span: Option<Span>,
    /// The exception chain, **root first**: `exceptions[0]` is the original cause, the last one is what the caller saw.
    pub exceptions: Vec<Exception>,
    /// Where it was read.
    pub origin: Origin,
}

/// Severity text as written and its OpenTelemetry number (1–24).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Severity {
    /// As written: `ERROR`, `warning`, `E`.
    pub text: String,
    /// OpenTelemetry `SeverityNumber`: 1 trace, 5 debug, 9 info, 13 warn, 17 error, 21 fatal.
    pub number: u8,
}

/// The fields of a span that a log record does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Span {
    /// `span.name`.
    pub name: String,
    /// `status.message`.
    pub status_message: String,
}

/// Flattened key → value pairs that keep the order of the record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes(pub Vec<(String, String)>);

impl Attributes {
    /// The value of `key`, first one wins.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Appends a pair; a key may repeat.
    pub fn push(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.push((key.into(), value.into()));
    }
}

/// The OpenTelemetry resource attributes that decide a verdict by name, the others as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// `service.name`
    pub service: Option<String>,
    /// `service.version`, or what stands for it (Cloud Run `revision_name`, image tag).
    pub release: Option<String>,
    /// `vcs.ref.head.revision`
    pub commit: Option<String>,
    /// `service.instance.id`
    pub instance: Option<String>,
    /// `deployment.environment.name` (or the older `deployment.environment`).
    pub environment: Option<String>,
    /// `process.creation.time`, or what a boot line said.
    pub process_start: Option<Timestamp>,
    /// Every other resource attribute.
    pub attributes: Attributes,
}

impl Resource {
    /// The attribute under its OpenTelemetry name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.own(name).map_or_else(|| self.attributes.get(name), Option::as_deref)
    }

    /// Where the value of an attribute stands that decides a verdict; `None` for all other names.
    fn own(&self, name: &str) -> Option<&Option<String>> {
        match name {
            "service.name" => Some(&self.service),
            "service.version" => Some(&self.release),
            "vcs.ref.head.revision" => Some(&self.commit),
            "service.instance.id" => Some(&self.instance),
            "deployment.environment.name" | "deployment.environment" => Some(&self.environment),
            _ => None,
        }
    }

    /// Whether `name` is one of the attributes that decide a verdict: never one of a record.
    pub fn is_own(name: &str) -> bool {
        Self::default().own(name).is_some()
    }

    /// Fills what the record left open from `defaults` (static configuration); what the record says wins.
    pub fn fill_from(&mut self, defaults: &Self) {
        let fill = |own: &mut Option<String>, other: &Option<String>| {
            if own.is_none() {
                own.clone_from(other);
            }
        };
        fill(&mut self.service, &defaults.service);
        fill(&mut self.release, &defaults.release);
        fill(&mut self.commit, &defaults.commit);
        fill(&mut self.instance, &defaults.instance);
        fill(&mut self.environment, &defaults.environment);
        self.process_start = self.process_start.or(defaults.process_start);
    }
}

/// One link of an exception chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// `exception.type` as printed, qualified where the language qualifies it.
    #[serde(rename = "type")]
    pub kind: String,
    /// `exception.message`, newlines included.
    pub message: String,
    /// Outermost call first, the raise site last (Python's order).
    pub frames: Vec<Frame>,
    /// How the **next** (outer) link came to be because of this one; `None` on the outermost link.
    pub relation: Option<Relation>,
}

/// How one exception led to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// `raise … from …` ("direct cause"), Java's `Caused by`.
    Cause,
    /// "During handling of the above exception".
    Context,
    /// Member of an exception group.
    Group,
}

/// One stack frame as printed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// `code.file.path`
    pub path: String,
    /// `code.line.number`
    pub line: Option<u32>,
    /// `code.function.name`
    pub function: String,
    /// `code.line`: the source text printed in the traceback, without its indentation; caret rows are not part of it.
    pub source: Option<String>,
}

/// Where a record was read: enough to find it again and to name it in an event id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The path as given, or `<stdin>`.
    pub file: Arc<str>,
    /// 1-based number of the record's first line.
    pub line: u64,
    /// Byte offset of the record's first byte.
    pub offset: u64,
}
