//! The sinks behind one shape: a name, a way to deliver one notice, counters.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use sha2::Digest;
use sha2::Sha256;

use crate::alert::alertmanager::Alertmanager;
use crate::alert::client::Client;
use crate::alert::client::ClientError;
use crate::alert::config::AlertConfig;
use crate::alert::config::AlertmanagerConfig;
use crate::alert::config::StdoutFormat;
use crate::alert::redact::SafeNotice;
use crate::alert::retry::RetryConfig;
use crate::alert::stats::SinkStats;
use crate::alert::stdout::Stdout;
use crate::alert::stdout::Writer;
use crate::alert::webhook::Webhook;
use crate::model::alert::Notice;
use crate::outgoing::guard::GuardedResolver;

/// What came of one attempt.
#[derive(Debug)]
pub enum Outcome {
    /// The sink has it.
    Accepted,
    /// Not now.
    Retry {
        /// How long the sink asked to be left alone.
        after: Option<Duration>,
        /// What happened.
        error: DeliveryError,
    },
    /// Never: the notice becomes a dead letter.
    Refused(DeliveryError),
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// No answer.
    #[error("send the request")]
    Http(#[source] reqwest::Error),
    /// An answer other than success.
    #[error("get it accepted: the receiver answered {}", answer(*status, reply))]
    Status {
        /// HTTP status.
        status: u16,
        /// The beginning of the reply.
        reply: String,
    },
    /// The token file.
    #[error("read the token file {}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The token.
    #[error("use the token in {}: it holds characters a header cannot carry", path.display())]
    TokenText {
        /// The file.
        path: PathBuf,
    },
    /// Standard output.
    #[error("write to standard output")]
    Write(#[source] io::Error),
    /// A defect of relapse: no JSON form.
    #[error("encode the notice")]
    Encode(#[source] serde_json::Error),
    /// Owed for too long.
    #[error("deliver it in time: given up after {0} attempts")]
    TooOld(u32),
}

/// `500: out of cheese`, with advice where the status says what to change.
fn answer(status: u16, reply: &str) -> String {
    let said = if reply.is_empty() { String::new() } else { format!(": {reply}") };
    let advice = match status {
        300..=399 => " (redirects are not followed: configure the address it leads to)",
        401 | 403 => " (it wants other credentials: check the URL and the token file)",
        404 | 410 => " (nobody listens at that path: check the URL)",
        _ => "",
    };
    format!("{status}{said}{advice}")
}

/// Why the sinks could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Out of range.
    #[error("use resend_interval {0:#}: choose 1s to 60s; Alertmanager forgets alerts that are not sent again")]
    ResendInterval(SignedDuration),
}

/// What the caller knows about standard output.
pub struct StdoutIs {
    /// Where notices are written.
    pub writer: Writer,
    /// Whether people read it.
    pub terminal: bool,
    /// Whether it may be coloured (`NO_COLOR`, `--color`).
    pub color: bool,
}

/// One destination.
#[derive(Debug)]
pub struct Sink {
    name: String,
    stats: Arc<SinkStats>,
    pub(in crate::alert) retry: RetryConfig,
    pub(in crate::alert) kind: SinkKind,
}

/// How a destination is told.
#[derive(Debug)]
pub(in crate::alert) enum SinkKind {
    /// Each notice once, by its edge.
    Stdout(Stdout),
    /// Each notice once, by its edge.
    Webhook(Webhook),
    /// The level, again and again.
    Alertmanager(Alertmanager),
}

impl Sink {
    /// Builds every configured sink; nothing is opened.
    pub fn build(config: &AlertConfig, stdout: StdoutIs) -> Result<Vec<Self>, BuildError> {
        let AlertmanagerConfig { urls, resend_interval, bearer_token_file } = &config.alertmanager;
        if !(SignedDuration::from_secs(1)..=SignedDuration::from_secs(60)).contains(resend_interval) {
            return Err(BuildError::ResendInterval(*resend_interval));
        }
        let mut sinks = Vec::new();
        if config.stdout.format != StdoutFormat::Off {
            let sink = Stdout::new(&config.stdout, stdout);
            sinks.push(Self::new("stdout".to_owned(), config.retry, SinkKind::Stdout(sink)));
        }
        if config.webhooks.is_empty() && urls.is_empty() {
            return Ok(sinks);
        }
        let client = Client::new(config.timeouts, GuardedResolver::new())?;
        for webhook in &config.webhooks {
            let name = format!("webhook/{}/{}", webhook.url.authority(), short_hash(webhook.url.url().as_str()));
            let sink = Webhook::new(client.clone(), webhook);
            sinks.push(Self::new(name, config.retry, SinkKind::Webhook(sink)));
        }
        for url in urls {
            let name = format!("alertmanager/{}/{}", url.authority(), short_hash(url.url().as_str()));
            let sink = Alertmanager::new(client.clone(), url, bearer_token_file.clone(), *resend_interval);
            sinks.push(Self::new(name, config.retry, SinkKind::Alertmanager(sink)));
        }
        // The same URL twice is one destination.
        let mut seen = std::collections::BTreeSet::new();
        sinks.retain(|sink| seen.insert(sink.name.clone()));
        Ok(sinks)
    }

    fn new(name: String, retry: RetryConfig, kind: SinkKind) -> Self {
        Self { name, stats: Arc::new(SinkStats::default()), retry, kind }
    }

    /// The queue name: stable over restarts, without secrets, fit for a label (`webhook/hooks.example/5f0c91aa`).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The counters, for the metrics.
    pub fn stats(&self) -> Arc<SinkStats> {
        Arc::clone(&self.stats)
    }
}

impl SinkKind {
    /// One attempt at one notice.
    pub(in crate::alert) async fn deliver(&self, notice: &Notice, now: Timestamp) -> Outcome {
        let safe = SafeNotice::of(notice);
        match self {
            Self::Stdout(sink) => sink.deliver(&safe, now).await,
            Self::Webhook(sink) => sink.deliver(&safe, now).await,
            Self::Alertmanager(sink) => sink.send(&[sink.firing(notice, now)], now).await,
        }
    }
}

/// Tells two URLs of one host apart without showing their paths.
fn short_hash(text: &str) -> String {
    Sha256::digest(text).iter().take(4).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// An error and its causes on one line.
pub(in crate::alert) fn describe(error: &dyn Error) -> String {
    let mut text = format!("failed to {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_change() {
        let said = |status, reply: &str| DeliveryError::Status { status, reply: reply.to_owned() }.to_string();
        assert_eq!(said(500, ""), "get it accepted: the receiver answered 500");
        assert_eq!(said(429, "slow down"), "get it accepted: the receiver answered 429: slow down");
        assert!(said(301, "").ends_with("301 (redirects are not followed: configure the address it leads to)"));
        assert!(said(404, "no such hook").contains("404: no such hook (nobody listens at that path"));
    }
}
