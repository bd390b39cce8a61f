//! One line of relapse's own log: for a reader, or as the JSON object Cloud Logging understands.
//!
//! Receives a `tracing` event; gives exactly one line, whatever the event quotes from the logs being read: active characters are
//! written as escapes, so that quoted input can neither break the line nor steer a terminal.

use std::fmt;

use anstyle::AnsiColor;
use anstyle::Style;
use serde_json::Map;
use serde_json::Value;
use tracing::Event;
use tracing::Level;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::field::Visit;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormatEvent;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime as _;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::inert::inert;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    /// `<time> <LEVEL> <target>: <message> <key>=<value>…`.
    Human {
        /// Whether the level is coloured.
        colour: bool,
    },
    /// `{"severity","time","message","target",<fields>…}`; a field named like one of these gets the prefix `field.`.
    Json,
}

/// Keys of a JSON line that no field may take.
const OWN_KEYS: [&str; 5] = ["severity", "time", "message", "target", "span"];

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let span = ctx.lookup_current().map(|span| {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>().map_or("", |fields| fields.fields.as_str());
            if fields.is_empty() { span.name().to_owned() } else { format!("{}{{{fields}}}", span.name()) }
        });
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        match self {
            Self::Human { .. } => {
                let style = if writer.has_ansi_escapes() { level_style(level) } else { Style::new() };
                write!(writer, "{time} {style}{level:>5}{style:#} {target}: {}", inert(&said.message))?;
                for (name, value) in &said.fields {
                    match value {
                        Value::String(text) => write!(writer, " {name}={}", inert(text))?,
                        other => write!(writer, " {name}={other}")?,
                    }
                }
                if let Some(span) = span {
                    write!(writer, " in {}", inert(&span))?;
                }
                writeln!(writer)
            }
            Self::Json => {
                let line = json(said, severity(level), time, target, span);
                writeln!(writer, "{}", Value::Object(line))
            }
        }
    }
}

fn json(said: Said, severity: &str, time: String, target: &str, span: Option<String>) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("severity".to_owned(), severity.into());
    line.insert("time".to_owned(), time.into());
    line.insert("message".to_owned(), inert(&said.message).into());
    line.insert("target".to_owned(), target.into());
    if let Some(span) = span {
        line.insert("span".to_owned(), inert(&span).into());
    }
    for (name, value) in said.fields {
        let key = if OWN_KEYS.contains(&name) { format!("field.{name}") } else { name.to_owned() };
        let value = match value {
            Value::String(text) => inert(&text).into(),
            other => other,
        };
        line.insert(key, value);
    }
    line
}

/// Cloud Logging's names.
const fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

const fn level_style(level: Level) -> Style {
    let colour = match level {
        Level::ERROR => AnsiColor::Red,
        Level::WARN => AnsiColor::Yellow,
        Level::INFO => AnsiColor::Green,
        Level::DEBUG | Level::TRACE => AnsiColor::Blue,
    };
    colour.on_default()
}

/// What one event says.
#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Said {
    fn set(&mut self, field: &Field, value: Value) {
        if field.name() != "message" {
            self.fields.push((field.name(), value));
        } else if let Value::String(text) = value {
            self.message = text;
        } else {
            self.message = value.to_string();
        }
    }
}

impl Visit for Said {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.set(field, value.to_string().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }
}
