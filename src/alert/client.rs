//! The one HTTP client notices leave by: bounded in time and in what it reads, follows nothing, goes nowhere forbidden.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::Response;
use reqwest::StatusCode;
use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HeaderValue;
use reqwest::header::RETRY_AFTER;

use crate::alert::config::TimeoutConfig;
use crate::alert::redact;
use crate::alert::retry;
use crate::alert::sink::DeliveryError;
use crate::alert::sink::Outcome;
use crate::outgoing::client;
use crate::outgoing::client::Timeouts;
use crate::outgoing::guard::GuardedResolver;
use crate::telemetry::inert::one_line;

/// Most of a reply that is shown, in characters.
const MAX_SHOWN: usize = 300;

/// The client could not be set up (no TLS roots, for one).
#[derive(Debug, thiserror::Error)]
#[error("set up the HTTP client for alert sinks; are the CA certificates installed?")]
pub struct ClientError(#[from] reqwest::Error);

/// One client for all sinks.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
}

/// One receiver.
#[derive(Clone)]
pub struct Target {
    /// Where to POST.
    pub url: Url,
    /// Where its token lies.
    pub bearer_token_file: Option<PathBuf>,
}

impl fmt::Debug for Target {
    /// The URL may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// Sets the client up; opens nothing yet.
    pub fn new(timeouts: TimeoutConfig, resolver: GuardedResolver) -> Result<Self, ClientError> {
        let timeouts = Timeouts { connect: retry::unsigned(timeouts.connect), total: retry::unsigned(timeouts.total) };
        Ok(Self { http: client::build(timeouts, resolver)? })
    }

    /// POSTs a JSON body; `key` makes repetitions recognisable to the receiver.
    pub async fn post(&self, target: &Target, body: Vec<u8>, key: Option<&str>, now: Timestamp) -> Outcome {
        let mut request = self.http.post(target.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        match token(target).await {
            Ok(Some(token)) => request = request.header(AUTHORIZATION, token),
            Ok(None) => {}
            // The file may be about to be rotated.
            Err(error) => return Outcome::Retry { after: None, error },
        }
        if let Some(key) = key.and_then(|key| HeaderValue::from_str(key).ok()) {
            request = request.header("Idempotency-Key", key);
        }
        match request.send().await {
            // What follows an acceptance is not waited for: the reply may be endless.
            Ok(response) if response.status().is_success() => Outcome::Accepted,
            Ok(response) => judge(response, now).await,
            // The URL in the error may be a secret.
            Err(error) => Outcome::Retry { after: None, error: DeliveryError::Http(error.without_url()) },
        }
    }
}

async fn token(target: &Target) -> Result<Option<HeaderValue>, DeliveryError> {
    let Some(path) = &target.bearer_token_file else { return Ok(None) };
    let token =
        tokio::fs::read_to_string(path).await.map_err(|source| DeliveryError::Token { path: path.clone(), source })?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
        .map_err(|_| DeliveryError::TokenText { path: path.clone() })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Other 4xx will be the same tomorrow; a redirect is not followed, but it may be a receiver that is down for maintenance.
async fn judge(response: Response, now: Timestamp) -> Outcome {
    let status = response.status();
    let after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry::retry_after(value, now));
    let again = !status.is_client_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    let error = DeliveryError::Status { status: status.as_u16(), reply: reply(response).await };
    if again { Outcome::Retry { after, error } } else { Outcome::Refused(error) }
}

/// The beginning of a reply, safe to log.
async fn reply(response: Response) -> String {
    let read = client::read(response).await.bytes;
    one_line(&redact::mask(&String::from_utf8_lossy(&read)), MAX_SHOWN)
}
