//! Tests of `dashboards/` and `docs/metrics.md`: no name that is not exported, rules that do what they say, and queries that return data from a
//! real Prometheus.

mod live;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use regex::Regex;
use relapse::http::bind::HttpConfig;
use relapse::http::bind::bind;
use relapse::http::serve::serve;
use relapse::http::shared::Shared;
use relapse::telemetry::metrics::Metrics;
use relapse::telemetry::table;
use relapse::telemetry::table::MetricKind;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::peers;
use crate::peers::Prometheus;
use crate::telemetry::everything;

const RULES: &str = "dashboards/prometheus/relapse-alerts.rules.yaml";
const RULE_TESTS: &str = "dashboards/prometheus/relapse-alerts.test.yaml";
const METRICS_DOC: &str = "docs/metrics.md";

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(in_repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below `folder`, as path in the repository.
fn files_below(folder: &str) -> Vec<String> {
    let root = in_repository("");
    let files = walkdir::WalkDir::new(in_repository(folder)).sort_by_file_name().into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// What looks like a metric of relapse in a text.
fn names_in(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\b(?:relapse|process)_[a-z0-9_]+[a-z0-9]\b").unwrap();
    name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

/// Every name a query may use.
fn exported_names() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = table::PROCESS.iter().map(|name| (*name).to_owned()).collect();
    for metric in table::TABLE {
        match metric.kind {
            MetricKind::Histogram => {
                names.extend(["bucket", "sum", "count"].map(|part| format!("{}_{part}", metric.name)));
            }
            MetricKind::Counter | MetricKind::Gauge => drop(names.insert(metric.name.to_owned())),
        }
    }
    names
}

#[test]
fn dashboards_and_rules_use_only_exported_names() {
    let exported = exported_names();
    let files = files_below("dashboards");
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let unknown: Vec<String> = names_in(&read(&file)).into_iter().filter(|name| !exported.contains(name)).collect();
        assert!(unknown.is_empty(), "{file} uses names relapse does not export: {unknown:?}");
    }
    assert_eq!(
        names_in("rate(relapse_matches_totals[5m]) relapse-state relapse:x").into_iter().collect::<Vec<_>>(),
        ["relapse_matches_totals"],
        "the test can fail"
    );
}

/// The documentation of every metric, generated from the table.
fn metrics_doc() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(
        "# Metrics\n\n\
         Served at `/metrics` in Prometheus's text format. Generated from the table in `src/telemetry/table.rs`: \
         `UPDATE_DOCS=1 cargo test --test suite dashboards` writes it anew.\n\n\
         | Metric | Kind | Labels | What it says |\n|---|---|---|---|\n",
    );
    for metric in table::TABLE {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(text, "| `{}` | {} | {} | {} |", metric.name, metric.kind.as_str(), labels.join(", "), metric.help)
            .unwrap();
    }
    text.push_str("\nOn Linux also, of the process: ");
    text.push_str(&table::PROCESS.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "));
    writeln!(
        text,
        ".\n\n\
         ## How to read them\n\n\
         - Counters begin at 0 when relapse starts, as Prometheus expects; the durable totals are in `GET /api/v1/incidents`.\n\
         - All series of a track (a signature in a service and environment) exist at 0 from the moment the track is known, so that \
         `increase()` sees its first match.\n\
         - Seconds since the fix are `time() - relapse_fix_timestamp_seconds`, recorded as `relapse:seconds_since_fix` by the rules in `dashboards/`.\n\
         - `service`, `environment` and `release` come from the logs. At most {} tracks and {} releases have series of their own; further tracks \
         count under the label value `{}` (their state is not shown), of further releases the ones heard last are shown. \
         `relapse_suppressed_total{{reason=\"label_limit\"}}` says that it happened.\n\
         - Control characters in label values are written as escapes, and long values are cut.",
        relapse::telemetry::limit::MAX_TRACKS,
        relapse::telemetry::limit::MAX_RELEASES,
        relapse::telemetry::limit::OTHER,
    )
    .unwrap();
    text
}

#[test]
fn the_documentation_lists_every_metric() {
    let expected = metrics_doc();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(in_repository(METRICS_DOC), &expected).unwrap();
    }
    assert!(
        read(METRICS_DOC) == expected,
        "{METRICS_DOC} is out of date: UPDATE_DOCS=1 cargo test --test suite dashboards"
    );
}

fn promtool(arguments: &[&str]) -> (bool, String) {
    peers::run(&["promtool"], arguments)
}

#[test]
fn promtool_accepts_the_rules_and_the_example_configuration() {
    for (kind, file) in [("rules", RULES), ("config", "dashboards/prometheus/prometheus.yml")] {
        let (fine, said) = promtool(&["check", kind, in_repository(file).to_str().unwrap()]);
        assert!(fine, "{said}");
    }
}

#[test]
fn the_rules_pass_their_unit_tests_and_every_alert_has_one() {
    let (fine, said) = promtool(&["test", "rules", in_repository(RULE_TESTS).to_str().unwrap()]);
    assert!(fine, "{said}");
    let (rules, tests) = (read(RULES), read(RULE_TESTS));
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let cases: Vec<&str> =
            tests.split("- eval_time:").filter(|case| case.contains(&format!("alertname: {alert}\n"))).collect();
        assert!(cases.iter().any(|case| case.contains("exp_alerts: []")), "{alert} has no test in which it is silent");
        assert!(cases.iter().any(|case| case.contains("exp_labels")), "{alert} has no test in which it fires");
    }
}

