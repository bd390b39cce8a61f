//! The bytes of one stream that are still needed: some history, then what is not yet completed. Receives blocks as they come, knows
//! the file offset and line number of every byte it holds, and never holds more of a line than its bound.

use std::io;
use std::io::Read;

use memchr::memchr;
use memchr::memchr_iter;
use memchr::memrchr;

/// Bytes kept before the first uncompleted one: where a record without a time looks for one.
pub(crate) const HISTORY: usize = 64 * 1024;
/// Completed bytes are dropped in pieces of at least this size, so that moving the rest costs little.
const DROP_AT: usize = 64 * 1024;

/// Bytes of an overlong line that were left out.
#[derive(Debug, Clone, Copy)]
struct Gap {
    at: usize,
    bytes: u64,
}

/// What became complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Completed {
    /// Bytes of the file, left-out ones included.
    pub bytes: u64,
    /// Of these: left out.
    pub overlong: u64,
    /// Newlines.
    pub lines: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// What is held, and room for more behind it.
    room: Vec<u8>,
    len: usize,
    /// Bytes that once stood before these.
    dropped: usize,
    start: usize,
    offset: u64,
    line: u64,
    line_start: usize,
    gaps: Vec<Gap>,
    counted: (usize, u64),
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

impl Buffer {
    /// Begins at byte `offset`, 1-based line `line` of the file.
    pub(crate) fn new(offset: u64, line: u64) -> Self {
        Self {
            room: Vec::new(),
            len: 0,
            dropped: 0,
            start: 0,
            offset,
            line,
            line_start: 0,
            gaps: Vec::new(),
            counted: (0, line),
        }
    }

    /// Everything held, history included.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }

