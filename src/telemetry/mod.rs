//! relapse's own signals: the metric table and registry, tracing, OpenTelemetry spans of the pipeline.
//!
//! Receives facts from the pipeline; gives `/metrics` its text and the operator a log. Logs go to stderr only: stdout belongs to alerts.

pub mod inert;
pub mod labels;
pub mod limit;
pub mod line;
pub mod metrics;
pub mod self_trace;
mod sources;
pub mod subscriber;
pub mod table;
mod tracks;
