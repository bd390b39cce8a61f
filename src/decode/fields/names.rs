//! The names that libraries and platforms give to the parts of a record, strongest first.

/// Wrappers of exported entries, in front of the application's own keys.
pub(super) const ENVELOPES: &[&str] = &["jsonPayload.", "record.extra.", "fields.", "attributes.", "Properties."];
/// Where resource attributes are kept.
pub(super) const RESOURCES: &[&str] = &[
    "resource.attributes.",
    "resource.labels.",
    "resource.",
    "Resource.",
    "logging.googleapis.com/labels.",
    "kubernetes.labels.",
    "kubernetes.",
    "k8s.labels.",
    "labels.",
];

pub(super) const MESSAGE: &[&str] = &[
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
    "body.message",
    "text",
    "short_message",
    "full_message",
    "@m",
    "@mt",
    "RenderedMessage",
    "MessageTemplate",
    "Message",
    "protoPayload.status.message",
    "fields.message",
    "error",
];
pub(super) const SEVERITY: &[&str] = &[
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
    "Level",
    "context.logLevel",
];
pub(super) const NUMBERS: &[&str] = &["severity_number", "severityNumber", "SeverityNumber"];
pub(super) const TIME: &[&str] = &[
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
pub(super) const TRACE: &[&str] = &[
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
    "context.trace_id",
];
pub(super) const SPAN: &[&str] = &[
    "logging.googleapis.com/spanId",
    "spanId",
    "span_id",
    "spanID",
    "SpanId",
    "otelSpanID",
    "dd.span_id",
    "span.id",
    "context.span_id",
];
pub(super) const LOCATION: &[(&str, &str)] = &[
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
    ("source.file", "code.file.path"),
    ("source.line", "code.line.number"),
    ("source.function", "code.function.name"),
    ("log.origin.file.name", "code.file.path"),
    ("log.origin.file.line", "code.line.number"),
    ("log.origin.function", "code.function.name"),
    ("thread_name", "thread.name"),
    ("process.thread.name", "thread.name"),
    ("pid", "process.pid"),
    ("process_id", "process.pid"),
    ("Properties.SourceContext", "logger.name"),
    ("SourceContext", "logger.name"),
    ("scope.name", "logger.name"),
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
pub(super) const ROLES: &[(Role, &[&str])] = &[
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
    (
        Role::Instance,
        &[
            "service.instance.id",
            "instanceId",
            "instance_id",
            "instance",
            "service.node.name",
            "hostname",
            "pod_name",
            "kubernetes.pod_name",
            "kubernetes.pod.name",
            "k8s.pod.name",
        ],
    ),
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
/// Lengths of the names of roles and places, a bit each, by their first byte: most keys are told to be none by one look.
static KNOWN: [u64; 256] = known();

/// Whether `name` may be one of a role or a place; a name that is one is never missed.
pub(super) fn is_known(name: &str) -> bool {
    let first = name.as_bytes().first().copied().unwrap_or_default();
    let lengths = KNOWN.get(usize::from(first)).copied().unwrap_or_default();
    name.len() >= 64 || lengths >> name.len() & 1 == 1
}

#[expect(clippy::indexing_slicing, reason = "made while compiling: what is out of bounds does not compile")]
const fn known() -> [u64; 256] {
    let mut lengths = [0_u64; 256];
    let mut at = 0;
    while at < LOCATION.len() {
        let name = LOCATION[at].0.as_bytes();
        lengths[name[0] as usize] |= 1 << name.len();
        at += 1;
    }
    at = 0;
    while at < ROLES.len() {
        let mut of = 0;
        while of < ROLES[at].1.len() {
            let name = ROLES[at].1[of].as_bytes();
            lengths[name[0] as usize] |= 1 << name.len();
            of += 1;
        }
        at += 1;
    }
    lengths
}

/// Names that say so much else besides that they also stay attributes.
pub(super) const WEAK: &[&str] = &[
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
pub(super) enum Role {
    Service,
    Release,
    Commit,
    Instance,
    Environment,
    Start,
}
