//! Bodies of requests, bounded while they come and while they are decompressed: bytes on the wire, bytes decoded, how many times the one is
//! the other, time, and what all requests hold together.

use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::time::Sleep;

use crate::source::otlp::reply::Refusal;
use crate::telemetry::labels::RequestOutcome;

/// A body as it is sent.
pub(super) const MAX_WIRE: usize = 4 * 1024 * 1024;
/// The same, decompressed.
pub(super) const MAX_DECODED: usize = 16 * 1024 * 1024;
/// Decoded bytes for one on the wire, beyond [`RATIO_FROM`].
const MAX_RATIO: usize = 100;
/// Small bodies may be as repetitive as they like.
const RATIO_FROM: usize = 1024 * 1024;
/// Bodies of all requests together, decoded.
const MAX_HELD: usize = 64 * 1024 * 1024;
/// Decompressed at a time.
const STEP: usize = 64 * 1024;
/// What is held is counted in units of so many bytes.
const UNIT: usize = 1024;

/// Room for the bodies of all requests.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_HELD / UNIT)))
    }
}

/// What one request holds of it, until it is answered.
#[derive(Debug)]
pub(super) struct Held {
    room: Room,
    permits: Mutex<Vec<OwnedSemaphorePermit>>,
    wire: AtomicUsize,
    ended: Mutex<Option<RequestOutcome>>,
}

impl Held {
    pub(super) fn new(room: Room) -> Arc<Self> {
        Arc::new(Self { room, permits: Mutex::default(), wire: AtomicUsize::new(0), ended: Mutex::default() })
    }

    /// Bytes that came.
    pub(super) fn wire(&self) -> usize {
        self.wire.load(Ordering::Relaxed)
    }

    /// How the request ended, if that is known.
    pub(super) fn outcome(&self) -> Option<RequestOutcome> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn end(&self, outcome: RequestOutcome) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    fn refuse(&self, refusal: Refusal) -> Refusal {
        self.end(refusal.outcome());
        refusal
    }

    /// Holds room for `bytes` more.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), Refusal> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.room.0).try_acquire_many_owned(units).map_err(|_| Refusal::Busy)?;
        let mut held = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        match held.last_mut() {
            Some(last) => last.merge(permit),
            None => held.push(permit),
        }
        Ok(())
    }

    fn came(&self, bytes: usize) -> Result<(), Refusal> {
        let all = self.wire.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if all > MAX_WIRE {
            let told = format!("the body has more than {MAX_WIRE} bytes; send smaller batches");
            return Err(Refusal::TooLarge(told));
        }
        self.hold(bytes)
    }
}

/// A body that refuses to be too big or too slow.
#[derive(Debug)]
pub(super) struct Limited {
    body: Incoming,
    held: Arc<Held>,
    deadline: Pin<Box<Sleep>>,
}

impl Limited {
    /// A body that comes `within` some time.
    pub(super) fn new(body: Incoming, held: Arc<Held>, within: Duration) -> Self {
        Self { body, held, deadline: Box::pin(tokio::time::sleep(within)) }
    }

    /// All of it.
    pub(super) async fn read(self) -> Result<Bytes, Refusal> {
        Ok(self.collect().await?.to_bytes())
    }
}

impl Body for Limited {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(self.held.refuse(Refusal::TooSlow))));
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                let told = Refusal::Malformed(format!("the body broke off: {error}"));
                return Poll::Ready(Some(Err(self.held.refuse(told))));
            }
        };
        let came = self.held.came(frame.data_ref().map_or(0, Bytes::len));
        Poll::Ready(Some(came.map(|()| frame).map_err(|refusal| self.held.refuse(refusal))))
    }
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Not at all.
    None,
    /// `gzip`.
    Gzip,
    /// `zstd`, which OTLP does not ask for and collectors can send.
    Zstd,
}

/// What `body` is when decompressed.
pub(super) fn decompress(body: Bytes, compression: Compression, held: &Held) -> Result<Bytes, Refusal> {
    let broken =
        |error: &dyn std::fmt::Display| Refusal::Malformed(format!("the body cannot be decompressed: {error}"));
    match compression {
        Compression::None => Ok(body),
        Compression::Gzip => inflate(MultiGzDecoder::new(&*body), body.len(), held, &broken),
        Compression::Zstd => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(&*body).map_err(|error| broken(&error))?;
            inflate(decoder, body.len(), held, &broken)
        }
    }
}

fn inflate(
    mut from: impl Read,
    wire: usize,
    held: &Held,
    broken: &dyn Fn(&dyn std::fmt::Display) -> Refusal,
) -> Result<Bytes, Refusal> {
    let mut all = Vec::new();
    loop {
        let before = all.len();
        from.by_ref().take(STEP as u64).read_to_end(&mut all).map_err(|error| broken(&error))?;
        if all.len() == before {
            return Ok(all.into());
        }
        held.hold(all.len() - before)?;
        check(wire, all.len())?;
    }
}

/// Whether a body of `wire` bytes may have become one of `decoded`.
pub(super) fn check(wire: usize, decoded: usize) -> Result<(), Refusal> {
    if decoded > MAX_DECODED {
        return Err(Refusal::TooLarge(format!(
            "the body has more than {MAX_DECODED} bytes when decompressed; send smaller batches"
        )));
    }
    if decoded > RATIO_FROM && decoded / MAX_RATIO > wire {
        let told = format!("the body is more than {MAX_RATIO} times bigger when decompressed; send it uncompressed");
        return Err(Refusal::TooLarge(told));
    }
    Ok(())
}
