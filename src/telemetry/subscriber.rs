//! Sets up relapse's own log and, when asked for, its own traces.
//!
//! Receives the filter and the format (`RELAPSE_LOG`, terminal or not) and the OpenTelemetry endpoint; gives a subscriber and a
//! guard that flushes. The log goes to the writer it is given (stderr), never to stdout: that belongs to alerts. Without an
//! endpoint there is no span layer at all, and a debug span costs one comparison.

use std::env;
use std::io::IsTerminal as _;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::line::LineFormat;
use crate::telemetry::self_trace;
use crate::telemetry::self_trace::SelfTrace;

/// What the log shows when nothing else is said.
pub const DEFAULT_FILTER: &str = "info";

/// How a log line is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One line for a reader.
    Human,
    /// One JSON object a line, with the keys Cloud Logging understands.
    Json,
}

/// relapse's own log and traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TracingConfig {
    /// What is logged: a level or `target=level`, separated by commas. Default `info`; `RELAPSE_LOG` sets it. Raise it to `debug` to report
    /// a problem.
    pub filter: String,
    /// `auto` (default), `human` or `json`. Change it when a collector reads a terminal, or a person reads a file.
    pub format: LogFormat,
    /// Where relapse's own spans go, as a full OTLP/HTTP URL. Taken from the standard `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, never from the file; none (default) switches spans off.
    #[serde(skip)]
    pub traces_endpoint: Option<String>,
}

impl Default for TracingConfig {
    fn default() -> Self {
        Self { filter: DEFAULT_FILTER.to_owned(), format: LogFormat::Auto, traces_endpoint: None }
    }
}

impl TracingConfig {
    /// Lets the environment (`RELAPSE_LOG` and OpenTelemetry's own variables) override what is set.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        if let Some(filter) = set("RELAPSE_LOG") {
            self.filter = filter;
        }
        let off = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || set("OTEL_TRACES_EXPORTER").is_some_and(|value| value.eq_ignore_ascii_case("none"));
        if !off {
            self.traces_endpoint = set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
                .or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| traces_url(&base)))
                .or(self.traces_endpoint);
        }
        self
    }
}

/// The value of an environment variable; an empty one counts as unset, as OpenTelemetry demands.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The generic endpoint is a base; the signal's path is appended to it.
fn traces_url(base: &str) -> String {
    format!("{}/v1/traces", base.trim_end_matches('/'))
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TracingError {
    /// The filter does not parse.
    #[error(
        "read the log filter `{filter}`: {source}; use a level (error, warn, info, debug, trace) or target=level, separated by commas"
    )]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The span exporter refused its configuration.
    #[error("set up the span exporter: {0}; check OTEL_EXPORTER_OTLP_ENDPOINT, or unset it to switch spans off")]
    SelfTrace(#[from] self_trace::SelfTraceError),
    /// A subscriber is installed already.
    #[error("install the log: {0}")]
    Installed(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Keeps the span exporter alive. Drop it last: it sends what is still held back (at most 3 s).
#[derive(Debug)]
#[must_use = "spans are lost when the guard is dropped at once"]
pub struct TracingGuard {
    _self_trace: Option<SelfTrace>,
}

/// Installs the subscriber of the process, writing to stderr. Call it once, before any runtime is started.
pub fn install(config: &TracingConfig) -> Result<TracingGuard, TracingError> {
    let terminal = std::io::stderr().is_terminal();
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let format = match config.format {
        LogFormat::Auto if terminal => LineFormat::Human { colour },
        LogFormat::Human => LineFormat::Human { colour },
        LogFormat::Auto | LogFormat::Json => LineFormat::Json,
    };
    let (subscriber, guard) = build(config, format, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(guard)
}

/// The subscriber by itself, for another writer than stderr.
pub fn build<W>(
    config: &TracingConfig,
    format: LineFormat,
    writer: W,
) -> Result<(impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync + 'static, TracingGuard), TracingError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|source| TracingError::Filter { filter: config.filter.clone(), source })?;
    let self_trace = config.traces_endpoint.as_deref().map(SelfTrace::start).transpose()?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(format == LineFormat::Human { colour: true })
        .event_format(format)
        .with_writer(writer)
        .with_filter(filter);
    let subscriber = tracing_subscriber::registry().with(lines).with(self_trace.as_ref().map(SelfTrace::layer));
    Ok((subscriber, TracingGuard { _self_trace: self_trace }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generic_endpoint_is_a_base() {
        assert_eq!(traces_url("http://127.0.0.1:4318"), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(traces_url("https://collector/otlp/"), "https://collector/otlp/v1/traces");
    }
}
