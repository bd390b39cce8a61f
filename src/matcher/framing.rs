//! Where records begin and end. A header starts a record and anything else continues it; a stretch without a header ("headless")
//! goes by plain lines. All of it follows from the lines after a record's start, so any chunking of a stream gives the same records.
//!
//! Headless: a plain line starts a record, unless it is the exception line of a traceback, that is, stands directly behind an
//! indented or separating continuation line. What is cut at a bound begins a headless stretch of its own.

use memchr::memchr;
use memchr::memrchr;

use crate::decode;
use crate::decode::LineClass;
use crate::decode::OwnHeader;

/// The bounds of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Framing<'a> {
    /// `false`: every line is a record.
    pub multiline: bool,
    /// The first line always belongs to its record; no other may lead beyond so many bytes.
    pub max_bytes: usize,
    /// No more lines than that.
    pub max_lines: usize,
    /// The header of the file, if it has one of its own.
    pub header: Option<&'a OwnHeader>,
}

/// Where a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Behind its last byte.
    pub end: usize,
    /// Cut at a bound.
    pub cut: bool,
    /// The bytes ended before the record was seen to end: more lines may belong to it.
    pub open: bool,
}

/// Behind the end of the line that holds `at`: its newline is part of it.
pub(crate) fn line_end(bytes: &[u8], at: usize) -> usize {
    memchr(b'\n', bytes.get(at..).unwrap_or_default()).map_or(bytes.len(), |len| at + len + 1)
}

/// Start of the line that holds `at`.
pub(crate) fn line_start(bytes: &[u8], at: usize) -> usize {
    memrchr(b'\n', bytes.get(..at).unwrap_or_default()).map_or(0, |newline| newline + 1)
}

fn line(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    let line = bytes.get(start..end).unwrap_or_default();
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Where the header begins whose last line is `text`, at `start`.
fn first_of_header(bytes: &[u8], floor: usize, start: usize, text: &[u8]) -> usize {
    if start <= floor {
        return start;
    }
    let before = line_start(bytes, start - 1).max(floor);
    let two = decode::is_second_of_header(line(bytes, before, start), text);
    if two { before } else { start }
}

impl Framing<'_> {
    fn classify(self, line: &[u8]) -> LineClass {
        decode::classify_with(line, self.header)
    }

    /// The record that starts at `start`. Lines are taken to be complete, the last one with or without its newline.
    pub(crate) fn frame(self, bytes: &[u8], start: usize) -> Frame {
        let mut end = line_end(bytes, start);
        if !self.multiline {
            return Frame { end, cut: false, open: false };
        }
        let mut last = line(bytes, start, end);
        let mut class = self.classify(last);
        let headed = class == LineClass::Header;
        let mut lines = 1;
        while end < bytes.len() {
            let next_end = line_end(bytes, end);
            let next = line(bytes, end, next_end);
            let next_class = self.classify(next);
            let starts = match next_class {
                LineClass::Header => lines > 1 || !decode::is_second_of_header(last, next),
                LineClass::Continuation => false,
                LineClass::Plain => !headed && !decode::expects_exception(class, last),
            };
            let cut = !starts && (lines == self.max_lines || next_end - start > self.max_bytes);
            if starts || cut {
                return Frame { end, cut, open: false };
            }
            (last, class, end) = (next, next_class, next_end);
            lines += 1;
        }
        Frame { end, cut: false, open: true }
    }

    /// The last place in `bytes[floor..at]` that is sure to start a record: a header, or, in a headless stretch, a plain line that is
    /// no exception line. It is headless where no header stands in as many lines as a record may have, or none behind `floor`.
    /// Else `floor`, itself the start of a record. `floor` and `at` are line starts.
    fn sure_start(self, bytes: &[u8], floor: usize, at: usize) -> usize {
        let mut end = at;
        // The line just seen, if plain; and the last plain line that the line before it allows to start a record.
        let (mut plain, mut headless) = (None, None);
        let mut lines_before = 0;
        while end > floor && lines_before < self.max_lines {
            let start = line_start(bytes, end - 1).max(floor);
            let text = line(bytes, start, end);
            let class = self.classify(text);
            if class == LineClass::Header {
                return first_of_header(bytes, floor, start, text);
            }
            if let Some(start) = plain.take()
                && !decode::expects_exception(class, text)
            {
                headless = Some(start);
            }
            lines_before += usize::from(headless.is_some());
            plain = (class == LineClass::Plain && headless.is_none()).then_some(start);
            end = start;
        }
        headless.unwrap_or(floor)
    }

    /// Start of the last record of `bytes`, which may still grow. `start` is the start of a record.
    pub(crate) fn last_start(self, bytes: &[u8], start: usize) -> usize {
        if !self.multiline {
            return bytes.len();
        }
        let mut at = self.sure_start(bytes, start, bytes.len());
        loop {
            let frame = self.frame(bytes, at);
            if frame.open || frame.end >= bytes.len() {
                return at;
            }
            at = frame.end;
        }
    }

    /// The record that holds the byte at `at`, as its start and frame. `floor` is the start of a record at or before it.
    pub(crate) fn around(self, bytes: &[u8], floor: usize, at: usize) -> (usize, Frame) {
        if !self.multiline {
            let start = line_start(bytes, at).max(floor);
            return (start, self.frame(bytes, start));
        }
        let mut start = self.sure_start(bytes, floor, line_end(bytes, at));
        loop {
            let frame = self.frame(bytes, start);
            if at < frame.end || frame.end >= bytes.len() {
                return (start, frame);
            }
            start = frame.end;
        }
    }
}
