//! Google's own Pub/Sub emulator, with one topic; and subscriptions to it.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::Server;
use super::program;

const PACKAGE: &str = "google-cloud-cli-pubsub-emulator";
const TOPIC: &str = "projects/test/topics/logs";

/// The emulator's jar, as its Debian package has put it somewhere.
fn jar() -> PathBuf {
    let listed = Command::new("dpkg").args(["-L", PACKAGE]).output().map(|output| output.stdout).unwrap_or_default();
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let named = std::env::var_os("RELAPSE_TEST_PUBSUB_EMULATOR").map(PathBuf::from);
    let found = || listed.lines().find(|line| line.ends_with("-all.jar")).map(PathBuf::from);
    named.or_else(found).unwrap_or_else(|| {
        panic!(
            "Google's Pub/Sub emulator is not installed: install the package {PACKAGE} of Google's apt repository (Cloud SDK), \
             or name its jar in RELAPSE_TEST_PUBSUB_EMULATOR"
        )
    })
}

/// How a message is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As JSON.
    Wrapped,
    /// As it is.
    Unwrapped,
}

/// A running emulator.
#[derive(Debug)]
pub(crate) struct Emulator {
    server: Server,
    client: reqwest::Client,
    _home: TempDir,
}

impl Emulator {
    pub(crate) async fn start() -> Self {
        let (home, jar) = (TempDir::new().unwrap(), jar());
        let arguments = |address: std::net::SocketAddr| {
            let jar = jar.to_string_lossy().into_owned();
            let (host, port) = (format!("--host={}", address.ip()), format!("--port={}", address.port()));
            vec!["-Xmx256m".to_owned(), "-jar".to_owned(), jar, host, port]
        };
        let server = Server::start(&program(&["java"]), home.path(), "/", arguments).await;
        let emulator = Self { server, client: reqwest::Client::new(), _home: home };
        emulator.put(TOPIC, &json!({})).await;
        emulator
    }

    /// What `PUBSUB_EMULATOR_HOST` holds.
    pub(crate) fn host(&self) -> String {
        self.server.address.to_string()
    }

    async fn put(&self, path: &str, body: &Value) {
        let answer = self.client.put(format!("http://{}/v1/{path}", self.host())).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.client.post(format!("http://{}/v1/{path}", self.host())).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    /// A new subscription, by its full name.
    pub(crate) async fn subscription(&self, name: &str) -> String {
        let name = format!("projects/test/subscriptions/{name}");
        self.put(&name, &json!({"topic": TOPIC, "ackDeadlineSeconds": 10})).await;
        name
    }

    /// A new subscription that is pushed, by its full name.
    pub(crate) async fn pushed(&self, name: &str, endpoint: &str, form: Form) -> String {
        let name = format!("projects/test/subscriptions/{name}");
        let mut push = json!({"pushEndpoint": endpoint});
        if form == Form::Unwrapped {
            push["noWrapper"] = json!({"writeMetadata": true});
        }
        self.put(&name, &json!({"topic": TOPIC, "ackDeadlineSeconds": 10, "pushConfig": push})).await;
        name
    }

    pub(crate) async fn publish(&self, texts: &[String]) {
        for texts in texts.chunks(500) {
            let messages: Vec<_> = texts.iter().map(|text| json!({"data": base64(text.as_bytes())})).collect();
            self.post(&format!("{TOPIC}:publish"), &json!({"messages": messages})).await;
        }
    }

    /// Messages that nobody has acknowledged or holds.
    pub(crate) async fn left(&self, subscription: &str) -> usize {
        let pull = json!({"maxMessages": 100, "returnImmediately": true});
        let answer = self.post(&format!("{subscription}:pull"), &pull).await;
        answer["receivedMessages"].as_array().map_or(0, Vec::len)
    }
}

/// As JSON carries bytes.
pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}
