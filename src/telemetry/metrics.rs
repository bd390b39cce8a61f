//! The registry: one typed method for each thing that is counted, so that no caller can invent a name or a label value.
//!
//! Receives facts from every part of the pipeline; gives the text exposition. Counters begin at 0 with the process, like every
//! Prometheus counter (`rate()` and `increase()` know how to read that); the durable totals are in `GET /api/v1/incidents`.
//! Tracks and releases are in `tracks`.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use prometheus::Histogram;
use prometheus::HistogramOpts;
use prometheus::IntCounterVec;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::Registry;
use prometheus::TextEncoder;

use crate::model::alert::NoticeKind;
use crate::telemetry::labels::ByteOutcome;
use crate::telemetry::labels::DeliveryOutcome;
use crate::telemetry::labels::DeployOutcome;
use crate::telemetry::labels::OddReason;
use crate::telemetry::labels::OtlpSignal;
use crate::telemetry::labels::RequestOutcome;
use crate::telemetry::labels::SourceKind;
use crate::telemetry::labels::SuppressReason;
use crate::telemetry::table;
use crate::telemetry::table::Metric;
use crate::telemetry::tracks::Shown;

/// Why metrics could not be set up or rendered: a defect of relapse, never of its input.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// All metrics of one process. Cheap to update from any thread; share it in an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub(super) matches: IntCounterVec,
    pub(super) incident_state: IntGaugeVec,
    pub(super) episodes: IntCounterVec,
    pub(super) fix_timestamp: IntGaugeVec,
    pub(super) fix_unsatisfiable: IntGaugeVec,
    pub(super) live_release: IntGaugeVec,
    deploys: IntCounterVec,
    pub(super) near_misses: IntCounterVec,
    pub(super) signature_work: IntCounterVec,
    pub(super) signature_over_budget: IntCounterVec,
    pub(super) suppressed: IntCounterVec,
    pub(super) shown: Mutex<Shown>,
    notices: IntCounterVec,
    sink_deliveries: IntCounterVec,
    sink_pending: IntGaugeVec,
    sink_dead_letters: IntGaugeVec,
    source_bytes: IntCounterVec,
    source_lines: IntCounterVec,
    source_files: IntGaugeVec,
    source_unreadable: IntGaugeVec,
    source_lag: IntGaugeVec,
    source_max_lag: IntGaugeVec,
    source_last_record: IntGaugeVec,
    pub(super) source_lag_seconds: IntGaugeVec,
    pub(super) source_oldest_unread: IntGaugeVec,
    pub(super) source_restarts: IntCounterVec,
    pub(super) signature_blind: IntGaugeVec,
    source_rotations: IntCounterVec,
    source_gaps: IntCounterVec,
    otlp_requests: IntCounterVec,
    pub(super) pubsub_pushes: IntCounterVec,
    records_odd: IntCounterVec,
    catalog_signatures: IntGaugeVec,
    catalog_reload_successful: IntGaugeVec,
    catalog_reload_timestamp: IntGaugeVec,
    commit_duration: Histogram,
    event_delay: Histogram,
    heartbeat: IntGaugeVec,
}

/// Registers rows of the table.
struct Registrar {
    registry: Registry,
}

impl Registrar {
    fn counter(&self, row: &Metric) -> Result<IntCounterVec, MetricsError> {
        let family = IntCounterVec::new(Opts::new(row.name, row.help), row.labels)?;
        self.registry.register(Box::new(family.clone()))?;
        Ok(family)
    }

    fn gauge(&self, row: &Metric) -> Result<IntGaugeVec, MetricsError> {
        let family = IntGaugeVec::new(Opts::new(row.name, row.help), row.labels)?;
        self.registry.register(Box::new(family.clone()))?;
        Ok(family)
    }

    fn histogram(&self, row: &Metric, bounds: &[f64]) -> Result<Histogram, MetricsError> {
        let histogram = Histogram::with_opts(HistogramOpts::new(row.name, row.help).buckets(bounds.to_vec()))?;
        self.registry.register(Box::new(histogram.clone()))?;
        Ok(histogram)
    }
}

