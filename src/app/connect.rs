//! Tries every source of a configuration, without reading: what `relapse check --connect` tells.

use std::io;

use crate::config::Config;
use crate::source::SourceError;
use crate::source::probe;
pub use crate::source::probe::Probe;

/// The first source that is configured wrongly.
pub fn validate(config: &Config) -> Result<(), SourceError> {
    config.sources().iter().try_for_each(probe::validate)
}

/// One look at each source, in the order of the configuration. Blocks.
pub fn connect(config: &Config) -> io::Result<Vec<Probe>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut probes = Vec::new();
        for source in config.sources() {
            probes.push(probe::probe(&source).await);
        }
        Ok(probes)
    })
}
