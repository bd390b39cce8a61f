//! Bytes → records: which line starts a record, and what a record says (header, JSON fields, exception chain, time).
//!
//! Receives the raw bytes of one record (header line and everything that continues it) and gives a [`Record`]; nothing is ever
//! dropped for being odd: what cannot be understood is text.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::decode::config::FormatConfig;
use crate::decode::transport::Encoding;
use crate::decode::transport::Form;
use crate::model::record::Exception;
use crate::model::record::Record;
use crate::model::record::Resource;
use crate::model::record::Severity;

mod access;
pub mod audit;
pub mod boot;
pub mod config;
mod crash;
mod exception;
mod fields;
mod flatten;
mod header;
mod json;
mod json_exception;
mod line;
mod logfmt;
mod nested_exception;
pub mod otlp;
mod own_header;
mod prefix;
mod severity;
pub(crate) mod text;
mod time;
pub mod transport;

pub use own_header::OwnHeader;

/// A header ends within so many bytes.
const HEADER_BYTES: usize = 512;
/// Keys of a JSON line's time, commonest first.
const JSON_TIMES: [&str; 5] = ["\"timestamp\"", "\"time\"", "\"@timestamp\"", "\"ts\"", "\"asctime\""];
/// Keys of a logfmt line's time.
const LOGFMT_TIMES: [&str; 3] = ["ts=", "time=", "timestamp="];

/// What a source knows about its records before it reads them.
#[derive(Debug, Clone, Default)]
pub struct DecodeConfig {
    /// Values for records that carry none (`--service`, `--environment`, `--release`); what a record says wins.
    pub defaults: Resource,
    /// When the newest record was written, about: gives syslog's and klog's dates (`Sep  8 08:47:01`) the latest year that is not after
    /// it. `None`: such a record states no time (read as it is written, its time is now).
    pub written: Option<Timestamp>,
    /// The first line of a record, where no library's header is in the file.
    pub header: Option<Arc<OwnHeader>>,
    /// Where the clocks are whose times name no zone; `None`: UTC.
    pub zone: Option<TimeZone>,
    /// The form of the file; `None`: found out.
    pub form: Option<Form>,
    /// The encoding of the file; `None`: found out.
    pub encoding: Option<Encoding>,
}

impl DecodeConfig {
    /// With what is configured about the form of logs.
    #[must_use]
    pub fn with(self, format: FormatConfig) -> Self {
        let header = format.header.map(|pattern| Arc::new(OwnHeader::Pattern(pattern.0)));
        let zone = format.timezone.map(|zone| zone.0);
        Self { header, zone, form: format.form, encoding: format.encoding, ..self }
    }
}

/// What a line is to record framing. Local: it needs nothing but the line itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineClass {
    /// Starts a record, whatever came before: timestamp, level, JSON object, known log prefix.
    Header,
    /// Can only continue: indented, blank, `Traceback (most recent call last):`, `During handling of …`, caret rows, `Caused by:` …
    Continuation,
    /// Neither: continues a record that has a header, starts one where there is none.
    Plain,
}

/// Syslog's severity (0 to 7), as the journal keeps it beside an entry.
pub fn priority(code: u64) -> Severity {
    let (text, number) = severity::syslog(code);
    Severity { text: text.to_owned(), number }
}

/// A record, and what had to be forgiven to read it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// The record; its origin is the caller's to set.
    pub record: Record,
    /// The bytes were not valid UTF-8: the bad ones are U+FFFD in the text.
    pub invalid_utf8: bool,
    /// The text began like a JSON object and did not parse: it was read as text.
    pub broken_json: bool,
    /// What was there and could not be read.
    pub unread: Unread,
}

/// What a record holds and does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// Rows of several tracebacks are mixed up: the record has no exceptions, rather than wrong ones.
    pub exceptions: bool,
    /// A time of a form that is not known.
    pub time: bool,
}

/// Classifies one line (without its newline; ANSI sequences may be in it). Looks at its first bytes only.
pub fn classify(line: &[u8]) -> LineClass {
    line::classify(line)
}

/// Whether `line`, directly behind the line `before` that starts a record, is the second half of its header.
pub fn is_second_of_header(before: &[u8], line: &[u8]) -> bool {
    crash::is_second_of_header(before, line)
}

/// Whether a plain line directly behind `line`, which is of `class`, is the exception line of a traceback where no header stands before.
pub fn expects_exception(class: LineClass, line: &[u8]) -> bool {
    line::expects_exception(class, line)
}

