//! Commands into the pipeline: each becomes an event like any other, and its answer waits until that is stored.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::info;

use crate::app::effects::Ledger;
use crate::app::pipeline::Pipeline;
use crate::http::orders::Answer;
use crate::http::orders::Order;
use crate::incident::engine::Engine;
use crate::incident::engine::place_of;
use crate::incident::event::Event;
use crate::model::command::Command;
use crate::model::command::Deploy;
use crate::model::command::Deployed;
use crate::model::command::Receipt;
use crate::model::command::Refusal;
use crate::model::command::Selector;
use crate::model::incident::Track;
use crate::model::incident::TrackKey;
use crate::model::record::Resource;
use crate::source;
use crate::source::NotStored;
use crate::telemetry::labels::DeployOutcome;

/// Answers that wait for the commit.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    commands: Vec<(oneshot::Sender<Answer>, Receipt)>,
    pub(super) senders: Vec<source::Waiting>,
}

impl Waiting {
    /// Answers everyone: it is stored, or why it is not.
    pub(super) fn answer(&mut self, stored: &Result<(), String>) {
        for (reply, receipt) in self.commands.drain(..) {
            let answer = match stored {
                Ok(()) => Ok(receipt),
                Err(reason) => Err(Refusal::NotStored { reason: reason.clone() }),
            };
            // Whoever asked may have gone.
            drop(reply.send(answer));
        }
        for sender in self.senders.drain(..) {
            sender.answer(stored.clone().map_err(|reason| NotStored { reason }));
        }
    }
}

impl Pipeline {
    /// Obeys, or refuses at once.
    pub(super) fn obey(&mut self, order: Order, waiting: &mut Waiting, ledger: &mut Ledger) {
        let now = (self.now)();
        let obeyed = match order.command {
            Command::Deploy(deploy) => Ok(Receipt::Deployed(self.deploy(deploy, now, ledger))),
            Command::Mute { tracks, until } => self.named(&tracks).map(|found| keys(&found)).map(|keys| {
                info!(signature = %tracks.signature, until = until.map(tracing::field::display), tracks = keys.len(), "muting");
                self.handle(vec![Event::Mute { tracks, until }], now, ledger);
                Receipt::Tracks(keys)
            }),
            Command::Acknowledge { tracks, by } => {
                self.open(&tracks).map(|keys| {
                    info!(signature = %tracks.signature, by, tracks = keys.len(), "acknowledged");
                    self.handle(vec![Event::Acknowledge { tracks, by }], now, ledger);
                    Receipt::Tracks(keys)
                })
            }
        };
        match obeyed {
            Ok(receipt) => {
                ledger.promised = true;
                waiting.commands.push((order.reply, receipt));
            }
            Err(refusal) => drop(order.reply.send(Err(refusal))),
        }
    }

    pub(super) fn deploy(&mut self, deploy: Deploy, now: Timestamp, ledger: &mut Ledger) -> Deployed {
        let Deploy { service, environment, release, at } = deploy;
        let environment = environment.or_else(|| self.defaults.environment.clone());
        let resource = Resource { service: Some(service), environment, ..Resource::default() };
        let (service, environment) = place_of(&resource);
        let declared = |engine: &Engine| {
            let mut live = engine.live_in(&service, &environment);
            live.find(|live| live.release == release).map(|live| (live.declared_at, live.first_seen))
        };
        let before = declared(&self.engine);
        let event = Event::Deploy {
            service: service.clone(),
            environment: environment.clone(),
            release: release.clone(),
            time: at,
        };
        self.handle(vec![event], now, ledger);
        let changed = declared(&self.engine) != before;
        let heard = self.engine.live_in(&service, &environment).any(|live| live.heard)
            || self.engine.tracks().any(|track| track.key.service == service && track.key.environment == environment);
        if changed {
            self.metrics.deploy(DeployOutcome::Declared);
            info!(%service, %environment, release, %at, heard, "deployment declared");
        } else {
            self.metrics.deploy(DeployOutcome::Unchanged);
        }
        let latest = now.saturating_add(self.engine.skew()).unwrap_or(now);
        Deployed { service, environment, release, at: at.min(latest), changed, heard }
    }

    /// The tracks found so far that a command names.
    fn named(&self, tracks: &Selector) -> Result<Vec<&Track>, Refusal> {
        let of_signature = |track: &&Track| track.key.signature == tracks.signature;
        if !self.titles.contains_key(&tracks.signature) && !self.engine.tracks().any(|track| of_signature(&track)) {
            return Err(Refusal::UnknownSignature { known: self.known() });
        }
        Ok(self.engine.tracks().filter(|track| tracks.holds(&track.key)).collect())
    }

    /// The tracks with an open episode among them.
    fn open(&self, tracks: &Selector) -> Result<Vec<TrackKey>, Refusal> {
        let mut named = self.named(tracks)?;
        if named.is_empty() {
            let of_signature = self.engine.tracks().filter(|track| track.key.signature == tracks.signature);
            return Err(Refusal::NoTrack { found: keys(&of_signature.collect::<Vec<_>>()) });
        }
        named.retain(|track| track.episode.is_some());
        if named.is_empty() { Err(Refusal::NothingOpen) } else { Ok(keys(&named)) }
    }

    fn known(&self) -> Vec<Arc<str>> {
        self.titles.keys().cloned().collect()
    }
}

fn keys(tracks: &[&Track]) -> Vec<TrackKey> {
    let mut keys: Vec<TrackKey> = tracks.iter().map(|track| track.key.clone()).collect();
    keys.sort();
    keys
}
