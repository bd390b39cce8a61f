//! File + environment + flags → one configuration. Gathers each module's own `Config`; nothing below imports it.
//!
//! The file is YAML; clap lays flags and `RELAPSE_*` variables over it. Unknown keys are errors; every mistake is found at once.

mod read;

use std::io;
use std::path::Path;
use std::path::PathBuf;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::alert::config::AlertConfig;
use crate::catalog::practice::RedactorConfig;
use crate::decode::config::FormatConfig;
use crate::http::bind::HttpConfig;
use crate::incident::config::IncidentConfig;
use crate::model::record::Resource;
use crate::source::SourceConfig;
use crate::source::file::FileConfig;
use crate::source::journald::JournaldConfig;
use crate::source::otlp::OtlpConfig;
use crate::source::pubsub::PubsubConfig;
use crate::source::stdin::StdinConfig;
use crate::source::syslog::SyslogConfig;
use crate::telemetry::subscriber::TracingConfig;

pub use self::read::Invalid;

/// Names standard input among log files.
const STDIN: &str = "-";

/// Everything `relapse run` can be told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "relapse configuration")]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Catalog files and directories. Default: the embedded catalog.
    pub catalog: Vec<PathBuf>,
    /// Log files to follow.
    pub logs: FileConfig,
    /// Where services send logs and traces over OTLP. Default: nowhere; `otlp: {}` takes them on `127.0.0.1:4318`.
    pub otlp: Option<OtlpConfig>,
    /// Pub/Sub subscriptions to pull, the ends of Cloud Logging sinks. Default: none.
    pub pubsub: Vec<PubsubConfig>,
    /// systemd's journal; `{}` is all of this host's. Default: not read.
    pub journald: Option<JournaldConfig>,
    /// A syslog listener. Default: none.
    pub syslog: Option<SyslogConfig>,
    /// The form of the logs, where it cannot be found out.
    pub format: FormatConfig,
    /// Values for records that carry none; what a record says wins.
    pub resource: ResourceConfig,
    /// A file of JSON lines that CI appends to, one a deployment: `{"service","release","environment"?,"at"}`. Default: none.
    pub deploys: Option<PathBuf>,
    /// Where positions, incidents and owed alerts are kept. Default `$STATE_DIRECTORY` (systemd), else `./relapse-state`.
    pub state: Option<PathBuf>,
    /// Metrics, health and API.
    pub http: HttpConfig,
    /// Where alerts go.
    pub alerts: AlertConfig,
    /// What services redact before they log: `relapse check` finds signatures that can never match for it. Default: none.
    pub redactors: Vec<RedactorConfig>,
    /// How verdicts are given.
    pub incident: IncidentConfig,
    /// How long no record may come that a signature could match in until it is called blind. Default 1 h. Longer for services that are
    /// used by the day.
    #[schemars(with = "Option<String>")]
    pub blind_after: Option<SignedDuration>,
    /// relapse's own log.
    pub tracing: TracingConfig,
}

/// Static resource attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceConfig {
    /// `service.name` of records that name none.
    pub service: Option<String>,
    /// `deployment.environment.name` of records that name none.
    pub environment: Option<String>,
    /// `service.version` of records that name none.
    pub release: Option<String>,
}

impl From<ResourceConfig> for Resource {
    fn from(config: ResourceConfig) -> Self {
        Self { service: config.service, environment: config.environment, release: config.release, ..Self::default() }
    }
}

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("failed to read the configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not say what a configuration can say.
    #[error("{0}")]
    Invalid(Invalid),
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::from_text(&path.to_string_lossy(), &text).map_err(ConfigError::Invalid)
    }

    /// Reads a text; `name` stands for the file in problems.
    pub fn from_text(name: &str, text: &str) -> Result<Self, Invalid> {
        read::read(name, text)
    }

    /// JSON Schema (draft 2020-12) of the configuration file. Built from the structs that are read, so it cannot drift.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// What to read.
    pub fn sources(&self) -> Vec<SourceConfig> {
        let mut files = self.logs.clone();
        let stdin = files.include.iter().any(|pattern| pattern == STDIN);
        files.include.retain(|pattern| pattern != STDIN);
        let files = (!files.include.is_empty()).then_some(SourceConfig::File(files));
        let stdin = stdin.then(|| SourceConfig::Stdin(StdinConfig::default()));
        let otlp = self.otlp.clone().map(SourceConfig::Otlp);
        let pubsub = self.pubsub.iter().cloned().map(SourceConfig::Pubsub);
        let journald = self.journald.clone().map(SourceConfig::Journald);
        let syslog = self.syslog.clone().map(SourceConfig::Syslog);
        files.into_iter().chain(stdin).chain(otlp).chain(pubsub).chain(journald).chain(syslog).collect()
    }

    /// The state directory in force.
    pub fn state_dir(&self) -> PathBuf {
        let systemd = || std::env::var_os("STATE_DIRECTORY").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        self.state.clone().or_else(systemd).unwrap_or_else(|| PathBuf::from("relapse-state"))
    }
}
