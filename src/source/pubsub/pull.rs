//! The loop around one subscription: pull, judge, hand over, acknowledge what is stored. What goes wrong is a state: shown, and tried
//! again. Nothing is acknowledged before its commit; what is not stored is given back and comes again.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use google_cloud_pubsub::model::Message as Received;
use google_cloud_pubsub::subscriber::MessageStream;
use google_cloud_pubsub::subscriber::handler::Handler;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing::warn;

use crate::matcher::Matcher;
use crate::source::Batch;
use crate::source::Control;
use crate::source::EventScope;
use crate::source::NotStored;
use crate::source::OutputClosed;
use crate::source::SourceContext;
use crate::source::Waiting;
use crate::source::message::Message;
use crate::source::message::Reader;
use crate::source::message::Said;
use crate::source::parts::Delivery;
use crate::source::parts::Parts;
use crate::source::pubsub::PubsubConfig;
use crate::source::pubsub::client;
use crate::source::pubsub::client::Endpoint;
use crate::source::pubsub::client::PullError;
use crate::source::reloads;
use crate::source::status::Problem;
use crate::telemetry::labels::SourceKind;

/// Messages judged together at most.
const MAX_BATCH: usize = 256;
/// How often parts that wait and messages that were not stored are looked at.
const TICK: Duration = Duration::from_secs(1);
/// A stream that has not failed so long after its start stands.
const SETTLED: Duration = Duration::from_secs(2);
/// How often it is looked whether the endpoint can be reached.
const REACH_INTERVAL: Duration = Duration::from_secs(10);
/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long acknowledgements may take when relapse stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// Messages of one batch, until it is stored.
struct Unstored {
    answer: oneshot::Receiver<Result<(), NotStored>>,
    since: Timestamp,
    handlers: Vec<Handler>,
}

/// Shows how the source is doing.
#[derive(Clone)]
struct Standing {
    name: Arc<str>,
    control: Control,
}

impl Standing {
    fn failed(&self, error: &PullError) {
        let reason = error.to_string();
        let since = (self.control.now)();
        self.control.status.update(|status| {
            if status.problems.iter().all(|problem| problem.reason != reason) {
                warn!(subscription = %self.name, %error, "nothing can be pulled now; it is tried again");
                status.problems = vec![Problem { path: self.name.to_string(), reason, since }];
            }
        });
    }

    fn stands(&self) {
        let now = (self.control.now)();
        self.control.status.update(|status| {
            if !std::mem::take(&mut status.problems).is_empty() || status.last_poll.is_none() {
                info!(subscription = %self.name, "pulling");
            }
            status.last_poll = Some(now);
        });
    }

    /// Looks every now and then whether the endpoint can be reached. Does not end.
    async fn watch(&self, endpoint: &Endpoint) {
        tokio::time::sleep(SETTLED).await;
        loop {
            match endpoint.reach().await {
                Ok(()) => self.stands(),
                Err(error) => self.failed(&error),
            }
            tokio::time::sleep(REACH_INTERVAL).await;
        }
    }
}

/// Pulls one subscription.
pub(super) struct Puller<'a> {
    config: &'a PubsubConfig,
    output: &'a mpsc::Sender<Batch>,
    standing: Standing,
    reload: Box<dyn FnMut() -> Option<Arc<Matcher>> + 'a>,
    scope: EventScope,
    reader: Reader,
    parts: Parts<Handler>,
    /// In the order of the batches: they are answered in it.
    unstored: VecDeque<Unstored>,
    /// Not stored; given back at the next tick, so that a full disk does not turn messages round and round.
    refused: Vec<Handler>,
}

impl<'a> Puller<'a> {
    pub(super) fn new(
        config: &'a PubsubConfig,
        context: SourceContext,
        output: &'a mpsc::Sender<Batch>,
        stop: &CancellationToken,
    ) -> Self {
        let name: Arc<str> = Arc::from(config.subscription.as_str());
        let matcher = Arc::clone(&context.matcher.borrow());
        let control = Control { now: context.now, status: context.status, stop: stop.clone() };
        Self {
            config,
            output,
            reload: Box::new(reloads(context.matcher)),
            scope: EventScope { stream: format!("pubsub:{name}").into(), generation: 0 },
            reader: Reader::new(matcher, context.scanner, Arc::clone(&name)),
            standing: Standing { name, control },
            parts: Parts::default(),
            unstored: VecDeque::new(),
            refused: Vec::new(),
        }
    }

