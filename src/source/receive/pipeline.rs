//! Between a request and the pipeline: waits for room, but not for long; then for the store. And the sign that a source is alive.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::source::Batch;
use crate::source::NotStored;
use crate::source::receive::refusal::Refusal;
use crate::source::status::StatusHandle;

/// A full pipeline is waited for so long before the sender is sent away.
const PATIENCE: Duration = Duration::from_millis(500);
/// The answer of the store is waited for so long.
const STORED: Duration = Duration::from_secs(30);
/// How often the source says that it is alive.
const TICK: Duration = Duration::from_secs(5);

/// Room for one more, or why there is none.
pub(in crate::source) async fn room<T>(output: &mpsc::Sender<T>) -> Result<mpsc::Permit<'_, T>, Refusal> {
    let room = tokio::time::timeout(PATIENCE, output.reserve()).await;
    let room = room.map_err(|_| Refusal::Unavailable("relapse is busy".to_owned()))?;
    room.map_err(|_| Refusal::Unavailable("relapse is stopping".to_owned()))
}

/// Waits until what was handed over is stored.
pub(in crate::source) async fn stored(answer: oneshot::Receiver<Result<(), NotStored>>) -> Result<(), Refusal> {
    let stored = tokio::time::timeout(STORED, answer).await;
    let stored = stored.map_err(|_| Refusal::Unavailable("storing takes too long".to_owned()))?;
    let stored = stored.map_err(|_| Refusal::Unavailable("relapse is stopping".to_owned()))?;
    stored.map_err(|not| Refusal::Unavailable(format!("it could not be stored: {not}")))
}

/// Says that the source is alive, as long as the pipeline takes anything: one that takes nothing for a minute is what `/readyz` calls stuck.
/// Does not end.
pub(in crate::source) async fn alive(status: StatusHandle, now: fn() -> Timestamp, output: &mpsc::Sender<Batch>) {
    status.update(|status| {
        status.running = true;
        status.last_poll = Some(now());
    });
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        if output.capacity() > 0 {
            status.update(|status| status.last_poll = Some(now()));
        }
    }
}
