//! The open windows of correlations as they are stored: a restart in the middle of one joins what comes after it all the same.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::incident::Evidence;
use crate::model::record::Resource;

/// What records must have in common to be joined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WindowKey {
    /// Whose correlation.
    pub signature: Arc<str>,
    /// `deployment.environment.name`.
    pub environment: Arc<str>,
    /// `service.name`; `None` where the trace joins across services.
    pub service: Option<Arc<str>>,
    /// Values of the `group-by` fields.
    pub keys: Vec<String>,
    /// Set for a record that lacks a key: it is joined with nothing.
    pub alone: Option<u64>,
}

/// The parts of one group that still wait for others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenWindow {
    /// Which group.
    pub key: WindowKey,
    /// By event time.
    pub parts: Vec<OpenPart>,
    /// Up to this event time the group has been told of, and until then it is kept.
    pub served: Option<(Timestamp, Timestamp)>,
}

/// One record that takes part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenPart {
    /// The selections that hold for it, by name: their order may change with the catalog.
    pub selections: Vec<String>,
    /// Event time.
    pub time: Timestamp,
    /// What `value_count` tells apart.
    pub value: Option<String>,
    /// When its window has ended.
    pub deadline: Timestamp,
    /// `None` once nothing but its being there counts.
    pub occurrence: Option<OpenOccurrence>,
}

/// What will be judged, once the rest has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenOccurrence {
    /// Who wrote it.
    pub resource: Resource,
    /// Event time as stated.
    pub time: Option<Timestamp>,
    /// Index of the diagnosis rule that matched.
    pub diagnosis: Option<usize>,
    /// What to pin; redacted.
    pub evidence: Evidence,
}
