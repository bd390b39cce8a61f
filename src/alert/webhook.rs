//! One POST a notice, in a body with a version: the generic way out.

use jiff::Timestamp;
use serde::Serialize;

use crate::alert::client::Client;
use crate::alert::client::Target;
use crate::alert::config::WebhookConfig;
use crate::alert::redact::SafeNotice;
use crate::alert::render;
use crate::alert::sink::DeliveryError;
use crate::alert::sink::Outcome;

/// Version of the body; a receiver may rely on it: fields are added, never changed.
pub const VERSION: &str = "relapse/v1";

/// The sink.
#[derive(Debug, Clone)]
pub struct Webhook {
    client: Client,
    target: Target,
}

/// The body: the notice's own fields, what to show, and where to see more.
#[derive(Debug, Serialize)]
struct Body<'n> {
    version: &'static str,
    #[serde(flatten)]
    notice: &'n SafeNotice,
    /// The notice on one line (the key Slack, Mattermost and Google Chat show).
    text: String,
    /// A Cloud Logging filter that shows more.
    filter: String,
}

impl Webhook {
    /// A sink for one receiver.
    pub fn new(client: Client, config: &WebhookConfig) -> Self {
        let target = Target { url: config.url.url().clone(), bearer_token_file: config.bearer_token_file.clone() };
        Self { client, target }
    }

    pub(in crate::alert) async fn deliver(&self, notice: &SafeNotice, now: Timestamp) -> Outcome {
        match body(notice) {
            Ok(body) => self.client.post(&self.target, body, Some(&notice.id), now).await,
            Err(error) => Outcome::Refused(DeliveryError::Encode(error)),
        }
    }
}

/// The body of one notice.
pub fn body(notice: &SafeNotice) -> Result<Vec<u8>, serde_json::Error> {
    let (text, filter) = (render::text(notice), render::filter(notice));
    serde_json::to_vec(&Body { version: VERSION, notice, text, filter })
}
