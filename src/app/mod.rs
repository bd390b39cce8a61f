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
mod identity;
pub mod offline;
pub mod outbox;
pub mod pin;
pub mod pipeline;
pub mod practice;
pub mod proof;
mod raises;
mod reading;
pub mod records;
pub mod reload;
pub mod replay;
pub mod run;
pub mod scan;
mod slow;
pub mod tell;