/// The same in a file that may have a header of its own.
pub fn classify_with(line: &[u8], header: Option<&OwnHeader>) -> LineClass {
    match (classify(line), header) {
        (LineClass::Plain, Some(header)) if header.is_in(line) => LineClass::Header,
        (class, _) => class,
    }
}

/// The event time that a header line states, told without decoding the record; `None` for other lines and for times without a
/// year.
pub fn header_time(line: &[u8], zone: Option<&TimeZone>) -> Option<Timestamp> {
    let at = prefix::prefix_len(line.get(..line.len().min(HEADER_BYTES)).unwrap_or_default());
    let inner = line.get(at..).unwrap_or_default();
    if inner.starts_with(b"{") {
        return keyed_time(inner, &JSON_TIMES, zone);
    }
    let (text, _) = text::clean(line.get(..line.len().min(HEADER_BYTES)).unwrap_or_default());
    let rest = text.get(prefix::len(&text)..).unwrap_or_default();
    if line::opening(rest.as_bytes()) == Some(line::Opening::Logfmt) {
        return keyed_time(rest.as_bytes(), &LOGFMT_TIMES, zone);
    }
    let stated = header::parse(rest).and_then(|header| Some(time::local(header.time?, header.local, zone)));
    stated.or_else(|| prefix::time(&text, zone))
}

/// The value behind the first of `keys` that `line` holds.
fn keyed_time(line: &[u8], keys: &[&str], zone: Option<&TimeZone>) -> Option<Timestamp> {
    keys.iter().find_map(|key| {
        let at = memchr::memmem::find(line, key.as_bytes())? + key.len();
        let value = line.get(at..(at + 64).min(line.len()))?;
        let value = String::from_utf8_lossy(value);
        let value = value.trim_start_matches([' ', ':']);
        // In quotes, a comma or a blank is part of the time, and its zone may stand behind it.
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => value.split([',', '}', ' ']).next(),
        };
        time::parse(value?, zone)
    })
}

/// Decodes the raw bytes of one record (lines joined by `\n`, the last one with or without). `origin` is the caller's to set.
pub fn decode(raw: &[u8], config: &DecodeConfig) -> Decoded {
    let (whole, invalid_utf8) = text::clean(raw);
    let whole = whole.trim_end_matches(['\n', '\r']);
    let mut decoded = Decoded { invalid_utf8, ..Decoded::default() };
    let record = &mut decoded.record;
    let zone = config.zone.as_ref();
    let unprefixed = prefix::strip(whole);
    let inner = unprefixed.trim_start_matches('\n');
    if let Some(unread) = inner.starts_with('{').then(|| json::read(inner, zone, record)).flatten() {
        decoded.unread.time = unread;
    } else {
        decoded.broken_json = inner.starts_with('{') && line::opening(inner.as_bytes()) == Some(line::Opening::Json);
        let own = config.header.as_ref().filter(|header| is_plain(inner) && header.is_in(first_line(inner).as_bytes()));
        decoded.unread.exceptions = match own {
            Some(header) => own_header(&unprefixed, header, zone, record),
            None => plain(&unprefixed, zone, record),
        };
        if matches!(unprefixed, Cow::Owned(_)) {
            record.original = record.original.take().map(|_| whole.to_owned());
        }
    }
    record.time = record.time.or_else(|| prefix::time(whole, zone)).or_else(|| {
        let first = inner.split('\n').next().unwrap_or_default();
        config.written.and_then(|written| Some(time::local(header::time_before(first, written)?, true, zone)))
    });
    record.resource.fill_from(&config.defaults);
    decoded
}

fn first_line(text: &str) -> &str {
    memchr::memchr(b'\n', text.as_bytes()).and_then(|end| text.get(..end)).unwrap_or(text)
}

fn is_plain(text: &str) -> bool {
    classify(first_line(text).as_bytes()) == LineClass::Plain
}

fn own_header(text: &str, header: &OwnHeader, zone: Option<&TimeZone>, record: &mut Record) -> bool {
    let begin = header.read(first_line(text), zone, record);
    text.get(begin..).unwrap_or_default().clone_into(&mut record.body);
    finish(record, text)
}

