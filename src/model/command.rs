//! What people and CI tell a running relapse: a deployment, a mute, an acknowledgement; and what came of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::model::incident::TrackKey;

/// Something to be recorded. It counts once it is stored, never before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A release was deployed.
    Deploy(Deploy),
    /// Nothing of these tracks shall be delivered for a while.
    Mute {
        /// Which.
        tracks: Selector,
        /// Until when; `None` = from now on it is delivered again.
        until: Option<Timestamp>,
    },
    /// Someone works on the open episodes of these tracks.
    Acknowledge {
        /// Which.
        tracks: Selector,
        /// Who.
        by: String,
    },
}

/// A declared deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// `service.name`.
    pub service: String,
    /// `deployment.environment.name`; `None` = the one configured for records that name none.
    pub environment: Option<String>,
    /// `service.version`.
    pub release: String,
    /// When it was deployed.
    pub at: Timestamp,
}

/// A mute, also of tracks that are not found yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// Which.
    pub tracks: Selector,
    /// Until when; `None`: an exception from a wider mute.
    pub until: Option<Timestamp>,
}

/// Names tracks: all of a signature, or those in one service or environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// Signature id.
    pub signature: Arc<str>,
    /// `None` = every service.
    pub service: Option<Arc<str>>,
    /// `None` = every environment.
    pub environment: Option<Arc<str>>,
}

impl Selector {
    /// Whether `key` is meant.
    pub fn holds(&self, key: &TrackKey) -> bool {
        let allows = |wanted: &Option<Arc<str>>, value: &Arc<str>| wanted.as_ref().is_none_or(|wanted| wanted == value);
        self.signature == key.signature
            && allows(&self.service, &key.service)
            && allows(&self.environment, &key.environment)
    }

    /// Whether every track that `other` means is meant.
    pub fn covers(&self, other: &Self) -> bool {
        let within = |wider: &Option<Arc<str>>, other: &Option<Arc<str>>| wider.is_none() || wider == other;
        self.signature == other.signature
            && within(&self.service, &other.service)
            && within(&self.environment, &other.environment)
    }
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// The deployment as it is stored.
    Deployed(Deployed),
    /// The tracks that were changed, in their order. A mute also holds for those that are found later.
    Tracks(Vec<TrackKey>),
}

/// A deployment as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deployed {
    /// `service.name`.
    pub service: Arc<str>,
    /// `deployment.environment.name`.
    pub environment: Arc<str>,
    /// `service.version`.
    pub release: String,
    /// When it was deployed; a time ahead of relapse's clock was capped.
    pub at: Timestamp,
    /// False when exactly this had been declared before.
    pub changed: bool,
    /// Whether the service has been heard in this environment. False may mean a name that the logs spell otherwise.
    pub heard: bool,
}

/// Why nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The signature is not in the catalog.
    #[error("the signature is not in the catalog")]
    UnknownSignature {
        /// Those that are.
        known: Vec<Arc<str>>,
    },
    /// The signature has not been found there.
    #[error("the signature has not been found there")]
    NoTrack {
        /// Where it has been found.
        found: Vec<TrackKey>,
    },
    /// There is no open episode to acknowledge.
    #[error("no episode is open there")]
    NothingOpen,
    /// The store cannot write now; relapse tries again by itself, and the same command again is harmless.
    #[error("the state cannot be written now: {reason}")]
    NotStored {
        /// What the store says.
        reason: String,
    },
    /// The pipeline has not answered in time; the same command again is harmless.
    #[error("relapse is busy and has not confirmed it in time")]
    Late,
    /// relapse is stopping, or runs without a pipeline.
    #[error("relapse is stopping")]
    Closed,
}
