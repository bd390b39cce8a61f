//! The whole way: the binary reads the shipped example logs, a real Prometheus scrapes it, and every query of the dashboard returns data.

use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use super::RULES;
use super::everything_returns_data;
use super::in_repository;
use crate::peers;
use crate::peers::Prometheus;

/// Ends relapse, by its own process id, with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then both are errors of no interest.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn every_query_returns_data_after_the_examples_were_read() {
    let home = TempDir::new().unwrap();
    let address = peers::free_address();
    let relapse = Command::new(env!("CARGO_BIN_EXE_relapse"))
        .args(["run", "--logs", "examples/*.log", "--listen", &address.to_string(), "--state"])
        .arg(home.path().join("state"))
        .current_dir(in_repository(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _relapse = Running(relapse);
    peers::eventually("readiness of relapse", || async {
        let answer = reqwest::get(format!("http://{address}/readyz")).await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    let prometheus = Prometheus::start(&[address], &[&in_repository(RULES)]).await;
    prometheus.await_samples(r#"relapse_matches_total{verdict="regression"} > 0"#).await;
    everything_returns_data(&prometheus).await;
}
