//! One entry of the journal as `journalctl -o json` prints it → what it says and who said it.

use jiff::Timestamp;
use serde_json::Map;
use serde_json::Value;

/// What is asked for of each entry; cursor and time always come.
pub(super) const FIELDS: &str =
    "MESSAGE,PRIORITY,_PID,SYSLOG_PID,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT,SYSLOG_IDENTIFIER,_HOSTNAME";

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name, and its place in the journal.
    pub(super) cursor: String,
    /// When the journal took it.
    pub(super) time: Option<Timestamp>,
    /// Bytes as they were written.
    pub(super) message: Vec<u8>,
    /// Syslog's severity, 0 to 7.
    pub(super) priority: Option<u64>,
    /// The unit without `.service`.
    pub(super) unit: Option<String>,
    pub(super) pid: Option<String>,
    pub(super) identifier: Option<String>,
    pub(super) host: Option<String>,
}

impl Entry {
    /// `None` for what is no entry.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let text = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_str()).map(str::to_owned);
        let time = text(&["__REALTIME_TIMESTAMP"]).and_then(|time| time.parse().ok());
        let unit = text(&["_SYSTEMD_USER_UNIT", "_SYSTEMD_UNIT"]);
        Some(Self {
            cursor: text(&["__CURSOR"])?,
            time: time.and_then(|time| Timestamp::from_microsecond(time).ok()),
            message: fields.get("MESSAGE").map(bytes).unwrap_or_default(),
            priority: text(&["PRIORITY"]).and_then(|priority| priority.parse().ok()),
            unit: unit.map(|unit| unit.strip_suffix(".service").unwrap_or(&unit).to_owned()),
            pid: text(&["_PID", "SYSLOG_PID"]),
            identifier: text(&["SYSLOG_IDENTIFIER"]),
            host: text(&["_HOSTNAME"]),
        })
    }
}

/// Text, or numbers for what is no UTF-8; a field that is there twice is a list of such.
fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Array(items) if items.iter().all(Value::is_u64) => {
            items.iter().filter_map(|item| u8::try_from(item.as_u64()?).ok()).collect()
        }
        Value::Array(items) => items.iter().map(bytes).collect::<Vec<_>>().join(&b'\n'),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_be_bytes_or_several() {
        let message = |json: &str| {
            let line = format!("{{\"__CURSOR\":\"s=1\",\"MESSAGE\":{json},\"_SYSTEMD_UNIT\":\"api.service\"}}");
            let entry = Entry::parse(line.as_bytes()).unwrap();
            assert_eq!(entry.unit.as_deref(), Some("api"));
            entry.message
        };
        assert_eq!(message("\"a\\nb\""), b"a\nb");
        assert_eq!(message("[104,105,255]"), b"hi\xff");
        assert_eq!(message("[\"a\",[98]]"), b"a\nb");
        assert_eq!(message("null"), b"");
        assert_eq!(Entry::parse(b"-- No entries --"), None);
    }
}
