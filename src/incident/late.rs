//! Records that come when the alarm they would have raised is long over: a backlog read late, an old file under a new name. They are judged
//! and counted like others; but an alarm that began and ended again at once, and again at the next record, would page for each of them.
//! Receives the time of such a record and when the last alarm was over, says whether the record is older than that.

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::incident::containment::later;

/// Whether a record of `time` is late evidence for the alarm that was over at `past`: at `clock`, calm of the length `calm` would have
/// followed it. The alarm then counts as one that lasted so long.
pub(crate) fn belongs(past: &mut Option<Timestamp>, time: Timestamp, clock: Timestamp, calm: SignedDuration) -> bool {
    let over = later(time, calm);
    let belongs = clock >= over && past.is_some_and(|past| time <= past);
    if belongs {
        *past = (*past).max(Some(over));
    }
    belongs
}
