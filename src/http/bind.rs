//! Takes the address, or says why it cannot be had and what to do.

use std::io;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use tokio::net::TcpListener;

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
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9464".to_owned(), allow_public: false }
    }
}

/// Why the address cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Not an address.
    #[error("listen on `{listen}`: {source}; give HOST:PORT, as in --listen 127.0.0.1:9464")]
    Address {
        /// As configured.
        listen: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// Resolves to nothing.
    #[error("listen on `{listen}`: the name has no address; give HOST:PORT, as in --listen 127.0.0.1:9464")]
    NoAddress {
        /// As configured.
        listen: String,
    },
    /// Would be open to the network.
    #[error(
        "listen on {address}: it is not a loopback address, and incidents would be readable without a password; listen on 127.0.0.1, or allow \
         it with --allow-public or `http.allow_public: true`"
    )]
    Public {
        /// The address that was refused.
        address: SocketAddr,
    },
    /// Somebody has it.
    #[error(
        "listen on {address}: the port is taken, perhaps by another relapse; stop that one or choose another port with --listen"
    )]
    Taken {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses.
    #[error("listen on {address}: {source}; choose an address of this host, and a port above 1023, with --listen")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Binds the first address that `listen` resolves to and that can be had.
pub async fn bind(config: &HttpConfig) -> Result<TcpListener, BindError> {
    let listen = || config.listen.clone();
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(config.listen.as_str())
        .await
        .map_err(|source| BindError::Address { listen: listen(), source })?
        .collect();
    if let Some(&address) = addresses.iter().find(|address| !config.allow_public && !address.ip().is_loopback()) {
        return Err(BindError::Public { address });
    }
    let mut refused = BindError::NoAddress { listen: listen() };
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => refused = BindError::Taken { address },
            Err(source) => refused = BindError::Refused { address, source },
        }
    }
    Err(refused)
}