    /// Until the output is closed or the sign to stop is given.
    pub(super) async fn run(mut self) {
        let Control { status, stop, .. } = self.standing.control.clone();
        let mut pause = FIRST_PAUSE;
        status.update(|status| status.running = true);
        loop {
            let began = tokio::time::Instant::now();
            let Err(error) = self.session().await else { break };
            self.standing.failed(&error);
            status.update(|status| status.totals.restarts += 1);
            if began.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        status.update(|status| status.running = false);
    }

    async fn session(&mut self) -> Result<(), PullError> {
        let endpoint = Endpoint::of(self.config);
        let client = endpoint.client().await?;
        let mut stream = client::stream(&client, self.config);
        let farewell = stream.shutdown_token();
        let (sender, incoming) = mpsc::channel(MAX_BATCH);
        let outcome = self.pull(read(&mut stream, sender), incoming, &endpoint).await;
        // What is stored is acknowledged; what is not is given back.
        while let Some((handlers, stored)) = answered(&mut self.unstored).await {
            self.settle(handlers, stored);
        }
        (self.parts, self.refused) = (Parts::default(), Vec::new());
        if tokio::time::timeout(FAREWELL, farewell.shutdown()).await.is_err() {
            warn!(subscription = %self.standing.name, "the last acknowledgements were not taken; these messages come again");
        }
        outcome
    }

    async fn pull(
        &mut self,
        reading: impl Future<Output = PullError>,
        mut incoming: mpsc::Receiver<Delivery<Handler>>,
        endpoint: &Endpoint,
    ) -> Result<(), PullError> {
        let standing = self.standing.clone();
        let (mut reading, mut watching) = (pin!(reading), pin!(standing.watch(endpoint)));
        let mut ticks = tokio::time::interval(TICK);
        let mut taken = Vec::new();
        loop {
            let handed_over = tokio::select! {
                () = standing.control.stop.cancelled() => return Ok(()),
                error = &mut reading => return Err(error),
                () = &mut watching => Ok(()),
                _ = incoming.recv_many(&mut taken, MAX_BATCH) => self.take(&mut taken).await,
                Some((handlers, stored)) = answered(&mut self.unstored) => {
                    self.settle(handlers, stored);
                    Ok(())
                }
                _ = ticks.tick() => self.tick().await,
            };
            if handed_over.is_err() {
                return Ok(());
            }
        }
    }

    async fn take(&mut self, taken: &mut Vec<Delivery<Handler>>) -> Result<(), OutputClosed> {
        self.standing.stands();
        let now = (self.standing.control.now)();
        let mut whole = Vec::new();
        for delivery in taken.drain(..) {
            self.parts.take(delivery, now, &mut whole);
        }
        self.hand_over(whole).await
    }

    async fn tick(&mut self) -> Result<(), OutputClosed> {
        self.refused.clear();
        let overdue = self.parts.overdue((self.standing.control.now)());
        self.hand_over(overdue).await
    }

    async fn hand_over(&mut self, deliveries: Vec<Delivery<Handler>>) -> Result<(), OutputClosed> {
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
            read_at: (self.standing.control.now)(),
            written,
            source: Arc::clone(&self.standing.name),
            tally,
            event_scope: self.scope.clone(),
            closed: false,
            deploys,
            sender: Some(sender),
        };
        self.standing.control.status.update(|status| status.totals.bytes_read += batch.tally.bytes);
        let handlers = deliveries.into_iter().flat_map(|delivery| delivery.owed).collect();
        self.unstored.push_back(Unstored { answer, since: batch.read_at, handlers });
        self.show_unstored();
        self.output.send(batch).await.map_err(|_| OutputClosed)
    }

    fn show_unstored(&self) {
        let oldest = self.unstored.front().map(|batch| batch.since);
        self.standing.control.status.update(|status| status.oldest_unstored = oldest);
    }

    fn settle(&mut self, handlers: Vec<Handler>, stored: bool) {
        self.show_unstored();
        if stored {
            handlers.into_iter().for_each(Handler::ack);
        } else {
            self.refused.extend(handlers);
        }
    }
}

/// What became of the oldest batch that is not stored yet; `None` without one. A handler that is dropped gives its message back.
async fn answered(unstored: &mut VecDeque<Unstored>) -> Option<(Vec<Handler>, bool)> {
    let stored = (&mut unstored.front_mut()?.answer).await.is_ok_and(|answer| answer.is_ok());
    unstored.pop_front().map(|batch| (batch.handlers, stored))
}

/// Passes on messages until there are no more; says why.
async fn read(stream: &mut MessageStream, sender: mpsc::Sender<Delivery<Handler>>) -> PullError {
    while let Some(next) = stream.next().await {
        match next {
            Ok((received, handler)) => {
                if sender.send(Delivery { message: message(received), owed: vec![handler] }).await.is_err() {
                    break;
                }
            }
            Err(error) => return PullError::from(error),
        }
    }
    PullError::Ended
}

fn message(received: Received) -> Message {
    let published = received.publish_time.and_then(|time| Timestamp::new(time.seconds(), time.nanos()).ok());
    Message { data: received.data.to_vec(), id: received.message_id, published: published.unwrap_or_default() }
}
