//! A real Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::Server;

/// A running Prometheus that scrapes its targets four times a second.
#[derive(Debug)]
pub(crate) struct Prometheus {
    server: Server,
    _home: TempDir,
}

/// One element of an instant vector (or a scalar, without labels).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Prometheus {
    /// Starts it on `targets` (`/metrics` of each) with rule files, evaluated four times a second.
    pub(crate) async fn start(targets: &[SocketAddr], rules: &[&Path]) -> Self {
        let home = TempDir::new().unwrap();
        let mut config = String::from("global: {scrape_interval: 250ms, evaluation_interval: 250ms}\nrule_files:\n");
        for rule in rules {
            writeln!(config, "  - {}", serde_json::json!(rule.canonicalize().unwrap())).unwrap();
        }
        let targets: Vec<String> = targets.iter().map(SocketAddr::to_string).collect();
        writeln!(config, "scrape_configs: [{{job_name: relapse, static_configs: [{{targets: {targets:?}}}]}}]")
            .unwrap();
        std::fs::write(home.path().join("prometheus.yml"), config).unwrap();
        let server = Server::start(&super::program(&["prometheus"]), home.path(), "/-/ready", |address| {
            vec![
                "--config.file=prometheus.yml".to_owned(),
                "--storage.tsdb.path=data".to_owned(),
                format!("--web.listen-address={address}"),
            ]
        })
        .await;
        Self { server, _home: home }
    }

    /// An instant query; `Err` carries what Prometheus has against it.
    pub(crate) async fn query(&self, expr: &str) -> Result<Vec<Sample>, String> {
        let data = self.get(&format!("/api/v1/query?query={}", super::encode(expr))).await?;
        let result = data["result"].as_array().unwrap();
        if data["resultType"] == "scalar" {
            return Ok(vec![Sample { labels: BTreeMap::new(), value: number(&data["result"][1]) }]);
        }
        Ok(result
            .iter()
            .map(|sample| Sample {
                labels: serde_json::from_value(sample["metric"].clone()).unwrap(),
                value: number(&sample["value"][1]),
            })
            .collect())
    }

    /// Asks until there is data.
    pub(crate) async fn await_samples(&self, expr: &str) -> Vec<Sample> {
        super::eventually(&format!("data for `{expr}`"), || async {
            Some(self.query(expr).await.unwrap()).filter(|samples| !samples.is_empty())
        })
        .await
    }

    /// What Grafana's `label_values(selector, label)` asks for.
    pub(crate) async fn label_values(&self, label: &str, selector: &str) -> Vec<String> {
        let data =
            self.get(&format!("/api/v1/label/{label}/values?match[]={}", super::encode(selector))).await.unwrap();
        serde_json::from_value(data).unwrap()
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        let answer = reqwest::get(format!("http://{}{path}", self.server.address)).await.unwrap();
        let body: Value = answer.json().await.unwrap();
        if body["status"] == "success" { Ok(body["data"].clone()) } else { Err(body["error"].to_string()) }
    }
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}
