//! What several commands take: the catalog, the static resource of logs that name none, and moments in time.

use std::io::Write;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regex::Regex;

use crate::app::clock;
use crate::catalog::load;
use crate::catalog::load::Loaded;
use crate::catalog::problem;
use crate::catalog::problem::Problem;
use crate::cli::Exit;
use crate::decode::config::FormatConfig;
use crate::decode::config::Pattern;
use crate::decode::config::Zone;
use crate::model::record::Resource;

/// Which catalog.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct CatalogArgs {
    /// Catalog file or directory, repeatable; without it the embedded catalog
    #[arg(long, value_name = "PATH", env = "RELAPSE_CATALOG", hide_env_values = true, value_delimiter = ',')]
    pub(super) catalog: Vec<PathBuf>,
}

/// The catalog of `paths`, or the embedded one.
pub(super) fn load_paths(paths: &[PathBuf]) -> Loaded {
    if paths.is_empty() { load::embedded() } else { load::load(paths) }
}

/// Prints every problem that keeps a signature from loading; the others are `relapse check`'s to tell. Says how to end when nothing is
/// left to look for.
pub(super) fn report(loaded: &Loaded) -> anyhow::Result<Option<Exit>> {
    let blocking: Vec<_> = loaded.problems.iter().filter(|problem| problem.blocks()).cloned().collect();
    let mut err = anstream::stderr().lock();
    write!(err, "{}", problem::render_human(&blocking, &loaded.sources, true))?;
    if loaded.catalog.signatures.is_empty() {
        writeln!(err, "error: the catalog holds no usable signature; `relapse check` tells all that is wrong with it")?;
        return Ok(Some(unusable(&loaded.problems)));
    }
    if !blocking.is_empty() {
        writeln!(
            err,
            "warning: part of the catalog is invalid and left out; {} in force",
            counted(loaded.catalog.signatures.len(), "signature is", "signatures are")
        )?;
    }
    Ok(None)
}

/// The exit code of a catalog with problems that block: a path that cannot be read is an input that failed.
pub(super) fn unusable(problems: &[Problem]) -> Exit {
    let mut blocking = problems.iter().filter(|problem| problem.blocks()).peekable();
    let unread = blocking.peek().is_some() && blocking.all(|problem| problem.code == problem::Code::UnreadablePath);
    if unread { Exit::Input } else { Exit::Invalid }
}

/// `1 error`, `2 errors`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Static resource attributes: what the log says wins.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ResourceArgs {
    /// `service.name` of records that name none
    #[arg(long, value_name = "NAME", env = "RELAPSE_SERVICE", hide_env_values = true)]
    pub(super) service: Option<String>,
    /// `deployment.environment.name` of records that name none
    #[arg(long, value_name = "NAME", env = "RELAPSE_ENVIRONMENT", hide_env_values = true)]
    pub(super) environment: Option<String>,
    /// `service.version` of records that name none
    #[arg(long, value_name = "VERSION", env = "RELAPSE_RELEASE", hide_env_values = true)]
    pub(super) release: Option<String>,
}

impl From<ResourceArgs> for Resource {
    fn from(args: ResourceArgs) -> Self {
        Self { service: args.service, environment: args.environment, release: args.release, ..Self::default() }
    }
}

/// The form of logs, where it cannot be found out.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct FormatArgs {
    /// Time zone of times that name none, as `Europe/Berlin` or `+02:00`; default: UTC
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Zone>,
    /// Pattern that the first line of every record matches; groups `time`, `level`, `logger`, `message` say what is what
    #[arg(long, value_name = "REGEX")]
    record_header: Option<Regex>,
}

impl FormatArgs {
    /// What the flags say, over what the configuration says.
    pub(super) fn over(self, config: FormatConfig) -> FormatConfig {
        FormatConfig {
            timezone: self.timezone.or(config.timezone),
            header: self.record_header.map(Pattern).or(config.header),
            ..config
        }
    }
}

/// Not a moment.
#[derive(Debug, thiserror::Error)]
#[error("write a time as 2025-10-01T08:00:00Z, a day as 2025-10-01 (UTC), or how long ago as 2h or 30m")]
pub(super) struct TimeError;

/// Where a span begins: a day begins at midnight UTC.
pub(super) fn since(text: &str) -> Result<Timestamp, TimeError> {
    moment(text, |day| utc(day.to_datetime(jiff::civil::Time::midnight())))
}

/// Where a span ends: a day ends with its last nanosecond.
pub(super) fn until(text: &str) -> Result<Timestamp, TimeError> {
    moment(text, |day| utc(day.to_datetime(jiff::civil::Time::MAX)))
}

fn moment(text: &str, day: impl Fn(Date) -> Option<Timestamp>) -> Result<Timestamp, TimeError> {
    let text = text.trim();
    let ago = |text: &str| clock::now().checked_sub(text.parse::<SignedDuration>().ok()?).ok();
    let read = if text.contains([':', 'T', 't']) {
        text.parse::<Timestamp>().ok().or_else(|| utc(text.parse::<DateTime>().ok()?)).or_else(|| ago(text))
    } else {
        text.parse::<Date>().ok().and_then(day).or_else(|| ago(text))
    };
    read.ok_or(TimeError)
}

fn utc(time: DateTime) -> Option<Timestamp> {
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_days_and_spans_are_read() {
        let shown = |read: Result<Timestamp, TimeError>| read.unwrap().to_string();
        assert_eq!(shown(since("2025-10-01T08:00:00+02:00")), "2025-10-01T06:00:00Z");
        assert_eq!(shown(until("2025-10-01 08:00:00Z")), "2025-10-01T08:00:00Z");
        assert_eq!(shown(since("2025-10-01T08:00")), "2025-10-01T08:00:00Z", "UTC where no offset is given");
        assert_eq!(shown(since("2025-10-01")), "2025-10-01T00:00:00Z");
        assert_eq!(shown(until("2025-10-01")), "2025-10-01T23:59:59.999999999Z");
        let before = clock::now();
        let moment = since("2h").unwrap() + SignedDuration::from_hours(2);
        assert!(before <= moment && moment <= clock::now(), "{moment}");
        for odd in ["", "yesterday", "2025-13-01", "2025-10-01T25:00:00Z", "12"] {
            assert!(since(odd).is_err(), "{odd}");
        }
    }
}
