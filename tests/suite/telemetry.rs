//! Tests of `telemetry`: series exist at 0 and stay bounded, the log is one inert line an event, spans go out only when asked for.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use relapse::model::alert::NoticeKind;
use relapse::model::incident::TrackKey;
use relapse::model::incident::TrackState;
use relapse::model::verdict::Verdict;
use relapse::model::view::ReleaseView;
use relapse::telemetry::labels::ByteOutcome;
use relapse::telemetry::labels::DeliveryOutcome;
use relapse::telemetry::labels::OddReason;
use relapse::telemetry::labels::SourceKind;
use relapse::telemetry::limit::MAX_RELEASES;
use relapse::telemetry::limit::MAX_TRACKS;
use relapse::telemetry::line::LineFormat;
use relapse::telemetry::metrics::Metrics;
use relapse::telemetry::subscriber::TracingConfig;
use relapse::telemetry::subscriber::build;
use relapse::telemetry::table;
use tracing_subscriber::fmt::MakeWriter;

use crate::peers::WebhookReceiver;

fn key(signature: &str, service: &str) -> TrackKey {
    TrackKey { signature: signature.into(), service: service.into(), environment: "prod".into() }
}

fn live(release: &str, last_seen: i64) -> ReleaseView {
    let at = Timestamp::from_second(last_seen).ok();
    ReleaseView {
        service: "api".to_owned(),
        environment: "prod".to_owned(),
        release: release.to_owned(),
        current: true,
        declared_at: None,
        first_seen: at,
        last_seen: at,
        instances: 1,
        contains_fix: Some(release != "1.41.0"),
    }
}

fn series(metrics: &Metrics, name: &str) -> Vec<String> {
    let text = metrics.render().unwrap();
    text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name)).map(str::to_owned).collect()
}

/// Metrics in which every method was called once.
pub(crate) fn everything() -> Metrics {
    let metrics = Metrics::new().unwrap();
    let (track, at) = (key("websocket-coroutine-get", "api"), Timestamp::from_second(1_757_321_221).unwrap());
    metrics.zero(&track);
    metrics.count_match(&track, Verdict::Regression);
    metrics.set_state(&track, TrackState::Relapsed);
    metrics.episode(&track);
    metrics.set_fix(&track, Some(at));
    metrics.set_unsatisfiable(&track, true);
    metrics.near_misses("websocket-coroutine-get", 2);
    metrics.signature_work("websocket-coroutine-get", 4_096, 1);
    metrics.set_live_releases(&[live("1.42.0", 10), live("1.43.0", 20)]);
    metrics.source_bytes(SourceKind::File, ByteOutcome::Matched, 4_096);
    metrics.source_lines(SourceKind::File, 40);
    metrics.set_blind("websocket-factory", false);
    metrics.set_source_files(3, 0);
    metrics.set_source_lag(512, 500);
    metrics.set_source_last_record(SourceKind::File, at);
    metrics.source_rotation();
    metrics.source_gap();
    metrics.records_odd(OddReason::BrokenJson, 1);
    metrics.notice(NoticeKind::Page);
    metrics.set_sink_backlog("webhook", 1, 0);
    metrics.sink_delivery("webhook", DeliveryOutcome::Retried);
    metrics.catalog_loaded(5, at);
    metrics.commit_took(Duration::from_millis(4));
    metrics.event_delay(at, at + Duration::from_millis(120));
    metrics.heartbeat(at);
    metrics
}

#[test]
fn the_registry_exports_the_table_and_nothing_else() {
    let text = everything().render().unwrap();
    let exported: BTreeSet<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let process = table::PROCESS
        .iter()
        .map(|name| (*name, if *name == "process_cpu_seconds_total" { "counter" } else { "gauge" }));
    let expected: BTreeSet<(&str, &str)> =
        table::TABLE.iter().map(|metric| (metric.name, metric.kind.as_str())).chain(process).collect();
    assert_eq!(exported, expected);
    for metric in table::TABLE {
        for line in text.lines().filter(|line| line.split('{').next() == Some(metric.name) && line.contains('{')) {
            let labels: BTreeSet<&str> = line
                .split(['{', ','])
                .skip(1)
                .filter_map(|pair| pair.split_once("=\""))
                .map(|(name, _)| name)
                .collect();
            assert_eq!(labels, metric.labels.iter().copied().collect(), "{line}");
        }
    }
}

