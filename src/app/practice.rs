//! What a configuration says of the services behind a catalog, for the catalog's lints.

use jiff::Timestamp;

use crate::catalog::load;
use crate::catalog::load::Loaded;
use crate::catalog::practice::Practice;
use crate::config::Config;
use crate::incident::order::NoOrder;

/// Any release that every scheme reads: what cannot be compared with it for its own sake cannot be read.
const READABLE: &str = "1.0.0";

/// Loads the catalog of a configuration, or the embedded one, and lints it by that configuration as of `now`.
pub fn load(config: &Config, now: Timestamp) -> Loaded {
    let reads_release = |service: Option<&str>, release: &str| {
        let compared = config.incident.rules(service.unwrap_or_default()).compare(release, READABLE, false);
        !matches!(compared, Err(NoOrder::Unparsed))
    };
    let practice = Practice { redactors: &config.redactors, reads_release: &reads_release, now: Some(now) };
    load::load_for(&config.catalog, practice)
}
