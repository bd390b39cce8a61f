//! `/metrics`, `/livez`, `/readyz` and `/api/v1`: reads snapshots, and takes commands (deployments, mutes, acknowledgements).
//!
//! Receives what the pipeline publishes through [`Shared`](shared::Shared) and a bound listener; gives a server that ends when it is told
//! to. No handler that only reads waits for the pipeline, so a scrape costs it nothing; a command waits until it is stored.

pub mod api;
pub mod bind;
pub mod body;
mod commands;
pub mod guard;
mod health;
pub mod orders;
mod reply;
pub mod serve;
pub mod shared;