    /// How many bytes held earlier were dropped.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped
    }

    /// Index of the first uncompleted byte.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Index behind the last complete line.
    pub(crate) fn complete_lines(&self) -> usize {
        self.line_start
    }

    /// File offset and line number of the first uncompleted byte.
    pub(crate) fn position(&self) -> (u64, u64) {
        (self.offset, self.line)
    }

    /// Reads at most `most` bytes to where they stay, as [`Buffer::append`] takes them. Gives how many.
    pub(crate) fn read(&mut self, most: usize, max_line: usize, reader: &mut dyn Read) -> io::Result<usize> {
        let read = reader.read(self.space(most))?;
        let end = self.len + read;
        if read <= max_line.saturating_sub(self.len - self.line_start) {
            self.take(end);
        } else {
            let block = self.room.get(self.len..end).unwrap_or_default().to_vec();
            self.append(&block, max_line);
        }
        Ok(read)
    }

    /// Appends a block; of each line at most `max_line` bytes are kept, its newline besides.
    pub(crate) fn append(&mut self, mut block: &[u8], max_line: usize) {
        loop {
            let room = max_line.saturating_sub(self.len - self.line_start);
            if block.len() <= room {
                self.space(block.len()).copy_from_slice(block);
                self.take(self.len + block.len());
                return;
            }
            let len = memchr(b'\n', block).unwrap_or(block.len());
            let (line, rest) = block.split_at(len);
            let (kept, left_out) = line.split_at(len.min(room));
            self.space(kept.len()).copy_from_slice(kept);
            self.len += kept.len();
            self.leave_out(left_out.len());
            let Some((newline, rest)) = rest.split_first() else { return };
            self.space(1).fill(*newline);
            self.take(self.len + 1);
            block = rest;
        }
    }

    /// So many bytes behind what is held.
    fn space(&mut self, wanted: usize) -> &mut [u8] {
        let end = self.len + wanted;
        if self.room.len() < end {
            self.room.resize(end, 0);
        }
        self.room.get_mut(self.len..end).unwrap_or_default()
    }

    /// What was written behind the bytes held, up to `end`, is held too.
    fn take(&mut self, end: usize) {
        if let Some(newline) = memrchr(b'\n', self.room.get(self.len..end).unwrap_or_default()) {
            self.line_start = self.len + newline + 1;
        }
        self.len = end;
    }

    fn leave_out(&mut self, len: usize) {
        let at = self.len;
        match self.gaps.last_mut() {
            _ if len == 0 => {}
            Some(gap) if gap.at == at => gap.bytes += wide(len),
            _ => self.gaps.push(Gap { at, bytes: wide(len) }),
        }
    }

    fn left_out_before(&self, at: usize) -> u64 {
        self.gaps.iter().take_while(|gap| gap.at <= at).map(|gap| gap.bytes).sum()
    }

    /// File offset of the record start at index `at`.
    pub(crate) fn offset_at(&self, at: usize) -> u64 {
        self.offset + wide(at.saturating_sub(self.start)) + self.left_out_before(at)
    }

    /// Line number of index `at`. Every newline is counted once as long as the calls go forward.
    pub(crate) fn line_at(&mut self, at: usize) -> u64 {
        if at < self.counted.0 {
            self.counted = (self.start, self.line);
        }
        let (from, line) = self.counted;
        let newlines = memchr_iter(b'\n', self.bytes().get(from..at).unwrap_or_default()).count();
        self.counted = (at, line + wide(newlines));
        self.counted.1
    }

    /// Somebody has counted `lines` newlines from index `from` to `to`: they need not be counted again.
    pub(crate) fn note_lines(&mut self, from: usize, to: usize, lines: u64) {
        if self.counted.0 <= from {
            self.counted = (to, self.line_at(from) + lines);
        }
    }

    /// Everything before `end`, a record start, is judged.
    pub(crate) fn complete(&mut self, end: usize) -> Completed {
        let line = self.line_at(end);
        let overlong = self.left_out_before(end);
        let completed = Completed { bytes: wide(end - self.start) + overlong, overlong, lines: line - self.line };
        self.gaps.retain(|gap| gap.at > end);
        self.offset += completed.bytes;
        self.line = line;
        self.start = end;
        self.drop_history();
        completed
    }

    /// One byte more than the history is kept: it tells whether the history begins with a line.
    fn drop_history(&mut self) {
        let dropped = self.start.saturating_sub(HISTORY + 1);
        if dropped < DROP_AT {
            return;
        }
        self.room.copy_within(dropped..self.len, 0);
        self.len -= dropped;
        self.dropped += dropped;
        self.start -= dropped;
        self.line_start -= dropped;
        self.counted.0 = self.counted.0.saturating_sub(dropped).max(self.start);
        for gap in &mut self.gaps {
            gap.at -= dropped;
        }
    }

    /// Everything is judged and nothing follows.
    pub(crate) fn forget(&mut self) {
        self.dropped += self.len;
        (self.room, self.len) = (Vec::new(), 0);
        self.gaps.clear();
        (self.start, self.line_start) = (0, 0);
        self.counted = (0, self.line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlong_line_is_cut_and_counted_however_it_comes() {
        let text = b"short\n0123456789abcdef\nnext\n";
        for size in 1..text.len() {
            let mut buffer = Buffer::new(100, 7);
            for block in text.chunks(size) {
                buffer.append(block, 10);
            }
            assert_eq!(buffer.bytes(), b"short\n0123456789\nnext\n", "blocks of {size}");
            assert_eq!(buffer.offset_at(17), 100 + 23, "the line behind it");
            assert_eq!(buffer.complete(22), Completed { bytes: 28, overlong: 6, lines: 3 });
            assert_eq!(buffer.position(), (128, 10));
        }
    }

    #[test]
    fn what_is_read_in_place_is_held_as_what_is_appended() {
        let text = b"short\n0123456789abcdef\n\nnext\n0123456789";
        for size in 1..text.len() {
            let (mut appended, mut read) = (Buffer::new(0, 1), Buffer::new(0, 1));
            text.chunks(size).for_each(|block| appended.append(block, 10));
            let mut reader = text.as_slice();
            while read.read(size, 10, &mut reader).unwrap() > 0 {}
            assert_eq!(read.bytes(), appended.bytes(), "blocks of {size}");
            assert_eq!(read.complete_lines(), appended.complete_lines());
            let end = read.complete_lines();
            assert_eq!(read.complete(end), appended.complete(end));
        }
    }

    #[test]
    fn memory_stays_bounded_on_an_endless_line() {
        let mut buffer = Buffer::new(0, 1);
        let block = vec![b'x'; 4096];
        for _ in 0..4096 {
            buffer.append(&block, 10_000);
        }
        assert_eq!(buffer.bytes().len(), 10_000);
        assert_eq!(buffer.gaps.len(), 1);
        let end = buffer.bytes().len();
        assert_eq!(buffer.complete(end), Completed { bytes: 4096 * 4096, overlong: 4096 * 4096 - 10_000, lines: 0 });
    }

    #[test]
    fn history_is_kept_and_dropped() {
        let mut buffer = Buffer::new(0, 1);
        for _ in 0..100_000 {
            buffer.append(b"0123456789\n", 1000);
            let end = buffer.bytes().len();
            buffer.complete(end);
            assert!(buffer.bytes().len() <= HISTORY + DROP_AT + 20);
        }
        assert!(buffer.start() > HISTORY);
        assert_eq!(buffer.position(), (1_100_000, 100_001));
    }
}
