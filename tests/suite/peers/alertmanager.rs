//! A real Alertmanager.

use serde_json::Value;
use tempfile::TempDir;

use super::Server;

/// A running Alertmanager that groups by alert name for 200 ms and notifies one webhook.
#[derive(Debug)]
pub(crate) struct Alertmanager {
    server: Server,
    _home: TempDir,
}

impl Alertmanager {
    /// Starts it with one receiver.
    pub(crate) async fn start(webhook_url: &str) -> Self {
        let home = TempDir::new().unwrap();
        let config = serde_json::json!({
            "route": {
                "receiver": "test", "group_by": ["alertname"],
                "group_wait": "200ms", "group_interval": "200ms", "repeat_interval": "1h",
            },
            "receivers": [{"name": "test", "webhook_configs": [{"url": webhook_url, "send_resolved": true}]}],
        });
        // JSON is YAML.
        std::fs::write(home.path().join("alertmanager.yml"), config.to_string()).unwrap();
        let program = super::program(&["alertmanager", "prometheus-alertmanager"]);
        let server = Server::start(&program, home.path(), "/-/ready", |address| {
            vec![
                "--config.file=alertmanager.yml".to_owned(),
                "--storage.path=data".to_owned(),
                "--cluster.listen-address=".to_owned(),
                format!("--web.listen-address={address}"),
            ]
        })
        .await;
        Self { server, _home: home }
    }

    /// An address of it, as in `url("/api/v2/alerts")`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    /// The alerts it holds now (`GET /api/v2/alerts`).
    pub(crate) async fn alerts(&self) -> Vec<Value> {
        reqwest::get(self.url("/api/v2/alerts")).await.unwrap().json().await.unwrap()
    }
}
