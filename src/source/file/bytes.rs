//! Reads pieces of files at offsets, without moving anything: beginnings, ends, and what stands before an offset.

use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use jiff::Timestamp;

use crate::source::file::identity::PREFIX_MAX;

/// `from: end` looks so far back for the last newline.
const LAST_LINE: u64 = 64 * 1024;

/// What some programs begin a UTF-8 file with; no part of the first line.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Size and modification time: equal values mean that there is nothing new to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) size: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }

    /// When the file was last written.
    pub(super) fn modified(&self) -> Option<Timestamp> {
        self.modified.and_then(|modified| Timestamp::try_from(modified).ok())
    }
}

/// Fills `buffer` from `offset` as far as the file goes.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The first [`PREFIX_MAX`] bytes of a file, or all of it.
pub(super) fn head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; PREFIX_MAX];
    let count = read_at(file, &mut head, 0)?;
    head.truncate(count);
    Ok(head)
}

/// The bytes before offset `end`, `most` at most.
pub(super) fn before(file: &File, end: u64, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; most.min(usize::try_from(end).unwrap_or(most))];
    let from = end - bytes.len() as u64;
    let count = read_at(file, &mut bytes, from)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// The offset behind the last newline, or the size when there is none near the end.
pub(super) fn after_last_line(file: &File, size: u64) -> io::Result<u64> {
    let from = size.saturating_sub(LAST_LINE);
    let mut last = vec![0; usize::try_from(size - from).unwrap_or_default()];
    let count = read_at(file, &mut last, from)?;
    let newline = last.get(..count).and_then(|last| memchr::memrchr(b'\n', last));
    Ok(newline.map_or(if from == 0 { 0 } else { size }, |at| from + at as u64 + 1))
}

/// How many bytes before the first line are no text; `None` when too few bytes are there to tell.
pub(super) fn text_start(head: &[u8]) -> Option<u64> {
    if head.starts_with(BYTE_ORDER_MARK) {
        return Some(BYTE_ORDER_MARK.len() as u64);
    }
    (!BYTE_ORDER_MARK.starts_with(head) || head.is_empty()).then_some(0)
}
