//! Boot lines: what servers print when a process starts. A process that started before a fix cannot contain it.

use jiff::Timestamp;

use crate::model::record::Record;

/// A record without one of these is no boot line.
pub const BOOT_LITERALS: &[&str] =
    &["Started server process [", "Booting worker with pid: ", "Starting gunicorn ", "Listening at: "];

/// A process start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Process number, where the line names one.
    pub instance: Option<String>,
    /// Event time of the line, where it states one.
    pub at: Option<Timestamp>,
}

/// The process start that `record` announces, if it announces one.
pub fn boot_instance(record: &Record) -> Option<Boot> {
    let body = record.body.as_str();
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end).filter(|digits| !digits.is_empty()).map(str::to_owned)
    };
    let own = || record.attributes.get("process.pid").map(str::to_owned);
    let instance = if let Some(rest) = body.strip_prefix("Started server process [") {
        Some(number(rest)?)
    } else if let Some(rest) = body.strip_prefix("Booting worker with pid: ") {
        Some(number(rest)?)
    } else if body.starts_with("Starting gunicorn ") || body.starts_with("Listening at: ") {
        own()
    } else {
        return None;
    };
    Some(Boot { instance, at: record.time })
}
