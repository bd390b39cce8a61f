//! TLS for listeners: a certificate and its key, read again when their files change, and the connection that begins with a handshake.
//!
//! Receives paths; gives streams that speak TLS, or the bare ones. Nobody waits for a handshake but the connection itself.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_rustls::Accept;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// HTTP over TLS, the newer first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
const HTTP1: [&[u8]; 1] = [b"http/1.1"];

/// A certificate and its key, in PEM. Both are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate, with those between it and its root behind it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("failed to read `tls.{name}` {path}: {source}")]
    Read {
        /// `cert` or `key`.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// The file has no certificate.
    #[error("`tls.cert` {path} holds no certificate: give a PEM file with `BEGIN CERTIFICATE`")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// They do not fit.
    #[error("`tls.cert` {cert} and `tls.key` {key} cannot be used together: {source}")]
    Unusable {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http {
    /// HTTP/1 alone.
    One,
    /// HTTP/1 and HTTP/2.
    Both,
}

/// Speaks TLS.
#[derive(Clone)]
pub struct Tls {
    config: TlsConfig,
    http: Http,
    loaded: Arc<Mutex<Loaded>>,
}

/// What the files held.
struct Loaded {
    acceptor: TlsAcceptor,
    /// When the files were written, the last time it was looked.
    written: [Option<SystemTime>; 2],
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    pub fn load(config: &TlsConfig, http: Http) -> Result<Self, TlsError> {
        let loaded = Loaded { written: written(config), acceptor: acceptor(config, http)? };
        Ok(Self { config: config.clone(), http, loaded: Arc::new(Mutex::new(loaded)) })
    }

    /// The same, if anything is configured.
    pub fn load_if(config: Option<&TlsConfig>, http: Http) -> Result<Option<Self>, TlsError> {
        config.map(|config| Self::load(config, http)).transpose()
    }

    /// Begins a handshake, with the certificate that is there now.
    pub(super) fn accept(&self, stream: TcpStream) -> Stream {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut loaded);
        Stream::Shaking(Box::new(loaded.acceptor.accept(stream)))
    }

    /// Takes a new certificate; one that cannot be used does not replace the one in use.
    fn look(&self, loaded: &mut Loaded) {
        let written = written(&self.config);
        if written == loaded.written {
            return;
        }
        // What cannot be used is not tried again before it changes: the other file may be written in this moment.
        loaded.written = written;
        match acceptor(&self.config, self.http) {
            Ok(acceptor) => {
                loaded.acceptor = acceptor;
                tracing::info!(cert = %self.config.cert.display(), "the new certificate is in use");
            }
            Err(error) => tracing::warn!(%error, "the new certificate cannot be used; the one before goes on"),
        }
    }
}

fn written(config: &TlsConfig) -> [Option<SystemTime>; 2] {
    [&config.cert, &config.key].map(|path| path.metadata().and_then(|data| data.modified()).ok())
}

fn acceptor(config: &TlsConfig, http: Http) -> Result<TlsAcceptor, TlsError> {
    let read = |name, path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Read { name, path, source }
    };
    let chain = CertificateDer::pem_file_iter(&config.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(read("cert", &config.cert))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: config.cert.clone() });
    }
    let key = PrivateKeyDer::from_pem_file(&config.key).map_err(read("key", &config.key))?;
    let unusable = |source| TlsError::Unusable { cert: config.cert.clone(), key: config.key.clone(), source };
    let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(unusable)?;
    let protocols: &[&[u8]] = if http == Http::Both { &PROTOCOLS } else { &HTTP1 };
    server.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(server).into())
}

/// Bytes of a client, in the clear or out of TLS.
pub(super) enum Stream {
    /// No TLS.
    Plain(TcpStream),
    /// The handshake is under way; whoever reads or writes drives it.
    Shaking(Box<Accept<TcpStream>>),
    /// TLS.
    Open(Box<TlsStream<TcpStream>>),
}

/// What bytes go through.
trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

impl Stream {
    /// Ready when bytes can go through.
    fn open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Io>>> {
        if let Self::Shaking(accept) = self {
            *self = Self::Open(Box::new(ready!(Pin::new(&mut **accept).poll(cx))?));
        }
        Poll::Ready(match self {
            Self::Plain(stream) => Ok(Pin::new(stream)),
            Self::Open(stream) => Ok(Pin::new(&mut **stream)),
            Self::Shaking(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut tokio::io::ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.get_mut().open(cx))?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.get_mut().open(cx))?.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.get_mut().open(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if matches!(stream, Self::Shaking(_)) {
            // Nothing was said that could be ended in an orderly way.
            return Poll::Ready(Ok(()));
        }
        ready!(stream.open(cx))?.poll_shutdown(cx)
    }
}
