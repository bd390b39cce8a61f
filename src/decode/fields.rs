//! Flat key and value pairs (of JSON or logfmt) → the named parts of a record, by the names that libraries and platforms use.
//!
//! Only the record's own fields count: `severity` is the record's, `error.severity` is data about something else.

use jiff::Timestamp;

use crate::decode::severity;
use crate::decode::time;
use crate::model::record::Attributes;
use crate::model::record::Record;
use crate::model::record::Severity;

/// Wrappers of exported entries, in front of the application's own keys.
const ENVELOPES: &[&str] = &["jsonPayload.", "record.extra.", "fields."];
/// Where resource attributes are kept.
const RESOURCES: &[&str] = &[
    "resource.attributes.",
    "resource.labels.",
    "resource.",
    "Resource.",
    "logging.googleapis.com/labels.",
    "kubernetes.labels.",
    "k8s.labels.",
    "labels.",
];

const MESSAGE: &[&str] = &[
    "message",
    "jsonPayload.message",
    "record.message",
    "msg",
    "jsonPayload.msg",
    "event",
    "jsonPayload.event",
    "textPayload",
    "log",
    "body",
    "Body",
    "body.stringValue",
    "text",
    "short_message",
    "full_message",
    "@m",
    "@mt",
    "protoPayload.status.message",
    "error",
];
const SEVERITY: &[&str] = &[
    "severity",
    "level",
    "levelname",
    "log.level",
    "severity_text",
    "severityText",
    "SeverityText",
    "record.level.name",
    "lvl",
    "loglevel",
    "logLevel",
    "level_name",
    "jsonPayload.severity",
    "jsonPayload.level",
    "jsonPayload.levelname",
    "jsonPayload.log.level",
    "@l",
];
const NUMBERS: &[&str] = &["severity_number", "severityNumber", "SeverityNumber"];
const TIME: &[&str] = &[
    "timestamp",
    "time",
    "@timestamp",
    "ts",
    "eventTime",
    "asctime",
    "record.time.timestamp",
    "datetime",
    "date",
    "timeUnixNano",
    "Timestamp",
    "created",
    "t",
    "@t",
    "jsonPayload.timestamp",
    "jsonPayload.time",
    "observedTimeUnixNano",
    "receiveTimestamp",
];
const TRACE: &[&str] = &[
    "logging.googleapis.com/trace",
    "trace",
    "trace_id",
    "traceId",
    "traceID",
    "traceid",
    "TraceId",
    "otelTraceID",
    "dd.trace_id",
    "trace.id",
];
const SPAN: &[&str] =
    &["logging.googleapis.com/spanId", "spanId", "span_id", "spanID", "SpanId", "otelSpanID", "dd.span_id", "span.id"];
const LOCATION: &[(&str, &str)] = &[
    ("logging.googleapis.com/sourceLocation.file", "code.file.path"),
    ("logging.googleapis.com/sourceLocation.line", "code.line.number"),
    ("logging.googleapis.com/sourceLocation.function", "code.function.name"),
    ("sourceLocation.file", "code.file.path"),
    ("sourceLocation.line", "code.line.number"),
    ("sourceLocation.function", "code.function.name"),
    ("record.file.path", "code.file.path"),
    ("record.line", "code.line.number"),
    ("record.function", "code.function.name"),
    ("record.name", "logger.name"),
    ("record.process.id", "process.pid"),
    ("record.thread.name", "thread.name"),
    ("pathname", "code.file.path"),
    ("lineno", "code.line.number"),
    ("funcName", "code.function.name"),
    ("logger", "logger.name"),
    ("log.logger", "logger.name"),
    ("logger_name", "logger.name"),
    ("loggerName", "logger.name"),
    ("code.filepath", "code.file.path"),
    ("code.function", "code.function.name"),
    ("code.lineno", "code.line.number"),
    ("httpRequest.status", "http.response.status_code"),
    ("httpRequest.requestMethod", "http.request.method"),
    ("httpRequest.requestUrl", "url.full"),
];

