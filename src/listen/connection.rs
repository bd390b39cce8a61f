//! Bounds what clients can hold: so many connections at once, and none that stays silent.
//!
//! Receives a bound listener; gives one that accepts only while there is room. Without it, idle connections would eat the file descriptors that
//! log files need.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpListener;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio::time::Sleep;

use crate::listen::tls::Stream;
use crate::listen::tls::Tls;

/// Connections served at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 32;
/// A connection that neither sends nor takes a byte for so long is closed. Longer than the usual scrape interval.
const IDLE: Duration = Duration::from_secs(75);
/// No request is shorter, and the preface of HTTP/2 is as long.
const OPENING: usize = 24;

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Served at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Until the first 24 bytes are there.
    pub opening: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
}

/// A listener with a bound.
#[derive(Debug)]
pub struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
    limits: Limits,
    tls: Option<Tls>,
}

impl Bounded {
    /// For few clients that come back often.
    pub fn new(listener: TcpListener) -> Self {
        Self::with_limits(listener, Limits { connections: MAX_CONNECTIONS, opening: IDLE, idle: IDLE })
    }

    /// With limits of its own.
    pub fn with_limits(listener: TcpListener, limits: Limits) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(limits.connections)), limits, tls: None }
    }

    /// The same over TLS, if there is any.
    #[must_use]
    pub fn over(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok();
        // The implementation for TcpListener already retries what can be retried (EMFILE, aborted connections).
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let stream = match &self.tls {
            Some(tls) => tls.accept(stream),
            None => Stream::Plain(stream),
        };
        let silence = Box::pin(tokio::time::sleep(self.limits.opening));
        (Connection { stream, idle: self.limits.idle, opened: 0, silence, _permit: permit }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection; gives its place back when it is dropped.
pub struct Connection {
    stream: Stream,
    idle: Duration,
    /// Bytes read, as far as that counts.
    opened: usize,
    silence: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn heard(&mut self, bytes: usize) {
        self.opened = self.opened.saturating_add(bytes);
        if self.opened < OPENING {
            return;
        }
        let until = Instant::now() + self.idle;
        self.silence.as_mut().reset(until);
    }

    /// Pending while the silence is short; an error when it has lasted.
    fn silent<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.silence.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => self.silent(cx),
            done @ Poll::Ready(_) => {
                self.heard(buf.filled().len() - before);
                done
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Pending => self.silent(cx),
            done @ Poll::Ready(_) => {
                self.heard(0);
                done
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;

    async fn bounded(connections: usize, idle: Duration) -> (Bounded, SocketAddr) {
        with(Limits { connections, opening: idle, idle }).await
    }

    async fn with(limits: Limits) -> (Bounded, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Bounded::with_limits(listener, limits), address)
    }

    #[tokio::test]
    async fn a_connection_too_many_waits_until_one_has_gone() {
        let (mut bounded, address) = bounded(2, IDLE).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let (first, _) = bounded.accept().await;
        let (_second, _) = bounded.accept().await;
        let third = timeout(Duration::from_millis(200), bounded.accept()).await;
        assert!(third.is_err(), "there is no room");
        drop(first);
        timeout(Duration::from_secs(30), bounded.accept()).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_only_begins_to_speak_ends_sooner() {
        let limits = Limits { connections: 2, opening: Duration::from_millis(50), idle: IDLE };
        let (mut bounded, address) = with(limits).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = bounded.accept().await;
        client.write_all(b"PRI * HTTP/2.0").await.unwrap();
        let mut read = [0; 14];
        connection.read_exact(&mut read).await.unwrap();
        let more = timeout(Duration::from_secs(30), connection.read_u8()).await.unwrap();
        assert_eq!(more.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = bounded.accept().await;
        client.write_all(&[b'x'; OPENING]).await.unwrap();
        let mut read = [0; OPENING];
        connection.read_exact(&mut read).await.unwrap();
        assert!(timeout(Duration::from_millis(200), connection.read_u8()).await.is_err(), "the control: it has spoken");
    }

    #[tokio::test]
    async fn a_silent_connection_ends() {
        let (mut bounded, address) = bounded(1, Duration::from_millis(50)).await;
        let _client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = bounded.accept().await;
        let read = timeout(Duration::from_secs(30), connection.read_u8()).await.unwrap();
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
