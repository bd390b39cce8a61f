//! Bytes and oddities of a batch → metrics: every byte read is accounted for by outcome.

use tracing::warn;

use crate::app::slow::Slow;
use crate::app::slow::Slowness;
use crate::source::Batch;
use crate::telemetry::labels::ByteOutcome;
use crate::telemetry::labels::OddReason;
use crate::telemetry::metrics::Metrics;

/// Counts what went through with `batch`, and names the signatures that `slow` finds slow.
pub(super) fn count(metrics: &Metrics, batch: &Batch, slow: &mut Slow) {
    let (kind, tally) = (batch.kind, &batch.tally);
    metrics.source_bytes(kind, ByteOutcome::Matched, tally.bytes.saturating_sub(tally.overlong_bytes));
    metrics.source_bytes(kind, ByteOutcome::SkippedOverlong, tally.overlong_bytes);
    metrics.source_lines(kind, tally.lines);
    metrics.records_odd(OddReason::Overlong, u64::from(tally.overlong_bytes > 0));
    metrics.records_odd(OddReason::Cut, tally.cut_records);
    metrics.records_odd(OddReason::InvalidUtf8, tally.invalid_utf8);
    metrics.records_odd(OddReason::BrokenJson, tally.broken_json);
    metrics.records_odd(OddReason::NoTime, tally.no_time);
    metrics.records_odd(OddReason::UnreadTime, tally.unread_times);
    metrics.records_odd(OddReason::Ambiguous, tally.ambiguous);
    for (signature, records) in &tally.near_misses {
        metrics.near_misses(signature, *records);
    }
    for (signature, work) in &tally.work {
        metrics.signature_work(signature, work.bytes, work.over_budget);
    }
    for (signature, reason) in slow.newly(tally) {
        match reason {
            Slowness::OftenAsked => warn!(
                %signature,
                "the signature is compared with more than 5 % of what is read: see `relapse check --cost`, give it a rarer text"
            ),
            Slowness::OverBudget => warn!(
                %signature,
                "a record was too long for the signature's step budget, its beginning was searched: make the expression smaller"
            ),
        }
    }
    if tally.lines > 0 {
        metrics.set_source_last_record(kind, batch.read_at);
        if let Some(time) = tally.last_time {
            metrics.set_source_lag_seconds(kind, batch.read_at.duration_since(time));
        }
    }
}
