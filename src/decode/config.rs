//! What may be said about the form of logs where it cannot be found out.

use jiff::tz::TimeZone;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::decode::transport::Encoding;
use crate::decode::transport::Form;

/// Everything but the last key is found out from the first lines of a file; set one only where that goes wrong.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FormatConfig {
    /// What runtimes and collectors put around the lines. Default: found out, file by file.
    pub form: Option<Form>,
    /// How bytes stand for characters. Default: found out, file by file. Latin-1 without a hint in its first lines needs it.
    pub encoding: Option<Encoding>,
    /// A pattern that the first line of every record matches; its groups `time`, `level`, `logger` and `message` say what is what.
    /// Default: the headers of the usual libraries, else what the first lines of a file have in common.
    pub header: Option<Pattern>,
    /// The time zone of times that name none, as `Europe/Berlin` or `+02:00`. Default `UTC`. For syslog and loggers in local time.
    pub timezone: Option<Zone>,
}

/// A regular expression.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Pattern(pub Regex);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Regex::new(&text).map(Self)
    }
}

/// A time zone.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Zone(pub TimeZone);

/// Not a time zone.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no time zone; write one as Europe/Berlin, UTC or +02:00")]
pub struct ZoneError(String);

impl std::str::FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let fixed = || {
            let stamp = format!("2000-01-01T00:00:00{text}[{text}]");
            let zoned: jiff::Zoned = stamp.parse().ok()?;
            Some(zoned.time_zone().clone())
        };
        TimeZone::get(text).ok().or_else(fixed).map(Self).ok_or_else(|| ZoneError(text.to_owned()))
    }
}

impl TryFrom<String> for Zone {
    type Error = ZoneError;

    fn try_from(text: String) -> Result<Self, ZoneError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_by_name_and_by_offset() {
        assert!("Europe/Berlin".parse::<Zone>().is_ok());
        let zone = "+02:00".parse::<Zone>().unwrap().0;
        let time = "2025-09-08T10:00:00Z".parse().unwrap();
        assert_eq!(crate::decode::time::in_zone(time, &zone).to_string(), "2025-09-08T08:00:00Z");
        assert!("Atlantis".parse::<Zone>().unwrap_err().to_string().contains("Europe/Berlin"));
    }
}