impl Metrics {
    /// All metrics at 0, those with fixed labels present from the start.
    pub fn new() -> Result<Self, MetricsError> {
        let new = Registrar { registry: Registry::new() };
        #[cfg(target_os = "linux")]
        new.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let build = new.gauge(&table::BUILD_INFO)?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let metrics = Self {
            matches: new.counter(&table::MATCHES)?,
            incident_state: new.gauge(&table::INCIDENT_STATE)?,
            episodes: new.counter(&table::EPISODES)?,
            fix_timestamp: new.gauge(&table::FIX_TIMESTAMP)?,
            fix_unsatisfiable: new.gauge(&table::FIX_UNSATISFIABLE)?,
            live_release: new.gauge(&table::LIVE_RELEASE)?,
            deploys: new.counter(&table::DEPLOYS)?,
            near_misses: new.counter(&table::NEAR_MISSES)?,
            signature_work: new.counter(&table::SIGNATURE_WORK)?,
            signature_over_budget: new.counter(&table::SIGNATURE_OVER_BUDGET)?,
            suppressed: new.counter(&table::SUPPRESSED)?,
            shown: Mutex::default(),
            notices: new.counter(&table::NOTICES)?,
            sink_deliveries: new.counter(&table::SINK_DELIVERIES)?,
            sink_pending: new.gauge(&table::SINK_PENDING)?,
            sink_dead_letters: new.gauge(&table::SINK_DEAD_LETTERS)?,
            source_bytes: new.counter(&table::SOURCE_BYTES)?,
            source_lines: new.counter(&table::SOURCE_LINES)?,
            source_files: new.gauge(&table::SOURCE_FILES)?,
            source_unreadable: new.gauge(&table::SOURCE_UNREADABLE)?,
            source_lag: new.gauge(&table::SOURCE_LAG)?,
            source_max_lag: new.gauge(&table::SOURCE_MAX_LAG)?,
            source_last_record: new.gauge(&table::SOURCE_LAST_RECORD)?,
            source_lag_seconds: new.gauge(&table::SOURCE_LAG_SECONDS)?,
            source_oldest_unread: new.gauge(&table::SOURCE_OLDEST_UNREAD)?,
            source_restarts: new.counter(&table::SOURCE_RESTARTS)?,
            signature_blind: new.gauge(&table::SIGNATURE_BLIND)?,
            source_rotations: new.counter(&table::SOURCE_ROTATIONS)?,
            source_gaps: new.counter(&table::SOURCE_GAPS)?,
            otlp_requests: new.counter(&table::OTLP_REQUESTS)?,
            pubsub_pushes: new.counter(&table::PUBSUB_PUSHES)?,
            records_odd: new.counter(&table::RECORDS_ODD)?,
            catalog_signatures: new.gauge(&table::CATALOG_SIGNATURES)?,
            catalog_reload_successful: new.gauge(&table::CATALOG_RELOAD_SUCCESSFUL)?,
            catalog_reload_timestamp: new.gauge(&table::CATALOG_RELOAD_TIMESTAMP)?,
            commit_duration: new.histogram(&table::COMMIT_DURATION, table::COMMIT_BUCKETS)?,
            event_delay: new.histogram(&table::EVENT_DELAY, table::DELAY_BUCKETS)?,
            heartbeat: new.gauge(&table::HEARTBEAT)?,
            registry: new.registry,
        };
        metrics.show_fixed_series();
        Ok(metrics)
    }

    /// A series that first appears at 1 has no increase for Prometheus: everything that can be listed exists at 0.
    fn show_fixed_series(&self) {
        for kind in SourceKind::ALL {
            for outcome in ByteOutcome::ALL {
                self.source_bytes.with_label_values(&[kind.as_str(), outcome.as_str()]);
            }
            self.source_lines.with_label_values(&[kind.as_str()]);
            for gauge in [&self.source_last_record, &self.source_lag_seconds, &self.source_oldest_unread] {
                gauge.with_label_values(&[kind.as_str()]);
            }
            self.source_restarts.with_label_values(&[kind.as_str()]);
        }
        for (signal, outcome) in
            OtlpSignal::ALL.iter().flat_map(|signal| RequestOutcome::ALL.iter().map(move |outcome| (signal, outcome)))
        {
            self.otlp_requests.with_label_values(&[signal.as_str(), outcome.as_str()]);
        }
        for outcome in RequestOutcome::ALL.iter().filter(|outcome| **outcome != RequestOutcome::Partial) {
            self.pubsub_pushes.with_label_values(&[outcome.as_str()]);
        }
        for reason in OddReason::ALL {
            self.records_odd.with_label_values(&[reason.as_str()]);
        }
        for outcome in DeployOutcome::ALL {
            self.deploys.with_label_values(&[outcome.as_str()]);
        }
        for reason in SuppressReason::ALL {
            self.suppressed.with_label_values(&[reason.as_str()]);
        }
        for kind in [NoticeKind::Page, NoticeKind::Warning, NoticeKind::Update, NoticeKind::Resolved] {
            self.notices.with_label_values(&[kind_label(kind)]);
        }
        for gauge in [
            &self.source_files,
            &self.source_unreadable,
            &self.source_lag,
            &self.source_max_lag,
            &self.catalog_signatures,
        ] {
            gauge.with_label_values::<&str>(&[]);
        }
        for gauge in [&self.catalog_reload_successful, &self.catalog_reload_timestamp, &self.heartbeat] {
            gauge.with_label_values::<&str>(&[]);
        }
        for counter in [&self.source_rotations, &self.source_gaps] {
            counter.with_label_values::<&str>(&[]);
        }
    }

