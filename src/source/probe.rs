//! One look at what a source would read, without reading it: for `relapse check --connect`. Receives a source's configuration, gives
//! what is there, in words, or why nothing can be read.

use serde::Serialize;

use crate::source::SourceConfig;
use crate::source::SourceError;
use crate::source::file;
use crate::source::file::discover::Discovery;
use crate::source::journald;
use crate::source::otlp;
use crate::source::pubsub;
use crate::source::stdin;
use crate::source::syslog;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// `file`, `pubsub/projects/…`.
    pub source: String,
    /// What would be read, a line each; what is missing and waited for is said, too.
    pub found: Vec<String>,
    /// Why something cannot be read, and what to do.
    pub failures: Vec<String>,
}

/// What is wrong with a configuration before anything is looked at.
pub fn validate(config: &SourceConfig) -> Result<(), SourceError> {
    match config {
        SourceConfig::File(config) => {
            Discovery::new(&config.include, &config.exclude).map(drop).map_err(SourceError::from)
        }
        SourceConfig::Stdin(_) | SourceConfig::Journald(_) => Ok(()),
        SourceConfig::Syslog(config) => syslog::listen::validate(config).map_err(SourceError::from),
        SourceConfig::Otlp(config) => otlp::validate(config),
        SourceConfig::Pubsub(config) => pubsub::validate(config),
    }
}

/// Looks at one source.
pub async fn probe(config: &SourceConfig) -> Probe {
    let source = match config.name() {
        "" => config.kind().as_str().to_owned(),
        name => format!("{}/{name}", config.kind().as_str()),
    };
    let (found, failures) = match config {
        SourceConfig::File(config) => file::look_at(config),
        SourceConfig::Stdin(_) => (vec![format!("{} until it ends", stdin::NAME)], Vec::new()),
        SourceConfig::Syslog(config) => {
            (config.listen.iter().map(|address| format!("would listen on {address}")).collect(), Vec::new())
        }
        SourceConfig::Journald(config) => match journald::look_at(config) {
            Ok(found) => (vec![found], Vec::new()),
            Err(reason) => (Vec::new(), vec![reason]),
        },
        SourceConfig::Otlp(config) => match otlp::look_at(config).await {
            Ok(found) => (found, Vec::new()),
            Err(error) => (Vec::new(), vec![error.to_string()]),
        },
        SourceConfig::Pubsub(config) => match pubsub::look_at(config).await {
            Ok(found) => (vec![found], Vec::new()),
            Err(reason) => (Vec::new(), vec![reason]),
        },
    };
    Probe { source, found, failures }
}
