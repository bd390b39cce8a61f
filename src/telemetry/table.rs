//! The one table of metrics: every name relapse exports, with its kind, labels and help, as code.
//!
//! `metrics` registers exactly these; a test compares them both ways with `docs/metrics.md`, the dashboards and the rules, so
//! that a name cannot change in one place only. Label values come from fixed lists, except `signature` (the catalog),
//! `service`, `environment` and `release` (the input, limited by `limit`) and `sink` (the configuration).

/// What a metric does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises; starts at 0 with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

impl MetricKind {
    /// The name Prometheus uses in `# TYPE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Full name, unit included.
    pub name: &'static str,
    /// What it does over time.
    pub kind: MetricKind,
    /// Label names, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// One sentence for `# HELP` and the documentation.
    pub help: &'static str,
}

const fn row(kind: MetricKind, name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

/// Labels of everything that belongs to one track.
const TRACK: &[&str] = &["signature", "service", "environment"];

/// Every metric, in the order of the documentation.
pub const TABLE: &[Metric] = &[
    MATCHES,
    INCIDENT_STATE,
    EPISODES,
    FIX_TIMESTAMP,
    FIX_UNSATISFIABLE,
    LIVE_RELEASE,
    DEPLOYS,
    NEAR_MISSES,
    SIGNATURE_WORK,
    SIGNATURE_OVER_BUDGET,
    SIGNATURE_BLIND,
    NOTICES,
    SUPPRESSED,
    SINK_DELIVERIES,
    SINK_PENDING,
    SINK_DEAD_LETTERS,
    SOURCE_BYTES,
    SOURCE_LINES,
    SOURCE_FILES,
    SOURCE_UNREADABLE,
    SOURCE_LAG,
    SOURCE_MAX_LAG,
    SOURCE_LAST_RECORD,
    SOURCE_LAG_SECONDS,
    SOURCE_OLDEST_UNREAD,
    SOURCE_RESTARTS,
    SOURCE_ROTATIONS,
    SOURCE_GAPS,
    OTLP_REQUESTS,
    PUBSUB_PUSHES,
    RECORDS_ODD,
    CATALOG_SIGNATURES,
    CATALOG_RELOAD_SUCCESSFUL,
    CATALOG_RELOAD_TIMESTAMP,
    COMMIT_DURATION,
    EVENT_DELAY,
    HEARTBEAT,
    BUILD_INFO,
];

/// What the process collector adds on Linux (names of the Prometheus client libraries).
pub const PROCESS: &[&str] = &[
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
];

pub(super) const MATCHES: Metric = row(
    MetricKind::Counter,
    "relapse_matches_total",
    &["signature", "service", "environment", "verdict"],
    "Records that matched a signature, by verdict. At 0 from the moment the track is known.",
);
pub(super) const INCIDENT_STATE: Metric = row(
    MetricKind::Gauge,
    "relapse_incident_state",
    &["signature", "service", "environment", "state"],
    "1 for the state the track is in, 0 for the others.",
);
pub(super) const EPISODES: Metric =
    row(MetricKind::Counter, "relapse_episodes_total", TRACK, "Episodes opened: how often the incident came back.");
pub(super) const FIX_TIMESTAMP: Metric = row(
    MetricKind::Gauge,
    "relapse_fix_timestamp_seconds",
    TRACK,
    "Unix time of the fix in force; seconds since the fix = time() - this.",
);
pub(super) const FIX_UNSATISFIABLE: Metric = row(
    MetricKind::Gauge,
    "relapse_fix_unsatisfiable",
    TRACK,
    "1 while the fix can never be judged here: its release never comes, or has no order with any live one.",
);
pub(super) const LIVE_RELEASE: Metric = row(
    MetricKind::Gauge,
    "relapse_live_release_info",
    &["service", "environment", "release", "contains_fix"],
    "1 for each release heard lately; old ones disappear. contains_fix: yes, no or unknown, for the fixes of all incidents known there.",
);
pub(super) const DEPLOYS: Metric = row(
    MetricKind::Counter,
    "relapse_deploys_total",
    &["outcome"],
    "Deployments declared: declared, unchanged (known already), invalid (a line of the deploy file that is none).",
);
pub(super) const NEAR_MISSES: Metric = row(
    MetricKind::Counter,
    "relapse_near_misses_total",
    &["signature"],
    "Records in a signature's scope that hold one of its texts and do not match it: a rise may mean that a wording has drifted.",
);
pub(super) const SIGNATURE_WORK: Metric = row(
    MetricKind::Counter,
    "relapse_signature_compared_bytes_total",
    &["signature"],
    "Bytes of records that were decoded and compared with a signature: what it costs.",
);
pub(super) const SIGNATURE_OVER_BUDGET: Metric = row(
    MetricKind::Counter,
    "relapse_signature_over_budget_total",
    &["signature"],
    "Records of which a signature searched the beginning only: more would have exceeded its step budget.",
);
pub(super) const SIGNATURE_BLIND: Metric = row(
    MetricKind::Gauge,
    "relapse_signature_blind",
    &["signature"],
    "1 while no record comes that the signature could match in: its services are silent, or its scope names none of those that speak.",
);
pub(super) const NOTICES: Metric =
    row(MetricKind::Counter, "relapse_notices_total", &["kind"], "Notices raised: page, warning, resolved.");
pub(super) const SUPPRESSED: Metric = row(
    MetricKind::Counter,
    "relapse_suppressed_total",
    &["reason"],
    "What was not shown as such; label_limit: counted under the label value `other` or left out; muted: not delivered; \
     window_limit: a part of a correlation while too many of its windows are open.",
);
pub(super) const SINK_DELIVERIES: Metric = row(
    MetricKind::Counter,
    "relapse_sink_deliveries_total",
    &["sink", "outcome"],
    "Attempts to deliver a notice: delivered, retried, dead.",
);
pub(super) const SINK_PENDING: Metric =
    row(MetricKind::Gauge, "relapse_sink_pending", &["sink"], "Notices owed to a sink and not yet accepted.");
pub(super) const SINK_DEAD_LETTERS: Metric =
    row(MetricKind::Gauge, "relapse_sink_dead_letters", &["sink"], "Notices a sink has refused for good.");
pub(super) const SOURCE_BYTES: Metric = row(
    MetricKind::Counter,
    "relapse_source_bytes_total",
    &["source_kind", "outcome"],
    "Bytes read: matched, or skipped_overlong (beyond the bound of a line). Both together are all bytes judged.",
);
pub(super) const SOURCE_LINES: Metric =
    row(MetricKind::Counter, "relapse_source_lines_total", &["source_kind"], "Lines judged.");
pub(super) const SOURCE_FILES: Metric = row(MetricKind::Gauge, "relapse_source_files", &[], "Files being followed.");
pub(super) const SOURCE_UNREADABLE: Metric = row(
    MetricKind::Gauge,
    "relapse_source_unreadable_files",
    &[],
    "Files that match a pattern and cannot be read; `/readyz?verbose` names them.",
);
pub(super) const SOURCE_LAG: Metric =
    row(MetricKind::Gauge, "relapse_source_lag_bytes", &[], "Bytes present and not yet judged, over all files.");
pub(super) const SOURCE_MAX_LAG: Metric =
    row(MetricKind::Gauge, "relapse_source_max_lag_bytes", &[], "The same, of the file that is furthest behind.");
pub(super) const SOURCE_LAST_RECORD: Metric = row(
    MetricKind::Gauge,
    "relapse_source_last_record_timestamp_seconds",
    &["source_kind"],
    "Unix time at which the latest bytes were read; 0 before the first.",
);
pub(super) const SOURCE_LAG_SECONDS: Metric = row(
    MetricKind::Gauge,
    "relapse_source_lag_seconds",
    &["source_kind"],
    "From the event time of the latest record to its reading; 0 when everything there has been read.",
);
pub(super) const SOURCE_OLDEST_UNREAD: Metric = row(
    MetricKind::Gauge,
    "relapse_source_oldest_unread_seconds",
    &["source_kind"],
    "How long the oldest of what is there has not been judged and stored; 0 when everything has.",
);
pub(super) const SOURCE_RESTARTS: Metric = row(
    MetricKind::Counter,
    "relapse_source_restarts_total",
    &["source_kind"],
    "Times a source had to begin anew: its connection or its subprocess had ended.",
);
pub(super) const SOURCE_ROTATIONS: Metric =
    row(MetricKind::Counter, "relapse_source_rotations_total", &[], "Log rotations followed.");
pub(super) const SOURCE_GAPS: Metric = row(
    MetricKind::Counter,
    "relapse_source_gaps_total",
    &[],
    "Times bytes may have been lost before they were read (truncation while unread).",
);
pub(super) const OTLP_REQUESTS: Metric = row(
    MetricKind::Counter,
    "relapse_otlp_requests_total",
    &["signal", "outcome"],
    "OTLP requests: taken, partial (records too long to be read were left out), malformed, too_large, too_slow, unauthorized, unavailable \
     (full, or not stored: the sender comes again).",
);
pub(super) const PUBSUB_PUSHES: Metric = row(
    MetricKind::Counter,
    "relapse_pubsub_pushes_total",
    &["outcome"],
    "Pushed Pub/Sub messages: taken, malformed, too_large, too_slow, unauthorized (the token, or another subscription), unavailable (full, not \
     stored, or no keys to check tokens with). All but the taken come again.",
);
pub(super) const RECORDS_ODD: Metric = row(
    MetricKind::Counter,
    "relapse_records_odd_total",
    &["reason"],
    "Records that were odd and matched all the same: invalid_utf8, overlong, broken_json, cut, clock_skew, no_time, \
     unread_time, ambiguous (two tracebacks mixed up).",
);
pub(super) const CATALOG_SIGNATURES: Metric =
    row(MetricKind::Gauge, "relapse_catalog_signatures", &[], "Signatures in force.");
pub(super) const CATALOG_RELOAD_SUCCESSFUL: Metric = row(
    MetricKind::Gauge,
    "relapse_catalog_last_reload_successful",
    &[],
    "1 if the catalog last read is in force, 0 if it was refused and the one before goes on.",
);
pub(super) const CATALOG_RELOAD_TIMESTAMP: Metric = row(
    MetricKind::Gauge,
    "relapse_catalog_last_reload_success_timestamp_seconds",
    &[],
    "Unix time at which the catalog in force was loaded.",
);
pub(super) const COMMIT_DURATION: Metric =
    row(MetricKind::Histogram, "relapse_commit_duration_seconds", &[], "How long a commit to the state store took.");
pub(super) const EVENT_DELAY: Metric = row(
    MetricKind::Histogram,
    "relapse_event_delay_seconds",
    &[],
    "From the event time of a matched record to its judgement.",
);
pub(super) const HEARTBEAT: Metric = row(
    MetricKind::Gauge,
    "relapse_heartbeat_timestamp_seconds",
    &[],
    "Unix time at which the pipeline was last seen alive.",
);
pub(super) const BUILD_INFO: Metric =
    row(MetricKind::Gauge, "relapse_build_info", &["version"], "1, with the version of relapse.");

/// Upper bounds in seconds of the commit histogram: a memory commit to a failing disk.
pub(super) const COMMIT_BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Upper bounds in seconds of the delay histogram: live lines to a backlog of a day.
pub(super) const DELAY_BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0, 86400.0];
