//! What a file hands over: observations at once, positions now and then, everything when it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::matcher::Observation;
use crate::model::position::Position;
use crate::source::Batch;
use crate::source::Emit;
use crate::source::EventScope;
use crate::source::OutputClosed;
use crate::source::file::FileConfig;
use crate::source::file::identity::Marker;
use crate::source::file::reader::Tailed;
use crate::source::stream::RecordStream;
use crate::telemetry::labels::SourceKind;

/// A position without observations is reported at most so often.
const POSITION_EVERY: SignedDuration = SignedDuration::from_secs(1);

impl<S: RecordStream> Tailed<S> {
    /// When the pending record shall be judged although it may go on; `None` when nothing is pending.
    pub(super) fn flush_due(&self, config: &FileConfig) -> Option<Timestamp> {
        let wait = if self.tail.last() == Some(&b'\n') { config.idle_flush } else { config.partial_flush };
        self.stream.has_unflushed().then(|| self.last_data.checked_add(wait).unwrap_or(self.last_data))
    }

    /// When a position that moved shall be reported; `None` when the reported one is right.
    pub(super) fn report_due(&self) -> Option<Timestamp> {
        // Without a beginning a copy could not be told.
        let begun = self.sent.prefix_len == 0 && self.prefix.len > 0;
        let wait = if begun { SignedDuration::ZERO } else { POSITION_EVERY };
        self.moved().then(|| self.sent_at.checked_add(wait).unwrap_or(self.sent_at))
    }

    fn moved(&self) -> bool {
        let (offset, _) = self.stream.position();
        (offset, self.start.generation, self.prefix.len)
            != (self.sent.offset, self.sent.generation, self.sent.prefix_len)
            || self.sent.line == 0
    }

    /// Judges the pending record and keeps it.
    pub(super) fn flush(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        let mut found = Vec::new();
        self.stream.flush(&mut found);
        self.report(&mut found, now, emit)
    }

    /// Judges and reports everything, position included: nothing will follow for now.
    pub(super) fn settle(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        let mut found = Vec::new();
        if self.stream.has_unflushed() {
            self.stream.flush(&mut found);
        }
        if found.is_empty() && !self.moved() { Ok(()) } else { self.send(found, false, now, emit) }
    }

    /// Judges and forgets the pending record: this generation has ended.
    pub(super) fn finish(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        let mut found = Vec::new();
        self.stream.finish(&mut found);
        self.send(found, false, now, emit)
    }

    /// Ends this file: deleted, or renamed to where nothing is read. Its position may go, but not where an inode that is used again
    /// could not be told apart without it. (Should the file come back, it is read again under the same event ids.)
    pub(super) fn close(&mut self, now: Timestamp, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        let mut found = Vec::new();
        self.stream.finish(&mut found);
        self.send(found, self.key.birth.is_some(), now, emit)
    }

    /// Sends observations at once, a mere position now and then.
    pub(super) fn report(
        &mut self,
        found: &mut Vec<Observation>,
        now: Timestamp,
        emit: &mut Emit<'_>,
    ) -> Result<(), OutputClosed> {
        let due = self.report_due().is_some_and(|due| due <= now || self.sent_at > now);
        if found.is_empty() && !due { Ok(()) } else { self.send(std::mem::take(found), false, now, emit) }
    }

    pub(super) fn send(
        &mut self,
        observations: Vec<Observation>,
        closed: bool,
        now: Timestamp,
        emit: &mut Emit<'_>,
    ) -> Result<(), OutputClosed> {
        self.sent = self.position();
        self.sent_at = now;
        let mut tally = std::mem::take(&mut self.tally);
        tally += self.stream.take_tally();
        emit(Batch {
            kind: SourceKind::File,
            observations,
            position: Some(self.sent.clone()),
            read_at: now,
            written: self.seen.modified().map_or(now, |modified| modified.min(now)),
            source: Arc::clone(&self.shown),
            tally,
            event_scope: EventScope { stream: Arc::clone(&self.start.scope), generation: self.start.generation },
            closed,
            deploys: Vec::new(),
            sender: None,
        })
    }

    /// Where a restart would go on.
    pub(super) fn position(&self) -> Position {
        let (offset, line) = self.stream.position();
        let tail = Marker::of(self.read_offset, &self.tail);
        let foreign = self.start.scope != self.start.file_id;
        Position {
            file_id: self.start.file_id.to_string(),
            scope: if foreign { self.start.scope.to_string() } else { String::new() },
            path: self.path.to_string_lossy().into_owned(),
            offset,
            line,
            prefix_len: self.prefix.len,
            prefix_hash: self.prefix.hash.clone(),
            generation: self.start.generation,
            tail_end: tail.end,
            tail_len: tail.len,
            tail_hash: tail.hash,
            cursor: String::new(),
            // The pipeline knows them.
            processes: BTreeMap::new(),
        }
    }
}
