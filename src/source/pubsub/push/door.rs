//! One push and its answer: who sends it, what it says, and whether it is stored. Only what is stored is answered with success; Pub/Sub
//! sends everything else again, at a pace that it chooses by the refusals.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header;
use hyper::header::HeaderValue;
use jiff::SignedDuration;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tonic::body::Body;

use crate::source::Control;
use crate::source::Waiting;
use crate::source::parts::Delivery;
use crate::source::pubsub::push::envelope;
use crate::source::pubsub::push::oidc::Gate;
use crate::source::receive::body;
use crate::source::receive::body::Compression;
use crate::source::receive::body::Held;
use crate::source::receive::body::Limited;
use crate::source::receive::body::Room;
use crate::source::receive::pipeline;
use crate::source::receive::refusal;
use crate::source::receive::refusal::Refusal;
use crate::source::receive::server::Answers;
use crate::source::receive::server::Bounds;
use crate::telemetry::labels::RequestOutcome;

/// Bodies of all pushes together, decoded.
const MAX_HELD: usize = 32 << 20;
/// Refusals are told in relapse's log once in so long.
const TELL: SignedDuration = SignedDuration::from_mins(1);

/// Takes the pushes of one subscription.
pub(super) struct Door {
    /// The subscription.
    name: Arc<str>,
    gate: Option<Gate>,
    deliveries: mpsc::Sender<Delivery<Waiting>>,
    control: Control,
    room: Room,
    bounds: Bounds,
    told: Mutex<Option<Timestamp>>,
}

impl Door {
    pub(super) fn new(
        name: Arc<str>,
        gate: Option<Gate>,
        deliveries: mpsc::Sender<Delivery<Waiting>>,
        control: Control,
        bounds: Bounds,
    ) -> Self {
        Self { name, gate, deliveries, control, room: Room::new(MAX_HELD), bounds, told: Mutex::default() }
    }

    async fn take(&self, request: Request<Incoming>) -> Result<(), Refusal> {
        let now = (self.control.now)();
        if request.method() != Method::POST {
            return Err(Refusal::NoSuchPath("messages are pushed by POST"));
        }
        match &self.gate {
            Some(gate) => gate.pass(request.headers(), now).await?,
            None => refusal::of_page(request.headers()).map_or(Ok(()), Err)?,
        }
        let compression = Compression::of(request.headers())?;
        let (parts, body) = request.into_parts();
        let held = Held::new(self.room.clone());
        let body = Limited::new(body, Arc::clone(&held), self.bounds.body).read().await?;
        let body = body::decompress(body, compression, &held)?;
        let pushed = envelope::open(&parts.headers, body, now).map_err(|bad| Refusal::Malformed(bad.to_string()))?;
        if *pushed.subscription != *self.name {
            let told =
                format!("only messages of {} are taken here; give every subscription its own listener", self.name);
            return Err(Refusal::Forbidden(told));
        }
        let (waiting, answer) = Waiting::new();
        let delivery = Delivery { message: pushed.message, owed: vec![waiting] };
        pipeline::room(&self.deliveries).await?.send(delivery);
        pipeline::stored(answer).await
    }

    fn count(&self, told: &Result<(), Refusal>) {
        let outcome = told.as_ref().map_or_else(Refusal::outcome, |()| RequestOutcome::Taken);
        self.control.status.update(|status| *status.pushes.entry(outcome).or_default() += 1);
        let Err(refusal) = told else { return };
        let now = (self.control.now)();
        let mut last = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // Anybody may knock: neither the log nor its reader shall pay for it.
        if last.is_none_or(|last| now < last || now.duration_since(last) >= TELL) {
            *last = Some(now);
            tracing::warn!(subscription = %self.name, %refusal, "a push is refused; Pub/Sub sends the message again");
        }
    }
}

impl Answers for Door {
    const NAME: &'static str = "pubsub";

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let told = self.take(request).await;
        self.count(&told);
        reply(&told)
    }
}

fn reply(told: &Result<(), Refusal>) -> Response<Body> {
    let Err(refusal) = told else {
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return response;
    };
    let mut response = Response::new(Body::new(Full::new(Bytes::from(format!("{refusal}\n")))));
    *response.status_mut() = refusal.status().0;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    refusal.describe(headers);
    response
}
