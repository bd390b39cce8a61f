//! Many interrupted lines at once. Where every line holds colours or escapes, the clean copies of many lines are looked at together:
//! coloured lines with nothing in them are passed over, their raw bytes are not even walked; of others it is known that their copies
//! hide nothing. Receives the block and a line start, gives how far that goes.

use std::ops::Range;

use memchr::memchr2;
use memchr::memchr3;

use crate::matcher::framing;
use crate::matcher::prefilter::Prefilter;

/// Interrupted lines with fewer bytes than this between them are worth looking at together.
const NEAR: usize = 256;
/// Bytes of lines that are looked at together.
const STRETCH: usize = 16 * 1024;

/// What was learnt of one stretch of whole records.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    /// Lines before it are looked at one by one.
    loud_until: usize,
    /// Behind the last line that was interrupted.
    interrupted_until: usize,
}

impl Quiet {
    /// How far the lines from the line start `at` on, up to `end`, hold nothing; `None` when they may, or are not worth the try.
    pub(crate) fn pass(
        &mut self,
        prefilter: &Prefilter,
        bytes: &[u8],
        (at, end): (usize, usize),
        scratch: &mut Vec<u8>,
    ) -> Option<usize> {
        if at < self.loud_until {
            return None;
        }
        let lines = bytes.get(at..end.min(at + STRETCH)).unwrap_or_default();
        let first = framing::line_end(lines, 0);
        let second = framing::line_end(lines, first);
        // One coloured line among others is no reason to read the others twice.
        let lone = [0..first, first..second]
            .into_iter()
            .any(|line| memchr2(0x1b, 0, lines.get(line).unwrap_or_default()).is_none());
        if lone {
            return None;
        }
        // Escapes and markup may themselves be part of a text, and release keys are read from raw lines.
        let plain = lines.get(..memchr3(b'\\', b'{', b'<', lines).unwrap_or(lines.len())).unwrap_or_default();
        let len = framing::line_start(plain, plain.len());
        if len < second {
            return None;
        }
        self.loud_until = at + len;
        let is_quiet = prefilter.is_quiet(lines.get(..len).unwrap_or_default(), scratch);
        is_quiet.then_some(at + len)
    }

    /// How far the clean copies of the lines from the one at `line` on, up to `end`, hide nothing; their raw bytes may hold something.
    /// `None` when the copies may hide something, or are not worth the try.
    pub(crate) fn vouch(
        &mut self,
        prefilter: &Prefilter,
        bytes: &[u8],
        (line, end): (&Range<usize>, usize),
        scratch: &mut Vec<u8>,
    ) -> Option<usize> {
        let near = self.interrupted_until > 0 && line.start <= self.interrupted_until + NEAR;
        self.interrupted_until = line.end;
        if !near || line.start < self.loud_until {
            return None;
        }
        let lines = bytes.get(line.start..end.min(line.start + STRETCH)).unwrap_or_default();
        let until = line.start + framing::line_start(lines, lines.len());
        if until < line.end {
            return None;
        }
        self.loud_until = until;
        let hides = prefilter.hidden(lines.get(..until - line.start).unwrap_or_default(), scratch);
        if hides {
            return None;
        }
        self.interrupted_until = until;
        Some(until)
    }
}
