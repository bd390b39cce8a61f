//! What relapse sends for itself, to sinks and for keys: where to it may go, and how long it may take.
//!
//! Receives URLs and bounds; gives clients that follow nothing and go nowhere forbidden. Clients of other libraries (Google's, OpenTelemetry's)
//! know their own endpoints.

pub mod client;
pub mod guard;
pub mod url;
