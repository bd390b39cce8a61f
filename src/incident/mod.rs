//! The judge: release order, live releases, contains-fix, verdict, state machine, episodes. Pure and synchronous:
//! `handle(event, now, &mut Vec<Effect>)`; no clock, no I/O.

pub mod config;
mod containment;
pub mod engine;
mod episode;
pub mod event;
mod notice;
pub mod order;
mod place;
mod population;
mod standing;
mod track;
pub mod verdict;
