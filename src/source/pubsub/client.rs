//! Google's client, ready to pull: endpoint, credentials, flow control, and whether the endpoint can be reached at all (the client
//! itself tries again in silence).

use std::io;
use std::time::Duration;

use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client::Subscriber;
use google_cloud_pubsub::client::SubscriptionAdmin;
use google_cloud_pubsub::subscriber::MessageStream;
use thiserror::Error;
use tokio::net::TcpStream;

use crate::source::pubsub::PubsubConfig;

/// Names the emulator, for every client of Google's.
const EMULATOR: &str = "PUBSUB_EMULATOR_HOST";
const GLOBAL: &str = "pubsub.googleapis.com";
/// How long a message is leased at a time; the client extends it until the message is judged. After a crash it is delivered again
/// so much later.
const LEASE: Duration = Duration::from_secs(10);
/// How long reaching the endpoint may take.
const REACH: Duration = Duration::from_secs(5);

/// Why nothing can be pulled now.
#[derive(Debug, Error)]
pub(super) enum PullError {
    /// Credentials, mostly.
    #[error("no client of Pub/Sub can be made: {0}; give relapse Application Default Credentials")]
    Client(String),
    /// Nobody answers.
    #[error("{endpoint} cannot be reached: {reason}")]
    Unreachable { endpoint: String, reason: io::Error },
    /// Nobody says anything.
    #[error("{endpoint} does not answer; is relapse given Application Default Credentials?")]
    Silent { endpoint: String },
    /// Pub/Sub refuses.
    #[error("{0}")]
    Refused(String),
    /// It ended the stream by itself.
    #[error("the stream of messages has ended")]
    Ended,
}

impl From<google_cloud_pubsub::Error> for PullError {
    fn from(error: google_cloud_pubsub::Error) -> Self {
        let Some(status) = error.status() else { return Self::Refused(error.to_string()) };
        let advice = match status.code.name() {
            "NOT_FOUND" => "; create the subscription, or correct its name",
            "PERMISSION_DENIED" => "; grant roles/pubsub.subscriber on it",
            "UNAUTHENTICATED" => "; give relapse Application Default Credentials",
            "FAILED_PRECONDITION" => "; a subscription that is pushed cannot be pulled",
            _ => "",
        };
        Self::Refused(format!("{}: {}{advice}", status.code.name(), status.message))
    }
}

/// Where Pub/Sub is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    url: Option<String>,
    /// An emulator, which asks for no credentials. Whoever listens without TLS is taken for one: it gets no token to see.
    is_emulator: bool,
}

impl Endpoint {
    /// As configured, else as the environment says, else Google's own.
    pub(super) fn of(config: &PubsubConfig) -> Self {
        let emulator = std::env::var(EMULATOR).ok().filter(|host| !host.is_empty() && config.endpoint.is_none());
        let emulator = emulator.map(|host| if host.contains("://") { host } else { format!("http://{host}") });
        let is_plain = config.endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
        Self { is_emulator: emulator.is_some() || is_plain, url: config.endpoint.clone().or(emulator) }
    }

    /// `host:port`.
    fn authority(&self) -> String {
        let url = self.url.as_deref().unwrap_or(GLOBAL);
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let host = rest.split('/').next().unwrap_or_default();
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if has_port { host.to_owned() } else { format!("{host}:{}", if scheme == "http" { 80 } else { 443 }) }
    }

    /// Whether somebody listens there.
    pub(super) async fn reach(&self) -> Result<(), PullError> {
        let endpoint = self.authority();
        let reached = tokio::time::timeout(REACH, TcpStream::connect(&endpoint)).await;
        let reached = reached.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)));
        reached.map(drop).map_err(|reason| PullError::Unreachable { endpoint, reason })
    }

    pub(super) async fn client(&self) -> Result<Subscriber, PullError> {
        let mut builder = Subscriber::builder();
        if let Some(url) = &self.url {
            builder = builder.with_endpoint(url);
        }
        if self.is_emulator {
            builder = builder.with_credentials(anonymous::Builder::new().build());
        }
        builder.build().await.map_err(|error| PullError::Client(error.to_string()))
    }
}

/// What a subscription is. Seeing it takes a permission that pulling does not.
pub(super) async fn look_at(config: &PubsubConfig) -> Result<String, PullError> {
    let endpoint = Endpoint::of(config);
    endpoint.reach().await?;
    let mut builder = SubscriptionAdmin::builder();
    if let Some(url) = &endpoint.url {
        builder = builder.with_endpoint(url);
    }
    if endpoint.is_emulator {
        builder = builder.with_credentials(anonymous::Builder::new().build());
    }
    let client = builder.build().await.map_err(|error| PullError::Client(error.to_string()))?;
    let asked = client.get_subscription().set_subscription(config.subscription.as_str()).send();
    let known = match tokio::time::timeout(REACH, asked).await {
        Ok(Ok(known)) => known,
        Ok(Err(error)) if error.status().is_some_and(|status| status.code.name() == "PERMISSION_DENIED") => {
            return Ok(
                "it may not be looked at (roles/pubsub.viewer); pulling takes roles/pubsub.subscriber".to_owned()
            );
        }
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Err(PullError::Silent { endpoint: endpoint.authority() }),
    };
    if let Some(push) = known.push_config.filter(|push| !push.push_endpoint.is_empty()) {
        return Err(PullError::Refused(format!(
            "it is pushed to {}; pull needs a subscription of its own",
            push.push_endpoint
        )));
    }
    let filter = if known.filter.is_empty() { String::new() } else { format!(" where {}", known.filter) };
    Ok(format!("messages of {}{filter}", known.topic))
}

/// Begins to pull.
pub(super) fn stream(client: &Subscriber, config: &PubsubConfig) -> MessageStream {
    client
        .subscribe(config.subscription.as_str())
        .set_max_outstanding_messages(config.max_outstanding_messages.max(1))
        .set_max_outstanding_bytes(config.max_outstanding_bytes.max(1))
        .set_max_lease_extension(LEASE)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_host_and_a_port() {
        let of = |url: Option<&str>| Endpoint { url: url.map(str::to_owned), is_emulator: false }.authority();
        assert_eq!(of(None), "pubsub.googleapis.com:443");
        assert_eq!(of(Some("http://localhost:8085")), "localhost:8085");
        assert_eq!(of(Some("https://europe-west1-pubsub.googleapis.com/")), "europe-west1-pubsub.googleapis.com:443");
        assert_eq!(of(Some("http://[::1]:8085")), "[::1]:8085");
    }
}
