//! The one place that reads the clock; everywhere else time is an argument.

use jiff::Timestamp;

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the edge: everything below takes time as an argument")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
