//! `scan --format jsonl`: one object a match, a stable interface (`docs/scan-jsonl.md`).

use serde_json::Value;
use serde_json::json;

use crate::app::offline::Finding;

/// Version of the output: fields are added, never renamed or removed, within one version.
const SCHEMA: &str = "relapse.scan/v1";

/// Every field and what it holds, in the order printed.
pub const FIELDS: &[(&str, &str)] = &[
    ("schema", "Version of this interface: `relapse.scan/v1`"),
    ("signature", "Id of the signature that matched"),
    (
        "verdict",
        "What the match means: `regression`, `rollback`, `stale_runtime`, `stale_build`, `rollout`, `awaiting_deploy`, \
     `pre_fix`, `known_open` or `unknown_release`",
    ),
    (
        "basis",
        "What the verdict rests on: `diagnosis`, `process_start`, `manifest`, `line`, `order`, `deploy`, `first_seen`, `time`, \
     `no_fix`, `no_release`, `incomparable`, `unparsed`, `line_gap` or `ambiguous_fix_time`",
    ),
    ("why", "The reason in one sentence, for people; its wording may change"),
    ("file", "Path as given, `<stdin>` for standard input"),
    ("line", "Number of the record's first line, from 1"),
    ("matched_line", "Number of the line that holds the evidence, from 1"),
    ("offset", "Bytes before the record's first byte"),
    ("time", "Event time the record states (RFC 3339, UTC); null when it states none"),
    ("service", "`service.name` of the record, or `--service`; null when unknown"),
    ("environment", "`deployment.environment.name` of the record, or `--environment`; null when unknown"),
    ("release", "`service.version` of the record, or `--release`; null when unknown"),
    ("instance", "`service.instance.id`; null when unknown"),
    ("trace_id", "32 hex digits; null when the record carries none"),
    ("message", "First line of the message: control characters replaced, secrets masked, at most 1000 characters"),
    ("exception", "Type and message of the exception, treated alike; null without one"),
    ("captures", "Named captures of the signature's patterns: an object of texts, empty without any"),
    ("advice", "What the signature's diagnosis rule advises; null when no rule matched"),
];

/// One object.
pub(super) fn object(finding: &Finding) -> Value {
    let record = &finding.found.record;
    json!({
        "schema": SCHEMA,
        "signature": &*finding.key.signature,
        "verdict": finding.judgement.verdict,
        "basis": finding.judgement.basis,
        "why": finding.judgement.why,
        "file": &*record.origin.file,
        "line": record.origin.line,
        "matched_line": finding.found.matched_line,
        "offset": record.origin.offset,
        "time": record.time,
        "service": record.resource.service,
        "environment": record.resource.environment,
        "release": record.resource.release,
        "instance": record.resource.instance,
        "trace_id": record.trace_id,
        "message": finding.evidence.message,
        "exception": finding.evidence.exception,
        "captures": finding.evidence.captures,
        "advice": finding.evidence.advice,
    })
}