#[test]
fn the_rule_tests_can_fail() {
    for (good, bad) in [
        (r#"state=~"relapsed|quiet""#, r#"state="relapsed""#),
        ("relapse_source_lag_bytes > 0 and", "relapse_source_lag_bytes > 0 or"),
        ("> bool 0)", ">= bool 0)"),
    ] {
        let copy = TempDir::new().unwrap();
        let rules = read(RULES);
        assert!(rules.contains(good), "{good}");
        fs::write(copy.path().join("relapse-alerts.rules.yaml"), rules.replace(good, bad)).unwrap();
        let tests = copy.path().join("tests.yaml");
        fs::write(&tests, read(RULE_TESTS)).unwrap();
        assert!(!promtool(&["test", "rules", tests.to_str().unwrap()]).0, "`{bad}` went unnoticed");
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&read("dashboards/grafana/relapse-overview.json")).unwrap()
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {path}"))
}

fn word<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {path} of {value}"))
}

#[test]
fn the_dashboard_is_one_that_grafana_takes() {
    let dashboard = dashboard();
    assert_eq!(word(&dashboard, "/uid"), "relapse-overview");
    assert!(!word(&dashboard, "/title").is_empty());
    assert_eq!(dashboard["schemaVersion"], 42);
    assert!(dashboard.get("id").is_none() && dashboard.get("__inputs").is_none(), "those belong to exports");
    let variables: Vec<&str> =
        list(&dashboard, "/templating/list").iter().map(|variable| word(variable, "/name")).collect();
    assert_eq!(variables, ["ds", "service", "environment", "signature"]);
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(&dashboard, "/panels") {
        let title = word(panel, "/title");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is taken");
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{title} is wider than the grid");
        for cell in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{title} lies over another panel");
        }
        if word(panel, "/type") == "row" {
            continue;
        }
        assert!(!word(panel, "/description").is_empty(), "{title}");
        let references: BTreeSet<&str> = list(panel, "/targets").iter().map(|target| word(target, "/refId")).collect();
        assert_eq!(references.len(), list(panel, "/targets").len(), "{title}: refId");
        for owner in list(panel, "/targets").iter().chain([panel]) {
            assert_eq!(word(owner, "/datasource/uid"), "${ds}", "{title}: the data source is the reader's choice");
        }
    }
    for file in files_below("dashboards/grafana/provisioning") {
        let provisioning: Value = serde_yaml::from_str(&read(&file)).unwrap();
        assert_eq!(provisioning["apiVersion"], 1, "{file}");
    }
}

/// A query as Grafana sends it, with every variable at "All".
fn filled(expr: &str) -> String {
    let mut filled = expr.to_owned();
    for (variable, value) in [
        ("$__rate_interval", "1m"),
        ("$__range", "1h"),
        ("$__interval", "15s"),
        ("$service", ".*"),
        ("$environment", ".*"),
        ("$signature", ".*"),
    ] {
        filled = filled.replace(variable, value);
    }
    assert!(!filled.contains('$'), "an unknown variable in `{expr}`");
    filled
}

/// Runs every query of the dashboard and of the recording rules; all must return data. Annotations are moments and may have none.
async fn everything_returns_data(prometheus: &Prometheus) {
    let dashboard = dashboard();
    let selector = Regex::new(r"^label_values\((.+), (\w+)\)$").unwrap();
    for variable in list(&dashboard, "/templating/list").iter().filter(|variable| variable["type"] == "query") {
        let query = filled(word(variable, "/definition"));
        assert_eq!(word(variable, "/definition"), word(variable, "/query/query"));
        let parts = selector.captures(&query).unwrap_or_else(|| panic!("`{query}` is no label_values query"));
        peers::eventually(&format!("values for `{query}`"), || async {
            Some(prometheus.label_values(&parts[2], &parts[1]).await).filter(|values| !values.is_empty())
        })
        .await;
    }
    for panel in list(&dashboard, "/panels").iter().filter(|panel| panel["type"] != "row") {
        for target in list(panel, "/targets") {
            let samples = prometheus.await_samples(&filled(word(target, "/expr"))).await;
            assert!(!samples.is_empty(), "{}", word(panel, "/title"));
        }
    }
    for annotation in list(&dashboard, "/annotations/list") {
        prometheus.query(&filled(word(annotation, "/expr"))).await.unwrap();
    }
    for record in read(RULES).lines().filter_map(|line| line.trim().strip_prefix("- record: ").map(str::to_owned)) {
        prometheus.await_samples(&record).await;
    }
}

/// Serves `metrics` on a free port until the set is dropped.
async fn served(metrics: Metrics) -> (SocketAddr, JoinSet<std::io::Result<()>>) {
    let config = HttpConfig { listen: "127.0.0.1:0".to_owned(), ..HttpConfig::default() };
    let listener = bind(&config).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut task = JoinSet::new();
    task.spawn(serve((listener, None), Arc::new(Shared::new(Arc::new(metrics))), CancellationToken::new()));
    (address, task)
}

#[tokio::test]
async fn every_query_returns_data_from_a_real_prometheus() {
    let (address, _task) = served(everything()).await;
    let prometheus = Prometheus::start(&[address], &[&in_repository(RULES)]).await;
    everything_returns_data(&prometheus).await;
    let firing = prometheus.await_samples(r#"ALERTS{alertname="RelapseRegression", alertstate="firing"}"#).await;
    assert_eq!(firing[0].labels.get("signature").map(String::as_str), Some("websocket-coroutine-get"));
}
