//! relapse tells the moment a *fixed* incident comes back.
//!
//! The way of a record: `source` reads bytes, `matcher` finds candidates, `decode` turns them into records, `incident` judges,
//! `store` remembers, `alert` and `telemetry` tell. `ARCHITECTURE.md` names the rules; `tests/suite/architecture.rs` keeps them.

pub mod alert;
pub mod app;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod decode;
pub mod http;
pub mod incident;
pub mod listen;
pub mod matcher;
pub mod model;
pub mod outgoing;
pub mod source;
pub mod store;
pub mod telemetry;
