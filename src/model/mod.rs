//! The words every other module speaks: record, release, fix, verdict, incident, alert, command, position.
//!
//! Nothing here does I/O or reads a clock; what is persisted or shown to users derives its serialised form here, so that the
//! store, the API and the alerts cannot disagree about a name.

pub mod alert;
pub mod command;
pub mod correlation;
pub mod fix;
pub mod incident;
pub mod position;
pub mod record;
pub mod verdict;
pub mod view;
