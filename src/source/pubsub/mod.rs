//! Google Cloud Pub/Sub: the messages of a subscription, usually the end of a Cloud Logging sink, pulled or pushed. Each is acknowledged
//! once it is judged and stored. Replicas on one subscription share its messages.

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::source::Batch;
use crate::source::SourceContext;
use crate::source::SourceError;
use crate::source::pubsub::endpoint::PushConfig;

#[cfg(feature = "gcp")]
mod client;
#[cfg(feature = "gcp")]
pub mod desk;
pub mod endpoint;
#[cfg(feature = "gcp")]
mod pull;
#[cfg(feature = "gcp")]
pub mod push;

/// A subscription, and how its messages come. Pulling, credentials are Google's Application Default Credentials; with
/// `PUBSUB_EMULATOR_HOST` set the emulator there is asked, without any.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PubsubConfig {
    /// `projects/PROJECT/subscriptions/SUBSCRIPTION`. To pull, relapse needs `roles/pubsub.subscriber` on it.
    #[schemars(with = "String")]
    pub subscription: Subscription,
    /// Where Pub/Sub pushes the messages to; `{}` takes them on `127.0.0.1:8090`. Default: they are pulled.
    #[serde(default)]
    pub push: Option<PushConfig>,
    /// Where Pub/Sub answers when it is pulled. Default: Google's global endpoint. For regional and private endpoints.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Messages that may be on their way at once when they are pulled. Default 1000. Fewer leave more for other replicas.
    #[serde(default = "max_messages")]
    pub max_outstanding_messages: u32,
    /// Bytes that may be on their way at once when they are pulled. Default 32 MiB; it bounds what a subscription takes of the memory.
    #[serde(default = "max_bytes")]
    pub max_outstanding_bytes: u32,
}

fn max_messages() -> u32 {
    1_000
}

fn max_bytes() -> u32 {
    32 << 20
}

impl PubsubConfig {
    /// Pulls `subscription` with the defaults.
    pub fn new(subscription: Subscription) -> Self {
        let (max_outstanding_messages, max_outstanding_bytes) = (max_messages(), max_bytes());
        Self { subscription, push: None, endpoint: None, max_outstanding_messages, max_outstanding_bytes }
    }
}

/// The full name of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Subscription(String);

/// Not the name of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no subscription; write it as projects/PROJECT/subscriptions/SUBSCRIPTION")]
pub struct NoSubscription;

impl TryFrom<String> for Subscription {
    type Error = NoSubscription;

    fn try_from(text: String) -> Result<Self, NoSubscription> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["projects", project, "subscriptions", name] if !project.is_empty() && !name.is_empty() => Ok(Self(text)),
            _ => Err(NoSubscription),
        }
    }
}

impl Subscription {
    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the configuration can work, as far as that can be said without looking.
#[cfg(feature = "gcp")]
pub fn validate(config: &PubsubConfig) -> Result<(), SourceError> {
    config.push.as_ref().map_or(Ok(()), push::validate)
}

/// This program was built without it.
#[cfg(not(feature = "gcp"))]
pub fn validate(_: &PubsubConfig) -> Result<(), SourceError> {
    Err(SourceError::NoPubsub)
}

/// What would be read, in words, or why nothing can be.
#[cfg(feature = "gcp")]
pub async fn look_at(config: &PubsubConfig) -> Result<String, String> {
    match &config.push {
        Some(push) => push::look_at(&config.subscription, push).await,
        None => client::look_at(config).await.map_err(|error| error.to_string()),
    }
}

/// This program was built without it.
#[cfg(not(feature = "gcp"))]
pub fn look_at(_: &PubsubConfig) -> std::future::Ready<Result<String, String>> {
    std::future::ready(Err(SourceError::NoPubsub.to_string()))
}

/// Pulls, or takes what is pushed, until the output is closed or `stop` is cancelled. Blocks; must be called on a blocking thread of a Tokio runtime.
#[cfg(feature = "gcp")]
pub fn run(
    config: &PubsubConfig,
    context: SourceContext,
    output: &mpsc::Sender<Batch>,
    stop: &CancellationToken,
) -> Result<(), SourceError> {
    let runtime = tokio::runtime::Handle::try_current().map_err(SourceError::Runtime)?;
    let pipe = desk::Pipe { context, output, stop };
    runtime.block_on(async {
        match &config.push {
            Some(push) => push::run(push, &config.subscription, pipe).await,
            None => pull::run(config, pipe).await,
        }
    })
}

/// This program was built without it.
#[cfg(not(feature = "gcp"))]
pub fn run(
    _: &PubsubConfig,
    _: SourceContext,
    _: &mpsc::Sender<Batch>,
    _: &CancellationToken,
) -> Result<(), SourceError> {
    Err(SourceError::NoPubsub)
}
