//! Flat key and value pairs (of JSON or logfmt) → the named parts of a record, by the names that libraries and platforms use.
//!
//! Only the record's own fields count: `severity` is the record's, `error.severity` is data about something else.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::decode::fields::names::ENVELOPES;
use crate::decode::fields::names::LOCATION;
use crate::decode::fields::names::MESSAGE;
use crate::decode::fields::names::NUMBERS;
use crate::decode::fields::names::RESOURCES;
use crate::decode::fields::names::ROLES;
use crate::decode::fields::names::Role;
use crate::decode::fields::names::SEVERITY;
use crate::decode::fields::names::SPAN;
use crate::decode::fields::names::TIME;
use crate::decode::fields::names::TRACE;
use crate::decode::fields::names::WEAK;
use crate::decode::fields::names::is_known;
use crate::decode::severity;
use crate::decode::time;
use crate::model::record::Attributes;
use crate::model::record::Record;
use crate::model::record::Severity;

mod names;
mod pairs;
mod typed;

pub(super) use pairs::Pairs;
pub(super) use typed::Ranks;

/// Where the release stands among the roles.
const RELEASE: usize = 1;
/// Times in two parts: whole seconds, and nanoseconds.
const TIME_PARTS: [[&str; 2]; 4] = [
    ["timestamp.seconds", "timestamp.nanos"],
    ["timestampSeconds", "timestampNanos"],
    ["timestampSecond", "timestampNanos"],
    ["instant.epochSecond", "instant.nanoOfSecond"],
];

/// Whether a time is among `pairs` that cannot be read.
pub(super) fn has_unread_time(pairs: &Pairs<'_>) -> bool {
    own_time(pairs, None).is_none()
        && TIME.iter().any(|key| get(pairs, key).is_some_and(|value| !value.trim().is_empty()))
}

/// `app/main.go:12`.
fn caller(value: &str, attributes: &mut Attributes) -> bool {
    let Some((path, line)) = value.rsplit_once(':').filter(|(_, line)| line.parse::<u32>().is_ok()) else {
        return false;
    };
    attributes.push("code.file.path", path);
    attributes.push("code.line.number", line);
    true
}

/// Sorts `pairs` into `record`; gives the message, if one is among them, with the key it stood under. A time that names no zone is
/// one of `zone`.
pub(super) fn assign<'p>(
    pairs: &'p Pairs<'_>,
    zone: Option<&TimeZone>,
    record: &mut Record,
) -> Option<(&'static str, &'p str)> {
    let message = first(pairs, MESSAGE);
    let severity = own_severity(pairs);
    let time = own_time(pairs, zone);
    let trace = TRACE.iter().find_map(|key| id(pairs, key, 32).map(|id| (*key, id)));
    let span = SPAN.iter().find_map(|key| id(pairs, key, 16).map(|id| (*key, id)));
    let mut ranks = [usize::MAX; 6];
    if get(pairs, "short_message").is_some() || get(pairs, "context.logLevel").is_some() {
        // GELF's and Roarr's `version` is that of the format.
        if let Some(rank) = ranks.get_mut(RELEASE) {
            *rank = 0;
        }
    }
    let mut consumed: Vec<&str> = Vec::new();
    consumed.extend(message.map(|(key, _)| key));
    consumed.extend(severity.as_ref().map(|(key, _)| *key));
    consumed.extend(severity.as_ref().and(NUMBERS.iter().find(|key| get(pairs, key).is_some()).copied()));
    consumed.extend(trace.as_ref().map(|(key, _)| *key));
    consumed.extend(span.as_ref().map(|(key, _)| *key));
    if let Some((key, moment)) = time {
        record.time = record.time.or(Some(moment));
        consumed.push(key);
    }
    if record.severity.is_none() {
        record.severity = severity.map(|(_, severity)| severity);
    }
    record.trace_id = record.trace_id.take().or(trace.map(|(_, id)| id));
    record.span_id = record.span_id.take().or(span.map(|(_, id)| id));
    record.attributes.0.reserve(pairs.len().saturating_sub(consumed.len()));
    for (key, value) in pairs.iter() {
        if !consumed.contains(&key) {
            place((key, value), zone, &mut ranks, record);
        }
    }
    // Bunyan and pino call the application `name`.
    if record.resource.service.is_none() && get(pairs, "hostname").and(get(pairs, "pid")).is_some() {
        record.resource.service = get(pairs, "name").map(str::to_owned);
    }
    message
}

/// One pair that is neither message, time, severity nor trace.
fn place((key, value): (&str, &str), zone: Option<&TimeZone>, ranks: &mut [usize; 6], record: &mut Record) {
    let zero = || value.bytes().all(|byte| byte == b'0');
    let no_trace = value.starts_with('0') && zero() && (TRACE.contains(&key) || SPAN.contains(&key));
    let timed = key.starts_with(['t', 'i']) && TIME_PARTS.iter().flatten().any(|part| *part == key);
    if value.is_empty() || no_trace || timed {
        return;
    }
    if key == "caller" && caller(value, &mut record.attributes) {
        return;
    }
    let own = key.strip_prefix("attributes.").unwrap_or(key);
    if is_known(own)
        && let Some((_, name)) = LOCATION.iter().find(|(from, _)| *from == own)
    {
        return add(&mut record.attributes, name, value);
    }
    let begins = |text: &str, bytes: &[u8]| text.as_bytes().first().is_some_and(|first| bytes.contains(first));
    let wrapped = begins(key, b"jrfaP").then(|| ENVELOPES.iter().find_map(|prefix| key.strip_prefix(prefix))).flatten();
    let inner = wrapped.unwrap_or(key);
    let resource =
        begins(inner, b"rRlk").then(|| RESOURCES.iter().find_map(|prefix| inner.strip_prefix(prefix))).flatten();
    let name = resource.unwrap_or(inner);
    let labels = inner.starts_with("labels.") || inner.starts_with("logging.");
    let assigned = role((name, value), zone, ranks, record);
    if !assigned && resource.is_some() && !labels {
        return record.resource.attributes.push(name, value);
    }
    if assigned && (resource.is_some() && !labels || !WEAK.contains(&name)) {
        if resource.is_some() && WEAK.contains(&name) {
            record.resource.attributes.push(name, value);
        }
        return;
    }
    if labels && let Some(code) = label_location(name) {
        add(&mut record.attributes, code, value);
    }
    add(&mut record.attributes, if labels { key } else { inner }, value);
}

