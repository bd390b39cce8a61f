//! Logs in which every line has a header, the rows of a traceback too: syslog, `journalctl`, `docker logs -t`, `kubectl logs --timestamps`.
//! The rows lose theirs, so that they continue the record they belong to; the writers (host and process) are told apart.

use crate::decode::LineClass;
use crate::decode::line;
use crate::decode::time;
use crate::decode::transport::Emit;
use crate::decode::transport::encoding::Place;

/// The longest `host app[12]: ` that is believed.
const MAX_TAG: usize = 160;
/// Writers remembered; the state of one more is begun anew.
const MAX_WRITERS: usize = 64;
const TRACEBACK: &[u8] = b"Traceback (most recent call last):";

/// The header of a line: who wrote it, and where its text begins.
struct Header<'a> {
    writer: &'a [u8],
    text: usize,
    /// Nothing but a time: what stands behind it may have a header of its own.
    bare: bool,
}

/// Whether the lines of a file that begins with `line` have such headers.
pub(super) fn is_stamped(line: &[u8]) -> bool {
    header(line).is_some()
}

fn header(line: &[u8]) -> Option<Header<'_>> {
    let start = if line.first() == Some(&b'<') { line::priority_len(line)? } else { 0 };
    let stamp = time::leading(line.get(start..)?)?;
    let end = start + stamp.len;
    let rest = line.get(end..)?;
    let bare = Header { writer: b"", text: end + usize::from(!rest.is_empty()), bare: true };
    let text = rest.strip_prefix(b" ").or_else(|| rest.is_empty().then_some(rest))?;
    if start == 0 && nanoseconds(line.get(..end)?) && !text.starts_with(b"std") {
        return Some(bare);
    }
    let iso = line.get(start + 10) == Some(&b'T');
    if !stamp.syslog && !iso {
        return None;
    }
    let tag = tag_len(text.get(..MAX_TAG).unwrap_or(text), iso)?;
    let begin = end + 1 + tag;
    let blank = usize::from(line.get(begin) == Some(&b' '));
    Some(Header { writer: text.get(..tag)?, text: begin + blank, bare: false })
}

/// `2025-09-08T08:47:01.122456789Z`: runtimes print nanoseconds, services hardly ever.
fn nanoseconds(stamp: &[u8]) -> bool {
    stamp.last() == Some(&b'Z') && stamp.get(10) == Some(&b'T') && stamp.len() > 27
}

/// Length of `host app[12]:`; with `process`, only where a process number is part of it.
fn tag_len(text: &[u8], process: bool) -> Option<usize> {
    let colon =
        text.iter().position(|byte| *byte == b':').filter(|at| matches!(text.get(at + 1), None | Some(b' ')))?;
    let tag = text.get(..colon)?;
    let words = tag.split(|byte| *byte == b' ').count();
    let numbered = tag.last() == Some(&b']');
    let plain = tag.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') && !tag.contains(&b'"');
    (plain && (1..=3).contains(&words) && (numbered || !process)).then_some(colon + 1)
}

/// What one writer is in the middle of.
#[derive(Debug, Default)]
struct Writer {
    name: Vec<u8>,
    within: Within,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    /// A Python traceback: the next line that is not indented names the exception.
    Traceback,
    /// The calls of a goroutine, up to a blank line.
    Goroutine,
}

/// Takes the headers off rows.
#[derive(Debug, Default)]
pub(super) struct Stamped {
    writers: Vec<Writer>,
    /// Text behind a bare time, with a runtime's header before it.
    line: Vec<u8>,
}

impl Stamped {
    /// One line; a line without a header goes through as it is.
    pub(super) fn line(&mut self, line: &[u8], place: Place, emit: &mut Emit<'_>) {
        let Some(header) = header(line) else { return emit(b"", line, place) };
        let text = line.get(header.text..).unwrap_or_default();
        let known = self.writers.iter().position(|writer| writer.name == header.writer);
        let at = known.unwrap_or_else(|| {
            if self.writers.len() == MAX_WRITERS {
                self.writers.remove(0);
            }
            self.writers.push(Writer { name: header.writer.to_vec(), within: Within::Nothing });
            self.writers.len() - 1
        });
        let Some(writer) = self.writers.get_mut(at) else { return };
        if writer.continues(text) {
            return emit(header.writer, text, place);
        }
        let inner = text.trim_ascii_start();
        if header.bare && line::opening(inner).is_some() {
            self.line.clear();
            self.line.extend_from_slice(line.get(..header.text - 1).unwrap_or_default());
            self.line.extend_from_slice(b" stdout F ");
            self.line.extend_from_slice(inner);
            return emit(header.writer, &self.line, place);
        }
        emit(header.writer, line, place);
    }
}

impl Writer {
    /// Whether `text` is a row of what came before.
    fn continues(&mut self, text: &[u8]) -> bool {
        let indented = matches!(text.first(), None | Some(b' ' | b'\t'));
        // Some loggers pad the level: ` INFO`.
        let padded = indented && line::opening(text.trim_ascii_start()).is_some();
        let row = line::classify(text) == LineClass::Continuation && !padded;
        let within = self.within;
        self.within = if text.ends_with(TRACEBACK) || text.ends_with(b"Traceback (most recent call last):\r") {
            Within::Traceback
        } else if text.starts_with(b"goroutine ") {
            Within::Goroutine
        } else {
            match within {
                Within::Traceback if row && (indented || text.starts_with(b"+") || text.starts_with(b"|")) => within,
                Within::Goroutine if !text.is_empty() => within,
                _ => Within::Nothing,
            }
        };
        row || within == Within::Traceback || within == Within::Goroutine
    }
}