#[test]
fn every_series_of_a_track_is_at_0_before_its_first_match() {
    let metrics = Metrics::new().unwrap();
    metrics.zero(&key("a", "api"));
    assert_eq!(series(&metrics, "relapse_matches_total").len(), Verdict::ALL.len());
    assert_eq!(series(&metrics, "relapse_incident_state").len(), TrackState::ALL.len());
    assert_eq!(series(&metrics, "relapse_episodes_total").len(), 1);
    assert!(series(&metrics, "relapse_matches_total").iter().all(|line| line.ends_with(" 0")));

    metrics.count_match(&key("b", "api"), Verdict::StaleBuild);
    assert_eq!(
        series(&metrics, "relapse_matches_total").len(),
        2 * Verdict::ALL.len(),
        "a first match brings the zeros along"
    );
    metrics.count_match(&key("b", "api"), Verdict::StaleBuild);
    metrics.zero(&key("b", "api"));
    let counted: Vec<_> =
        series(&metrics, "relapse_matches_total").into_iter().filter(|line| !line.ends_with(" 0")).collect();
    assert_eq!(
        counted,
        ["relapse_matches_total{environment=\"prod\",service=\"api\",signature=\"b\",verdict=\"stale_build\"} 2"]
    );
}

#[test]
fn a_track_is_in_one_state() {
    let metrics = Metrics::new().unwrap();
    for state in [TrackState::Fixed, TrackState::Suspect, TrackState::Relapsed] {
        metrics.set_state(&key("a", "api"), state);
        let ones: Vec<_> =
            series(&metrics, "relapse_incident_state").into_iter().filter(|line| line.ends_with(" 1")).collect();
        assert_eq!(ones.len(), 1);
        assert!(ones[0].contains(&format!("state=\"{state}\"")), "{}", ones[0]);
    }
}

#[test]
fn a_million_invented_services_make_no_million_series() {
    let metrics = Metrics::new().unwrap();
    metrics.zero(&key("a", "known"));
    for number in 0..3 * MAX_TRACKS {
        metrics.count_match(&key("a", &format!("service-{number}")), Verdict::Regression);
        metrics.set_state(&key("a", &format!("service-{number}")), TrackState::Relapsed);
        metrics.episode(&key("a", &format!("service-{number}")));
    }
    assert_eq!(series(&metrics, "relapse_incident_state").len(), MAX_TRACKS * TrackState::ALL.len());
    assert_eq!(series(&metrics, "relapse_episodes_total").len(), MAX_TRACKS + 1);
    let other =
        series(&metrics, "relapse_matches_total").into_iter().find(|line| line.contains("service=\"other\"")).unwrap();
    assert!(other.ends_with(&format!(" {}", 2 * MAX_TRACKS + 1)), "nothing goes uncounted: {other}");
    let suppressed: Vec<_> =
        series(&metrics, "relapse_suppressed_total").into_iter().filter(|line| line.contains("label_limit")).collect();
    assert_eq!(
        suppressed,
        [format!("relapse_suppressed_total{{reason=\"label_limit\"}} {}", 3 * (2 * MAX_TRACKS + 1))]
    );
    metrics.count_match(&key("a", "known"), Verdict::Regression);
    assert!(
        series(&metrics, "relapse_matches_total").iter().any(|line| line.contains("\"known\"") && line.ends_with(" 1"))
    );
}

#[test]
fn releases_come_and_go_and_are_bounded() {
    let metrics = Metrics::new().unwrap();
    metrics.set_live_releases(&[live("1.41.0", 1), live("1.42.0", 2)]);
    metrics.set_live_releases(&[live("1.42.0", 3), live("1.43.0", 4)]);
    let shown = series(&metrics, "relapse_live_release_info");
    assert_eq!(shown.len(), 2);
    assert!(!shown.iter().any(|line| line.contains("1.41.0")), "an old release disappears");

    let many: Vec<ReleaseView> = (0..1_000).map(|n| live(&format!("0.0.{n}"), n)).collect();
    metrics.set_live_releases(&many);
    metrics.set_live_releases(&many);
    let shown = series(&metrics, "relapse_live_release_info");
    assert_eq!(shown.len(), MAX_RELEASES + 1);
    assert!(shown.iter().any(|line| line.contains("\"0.0.999\"")), "the ones heard last are kept");
    assert!(shown.iter().any(|line| line.contains("release=\"other\"")));
    let suppressed: Vec<_> =
        series(&metrics, "relapse_suppressed_total").into_iter().filter(|line| line.contains("label_limit")).collect();
    assert_eq!(
        suppressed,
        ["relapse_suppressed_total{reason=\"label_limit\"} 800"],
        "counted once, not at each publication"
    );
}

#[test]
fn a_fix_that_no_longer_applies_has_no_time() {
    let metrics = Metrics::new().unwrap();
    metrics.set_fix(&key("a", "api"), None);
    metrics.set_fix(&key("a", "api"), Some(Timestamp::from_second(7).unwrap()));
    assert_eq!(series(&metrics, "relapse_fix_timestamp_seconds").len(), 1);
    metrics.set_fix(&key("a", "api"), None);
    assert!(series(&metrics, "relapse_fix_timestamp_seconds").is_empty());
}

