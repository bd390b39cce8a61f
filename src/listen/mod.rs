//! Takes addresses, speaks TLS and bounds what clients can hold: the ground that servers of other modules stand on.
//!
//! Receives where to listen and what an open port would give away; gives bound listeners, or says why not and what to do.

pub mod bind;
pub mod connection;
pub mod tls;
