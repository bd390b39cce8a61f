//! What goes into the judge and what comes out of it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::signature::Part;
use crate::catalog::signature::Signature;
use crate::incident::verdict::Judgement;
use crate::model::alert::Notice;
use crate::model::command::Selector;
use crate::model::correlation::WindowKey;
use crate::model::incident::Evidence;
use crate::model::incident::TrackKey;
use crate::model::incident::TrackState;
use crate::model::record::Resource;

/// Everything that can happen. A closed set: a new kind of input is a new variant here.
#[derive(Debug, Clone)]
pub enum Event {
    /// A record matched a signature.
    Occurrence(Box<Occurrence>),
    /// A healthy record said who is alive.
    Sighting {
        /// Who wrote it.
        resource: Resource,
        /// Event time; `None` = ingest time.
        time: Option<Timestamp>,
    },
    /// Someone declared a deployment.
    Deploy {
        /// `service.name`
        service: Arc<str>,
        /// `deployment.environment.name`
        environment: Arc<str>,
        /// What was deployed.
        release: String,
        /// When.
        time: Timestamp,
    },
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
    /// Records were read that say nothing else: time goes on for this service and environment.
    Activity {
        /// `service.name`
        service: Arc<str>,
        /// `deployment.environment.name`
        environment: Arc<str>,
        /// Event time of the latest record.
        time: Timestamp,
    },
}

/// One matched record, reduced to what the judge needs.
#[derive(Debug, Clone)]
pub struct Occurrence {
    /// The signature it matched.
    pub signature: Arc<Signature>,
    /// Who wrote it.
    pub resource: Resource,
    /// Event time; `None` = ingest time.
    pub time: Option<Timestamp>,
    /// Index of the diagnosis rule that matched.
    pub diagnosis: Option<usize>,
    /// What to pin if this opens an episode; already redacted.
    pub evidence: Evidence,
    /// How it takes part in a correlation; `None` = it counts by itself.
    pub part: Option<Part>,
}

/// What the judge wants done. Metrics and alerts come out of the same list, so they cannot disagree.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// An occurrence was judged: its track must be saved.
    Judged {
        /// Its track.
        key: TrackKey,
        /// The verdict and why.
        judgement: Judgement,
        /// Event time the verdict was given on.
        time: Timestamp,
        /// The evidence of a correlated occurrence: another record than the one just handled may be its cause.
        joined: Option<Box<Evidence>>,
    },
    /// A track went to another state.
    Entered {
        /// Which one.
        key: TrackKey,
        /// From where; `None` for a new track.
        from: Option<TrackState>,
        /// To where.
        to: TrackState,
    },
    /// An episode was opened.
    EpisodeOpened {
        /// In which track.
        key: TrackKey,
    },
    /// Someone should hear of this.
    Notify(Box<Notice>),
    /// The track must be saved for another reason.
    TrackChanged(TrackKey),
    /// The live releases of a service and environment must be saved.
    LiveChanged {
        /// `service.name`
        service: Arc<str>,
        /// `deployment.environment.name`
        environment: Arc<str>,
    },
    /// The open window of a correlation must be saved, or forgotten.
    WindowChanged(WindowKey),
    /// A notice was not delivered because the track is muted.
    Suppressed(TrackKey),
    /// A part of a correlation was dropped: too many windows are open.
    Crowded(TrackKey),
    /// What is muted must be saved.
    MutesChanged,
    /// The record's time was ahead of the clock and was capped.
    ClockSkew,
}