    /// Someone declared a deployment, or tried to.
    pub fn deploy(&self, outcome: DeployOutcome) {
        self.deploys.with_label_values(&[outcome.as_str()]).inc();
    }

    /// A notice was held back.
    pub fn suppressed(&self, reason: SuppressReason) {
        self.suppressed.with_label_values(&[reason.as_str()]).inc();
    }

    /// The text exposition (`text/plain; version=0.0.4`), families by name, series by label values.
    pub fn render(&self) -> Result<String, MetricsError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    /// Bytes judged or skipped.
    pub fn source_bytes(&self, kind: SourceKind, outcome: ByteOutcome, bytes: u64) {
        self.source_bytes.with_label_values(&[kind.as_str(), outcome.as_str()]).inc_by(bytes);
    }

    /// Lines judged.
    pub fn source_lines(&self, kind: SourceKind, lines: u64) {
        self.source_lines.with_label_values(&[kind.as_str()]).inc_by(lines);
    }

    /// How many files are followed, and how many cannot be read.
    pub fn set_source_files(&self, files: usize, unreadable: usize) {
        self.source_files.with_label_values::<&str>(&[]).set(whole(files as u64));
        self.source_unreadable.with_label_values::<&str>(&[]).set(whole(unreadable as u64));
    }

    /// Unread bytes over all files, and of the file that is furthest behind.
    pub fn set_source_lag(&self, all: u64, furthest: u64) {
        self.source_lag.with_label_values::<&str>(&[]).set(whole(all));
        self.source_max_lag.with_label_values::<&str>(&[]).set(whole(furthest));
    }

    /// When the latest bytes were read (time of reading, not event time).
    pub fn set_source_last_record(&self, kind: SourceKind, at: Timestamp) {
        self.source_last_record.with_label_values(&[kind.as_str()]).set(at.as_second());
    }

    /// One rotation was followed.
    pub fn source_rotation(&self) {
        self.source_rotations.with_label_values::<&str>(&[]).inc();
    }

    /// Bytes may have been lost before they were read.
    pub fn source_gap(&self) {
        self.source_gaps.with_label_values::<&str>(&[]).inc();
    }

    /// OTLP requests ended.
    pub fn otlp_requests(&self, signal: OtlpSignal, outcome: RequestOutcome, requests: u64) {
        self.otlp_requests.with_label_values(&[signal.as_str(), outcome.as_str()]).inc_by(requests);
    }

    /// Records that were odd.
    pub fn records_odd(&self, reason: OddReason, records: u64) {
        self.records_odd.with_label_values(&[reason.as_str()]).inc_by(records);
    }

    /// One notice was raised, whatever becomes of its delivery.
    pub fn notice(&self, kind: NoticeKind) {
        self.notices.with_label_values(&[kind_label(kind)]).inc();
    }

    /// One attempt of `sink` (its name in the configuration) ended.
    pub fn sink_delivery(&self, sink: &str, outcome: DeliveryOutcome) {
        self.sink_deliveries.with_label_values(&[sink, outcome.as_str()]).inc();
    }

    /// What `sink` still owes and what it has refused for good. Call it once for each sink at start: its series exist from then on.
    pub fn set_sink_backlog(&self, sink: &str, pending: u64, dead_letters: u64) {
        for outcome in DeliveryOutcome::ALL {
            self.sink_deliveries.with_label_values(&[sink, outcome.as_str()]);
        }
        self.sink_pending.with_label_values(&[sink]).set(whole(pending));
        self.sink_dead_letters.with_label_values(&[sink]).set(whole(dead_letters));
    }

    /// A catalog of `signatures` was loaded and is in force since `at`.
    pub fn catalog_loaded(&self, signatures: usize, at: Timestamp) {
        self.catalog_signatures.with_label_values::<&str>(&[]).set(whole(signatures as u64));
        self.catalog_reload_successful.with_label_values::<&str>(&[]).set(1);
        self.catalog_reload_timestamp.with_label_values::<&str>(&[]).set(at.as_second());
    }

    /// A catalog was refused; the one before stays in force.
    pub fn catalog_refused(&self) {
        self.catalog_reload_successful.with_label_values::<&str>(&[]).set(0);
    }

    /// How long one commit took.
    pub fn commit_took(&self, duration: Duration) {
        self.commit_duration.observe(duration.as_secs_f64());
    }

    /// How long after its event time a matched record was judged. Event times in the future count as no delay.
    pub fn event_delay(&self, event: Timestamp, judged: Timestamp) {
        self.event_delay.observe(judged.duration_since(event).as_secs_f64().max(0.0));
    }

    /// The pipeline is alive.
    pub fn heartbeat(&self, at: Timestamp) {
        self.heartbeat.with_label_values::<&str>(&[]).set(at.as_second());
    }
}

const fn kind_label(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Page => "page",
        NoticeKind::Warning => "warning",
        NoticeKind::Update => "update",
        NoticeKind::Resolved => "resolved",
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
