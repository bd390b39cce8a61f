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
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::header;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::time::Sleep;

use crate::source::receive::refusal::Refusal;
use crate::telemetry::labels::RequestOutcome;

/// A body as it is sent.
pub(in crate::source) const MAX_WIRE: usize = 4 * 1024 * 1024;
/// The same, decompressed.
pub(in crate::source) const MAX_DECODED: usize = 16 * 1024 * 1024;
/// Decoded bytes for one on the wire, beyond [`RATIO_FROM`].
const MAX_RATIO: usize = 100;
/// Small bodies may be as repetitive as they like.
const RATIO_FROM: usize = 1024 * 1024;
/// Of a body that is too big, so much more is read before the answer.
const MAX_LINGER: usize = 64 * 1024 * 1024;
/// Decompressed at a time.
const STEP: usize = 64 * 1024;
/// What is held is counted in units of so many bytes.
const UNIT: usize = 1024;

/// Room for the bodies of all requests.
#[derive(Debug, Clone)]
pub(in crate::source) struct Room(Arc<Semaphore>);

impl Room {
    /// For so many bytes, decoded.
    pub(in crate::source) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }
}

/// What one request holds of it, until it is answered.
#[derive(Debug)]
pub(in crate::source) struct Held {
    room: Room,
    permits: Mutex<Vec<OwnedSemaphorePermit>>,
    wire: AtomicUsize,
    ended: Mutex<Option<RequestOutcome>>,
}

impl Held {
    pub(in crate::source) fn new(room: Room) -> Arc<Self> {
        Arc::new(Self { room, permits: Mutex::default(), wire: AtomicUsize::new(0), ended: Mutex::default() })
    }

    /// Bytes that came.
    pub(in crate::source) fn wire(&self) -> usize {
        self.wire.load(Ordering::Relaxed)
    }

    /// How the request ended, if that is known.
    pub(in crate::source) fn outcome(&self) -> Option<RequestOutcome> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::source) fn end(&self, outcome: RequestOutcome) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    fn refuse(&self, refusal: Refusal) -> Refusal {
        self.end(refusal.outcome());
        refusal
    }

    /// Holds room for `bytes` more.
    pub(in crate::source) fn hold(&self, bytes: usize) -> Result<(), Refusal> {
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
pub(in crate::source) struct Limited {
    body: Incoming,
    held: Arc<Held>,
    deadline: Pin<Box<Sleep>>,
}

impl Limited {
    /// A body that comes `within` some time.
    pub(in crate::source) fn new(body: Incoming, held: Arc<Held>, within: Duration) -> Self {
        Self { body, held, deadline: Box::pin(tokio::time::sleep(within)) }
    }

    /// All of it. What is too big is still let in for a while and thrown away: a sender that is cut off in the middle of sending does
    /// not hear why.
    pub(in crate::source) async fn read(mut self) -> Result<Bytes, Refusal> {
        let refusal = match (&mut self).collect().await {
            Ok(whole) => return Ok(whole.to_bytes()),
            Err(refusal) => refusal,
        };
        if matches!(refusal, Refusal::TooLarge(_)) {
            let mut left = MAX_LINGER;
            let linger = async {
                while let Some(Ok(frame)) = self.body.frame().await {
                    left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                    if left == 0 {
                        return;
                    }
                }
            };
            tokio::select! {
                () = linger => {}
                () = &mut self.deadline => {}
            }
        }
        Err(refusal)
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
pub(in crate::source) enum Compression {
    /// Not at all.
    None,
    /// `gzip`.
    Gzip,
    /// `zstd`, which OTLP does not ask for and collectors can send.
    Zstd,
}

impl Compression {
    /// What a request says: one layer at most.
    pub(in crate::source) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut named = headers.get_all(header::CONTENT_ENCODING).iter();
        let (first, more) = (named.next(), named.next());
        let first = first.map_or(Some(""), |value| value.to_str().ok()).filter(|_| more.is_none());
        match first.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
            Some("" | "identity") => Ok(Self::None),
            Some("gzip" | "x-gzip") => Ok(Self::Gzip),
            Some("zstd") => Ok(Self::Zstd),
            _ => Err(Refusal::Unsupported("a body is compressed once, by gzip or zstd".to_owned())),
        }
    }
}

/// What `body` is when decompressed.
pub(in crate::source) fn decompress(body: Bytes, compression: Compression, held: &Held) -> Result<Bytes, Refusal> {
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
pub(in crate::source) fn check(wire: usize, decoded: usize) -> Result<(), Refusal> {
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
