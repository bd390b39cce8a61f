//! What leaves: notices rendered for people and delivered to sinks until accepted.
//!
//! Receives what the [`Outbox`](outbox::Outbox) owes; gives each sink every notice at least once, with the same id each time, or
//! leaves a dead letter. One worker a sink: a slow or dead sink delays nobody else.

pub mod alertmanager;
pub mod client;
pub mod config;
pub mod level;
pub mod outbox;
pub mod redact;
pub mod render;
pub mod retry;
pub mod sink;
pub mod stats;
pub mod stdout;
pub mod terminal;
pub mod webhook;
pub mod worker;
