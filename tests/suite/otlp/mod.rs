//! OTLP: requests as SDKs write them, what comes out of them, and what a sender cannot do.

mod crash;
mod limits;
pub(crate) mod make;
mod mapping;
pub(crate) mod rig;
mod screen;
mod senders;
