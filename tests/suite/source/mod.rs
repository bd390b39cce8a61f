//! Tests of `source`: the tailer on real files with explicit ticks, against a model, standard input, messages.

mod churn;
mod content;
mod copies;
mod discovery;
mod follow;
mod many;
mod messages;
mod model;
#[cfg(feature = "gcp")]
mod pubsub;
mod restart;
mod rig;
mod rotation;
mod running;
