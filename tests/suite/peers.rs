//! Real peers for tests: Prometheus, Alertmanager and a receiver of webhooks. Each lives in a directory of its own, listens on a free loopback port
//! and ends, by its own process id, when it is dropped. A missing program fails the test: what is skipped is not tested.

mod alertmanager;
mod prometheus;
#[cfg(feature = "gcp")]
mod pubsub;
mod receiver;

use std::env;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

pub(crate) use alertmanager::Alertmanager;
pub(crate) use prometheus::Prometheus;
#[cfg(feature = "gcp")]
pub(crate) use pubsub::Emulator;
#[cfg(feature = "gcp")]
pub(crate) use pubsub::Form;
#[cfg(feature = "gcp")]
pub(crate) use pubsub::base64;
pub(crate) use receiver::Received;
pub(crate) use receiver::WebhookReceiver;

/// The first of `names` on PATH.
pub(crate) fn program(names: &[&str]) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found =
        names.iter().flat_map(|name| env::split_paths(&path).map(move |dir| dir.join(name))).find(|p| p.is_file());
    found.unwrap_or_else(|| {
        panic!("`{}` is not on PATH; scripts/test installs it (Debian: prometheus, prometheus-alertmanager)", names[0])
    })
}

/// Runs a program to its end and gives its success and everything it said.
pub(crate) fn run(names: &[&str], arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program(names)).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// An address nobody listens on at the moment.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Asks `done` until it gives something. Panics with `what` after half a minute: long enough for a loaded machine, and no test
/// asserts how long it took.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut done: impl FnMut() -> F) -> T {
    for _ in 0..600 {
        if let Some(result) = done().await {
            return result;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen within half a minute");
}

/// A server program that runs as long as this value lives.
#[derive(Debug)]
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts `program` and waits until `ready_path` answers 200. The port may be lost to somebody else between choosing and listening;
    /// then another one is tried.
    async fn start(
        program: &Path,
        home: &Path,
        ready_path: &str,
        arguments: impl Fn(SocketAddr) -> Vec<String>,
    ) -> Self {
        for _ in 0..5 {
            let address = free_address();
            let log = std::fs::File::create(home.join("log")).unwrap();
            let child = Command::new(program)
                .args(arguments(address))
                .current_dir(home)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap();
            let mut server = Self { child, address };
            let url = format!("http://{address}{ready_path}");
            for _ in 0..600 {
                if server.child.try_wait().unwrap().is_some() {
                    break;
                }
                if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                    return server;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let log = std::fs::read_to_string(home.join("log")).unwrap_or_default();
        panic!("{} did not become ready:\n{log}", program.display());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then both are errors of no interest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Percent-encodes a query value.
fn encode(value: &str) -> String {
    value.bytes().fold(String::new(), |mut encoded, byte| {
        use std::fmt::Write as _;
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
        encoded
    })
}

#[tokio::test]
async fn prometheus_scrapes_a_target_and_answers_queries() {
    let target = WebhookReceiver::start();
    target.answer_with(200, "# TYPE answer gauge\nanswer{to=\"everything\"} 42\n");
    let prometheus = Prometheus::start(&[target.address()], &[]).await;
    let samples = prometheus.await_samples("answer * 2").await;
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].labels.get("to").map(String::as_str), Some("everything"));
    assert!((samples[0].value - 84.0).abs() < f64::EPSILON);
    assert_eq!(prometheus.label_values("to", "answer").await, ["everything"]);
    assert!(prometheus.query("answer{").await.is_err(), "a broken expression must be an error");
    assert!(prometheus.query("nonsense").await.unwrap().is_empty());
}

#[tokio::test]
async fn alertmanager_passes_an_alert_on_to_its_receiver() {
    let receiver = WebhookReceiver::start();
    let alertmanager = Alertmanager::start(&receiver.url("/hook")).await;
    let alerts = serde_json::json!([{"labels": {"alertname": "Tried"}, "annotations": {"summary": "s"}}]);
    let answer = reqwest::Client::new().post(alertmanager.url("/api/v2/alerts")).json(&alerts).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let notification = eventually("the notification", || async { receiver.received().into_iter().next() }).await;
    assert_eq!(notification.path, "/hook");
    assert_eq!(notification.json()["alerts"][0]["labels"]["alertname"], "Tried");
    assert_eq!(alertmanager.alerts().await.len(), 1);
}
