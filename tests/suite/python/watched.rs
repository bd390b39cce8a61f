//! A sidecar that follows a service's log with the shipped catalog, or with a copy of it whose fixes are as old as the test wants.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use crate::peers;
use crate::peers::WebhookReceiver;
use crate::run::sidecar::Home;
use crate::run::sidecar::Sidecar;

/// A running sidecar, the log it follows and the webhook it tells.
#[derive(Debug)]
pub(super) struct Watched {
    // Dropped first: a sidecar must not outlive its directory.
    sidecar: Sidecar,
    receiver: WebhookReceiver,
    home: Home,
}

/// The shipped catalog in one text.
pub(super) fn shipped() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("signatures");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    let texts: Vec<String> = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    texts.join("\n---\n")
}

/// The shipped catalog with every fix made at `at`.
pub(super) fn fixed_at(at: Timestamp) -> String {
    let lines = shipped();
    let moved = lines.lines().map(|line| match line.split_once("- at: ") {
        Some((indent, _)) => format!("{indent}- at: {at}\n"),
        None => format!("{line}\n"),
    });
    moved.collect()
}

impl Watched {
    pub(super) async fn start(catalog: &str) -> Self {
        let home = Home::of("netra-backend", catalog);
        let receiver = WebhookReceiver::start();
        let sidecar = home.start(&["--webhook", &receiver.url("/hook")]).await;
        Self { sidecar, receiver, home }
    }

    /// Where the service writes.
    pub(super) fn log(&self) -> PathBuf {
        self.home.path("app.log")
    }

    pub(super) fn sidecar(&self) -> &Sidecar {
        &self.sidecar
    }

    /// The track of `signature`, if it has occurred.
    pub(super) async fn track(&self, signature: &str) -> Option<Value> {
        let tracks = self.sidecar.incidents().await;
        tracks.into_iter().find(|track| track["signature"] == signature && track["occurrences"] != 0)
    }

    /// Waits until everything the service wrote was read, and gives the track of `signature` after `wanted` occurrences; one too many
    /// is as wrong as one too few.
    pub(super) async fn after(&self, signature: &str, wanted: u64) -> Value {
        peers::eventually(&format!("{wanted} × {signature}"), || async {
            let track = self.track(signature).await?;
            (track["occurrences"].as_u64()? >= wanted).then_some(())
        })
        .await;
        self.drained().await;
        let track = self.track(signature).await.unwrap();
        assert_eq!(track["occurrences"], wanted, "{track:#}");
        track
    }

    /// Waits until everything the service wrote was judged. The last record may go on until another one begins, so one is begun.
    pub(super) async fn drained(&self) {
        let written = std::fs::metadata(self.log()).unwrap().len();
        self.home.append("app.log", "INFO:     nothing more for now\n");
        peers::eventually("the end of the log", || async {
            #[expect(clippy::cast_precision_loss, reason = "the log of a test is short")]
            let written = written as f64;
            let series = "relapse_source_bytes_total{outcome=\"matched\",source_kind=\"file\"}";
            (self.sidecar.metric(series).await >= written).then_some(())
        })
        .await;
    }

    /// The signatures of all pages raised so far, sorted; `wanted` of them must reach the webhook.
    pub(super) async fn pages(&self, wanted: usize) -> Vec<String> {
        let delivered = || -> Vec<String> {
            let notices = self.receiver.received();
            let pages = notices.iter().map(peers::Received::json).filter(|notice| notice["kind"] == "page");
            pages.map(|notice| notice["signature"].as_str().unwrap().to_owned()).collect()
        };
        peers::eventually(&format!("{wanted} pages"), || {
            let enough = (delivered().len() >= wanted).then_some(());
            async move { enough }
        })
        .await;
        // Counted when they are raised: one too many shows here even before it is delivered.
        #[expect(clippy::cast_precision_loss, reason = "a handful of pages")]
        let raised = wanted as f64;
        assert!((self.sidecar.metric("relapse_notices_total{kind=\"page\"}").await - raised).abs() < f64::EPSILON);
        let mut pages = delivered();
        pages.sort();
        pages
    }
}
