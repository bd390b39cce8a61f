//! The judge: release order, live releases, contains-fix, verdict, state machine, episodes. Pure and synchronous:
//! `handle(event, now, &mut Vec<Effect>)`; no clock, no I/O.

mod challenge;
pub mod config;
mod containment;
mod correlation;
pub mod engine;
mod episode;
pub mod event;
mod group;
mod inventory;
mod keep;
mod late;
pub mod manifest;
mod mutes;
mod notice;
pub mod order;
mod outlook;
mod place;
mod population;
mod reason;
pub mod scheme;
mod standing;
mod track;
pub mod verdict;
mod version;
mod window;
