//! What a source needs of the thing it pushes bytes into. The matcher's [`FileScanner`] is the real one; tests record lines with
//! another.

use std::sync::Arc;

use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::scanner::Tally;
use crate::matcher::streams::FileScanner;

/// One byte stream: blocks in, observations out (the contract of [`FileScanner`]).
pub trait RecordStream {
    /// Appends bytes and reports every record they complete.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Observation>);
    /// Judges the pending record and keeps it.
    fn flush(&mut self, out: &mut Vec<Observation>);
    /// Judges the pending record when nothing that follows can belong to it; a stream that cannot tell waits.
    fn flush_whole(&mut self, _out: &mut Vec<Observation>) {}
    /// Judges the pending record and forgets it.
    fn finish(&mut self, out: &mut Vec<Observation>);
    /// Offset and 1-based line of the first byte not yet completed.
    fn position(&self) -> (u64, u64);
    /// Whether bytes are pending that no flush has judged.
    fn has_unflushed(&self) -> bool;
    /// Takes the tally since the last call.
    fn take_tally(&mut self) -> Tally;
    /// Replaces the matcher (reload).
    fn set_matcher(&mut self, matcher: Arc<Matcher>);
}

impl RecordStream for FileScanner {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Observation>) {
        Self::push(self, bytes, out);
    }

    fn flush(&mut self, out: &mut Vec<Observation>) {
        Self::flush(self, out);
    }

    fn flush_whole(&mut self, out: &mut Vec<Observation>) {
        Self::flush_whole(self, out);
    }

    fn finish(&mut self, out: &mut Vec<Observation>) {
        Self::finish(self, out);
    }

    fn position(&self) -> (u64, u64) {
        Self::position(self)
    }

    fn has_unflushed(&self) -> bool {
        Self::has_unflushed(self)
    }

    fn take_tally(&mut self) -> Tally {
        Self::take_tally(self)
    }

    fn set_matcher(&mut self, matcher: Arc<Matcher>) {
        Self::set_matcher(self, matcher);
    }
}