#[test]
fn hostile_names_stay_label_values() {
    let metrics = Metrics::new().unwrap();
    metrics.zero(&key("a", "x\"} 1\nrelapse_forged_total 7 # \u{1b}[2J\u{202e}"));
    let text = metrics.render().unwrap();
    assert!(!text.lines().any(|line| line.starts_with("relapse_forged_total")));
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

/// A log kept in memory.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn logged(format: LineFormat, say: impl FnOnce()) -> Vec<String> {
    let kept = Kept::default();
    let (subscriber, _guard) = build(&TracingConfig::default(), format, kept.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, say);
    kept.lines()
}

const HOSTILE: &str = "broken\nFAKE ERROR\u{1b}[31m\u{202e}";

#[test]
fn a_json_line_is_what_cloud_logging_reads() {
    let lines = logged(LineFormat::Json, || {
        let span = tracing::info_span!("commit", file = "app.log");
        span.in_scope(|| tracing::warn!(target: "relapse::store", bytes = 7, severity = "mine", text = HOSTILE, "disk {}", "slow"));
        tracing::debug!("too fine for the default filter");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    let mut line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    let time = line.as_object_mut().unwrap().remove("time").unwrap();
    assert!(time.as_str().unwrap().parse::<Timestamp>().is_ok(), "{time}");
    assert_eq!(
        line,
        serde_json::json!({
            "severity": "WARNING", "message": "disk slow", "target": "relapse::store", "span": "commit{file=\"app.log\"}",
            "bytes": 7, "field.severity": "mine", "text": "broken\\nFAKE ERROR\\u{1b}[31m\\u{202e}",
        })
    );
}

#[test]
fn a_human_line_stays_one_line_and_uncoloured_where_asked() {
    let say = || tracing::error!(target: "relapse::source", path = HOSTILE, lost = true, "cannot read {HOSTILE}");
    let lines = logged(LineFormat::Human { colour: false }, say);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].ends_with(
            "ERROR relapse::source: cannot read broken\\nFAKE ERROR\\u{1b}[31m\\u{202e} \
             path=broken\\nFAKE ERROR\\u{1b}[31m\\u{202e} lost=true"
        ),
        "{}",
        lines[0]
    );
    assert!(!lines[0].contains('\u{1b}'));
    assert!(logged(LineFormat::Human { colour: true }, say)[0].contains("\u{1b}[31mERROR"));
}

#[test]
fn a_bad_filter_says_what_to_write() {
    let config = TracingConfig { filter: "relapse=loud".to_owned(), ..TracingConfig::default() };
    let error = build(&config, LineFormat::Json, io::sink).map(drop).unwrap_err().to_string();
    assert!(error.starts_with("read the log filter `relapse=loud`: "), "{error}");
    assert!(error.contains("use a level (error, warn, info, debug, trace)"), "{error}");
}

/// What a receiver of OTLP gets when relapse runs two spans and somebody else one.
#[cfg(feature = "self-trace")]
fn exported(endpoint: impl FnOnce(&WebhookReceiver) -> Option<String>) -> Vec<crate::peers::Received> {
    let receiver = WebhookReceiver::start();
    let config = TracingConfig { traces_endpoint: endpoint(&receiver), ..TracingConfig::default() };
    let (subscriber, guard) = build(&config, LineFormat::Json, io::sink).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let batch = tracing::info_span!(target: "relapse::app", "relapse.batch", bytes = 4096).entered();
        tracing::debug_span!(target: "relapse::store", "relapse.commit").in_scope(|| {});
        drop(batch);
        tracing::info_span!(target: "hyper", "not.ours").in_scope(|| {});
    });
    drop(guard);
    receiver.received()
}

#[cfg(feature = "self-trace")]
#[test]
fn spans_are_exported_over_otlp_when_an_endpoint_is_set() {
    let requests = exported(|receiver| Some(receiver.url("/v1/traces")));
    assert_eq!(requests.len(), 1, "one batch, flushed by the guard");
    let request = &requests[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/traces"));
    let kind = request.headers.iter().find(|(name, _)| name == "content-type").unwrap();
    assert_eq!(kind.1, "application/x-protobuf");
    let has = |text: &str| request.body.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("relapse.batch") && has("relapse.commit") && has("service.name") && has("service.version"));
    assert!(!has("not.ours"), "only relapse's own spans");
    assert!(!has("unknown_service"), "it has a name");
}

#[cfg(feature = "self-trace")]
#[test]
fn without_an_endpoint_nothing_is_sent() {
    assert!(exported(|_| None).is_empty());
}

#[test]
fn a_debug_span_is_switched_off_unless_somebody_wants_it() {
    for (filter, wanted) in [("info", false), ("debug", true)] {
        let config = TracingConfig { filter: filter.to_owned(), ..TracingConfig::default() };
        let (subscriber, _guard) = build(&config, LineFormat::Json, io::sink).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            assert_eq!(!tracing::debug_span!(target: "relapse::app", "relapse.batch").is_disabled(), wanted);
        });
    }
}
