//! Messages that Pub/Sub pushes over HTTP. The way of one: `receive::server` (connections) → `door` (bounds, answers), past `oidc` and its
//! `keys`, out of its `envelope` → the desk that judges pulled messages, too.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing::info;
use tracing::warn;

use crate::listen::bind;
use crate::listen::bind::Wanted;
use crate::listen::bind::Words;
use crate::listen::tls::Http;
use crate::listen::tls::Tls;
use crate::source::OutputClosed;
use crate::source::SourceError;
use crate::source::Waiting;
use crate::source::parts::Delivery;
use crate::source::pubsub::Subscription;
use crate::source::pubsub::desk::Desk;
use crate::source::pubsub::desk::MAX_BATCH;
use crate::source::pubsub::desk::Pipe;
use crate::source::pubsub::desk::Settled;
use crate::source::pubsub::desk::TICK;
use crate::source::pubsub::endpoint::PushConfig;
use crate::source::pubsub::push::door::Door;
use crate::source::pubsub::push::keys::Keeper;
use crate::source::pubsub::push::oidc::Gate;
use crate::source::receive::pipeline;
use crate::source::receive::server;
use crate::source::receive::server::Bounds;

mod door;
mod envelope;
pub mod keys;
mod oidc;

const WORDS: Words = Words {
    example: "`push: { listen: 127.0.0.1:8090 }`",
    flag: "`push.listen`",
    danger: "anybody could send records",
    allow: "`push.oidc` (what Pub/Sub's tokens must say), `push.tls` or `push.allow_public: true`",
};
/// How long an entry waits for its parts: less than the shortest deadline that a subscription gives an endpoint to answer.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// Whether the address may be listened on, and the certificate used.
pub(super) fn validate(config: &PushConfig) -> Result<(), SourceError> {
    bind::check(wanted(config))?;
    Tls::load_if(config.tls.as_ref(), Http::Both)?;
    Ok(())
}

fn wanted(config: &PushConfig) -> Wanted<'_> {
    let allow_public = config.allow_public || config.oidc.is_some() || config.tls.is_some();
    Wanted { listen: &config.listen, allow_public, words: &WORDS }
}

/// Takes pushes of `subscription` until the output is closed or the sign to stop is given.
pub(super) async fn run(config: &PushConfig, subscription: &Subscription, pipe: Pipe<'_>) -> Result<(), SourceError> {
    let listener = bind::bind(wanted(config)).await?;
    let name = subscription.as_str();
    if let Ok(address) = listener.local_addr() {
        info!(subscription = name, %address, "taking pushed messages");
    }
    if config.oidc.is_none() {
        warn!(subscription = name, "`push.oidc` is not set: whoever reaches the port can send records");
    }
    serve(listener, subscription, config, pipe, Bounds::default()).await
}

/// Takes pushes on `listener` until the output is closed or the sign to stop is given.
pub async fn serve(
    listener: TcpListener,
    subscription: &Subscription,
    config: &PushConfig,
    pipe: Pipe<'_>,
    bounds: Bounds,
) -> Result<(), SourceError> {
    let (output, stop) = (pipe.output, pipe.stop);
    let tls = Tls::load_if(config.tls.as_ref(), Http::Both)?;
    let (gate, keeper) = match &config.oidc {
        Some(oidc) => {
            let (keys, keeper) = keys::keys(oidc.keys.clone())?;
            (Some(Gate::new(oidc, keys)), Some(keeper))
        }
        None => (None, None),
    };
    let desk = Desk::new(subscription, pipe, PATIENCE);
    let (status, now) = (desk.control.status.clone(), desk.control.now);
    let (deliveries, incoming) = mpsc::channel(MAX_BATCH);
    let door = Door::new(Arc::clone(&desk.name), gate, deliveries, desk.control.clone(), bounds);
    // The door ends first; what was let in is judged and answered.
    let work = async {
        tokio::join!(server::serve((vec![listener], tls), Arc::new(door), bounds, stop.clone()), judge(desk, incoming))
    };
    tokio::select! {
        _ = work => {}
        () = keep(keeper) => {}
        () = pipeline::alive(status.clone(), now, output) => {}
        () = output.closed() => {}
    }
    status.update(|status| status.running = false);
    Ok(())
}

async fn keep(keeper: Option<Keeper>) {
    match keeper {
        Some(keeper) => keeper.run().await,
        None => std::future::pending().await,
    }
}

/// Judges what comes through the door until it is closed and all is answered.
async fn judge(
    mut desk: Desk<'_, Waiting>,
    mut incoming: mpsc::Receiver<Delivery<Waiting>>,
) -> Result<(), OutputClosed> {
    let mut ticks = tokio::time::interval(TICK);
    let mut taken = Vec::new();
    loop {
        tokio::select! {
            count = incoming.recv_many(&mut taken, MAX_BATCH) => {
                if count == 0 {
                    break;
                }
                desk.take(taken.drain(..)).await?;
            }
            Some(settled) = desk.settled() => settle(settled),
            _ = ticks.tick() => {
                if desk.control.stop.is_cancelled() {
                    // Their senders are let go, and come again.
                    desk.forget_parts();
                }
                desk.tick().await?;
            }
        }
    }
    while let Some(settled) = desk.settled().await {
        settle(settled);
    }
    Ok(())
}

fn settle(Settled { owed, stored }: Settled<Waiting>) {
    for waiting in owed {
        waiting.answer(stored.clone());
    }
}

/// What would be taken, in words, or why nothing can be.
pub(super) async fn look_at(subscription: &Subscription, config: &PushConfig) -> Result<String, String> {
    let listener = bind::bind(wanted(config)).await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_or_else(|_| config.listen.clone(), |address| address.to_string());
    let name = subscription.as_str();
    let Some(oidc) = &config.oidc else {
        return Ok(format!("would take what is pushed of {name} on {address}, from anybody"));
    };
    let (_, keeper) = keys::keys(oidc.keys.clone()).map_err(|error| error.to_string())?;
    let url = oidc.keys.as_str();
    let (keys, _) = keeper.fetch().await.map_err(|error| format!("the keys at {url} cannot be fetched: {error}"))?;
    let (account, count) = (oidc.service_account.as_str(), keys.len());
    Ok(format!("would take what {account} pushes of {name} on {address}; {url} has {count} keys"))
}
