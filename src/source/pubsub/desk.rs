//! What becomes of messages, however they came: parts wait for each other, batches are judged and handed over, and whoever is owed
//! something for a message hears of it once it is stored.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::matcher::Matcher;
use crate::source::Batch;
use crate::source::Control;
use crate::source::EventScope;
use crate::source::NotStored;
use crate::source::OutputClosed;
use crate::source::SourceContext;
use crate::source::Waiting;
use crate::source::message::Reader;
use crate::source::message::Said;
use crate::source::parts::Delivery;
use crate::source::parts::Parts;
use crate::source::pubsub::Subscription;
use crate::source::reloads;
use crate::telemetry::labels::SourceKind;

/// How often parts that wait are looked at.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// Messages judged together at most.
pub(super) const MAX_BATCH: usize = 256;

/// What is owed for the messages of one batch, until it is stored.
struct Unstored<R> {
    answer: oneshot::Receiver<Result<(), NotStored>>,
    since: Timestamp,
    owed: Vec<R>,
}

/// What was owed for a batch, and what became of it.
pub(super) struct Settled<R> {
    pub(super) owed: Vec<R>,
    pub(super) stored: Result<(), NotStored>,
}

/// Where messages go.
pub struct Pipe<'a> {
    /// What the source is given.
    pub context: SourceContext,
    /// Takes batches.
    pub output: &'a mpsc::Sender<Batch>,
    /// The sign to end.
    pub stop: &'a CancellationToken,
}

/// Judges the messages of one subscription.
pub(super) struct Desk<'a, R> {
    /// The subscription.
    pub(super) name: Arc<str>,
    pub(super) control: Control,
    output: &'a mpsc::Sender<Batch>,
    reload: Box<dyn FnMut() -> Option<Arc<Matcher>> + Send + 'a>,
    scope: EventScope,
    reader: Reader,
    parts: Parts<R>,
    /// In the order of the batches: they are answered in it.
    unstored: VecDeque<Unstored<R>>,
}

impl<'a, R> Desk<'a, R> {
    /// `patience`: how long an entry waits for its parts.
    pub(super) fn new(subscription: &Subscription, pipe: Pipe<'a>, patience: SignedDuration) -> Self {
        let Pipe { context, output, stop } = pipe;
        let name: Arc<str> = Arc::from(subscription.as_str());
        let matcher = Arc::clone(&context.matcher.borrow());
        Self {
            output,
            reload: Box::new(reloads(context.matcher)),
            scope: EventScope { stream: format!("pubsub:{name}").into(), generation: 0 },
            reader: Reader::new(matcher, context.scanner, Arc::clone(&name)),
            name,
            control: Control { now: context.now, status: context.status, stop: stop.clone() },
            parts: Parts::new(patience),
            unstored: VecDeque::new(),
        }
    }

    /// Takes messages in; hands over those that are whole.
    pub(super) async fn take(&mut self, deliveries: impl Iterator<Item = Delivery<R>>) -> Result<(), OutputClosed> {
        let now = (self.control.now)();
        let mut whole = Vec::new();
        for delivery in deliveries {
            self.parts.take(delivery, now, &mut whole);
        }
        self.hand_over(whole).await
    }

    /// Hands over what has waited for its parts in vain.
    pub(super) async fn tick(&mut self) -> Result<(), OutputClosed> {
        let overdue = self.parts.overdue((self.control.now)());
        self.hand_over(overdue).await
    }

    /// Forgets parts that wait: they come again.
    pub(super) fn forget_parts(&mut self) {
        self.parts.clear();
    }

    /// What became of the oldest batch that is not stored yet; `None` without one. May be asked and left at any time.
    pub(super) async fn settled(&mut self) -> Option<Settled<R>> {
        let answered = (&mut self.unstored.front_mut()?.answer).await;
        let gone = |_| Err(NotStored { reason: "relapse is stopping".to_owned() });
        let Unstored { owed, .. } = self.unstored.pop_front()?;
        self.show_unstored();
        Some(Settled { owed, stored: answered.unwrap_or_else(gone) })
    }

    async fn hand_over(&mut self, deliveries: Vec<Delivery<R>>) -> Result<(), OutputClosed> {
        let Some(written) = deliveries.iter().map(|delivery| delivery.message.published).max() else { return Ok(()) };
        if let Some(matcher) = (self.reload)() {
            self.reader.set_matcher(matcher);
        }
        let Said { observations, deploys, tally } =
            self.reader.read(deliveries.iter().map(|delivery| &delivery.message));
        let (sender, answer) = Waiting::new();
        let batch = Batch {
            kind: SourceKind::Pubsub,
            observations,
            position: None,
            read_at: (self.control.now)(),
            written,
            source: Arc::clone(&self.name),
            tally,
            event_scope: self.scope.clone(),
            closed: false,
            deploys,
            sender: Some(sender),
        };
        self.control.status.update(|status| status.totals.bytes_read += batch.tally.bytes);
        let owed = deliveries.into_iter().flat_map(|delivery| delivery.owed).collect();
        self.unstored.push_back(Unstored { answer, since: batch.read_at, owed });
        self.show_unstored();
        self.output.send(batch).await.map_err(|_| OutputClosed)
    }

    fn show_unstored(&self) {
        let oldest = self.unstored.front().map(|batch| batch.since);
        self.control.status.update(|status| status.oldest_unstored = oldest);
    }
}