/// Fills the part of the resource that `name` stands for, unless a stronger name has filled it.
fn role((name, value): (&str, &str), zone: Option<&TimeZone>, ranks: &mut [usize; 6], record: &mut Record) -> bool {
    if !is_known(name) {
        return false;
    }
    let found = ROLES
        .iter()
        .zip(ranks.iter_mut())
        .find_map(|((role, names), rank)| names.iter().position(|known| *known == name).map(|at| (*role, at, rank)));
    let Some((role, at, rank)) = found else { return false };
    if value.is_empty() || value == "null" || at >= *rank {
        return at >= *rank;
    }
    *rank = at;
    let resource = &mut record.resource;
    let slot = match role {
        Role::Service => &mut resource.service,
        Role::Release => &mut resource.release,
        Role::Commit => &mut resource.commit,
        Role::Instance => &mut resource.instance,
        Role::Environment => &mut resource.environment,
        Role::Start => {
            resource.process_start = time::parse(value, zone);
            return true;
        }
    };
    *slot = Some(value.to_owned());
    true
}

fn label_location(name: &str) -> Option<&'static str> {
    Some(match name {
        "function" | "python_function" => "code.function.name",
        "line" | "python_line" => "code.line.number",
        "module" => "code.namespace",
        "python_logger" => "logger.name",
        _ => return None,
    })
}

fn add(attributes: &mut Attributes, key: &str, value: &str) {
    attributes.push(key, value);
}

fn first<'a>(pairs: &'a Pairs<'_>, keys: &[&'static str]) -> Option<(&'static str, &'a str)> {
    keys.iter().find_map(|key| get(pairs, key).filter(|value| !value.is_empty()).map(|value| (*key, value)))
}

fn get<'a>(pairs: &'a Pairs<'_>, key: &str) -> Option<&'a str> {
    pairs.get(key)
}

fn own_severity(pairs: &Pairs<'_>) -> Option<(&'static str, Severity)> {
    let of_number = |text: &str, number: Option<u8>| number.map(|number| Severity { text: text.to_owned(), number });
    let word = SEVERITY.iter().find_map(|key| {
        let value = get(pairs, key)?;
        let named = severity::of(value);
        let number = value.parse::<u64>().ok();
        let gelf = get(pairs, "short_message").is_some();
        let numbered = number.and_then(|level| {
            let number = if gelf && level < 8 { Some(severity::syslog(level).1) } else { severity::pino(level) };
            of_number(value, number)
        });
        named.or(numbered).map(|severity| (*key, severity))
    });
    let number = || {
        NUMBERS.iter().find_map(|key| {
            let value = get(pairs, key)?;
            let number = value.parse::<u8>().ok().filter(|number| (1..=24).contains(number));
            of_number(value, number).map(|severity| (*key, severity))
        })
    };
    let python = || {
        let value = get(pairs, "levelno")?;
        of_number(value, value.parse().ok().and_then(severity::python)).map(|severity| ("levelno", severity))
    };
    word.or_else(number).or_else(python)
}

fn own_time(pairs: &Pairs<'_>, zone: Option<&TimeZone>) -> Option<(&'static str, Timestamp)> {
    for [seconds, nanos] in TIME_PARTS {
        let Some(whole) = get(pairs, seconds) else { continue };
        let part = get(pairs, nanos).and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
        let moment = whole.parse().ok().and_then(|whole| Timestamp::new(whole, part).ok());
        return moment.map(|moment| (seconds, moment));
    }
    TIME.iter().find_map(|key| time::parse(get(pairs, key)?, zone).map(|moment| (*key, moment)))
}

/// A hexadecimal id of `digits` digits; empty and all-zero ids are absent.
fn id(pairs: &Pairs<'_>, key: &str, digits: usize) -> Option<String> {
    let value = get(pairs, key).or_else(|| pairs.inside(key))?;
    let plain = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if value.len() == digits && !key.starts_with("dd.") && value.bytes().all(plain) {
        return value.bytes().any(|byte| byte != b'0').then(|| value.to_owned());
    }
    let value = value.rsplit('/').next().unwrap_or(value);
    let value = value.strip_prefix("0x").unwrap_or(value);
    let plain = if key.starts_with("dd.") && value.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("{:x}", value.parse::<u128>().ok()?)
    } else {
        value.replace('-', "").to_ascii_lowercase()
    };
    let known = plain.len() == digits || plain.len() == 16 || key.starts_with("dd.");
    let hex = plain.len() <= digits && plain.bytes().all(|byte| byte.is_ascii_hexdigit());
    let zero = plain.bytes().all(|byte| byte == b'0');
    (known && hex && !zero).then(|| format!("{plain:0>digits$}"))
}
