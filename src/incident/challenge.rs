//! Whether another release has taken over from the current one without anybody declaring it. Hysteresis: a lone stale line among
//! sparse logs must not look like a rollback (verdicts.md, section 1).

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::incident::config::IncidentConfig;
use crate::model::incident::Challenge;
use crate::model::incident::LiveRelease;

/// A challenger needs so many records since the current release was last heard.
const RECORDS: u32 = 3;

/// Notes that `live`, which is not current, was heard at `time`; true when it has outlived the current release, of which is given
/// when it was last heard and its longest silence so far.
pub(crate) fn outlives(
    live: &mut LiveRelease,
    (current_heard, current_gap): (Timestamp, SignedDuration),
    time: Timestamp,
    config: &IncidentConfig,
) -> bool {
    let silence = config.drain.max(config.rollout_max.min(current_gap.saturating_mul(3)));
    let begun = live.challenge.filter(|challenge| challenge.since > current_heard);
    let mut challenge = begun.unwrap_or(Challenge { records: 0, since: time });
    challenge.records = challenge.records.saturating_add(1);
    live.challenge = Some(challenge);
    challenge.records >= RECORDS
        && time.duration_since(challenge.since) >= config.drain
        && time.duration_since(current_heard) > silence
}