/// Reads text that is not JSON into `record`: header, message, exceptions. `original` is set unless the message was JSON. Says whether
/// the rows of several tracebacks are mixed up in it.
fn plain(text: &str, zone: Option<&TimeZone>, record: &mut Record) -> bool {
    let first = first_line(text);
    let opening = line::opening(first.as_bytes());
    if opening == Some(line::Opening::Logfmt) {
        return logfmt_line(text, first.len(), zone, record);
    }
    let Some(header) = header::parse_opened(first, opening) else {
        text.clone_into(&mut record.body);
        return finish(record, text);
    };
    record.time = record.time.or_else(|| Some(time::local(header.time?, header.local, zone)));
    record.severity = header.severity.or_else(|| record.severity.take());
    record.attributes.0.extend(header.attributes.0);
    record.resource.service = record.resource.service.take().or(header.service);
    trace_ids(text, record);
    if let Some(host) = header.host {
        record.resource.attributes.push("host.name", host);
    }
    let message = text.get(header.body..).unwrap_or_default();
    if header.transport && message.starts_with('{') && json::read(message, zone, record).is_some() {
        return false;
    }
    let (message, second) = second_line(text, message);
    let message = below(message);
    record.severity = second.or_else(|| record.severity.take());
    record.body = if header.markup { text::strip_markup(&message).into_owned() } else { message.into_owned() };
    finish(record, text)
}

/// .NET's console logger begins the message on a line of its own, indented.
fn below(message: &str) -> Cow<'_, str> {
    match message.strip_prefix("\n      ") {
        Some(rest) => Cow::Owned(rest.replace("\n      ", "\n")),
        None => Cow::Borrowed(message),
    }
}

/// The ids that a header names, or OpenTelemetry's `trace_id=… span_id=…` in its line.
fn trace_ids(text: &str, record: &mut Record) {
    let first = first_line(text);
    let named = memchr::memmem::find(first.as_bytes(), b"trace_id").is_some();
    if !named && record.attributes.get("trace_id").is_none() {
        return;
    }
    let id = |name: &str, digits: usize| {
        let known = record.attributes.get(name);
        let named = || {
            first
                .split_once(name)
                .and_then(|(_, rest)| rest.strip_prefix(['=', ':']))
                .map(|rest| rest.trim_start_matches([' ', '"']))
        };
        let value = known.or_else(named)?.get(..digits)?;
        let zero = value.bytes().all(|byte| byte == b'0');
        (value.bytes().all(|byte| byte.is_ascii_hexdigit()) && !zero).then(|| value.to_ascii_lowercase())
    };
    let (trace, span) = (id("trace_id", 32), id("span_id", 16));
    record.attributes.0.retain(|(key, _)| key != "trace_id" && key != "span_id");
    record.trace_id = record.trace_id.take().or(trace);
    record.span_id = record.span_id.take().or(span);
}

/// Java's own logger puts the level on a line of its own: the message begins behind it.
fn second_line<'a>(text: &str, message: &'a str) -> (&'a str, Option<Severity>) {
    if first_line(text).len() == text.len() {
        return (message, None);
    }
    let two = text.split_once('\n').filter(|(first, rest)| is_second_of_header(first.as_bytes(), rest.as_bytes()));
    let below = two.and_then(|(_, rest)| message.strip_suffix(rest).map(|_| rest.len()));
    let second = below.and_then(|len| message.get(message.len() - len..)).and_then(|rest| rest.split_once(": "));
    second.map_or((message, None), |(level, said)| (said, severity::of(level)))
}

fn logfmt_line(text: &str, first: usize, zone: Option<&TimeZone>, record: &mut Record) -> bool {
    let (line, rest) = text.split_at(first);
    let pairs: fields::Pairs<'_> = logfmt::pairs(line).into_iter().collect();
    let message = fields::assign(&pairs, zone, record);
    let stack = ["exception", "exc_info", "stack_trace", "stacktrace", "traceback", "error"].iter();
    record.exceptions = stack
        .filter_map(|key| pairs.get(key))
        .map(exception::parse)
        .find(|chain| !chain.is_empty())
        .unwrap_or_default();
    if record.exceptions.is_empty() {
        // Go's errors are texts without a type.
        let said = ["error", "err"].iter().find_map(|key| pairs.get(key));
        let said = said.filter(|said| !matches!(*said, "" | "nil" | "<nil>" | "null" | "none" | "None"));
        record.exceptions.extend(said.map(|said| Exception { message: said.to_owned(), ..Exception::default() }));
    }
    record.body = message.map_or(line, |(_, message)| message).to_owned();
    record.body.push_str(rest);
    finish(record, text)
}

fn finish(record: &mut Record, text: &str) -> bool {
    record.original = Some(text.to_owned());
    let mut ambiguous = false;
    if record.exceptions.is_empty() {
        let printed = exception::read(&record.body);
        ambiguous = printed.ambiguous;
        record.exceptions = printed.chain;
    }
    if record.exceptions.is_empty() && !ambiguous {
        record.exceptions = json::behind(&record.body);
    }
    access::fields(&record.body, &mut record.attributes);
    ambiguous
}
