//! What sources share that take requests over HTTP (OTLP, pushed Pub/Sub messages): connections, bodies within bounds, why a request is
//! refused, and the wait until what it held is stored.
//!
//! Receives listeners and whoever answers; gives answers to requests. What a request means is the source's own.

pub(super) mod body;
pub(super) mod pipeline;
pub mod refusal;
pub mod server;
