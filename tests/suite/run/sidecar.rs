//! A running `relapse run` and what can be asked of it.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use jiff::Timestamp;
use relapse::matcher::Matcher;
use relapse::matcher::scanner::ScannerConfig;
use relapse::source::SourceContext;
use relapse::source::status::StatusHandle;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::peers;

/// A catalog of one signature with a fix of long ago.
pub(crate) const CATALOG: &str = r#"
schema: relapse/v1
id: numbered-failure
title: A failure that carries a number
severity: critical
owner: test
scope: { service.name: api }
fixes: [{ at: 2025-09-08T12:00:00Z }]
detection: { pattern: 'numbered failure (?P<number>\d+)' }
tests:
  - { name: there, input: "numbered failure 1", expect: { count: 1 } }
  - { name: not there, input: "calm", expect: { verdict: none } }
"#;

/// What a source is given that judges by [`CATALOG`].
pub(crate) fn context(now: fn() -> Timestamp) -> SourceContext {
    let loaded = relapse::catalog::load::from_str("catalog.yaml", CATALOG);
    SourceContext {
        matcher: watch::channel(Arc::new(Matcher::new(&loaded.catalog))).1,
        scanner: ScannerConfig::default(),
        positions: Vec::new(),
        now,
        status: StatusHandle::default(),
        own_directories: Vec::new(),
    }
}

/// A directory with a catalog, a state directory and a log file; sidecars are started in it.
#[derive(Debug)]
pub(crate) struct Home {
    dir: TempDir,
    address: SocketAddr,
    /// `service.name` of records that name none.
    service: &'static str,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::of("api", CATALOG)
    }

    /// With a catalog of its own, for the logs of `service`.
    pub(crate) fn of(service: &'static str, catalog: &str) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("catalog.yaml"), catalog).unwrap();
        Self { dir, address: peers::free_address(), service }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the API is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        append(&self.path(name), text.as_ref());
    }

    /// The command, ready for more arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_relapse"));
        command
            .args(["run", "--catalog", "catalog.yaml", "--state", "state", "--service", self.service])
            .args(["--environment", "prod", "--listen", &self.address.to_string()])
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(File::create(self.path("stdout")).unwrap())
            .stderr(OpenOptions::new().create(true).append(true).open(self.path("stderr")).unwrap());
        command
    }

    /// Starts a sidecar that follows `app.log`, and waits until it is ready.
    pub(crate) async fn start(&self, arguments: &[&str]) -> Sidecar {
        let mut command = self.command();
        command.args(["--logs", "app.log"]).args(arguments);
        self.spawn(command).await
    }

    pub(crate) async fn spawn(&self, mut command: Command) -> Sidecar {
        let sidecar = Sidecar { child: command.spawn().unwrap(), address: self.address };
        peers::eventually("readiness of relapse", || async {
            let answer = reqwest::get(sidecar.url("/readyz")).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        sidecar
    }

    pub(crate) fn said(&self, stream: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path(stream)).unwrap_or_default()).into_owned()
    }
}

pub(crate) fn append(path: &Path, text: &[u8]) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text).unwrap();
}

/// One numbered failure in the format of Python's logging, at a given minute after the fix.
pub(crate) fn failure(number: usize) -> String {
    format!("2025-10-01 08:{:02}:{:02},000 - app - ERROR - numbered failure {number}\n", number / 60 % 60, number % 60)
}

/// A running sidecar; killed with the test.
#[derive(Debug)]
pub(crate) struct Sidecar {
    child: Child,
    address: SocketAddr,
}

impl Sidecar {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        reqwest::get(self.url(path)).await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn incidents(&self) -> Vec<Value> {
        serde_json::from_str(&self.text("/api/v1/incidents").await).unwrap()
    }

    /// Occurrences over all tracks.
    pub(crate) async fn occurrences(&self) -> u64 {
        self.incidents().await.iter().map(|incident| incident["occurrences"].as_u64().unwrap()).sum()
    }

    /// Waits until so many occurrences were judged.
    pub(crate) async fn await_occurrences(&self, wanted: u64) {
        peers::eventually(&format!("{wanted} occurrences"), || async {
            (self.occurrences().await >= wanted).then_some(())
        })
        .await;
    }

    /// The value of one series of `/metrics`, by its beginning.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let text = self.text("/metrics").await;
        let line =
            text.lines().find(|line| line.starts_with(series)).unwrap_or_else(|| panic!("no {series} in\n{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits for the end and gives the exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        for _ in 0..600 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("relapse did not end within half a minute");
    }

    /// SIGTERM and the exit code.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.ended().await
    }

    /// SIGKILL, nothing can be caught.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // It may have ended by itself; then both are errors of no interest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
