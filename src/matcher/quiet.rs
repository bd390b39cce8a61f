//! Many interrupted lines at once. Where every line holds colours or escapes, the clean copies of many lines are looked at together:
//! coloured lines with nothing in them are passed over, their raw bytes are not even walked; of others it is known that their copies
//! hide nothing. Receives the block and a line start, gives how far that goes.

use std::ops::Range;

use memchr::memchr2;
use memchr::memchr3;

use crate::matcher::framing;
use crate::matcher::prefilter::Prefilter;
use crate::matcher::sieve::Search;

/// Bytes of lines that are looked at together.
const STRETCH: usize = 16 * 1024;

/// What was learnt of one stretch of whole records.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    /// Lines before it are looked at one by one.
    loud_until: usize,
    /// Interrupted lines, one behind the other.
    lines: Vec<u8>,
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

    /// How far the clean copies of the interrupted lines from the one at `line` on hide nothing, as far as `search` has looked ahead;
    /// their raw bytes may hold something. `None` when the copies may hide something.
    pub(crate) fn vouch(
        &mut self,
        prefilter: &Prefilter,
        (bytes, search): (&[u8], &Search),
        line: &Range<usize>,
        scratch: &mut Vec<u8>,
    ) -> Option<usize> {
        if line.start < self.loud_until {
            return None;
        }
        self.lines.clear();
        self.lines.extend_from_slice(bytes.get(line.clone()).unwrap_or_default());
        let mut until = line.end;
        for at in prefilter.interruptions(search) {
            if at > until {
                let line = framing::line_start(bytes, at - 1)..framing::line_end(bytes, at - 1);
                until = line.end;
                self.lines.extend_from_slice(bytes.get(line).unwrap_or_default());
            }
        }
        until = until.max(search.searched());
        self.loud_until = until;
        let hides = prefilter.hidden(&self.lines, scratch);
        (!hides).then_some(until)
    }
}
