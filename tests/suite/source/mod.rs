//! Tests of `source`: the tailer on real files with explicit ticks, against a model, and standard input.

mod content;
mod copies;
mod discovery;
mod follow;
mod many;
mod model;
mod restart;
mod rig;
mod rotation;
mod running;
