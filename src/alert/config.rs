//! Where notices go: what the configuration says, checked, and the sinks built from it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::SignedDuration;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::alert::retry::RetryConfig;
use crate::outgoing::url;
use crate::outgoing::url::UrlError;

/// Where notices go.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertConfig {
    /// The process's own standard output.
    pub stdout: StdoutConfig,
    /// Receivers of a JSON body a notice. Default: none.
    pub webhooks: Vec<WebhookConfig>,
    /// Alertmanagers (v2 API). Default: none.
    pub alertmanager: AlertmanagerConfig,
    /// How failed deliveries are repeated. The defaults suit most.
    pub retry: RetryConfig,
    /// How long an HTTP receiver may take. The defaults suit most.
    pub timeouts: TimeoutConfig,
}

/// Notices on standard output.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StdoutConfig {
    /// `auto` (default): text on a terminal, otherwise one JSON line a notice in the form Cloud Logging understands.
    pub format: StdoutFormat,
    /// Google Cloud project of the traces, to link a notice to its trace. Default: the bare trace id.
    pub trace_project: Option<String>,
}

/// How notices look on standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StdoutFormat {
    /// By what standard output is.
    #[default]
    Auto,
    /// Text.
    Human,
    /// JSON lines.
    Json,
    /// Nothing.
    Off,
}

/// One receiver of webhooks.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to POST; `http` or `https`, without credentials.
    #[schemars(with = "String")]
    pub url: SinkUrl,
    /// File with a token sent as `Authorization: Bearer`; read at every delivery, so it may be rotated.
    #[serde(default)]
    pub bearer_token_file: Option<PathBuf>,
}

/// Alertmanagers, each told on its own: list every member of a cluster, not a load balancer in front of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertmanagerConfig {
    /// Base URLs (`http://alertmanager:9093`). Default: none.
    #[schemars(with = "Vec<String>")]
    pub urls: Vec<SinkUrl>,
    /// How often firing alerts are sent again, from 1 s to 60 s. Default `60s`. Alertmanager forgets what it was told when it is
    /// killed; lower it to close that gap sooner.
    #[schemars(with = "String")]
    pub resend_interval: SignedDuration,
    /// File with a token sent as `Authorization: Bearer`; read at every delivery, so it may be rotated.
    pub bearer_token_file: Option<PathBuf>,
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self { urls: Vec::new(), resend_interval: SignedDuration::from_secs(60), bearer_token_file: None }
    }
}

/// How long an HTTP receiver may take.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutConfig {
    /// To connect. Default `5s`.
    #[schemars(with = "String")]
    pub connect: SignedDuration,
    /// From the first byte sent to the last byte read. Default `10s`.
    #[schemars(with = "String")]
    pub total: SignedDuration,
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self { connect: SignedDuration::from_secs(5), total: SignedDuration::from_secs(10) }
    }
}

/// A URL notices may be sent to. Its path and query may be secret (Slack's are): they are never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SinkUrl(Url);

impl FromStr for SinkUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        url::parse(text).map(Self)
    }
}

impl TryFrom<String> for SinkUrl {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl SinkUrl {
    /// The whole URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// `host` or `host:port`: what may be shown.
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl fmt::Display for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/…", self.0.scheme(), self.authority())
    }
}

impl fmt::Debug for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_to_is_refused_with_its_reason() {
        let refused = |text: &str| text.parse::<SinkUrl>().unwrap_err().to_string();
        assert!(refused("hooks.example.com/x").contains("http://host:port/path"));
        assert!(refused("ftp://host/x").contains("`ftp`"));
        assert!(refused("localhost:9093").contains("use http or https"));
        assert!(refused("http://user:pw@host/").contains("bearer_token_file"));
        for url in [
            "http://169.254.169.254/latest",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://metadata.google.internal/",
            "https://METADATA/x",
        ] {
            assert!(refused(url).contains("link-local or metadata"), "{url}");
        }
        assert!("http://127.0.0.1:9093".parse::<SinkUrl>().is_ok());
    }

    #[test]
    fn a_secret_path_is_never_shown() {
        let url: SinkUrl = "https://hooks.slack.com/services/T0/B0/secret?token=secret".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://hooks.slack.com/… \"https://hooks.slack.com/…\"");
        let config = AlertConfig {
            webhooks: vec![WebhookConfig { url, bearer_token_file: Some("/run/token".into()) }],
            ..AlertConfig::default()
        };
        assert!(!format!("{config:?}").contains("secret"), "{config:?}");
    }

    #[test]
    fn the_file_says_it_in_words() {
        let yaml = "webhooks: [{url: 'https://x.example/hook'}]\nalertmanager: {urls: ['http://am:9093'], resend_interval: 30s}";
        let config: AlertConfig = serde_yaml::from_str(yaml).unwrap();
        assert_eq!(config.alertmanager.resend_interval, SignedDuration::from_secs(30));
        assert!(serde_yaml::from_str::<AlertConfig>("webhook: []").is_err(), "an unknown field");
        assert!(serde_yaml::from_str::<AlertConfig>("webhooks: [{url: 'gopher://x'}]").is_err());
    }
}