/// The parts of [`crate::model::record::Resource`], each with the names it goes by; strongest first.
const ROLES: &[(Role, &[&str])] = &[
    (
        Role::Service,
        &[
            "service.name",
            "serviceContext.service",
            "service_name",
            "configuration_name",
            "K_SERVICE",
            "dd.service",
            "service",
        ],
    ),
    (
        Role::Release,
        &[
            "service.version",
            "serviceContext.version",
            "service_version",
            "dd.version",
            "release",
            "app_version",
            "app.version",
            "appVersion",
            "application_version",
            "build_version",
            "buildVersion",
            "releaseVersion",
            "app.kubernetes.io/version",
            "app_kubernetes_io/version",
            "version",
            "revision_name",
            "K_REVISION",
            "image_tag",
            "container.image.tag",
        ],
    ),
    (
        Role::Commit,
        &["vcs.ref.head.revision", "git.commit.sha", "git_sha", "commit_sha", "COMMIT_SHA", "git_commit", "commit"],
    ),
    (Role::Instance, &["service.instance.id", "instanceId", "instance_id", "instance", "hostname", "pod_name"]),
    (
        Role::Environment,
        &[
            "deployment.environment.name",
            "deployment.environment",
            "environment",
            "env",
            "dd.env",
            "service.environment",
        ],
    ),
    (Role::Start, &["process.creation.time"]),
];
/// Names that say so much else besides that they also stay attributes.
const WEAK: &[&str] = &[
    "service",
    "release",
    "app_version",
    "version",
    "commit",
    "instance",
    "hostname",
    "environment",
    "env",
    "instance_id",
    "revision_name",
    "configuration_name",
    "service_name",
    "image_tag",
    "pod_name",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Service,
    Release,
    Commit,
    Instance,
    Environment,
    Start,
}

/// Sorts `pairs` into `record`; gives the message, if one is among them, with the key it stood under.
pub(super) fn assign(pairs: &[(String, String)], record: &mut Record) -> Option<(&'static str, String)> {
    let message = first(pairs, MESSAGE);
    let text = message.map(|(key, value)| (key, value.to_owned()));
    let severity = own_severity(pairs);
    let time = own_time(pairs);
    let trace = TRACE.iter().find_map(|key| id(pairs, key, 32).map(|id| (*key, id)));
    let span = SPAN.iter().find_map(|key| id(pairs, key, 16).map(|id| (*key, id)));
    let mut ranks = [usize::MAX; 6];
    let mut consumed: Vec<&str> = Vec::new();
    consumed.extend(message.map(|(key, _)| key));
    consumed.extend(severity.as_ref().map(|(key, _)| *key));
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
    for (key, value) in pairs {
        if !consumed.contains(&key.as_str()) {
            place(key, value, &mut ranks, record);
        }
    }
    text
}

/// One pair that is neither message, time, severity nor trace.
fn place(key: &str, value: &str, ranks: &mut [usize; 6], record: &mut Record) {
    let no_trace = (TRACE.contains(&key) || SPAN.contains(&key)) && value.bytes().all(|byte| byte == b'0');
    if value.is_empty() || no_trace || key == "timestamp.seconds" || key == "timestamp.nanos" {
        return;
    }
    if let Some((_, name)) = LOCATION.iter().find(|(from, _)| *from == key) {
        return add(&mut record.attributes, name, value);
    }
    let inner = ENVELOPES.iter().find_map(|prefix| key.strip_prefix(prefix)).unwrap_or(key);
    let resource = RESOURCES.iter().find_map(|prefix| inner.strip_prefix(prefix));
    let name = resource.unwrap_or(inner);
    let labels = inner.starts_with("labels.") || inner.starts_with("logging.");
    let assigned = role(name, value, ranks, record);
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
fn role(name: &str, value: &str, ranks: &mut [usize; 6], record: &mut Record) -> bool {
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
            resource.process_start = time::parse(value);
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

fn first<'a>(pairs: &'a [(String, String)], keys: &[&'static str]) -> Option<(&'static str, &'a str)> {
    keys.iter().find_map(|key| get(pairs, key).filter(|value| !value.is_empty()).map(|value| (*key, value)))
}

pub(super) fn get<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

fn own_severity(pairs: &[(String, String)]) -> Option<(&'static str, Severity)> {
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

fn own_time(pairs: &[(String, String)]) -> Option<(&'static str, Timestamp)> {
    if let Some(seconds) = get(pairs, "timestamp.seconds").or_else(|| get(pairs, "timestampSeconds")) {
        let nanos = get(pairs, "timestamp.nanos").or_else(|| get(pairs, "timestampNanos"));
        let nanos = nanos.and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
        let moment = seconds.parse().ok().and_then(|seconds| Timestamp::new(seconds, nanos).ok());
        return moment.map(|moment| ("timestamp.seconds", moment));
    }
    TIME.iter().find_map(|key| get(pairs, key).and_then(time::parse).map(|moment| (*key, moment)))
}

/// A hexadecimal id of `digits` digits; empty and all-zero ids are absent.
fn id(pairs: &[(String, String)], key: &str, digits: usize) -> Option<String> {
    let value =
        get(pairs, key).or_else(|| ENVELOPES.iter().find_map(|prefix| get(pairs, &format!("{prefix}{key}"))))?;
    let value = value.rsplit('/').next().unwrap_or(value);
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
