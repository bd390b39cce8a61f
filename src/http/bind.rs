//! Where metrics, health and the API are served.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::listen::bind;
use crate::listen::bind::BindError;
use crate::listen::bind::Wanted;
use crate::listen::bind::Words;
use crate::listen::tls::Http;
use crate::listen::tls::Tls;
use crate::listen::tls::TlsConfig;
use crate::listen::tls::TlsError;

const WORDS: Words = Words {
    example: "--listen 127.0.0.1:9464",
    flag: "--listen",
    danger: "incidents would be readable without a password",
    allow: "--allow-public or `http.allow_public: true`",
};

/// Where metrics, health and the API are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// `HOST:PORT` to listen on; port 0 takes any free one. Default `127.0.0.1:9464`. Change it when the port is taken, or when
    /// Prometheus scrapes from another host (then `allow_public` is needed too).
    pub listen: String,
    /// Allows an address other than loopback. Default false: whoever reaches the port can read incidents, evidence included, and there
    /// is no password. Set it where the network keeps strangers out, as in a pod.
    pub allow_public: bool,
    /// Takes TLS alone. Default: no TLS. It keeps nobody out: another address than loopback needs `allow_public` all the same.
    pub tls: Option<TlsConfig>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9464".to_owned(), allow_public: false, tls: None }
    }
}

/// Takes the address.
pub async fn bind(config: &HttpConfig) -> Result<TcpListener, BindError> {
    bind::bind(Wanted { listen: &config.listen, allow_public: config.allow_public, words: &WORDS }).await
}

/// What it speaks TLS with.
pub fn tls(config: &HttpConfig) -> Result<Option<Tls>, TlsError> {
    Tls::load_if(config.tls.as_ref(), Http::One)
}
