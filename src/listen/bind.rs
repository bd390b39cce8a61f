//! Takes the address, or says why it cannot be had and what to do.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// An address that is wanted, and in whose words to talk about it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// `HOST:PORT`.
    pub listen: &'a str,
    /// Whether it may be another than loopback.
    pub allow_public: bool,
    /// How it is configured.
    pub words: &'static Words,
}

/// The words of one listener.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// How to give the address, as in `--listen 127.0.0.1:9464`.
    pub example: &'static str,
    /// What sets the address.
    pub flag: &'static str,
    /// What an open port would let strangers do.
    pub danger: &'static str,
    /// What allows it.
    pub allow: &'static str,
}

/// Why the address cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Not an address.
    #[error("listen on `{listen}`: {source}; give HOST:PORT, as in {example}")]
    Address {
        /// As configured.
        listen: String,
        /// How to write it.
        example: &'static str,
        /// What the resolver says.
        source: io::Error,
    },
    /// Resolves to nothing.
    #[error("listen on `{listen}`: the name has no address; give HOST:PORT, as in {example}")]
    NoAddress {
        /// As configured.
        listen: String,
        /// How to write it.
        example: &'static str,
    },
    /// Would be open to the network.
    #[error(
        "listen on {address}: it is not a loopback address, and {danger}; listen on 127.0.0.1, or allow it with {allow}",
        danger = words.danger, allow = words.allow
    )]
    Public {
        /// The address that was refused.
        address: SocketAddr,
        /// The listener's words.
        words: &'static Words,
    },
    /// Somebody has it.
    #[error(
        "listen on {address}: the port is taken, perhaps by another relapse; stop that one or choose another port with {flag}"
    )]
    Taken {
        /// The address.
        address: SocketAddr,
        /// What sets it.
        flag: &'static str,
    },
    /// The system refuses.
    #[error("listen on {address}: {source}; choose an address of this host, and a port above 1023, with {flag}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What sets it.
        flag: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl BindError {
    /// Whether what is configured can never be had.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Address { .. } | Self::NoAddress { .. } | Self::Public { .. })
    }
}

/// Whether an address may be listened on, as far as that can be said without looking names up.
pub fn check(wanted: Wanted<'_>) -> Result<(), BindError> {
    let Ok(address) = wanted.listen.parse::<SocketAddr>() else { return Ok(()) };
    if wanted.allow_public || address.ip().is_loopback() {
        return Ok(());
    }
    Err(BindError::Public { address, words: wanted.words })
}

/// Binds the first address that `wanted` resolves to and that can be had.
pub async fn bind(wanted: Wanted<'_>) -> Result<TcpListener, BindError> {
    let Wanted { listen, allow_public, words: words @ Words { example, flag, .. } } = wanted;
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(listen)
        .await
        .map_err(|source| BindError::Address { listen: listen.to_owned(), example, source })?
        .collect();
    if let Some(&address) = addresses.iter().find(|address| !allow_public && !address.ip().is_loopback()) {
        return Err(BindError::Public { address, words });
    }
    let mut refused = BindError::NoAddress { listen: listen.to_owned(), example };
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                refused = BindError::Taken { address, flag };
            }
            Err(source) => refused = BindError::Refused { address, flag, source },
        }
    }
    Err(refused)
}
