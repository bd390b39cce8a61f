//! The sockets of the syslog listener: binds them, reads connections within bounds, passes on messages.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::net::UdpSocket;
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::source::syslog::SyslogConfig;
use crate::source::syslog::frame::Frames;

/// Connections at once; one more waits until another ends.
const MAX_CONNECTIONS: usize = 256;
/// Bytes of a message.
const MAX_MESSAGE: usize = 256 * 1024;
const MAX_DATAGRAM: usize = 64 * 1024;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Address {
    /// A stream socket in the file system.
    Unix(PathBuf),
    /// Octet counting or lines.
    Tcp(SocketAddr),
    /// A message a datagram.
    Udp(SocketAddr),
}

/// Not an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it is no address; write unix:/run/relapse.sock, tcp:127.0.0.1:5514 or udp:127.0.0.1:5514")]
pub struct NoAddress;

impl TryFrom<String> for Address {
    type Error = NoAddress;

    fn try_from(text: String) -> Result<Self, NoAddress> {
        let (kind, place) = text.split_once(':').ok_or(NoAddress)?;
        let address = || place.parse().map_err(|_| NoAddress);
        match kind {
            "unix" if !place.is_empty() => Ok(Self::Unix(PathBuf::from(place))),
            "tcp" => address().map(Self::Tcp),
            "udp" => address().map(Self::Udp),
            _ => Err(NoAddress),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Udp(address) => write!(f, "udp:{address}"),
        }
    }
}

/// Why a socket cannot be had.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Would be open to the network.
    #[error(
        "listen for syslog on {0}: it is not a loopback address, and anybody could write logs; allow it with `syslog.allow_public: true`"
    )]
    Public(Address),
    /// The system refuses.
    #[error("listen for syslog on {0}; choose an address that is free")]
    Refused(Address, #[source] io::Error),
}

type Messages = mpsc::Sender<Vec<u8>>;
/// The tasks of the sockets; each gives why it had to end.
pub(super) type Listeners = JoinSet<Option<String>>;

/// Refuses what would be open to the network.
pub fn validate(config: &SyslogConfig) -> Result<(), ListenError> {
    let is_public = |address: &&Address| match address {
        Address::Unix(_) => false,
        Address::Tcp(address) | Address::Udp(address) => !config.allow_public && !address.ip().is_loopback(),
    };
    config.listen.iter().find(is_public).map_or(Ok(()), |address| Err(ListenError::Public(address.clone())))
}

/// Binds every address and begins to receive.
pub(super) async fn bind(config: &SyslogConfig, messages: &Messages) -> Result<Listeners, ListenError> {
    validate(config)?;
    let mut listeners = Listeners::new();
    let idle = config.idle_timeout.unsigned_abs();
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    for address in &config.listen {
        let refused = |error| ListenError::Refused(address.clone(), error);
        let (messages, seats) = (messages.clone(), Arc::clone(&seats));
        match address {
            Address::Tcp(place) => {
                let listener = TcpListener::bind(place).await.map_err(refused)?;
                listeners.spawn(accept(Listener::Tcp(listener), (messages, seats), idle));
            }
            Address::Unix(path) => {
                // A socket that a killed relapse left behind; never a file.
                if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
                    std::fs::remove_file(path).map_err(refused)?;
                }
                let listener = UnixListener::bind(path).map_err(refused)?;
                listeners.spawn(accept(Listener::Unix(listener), (messages, seats), idle));
            }
            Address::Udp(place) => {
                let socket = UdpSocket::bind(place).await.map_err(refused)?;
                listeners.spawn(async move { datagrams(&socket, &messages).await });
            }
        }
    }
    Ok(listeners)
}

/// A socket that connections come to.
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    async fn next(&self) -> io::Result<Box<dyn AsyncRead + Unpin + Send>> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

async fn accept(listener: Listener, (messages, seats): (Messages, Arc<Semaphore>), idle: Duration) -> Option<String> {
    let mut connections = JoinSet::new();
    while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.next().await {
            Ok(connection) => {
                let messages = messages.clone();
                connections.spawn(async move {
                    read(connection, &messages, idle).await;
                    drop(seat);
                });
            }
            // Out of descriptors, mostly: others end soon.
            Err(error) => {
                tracing::warn!(%error, "a syslog connection cannot be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    None
}

async fn read(mut connection: impl AsyncRead + Unpin, messages: &Messages, idle: Duration) {
    let (mut frames, mut buffer, mut whole) = (Frames::new(MAX_MESSAGE), vec![0; 16 * 1024], Vec::new());
    loop {
        match tokio::time::timeout(idle, connection.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) | Err(_) => break,
            Ok(Ok(count)) => {
                if let Err(error) = frames.push(buffer.get(..count).unwrap_or_default(), &mut whole) {
                    tracing::warn!(%error, "a syslog connection is closed");
                    break;
                }
            }
        }
        for message in whole.drain(..) {
            if messages.send(message).await.is_err() {
                return;
            }
        }
    }
    // Whoever listened may have gone.
    if let Some(message) = frames.finish() {
        let _ = messages.send(message).await;
    }
}

async fn datagrams(socket: &UdpSocket, messages: &Messages) -> Option<String> {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        match socket.recv(&mut buffer).await {
            Ok(count) => {
                let message = buffer.get(..count).unwrap_or_default().trim_ascii_end().to_vec();
                if messages.send(message).await.is_err() {
                    return None;
                }
            }
            Err(error) => return Some(error.to_string()),
        }
    }
}
