//! Bodies of commands: JSON in, what is meant or every problem at once. Nothing is ignored: an unknown or repeated field is a problem.

use std::fmt;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Span;
use jiff::SpanRelativeTo;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::Value;

use crate::http::reply::near;
use crate::model::command::Deploy;
use crate::model::command::Selector;

/// Longest name, in characters.
const MAX_NAME: usize = 256;
/// A mute is meant to end.
const MAX_MUTE: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Everything that is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Problems(Vec<String>);

/// `{"service", "release", "environment"?, "at"?}`. `undated` is the time of a deployment that names none; `None`: it must.
pub fn deploy(body: &[u8], undated: Option<Timestamp>) -> Result<Deploy, Problems> {
    let mut fields = Fields::read(body, &["service", "release", "environment", "at"])?;
    let deploy = Deploy {
        service: fields.required("service"),
        environment: fields.text("environment"),
        release: fields.required("release"),
        at: match (fields.time("at"), undated) {
            (Some(at), _) | (None, Some(at)) => at,
            (None, None) => fields.missing("at"),
        },
    };
    fields.done(deploy)
}

/// `{"signature", "service"?, "environment"?, "for" | "until"}` → the tracks, and until when.
pub(super) fn mute(body: &[u8], now: Timestamp) -> Result<(Selector, Timestamp), Problems> {
    let mut fields = Fields::read(body, &["signature", "service", "environment", "for", "until"])?;
    let tracks = fields.selector();
    let (length, until) = (fields.duration("for"), fields.time("until"));
    let until = match (length, until) {
        (Some(_), Some(_)) => Err("give either `for` or `until`"),
        (None, None) if fields.given("for") || fields.given("until") => Ok(now),
        (None, None) => Err("`for` or `until` is missing: a mute must end, as in \"for\": \"2h\""),
        (None, Some(until)) if until <= now => Err("`until` is over already; DELETE ends a mute"),
        (None, Some(until)) if until.duration_since(now) > MAX_MUTE => Err("`until` is more than a year away"),
        (None, Some(until)) => Ok(until),
        (Some(length), None) if length > MAX_MUTE => Err("`for` is more than a year"),
        (Some(length), None) if length <= SignedDuration::ZERO => Err("`for` must be more than nothing"),
        (Some(length), None) => Ok(now.saturating_add(length).unwrap_or(Timestamp::MAX)),
    };
    let until = until.unwrap_or_else(|problem| {
        fields.problems.push(problem.to_owned());
        now
    });
    fields.done((tracks, until))
}

/// `{"signature", "service"?, "environment"?}`.
pub(super) fn unmute(body: &[u8]) -> Result<Selector, Problems> {
    let mut fields = Fields::read(body, &["signature", "service", "environment"])?;
    let tracks = fields.selector();
    fields.done(tracks)
}

/// `{"signature", "service"?, "environment"?, "by"}` → the tracks, and who.
pub(super) fn acknowledgement(body: &[u8]) -> Result<(Selector, String), Problems> {
    let mut fields = Fields::read(body, &["signature", "service", "environment", "by"])?;
    let meant = (fields.selector(), fields.required("by"));
    fields.done(meant)
}

/// The fields of one JSON object and what is wrong with them so far.
struct Fields {
    given: Vec<(String, Value)>,
    problems: Vec<String>,
}

impl Fields {
    fn read(body: &[u8], known: &'static [&'static str]) -> Result<Self, Problems> {
        let Pairs(given) =
            serde_json::from_slice(body).map_err(|error| Problems(vec![format!("not a JSON object: {error}")]))?;
        let mut problems = Vec::new();
        for (index, (name, _)) in given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let hint = near(name, known);
                let hint = if hint.is_empty() { format!(" (known: {})", known.join(", ")) } else { hint };
                problems.push(format!("unknown field `{name}`{hint}"));
            } else if given.iter().take(index).any(|(earlier, _)| earlier == name) {
                problems.push(format!("field `{name}` is given twice"));
            }
        }
        Ok(Self { given, problems })
    }

    fn done<T>(self, meant: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(meant) } else { Err(Problems(self.problems)) }
    }

    fn given(&self, name: &str) -> bool {
        self.given.iter().any(|(given, value)| given == name && !value.is_null())
    }

    /// A string that may be left out; `null` is left out.
    fn text(&mut self, name: &'static str) -> Option<String> {
        let (_, value) = self.given.iter().find(|(given, value)| given == name && !value.is_null())?;
        let problem = match value {
            Value::String(text) if text.trim().is_empty() => "is empty",
            Value::String(text) if text.chars().count() > MAX_NAME => "is longer than 256 characters",
            Value::String(text) if text.chars().any(char::is_control) => "holds control characters",
            Value::String(text) => return Some(text.trim().to_owned()),
            _ => "must be a string",
        };
        self.problems.push(format!("`{name}` {problem}"));
        None
    }

    fn required(&mut self, name: &'static str) -> String {
        if !self.given(name) {
            return self.missing(name);
        }
        self.text(name).unwrap_or_default()
    }

    fn missing<T: Default>(&mut self, name: &'static str) -> T {
        self.problems.push(format!("`{name}` is missing"));
        T::default()
    }

    fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let time = text.parse().ok();
        if time.is_none() {
            self.problems.push(format!("`{name}` is not a time: give RFC 3339, as in 2025-10-01T08:00:00Z"));
        }
        time
    }

    fn duration(&mut self, name: &'static str) -> Option<SignedDuration> {
        let text = self.text(name)?;
        let span = text.parse::<Span>().ok();
        let length = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        if length.is_none() {
            self.problems.push(format!("`{name}` is not a length of time: give one as in 90m, 2h or 3d"));
        }
        length
    }

    fn selector(&mut self) -> Selector {
        Selector {
            signature: Arc::from(self.required("signature")),
            service: self.text("service").map(Arc::from),
            environment: self.text("environment").map(Arc::from),
        }
    }
}

/// A JSON object as it was written, repetitions included.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
