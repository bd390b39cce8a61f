//! A Pub/Sub source by itself: what the pipeline does not store comes again, under the same name, until it is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use relapse::source;
use relapse::source::Batch;
use relapse::source::NotStored;
use relapse::source::SourceConfig;
use relapse::source::pubsub::PubsubConfig;
use relapse::source::pubsub::Subscription;
use relapse::source::status::StatusHandle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::peers::Emulator;
use crate::run::sidecar;

fn now() -> Timestamp {
    "2025-10-01T08:00:00Z".parse().unwrap()
}

/// A running source.
struct Running {
    batches: mpsc::Receiver<Batch>,
    status: StatusHandle,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<()>,
}

fn start(url: &str, subscription: &str) -> Running {
    let subscription = Subscription::try_from(subscription.to_owned()).unwrap();
    let config = PubsubConfig { endpoint: Some(url.to_owned()), ..PubsubConfig::new(subscription) };
    let (context, stop) = (sidecar::context(now), CancellationToken::new());
    let status = context.status.clone();
    let (sender, batches) = mpsc::channel(8);
    let stopped = stop.clone();
    let run = move || source::run(&SourceConfig::Pubsub(config), context, &sender, &stopped).unwrap();
    Running { batches, status, stop, ended: tokio::task::spawn_blocking(run) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_stored_comes_again_under_the_same_name() {
    let emulator = Emulator::start().await;
    let subscription = emulator.subscription("refused").await;
    let mut source = start(&format!("http://{}", emulator.host()), &subscription);
    emulator.publish(&["numbered failure 1".to_owned()]).await;
    let mut names = BTreeSet::new();
    for delivery in 0..4 {
        let mut batch = source.batches.recv().await.unwrap();
        let offset = batch.observations[0].record().origin.offset;
        names.insert((batch.event_scope.stream.clone(), batch.event_scope.generation, offset));
        let answer = if delivery < 3 { Err(NotStored { reason: "disk full".to_owned() }) } else { Ok(()) };
        batch.sender.take().unwrap().answer(answer);
    }
    assert_eq!(names.len(), 1, "{names:?}");
    // Negative control: once stored it does not come again; another one does.
    emulator.publish(&["numbered failure 2".to_owned()]).await;
    let batch = source.batches.recv().await.unwrap();
    assert!(batch.observations[0].record().body.ends_with('2'));
    drop(batch);
    source.stop.cancel();
    source.ended.await.unwrap();
    assert!(!source.status.snapshot().running);
}
