//! An endpoint for pushes without a pipeline behind it, and what is pushed to it.

use std::net::SocketAddr;

use jiff::Timestamp;
use relapse::config::Config;
use relapse::source::Batch;
use relapse::source::SourceConfig;
use relapse::source::pubsub::PubsubConfig;
use relapse::source::pubsub::desk::Pipe;
use relapse::source::pubsub::endpoint::PushConfig;
use relapse::source::pubsub::push;
use relapse::source::receive::server::Bounds;
use relapse::source::status::StatusHandle;
use reqwest::Client;
use reqwest::Response;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::issuer::Issuer;
use crate::otlp::rig;
use crate::peers;
use crate::run::sidecar;

pub(super) const SUBSCRIPTION: &str = "projects/test/subscriptions/logs";
pub(super) const AUDIENCE: &str = "https://relapse.example.com/push";
pub(super) const ACCOUNT: &str = "pusher@test.iam.gserviceaccount.com";

/// When tests begin that do not move the clock.
pub(super) fn noon() -> Timestamp {
    "2025-10-01T12:00:00Z".parse().unwrap()
}

/// Claims of a token that lets in at `now`.
pub(super) fn claims(now: Timestamp) -> Value {
    let now = now.as_second();
    json!({
        "aud": AUDIENCE, "azp": "113774264463038321964", "email": ACCOUNT, "email_verified": true,
        "exp": now + 3600, "iat": now, "iss": "https://accounts.google.com", "sub": "113774264463038321964",
    })
}

/// The configuration of an endpoint that asks for tokens whose keys are told by `issuer`.
pub(super) fn oidc(issuer: &Issuer) -> String {
    format!("push: {{ oidc: {{ audience: '{AUDIENCE}', service_account: {ACCOUNT}, keys: '{}' }} }}", issuer.url())
}

/// As the configuration file is read.
pub(super) fn configured(push: &str) -> PubsubConfig {
    let text = format!("pubsub: [{{ subscription: {SUBSCRIPTION}, {push} }}]");
    let config = Config::from_text("relapse.yaml", &text).unwrap();
    match config.sources().remove(0) {
        SourceConfig::Pubsub(config) => config,
        other => panic!("{other:?}"),
    }
}

/// An endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    pub(super) batches: mpsc::Receiver<Batch>,
    pub(super) status: StatusHandle,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Endpoint {
    /// `push`: of the configuration. `room`: batches that the pipeline would take before it is full.
    pub(super) async fn start(push: &str, now: fn() -> Timestamp, room: usize) -> Self {
        let config = configured(push);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let context = sidecar::context(now);
        let status = context.status.clone();
        let (output, batches) = mpsc::channel(room);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let served = rig::spawn(async move {
            let pipe = Pipe { context, output: &output, stop: &stopped };
            let push: PushConfig = config.push.unwrap();
            push::serve(listener, &config.subscription, &push, pipe, Bounds::default()).await.unwrap();
        });
        Self { address, batches, status, stop, served }
    }

    /// The same with a pipeline that stores everything.
    pub(super) async fn taken(push: &str, now: fn() -> Timestamp) -> (Pusher, JoinHandle<()>) {
        let endpoint = Self::start(push, now, 8).await;
        (Pusher::to(endpoint.address), rig::spawn(rig::answer_all(endpoint.batches)))
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.served.await.unwrap();
    }
}

/// Pushes as Pub/Sub does.
#[derive(Debug, Clone)]
pub(super) struct Pusher {
    url: String,
    client: Client,
}

impl Pusher {
    pub(super) fn to(address: SocketAddr) -> Self {
        Self { url: format!("http://{address}/push"), client: Client::new() }
    }

    pub(super) fn request(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.client.post(&self.url).body(body)
    }

    /// One message, with what stands in the header `authorization`.
    pub(super) async fn push(&self, authorization: &str) -> Response {
        let request = self.request(wrapped("1", "calm"));
        let request = if authorization.is_empty() { request } else { request.header("authorization", authorization) };
        request.send().await.unwrap()
    }

    /// The status that a token gets.
    pub(super) async fn show(&self, token: &str) -> u16 {
        self.push(&format!("Bearer {token}")).await.status().as_u16()
    }
}

/// A push as the emulator sends it.
pub(super) fn wrapped(id: &str, data: &str) -> String {
    wrapped_of(SUBSCRIPTION, id, data)
}

pub(super) fn wrapped_of(subscription: &str, id: &str, data: &str) -> String {
    let time = "2025-10-01T08:00:00.123Z";
    let data = peers::base64(data.as_bytes());
    let message = json!({
        "attributes": {}, "data": data, "messageId": id, "message_id": id, "publishTime": time, "publish_time": time,
    });
    json!({"message": message, "subscription": subscription}).to_string()
}
