//! The loop around one subscription: pull, judge, hand over, acknowledge what is stored. What goes wrong is a state: shown, and tried
//! again. Nothing is acknowledged before its commit; what is not stored is given back and comes again.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use google_cloud_pubsub::model::Message as Received;
use google_cloud_pubsub::subscriber::MessageStream;
use google_cloud_pubsub::subscriber::handler::Handler;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tracing::info;
use tracing::warn;

use crate::source::Control;
use crate::source::OutputClosed;
use crate::source::SourceError;
use crate::source::message::Message;
use crate::source::parts::Delivery;
use crate::source::parts::PATIENCE;
use crate::source::pubsub::PubsubConfig;
use crate::source::pubsub::client;
use crate::source::pubsub::client::Endpoint;
use crate::source::pubsub::client::PullError;
use crate::source::pubsub::desk::Desk;
use crate::source::pubsub::desk::MAX_BATCH;
use crate::source::pubsub::desk::Pipe;
use crate::source::pubsub::desk::Settled;
use crate::source::pubsub::desk::TICK;
use crate::source::status::Problem;

/// A stream that has not failed so long after its start stands.
const SETTLED: Duration = Duration::from_secs(2);
/// How often it is looked whether the endpoint can be reached.
const REACH_INTERVAL: Duration = Duration::from_secs(10);
/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long acknowledgements may take when relapse stops.
const FAREWELL: Duration = Duration::from_secs(3);

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

/// Pulls until the output is closed or the sign to stop is given.
pub(super) async fn run(config: &PubsubConfig, pipe: Pipe<'_>) -> Result<(), SourceError> {
    Puller::new(config, Desk::new(&config.subscription, pipe, PATIENCE)).run().await;
    Ok(())
}

/// Pulls one subscription.
struct Puller<'a> {
    config: &'a PubsubConfig,
    standing: Standing,
    desk: Desk<'a, Handler>,
    /// Not stored; given back at the next tick, so that a full disk does not turn messages round and round.
    refused: Vec<Handler>,
}

impl<'a> Puller<'a> {
    fn new(config: &'a PubsubConfig, desk: Desk<'a, Handler>) -> Self {
        let standing = Standing { name: Arc::clone(&desk.name), control: desk.control.clone() };
        Self { config, standing, desk, refused: Vec::new() }
    }

    /// Until the output is closed or the sign to stop is given.
    async fn run(mut self) {
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
        while let Some(settled) = self.desk.settled().await {
            self.settle(settled);
        }
        self.desk.forget_parts();
        self.refused.clear();
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
                Some(settled) = self.desk.settled() => {
                    self.settle(settled);
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
        self.desk.take(taken.drain(..)).await
    }

    async fn tick(&mut self) -> Result<(), OutputClosed> {
        self.refused.clear();
        self.desk.tick().await
    }

    /// A handler that is dropped gives its message back.
    fn settle(&mut self, Settled { owed, stored }: Settled<Handler>) {
        if stored.is_ok() {
            owed.into_iter().for_each(Handler::ack);
        } else {
            self.refused.extend(owed);
        }
    }
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
