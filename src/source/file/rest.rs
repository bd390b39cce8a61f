//! Files that are quiet hold no more memory than what is pending: a record stream keeps a history of what went by, and with thousands of
//! files that adds up.

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::matcher::Observation;
use crate::source::Emit;
use crate::source::OutputClosed;
use crate::source::file::bytes;
use crate::source::file::identity::FileKey;
use crate::source::file::reader::Open;
use crate::source::file::reader::Tailed;
use crate::source::file::tail::Tailer;
use crate::source::stream::RecordStream;

/// So many files keep the history of their stream.
const AWAKE: usize = 128;
/// And they keep it so long after their last byte.
const QUIET: SignedDuration = SignedDuration::from_secs(60);

impl<S: RecordStream> Tailed<S> {
    /// Begins the stream anew at its position and gives it what is pending again. `false` when that cannot be done now.
    fn rest(&mut self, buffer: &mut [u8], open: &Open<S>, found: &mut Vec<Observation>) -> bool {
        let (offset, line) = self.stream.position();
        let pending = usize::try_from(self.read_offset.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (Some(file), Some(pending)) = (&self.file, buffer.get_mut(..pending)) else { return false };
        let intact = bytes::read_at(file, pending, offset).is_ok_and(|count| count == pending.len());
        // What was read is compared before more is read; here it must not be mistaken for other bytes either.
        let last = pending.get(pending.len().saturating_sub(self.tail.len())..).unwrap_or_default();
        if !intact || !self.tail.ends_with(last) {
            return false;
        }
        let unflushed = self.stream.has_unflushed();
        self.tally += self.stream.take_tally();
        self.stream = open(std::sync::Arc::clone(&self.shown), offset, line);
        let mut again = Vec::new();
        self.stream.push(pending, &mut again);
        if unflushed {
            found.append(&mut again);
        } else {
            // Judged before; the ids are the same.
            self.stream.flush(&mut again);
        }
        true
    }
}

impl<S: RecordStream> Tailer<S> {
    /// Lets files rest that are quiet, or all when there are too many.
    pub(super) fn rest_some(&mut self, now: Timestamp) {
        if self.awake.is_empty() {
            return;
        }
        let many = self.awake.len() > AWAKE;
        let (files, buffer, open) = (&mut self.files, &mut self.buffer, &self.open);
        self.awake.retain(|key| {
            let Some(file) = files.get_mut(key) else { return false };
            let quiet = many || now.duration_since(file.last_data) >= QUIET;
            let busy = !quiet || file.queued || file.stream.has_unflushed();
            busy || !file.rest(buffer, open, &mut Vec::new())
        });
    }

    /// Between two turns of a file, while many are read at once.
    pub(super) fn rest_between(
        &mut self,
        key: FileKey,
        now: Timestamp,
        emit: &mut Emit<'_>,
    ) -> Result<(), OutputClosed> {
        if self.awake.len() <= AWAKE {
            return Ok(());
        }
        let Some(file) = self.files.get_mut(&key) else { return Ok(()) };
        let mut found = Vec::new();
        if file.rest(&mut self.buffer, &self.open, &mut found) {
            self.awake.remove(&key);
        }
        if found.is_empty() { Ok(()) } else { file.report(&mut found, now, emit) }
    }
}
