//! Builds the parts (no I/O), runs them (tasks, signals, drain) and offers the offline engine `scan`, `check` and `explain` use.

mod accounting;
mod boots;
pub mod build;
pub mod clock;
mod command;
pub mod deploys;
mod effects;
pub mod expand;
mod feed;
mod housekeeping;
pub mod offline;
pub mod outbox;
pub mod pin;
pub mod pipeline;
pub mod proof;
mod reading;
pub mod reload;
pub mod replay;
pub mod run;
pub mod scan;
pub mod tell;
