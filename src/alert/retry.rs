//! When to try again: exponential, with jitter, never sooner than the sink asked for.

use std::time::Duration;

use backon::BackoffBuilder;
use backon::ExponentialBuilder;
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use schemars::JsonSchema;
use serde::Deserialize;

/// Longest pause a sink may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(15);

/// How failed deliveries are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// First pause after a failure; each further one doubles. Default `1s`.
    #[schemars(with = "String")]
    pub min_delay: SignedDuration,
    /// Longest pause between two attempts. Default `60s`: a sink that is back hears of a page within a minute.
    #[schemars(with = "String")]
    pub max_delay: SignedDuration,
    /// After this time a notice becomes a dead letter. Default `168h`: nobody acts on an older page.
    #[schemars(with = "String")]
    pub give_up: SignedDuration,
    /// How long the last attempts may take when relapse stops; what is not delivered stays owed. Default `5s`.
    #[schemars(with = "String")]
    pub last_attempts: SignedDuration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            min_delay: SignedDuration::from_secs(1),
            max_delay: SignedDuration::from_mins(1),
            give_up: SignedDuration::from_hours(7 * 24),
            last_attempts: SignedDuration::from_secs(5),
        }
    }
}

impl RetryConfig {
    /// The pause after `failures` failures in a row (0 counts as one). Jitter adds up to as much again, so that many sidecars
    /// do not come back in step.
    pub fn delay(&self, failures: u32) -> Duration {
        let max = unsigned(self.max_delay);
        let steps = failures.clamp(1, 32) as usize;
        let mut delays = ExponentialBuilder::new()
            .with_min_delay(unsigned(self.min_delay).min(max))
            .with_max_delay(max)
            .with_jitter()
            .without_max_times()
            .build();
        delays.nth(steps - 1).unwrap_or(max)
    }
}

/// A configured duration; a negative one is none.
pub(in crate::alert) fn unsigned(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}

/// `now` and `pause` later.
pub(in crate::alert) fn later(now: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause).ok().and_then(|pause| now.checked_add(pause).ok()).unwrap_or(now)
}

/// `Retry-After`: seconds or an HTTP date. A pause beyond a quarter of an hour is cut: pages do not wait for half a day.
pub(in crate::alert) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let asked = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => unsigned(rfc2822::parse(value).ok()?.timestamp().duration_since(now)),
    };
    Some(asked.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retry = RetryConfig::default();
        for (failures, least) in [(0, 1), (1, 1), (2, 2), (4, 8), (7, 60), (1000, 60)] {
            let least = Duration::from_secs(least);
            let delay = retry.delay(failures);
            assert!(delay >= least && delay <= least * 2, "{failures}: {delay:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(37)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999999", now), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after("-1", now), None);
        assert_eq!(retry_after("soon", now), None);
    }
}
