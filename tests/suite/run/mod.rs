//! The sidecar as a process: real files, real signals, real Alertmanager, real logrotate.

mod alerts;
mod api_doc;
mod blind;
mod commands;
mod crash;
mod documented;
mod faults;
mod injected;
mod journald;
mod kills;
mod numbered;
#[cfg(feature = "gcp")]
pub(crate) mod pubsub;
mod reload;
mod replay;
mod rotation;
pub(crate) mod sidecar;
mod spans;
mod syslog;
mod tls;
