//! Logs in which every line has a header, the rows of a traceback too: syslog, `journalctl`, `docker logs -t`, `kubectl logs --timestamps`.
//! The rows lose theirs, so that they continue the record they belong to; the writers (host and process) are told apart.

use crate::decode::LineClass;
use crate::decode::line;
use crate::decode::time;
use crate::decode::transport::Emit;
use crate::decode::transport::collected::Within as Joined;
use crate::decode::transport::encoding::Place;
use crate::decode::transport::platform;
use crate::decode::transport::platform::Prefix;

/// The longest `host app[12]: ` that is believed.
const MAX_TAG: usize = 160;
/// Writers remembered; the state of one more is begun anew.
const MAX_WRITERS: usize = 64;
const TRACEBACK: &[u8] = b"Traceback (most recent call last):";

/// The header of a line: who wrote it, and where its text begins.
struct Header<'a> {
    writer: &'a [u8],
    text: usize,
    /// The time, where nothing but it and the platform's own words stand before the text, which may have a header of its own.
    bare: Option<&'a [u8]>,
}

/// Whether the lines of a file that begins with `line` have such headers.
pub(super) fn is_stamped(line: &[u8]) -> bool {
    header(line).is_some()
}

/// Whether they have a platform's.
pub(super) fn is_of_a_platform(line: &[u8]) -> bool {
    platform::prefix(line).is_some()
}

fn header(line: &[u8]) -> Option<Header<'_>> {
    if let Some(Prefix { writer, stamp, text }) = platform::prefix(line) {
        return Some(Header { writer, text, bare: Some(stamp) });
    }
    let start = if line.first() == Some(&b'<') { line::priority_len(line)? } else { 0 };
    let version = if start > 0 && line.get(start..)?.starts_with(b"1 ") { 2 } else { 0 };
    let stamp = time::leading(line.get(start + version..)?)?;
    let end = start + version + stamp.len;
    let rest = line.get(end..)?;
    let text = rest.strip_prefix(b" ").or_else(|| rest.is_empty().then_some(rest))?;
    if version > 0 {
        let len = named_len(text)?;
        return Some(Header { writer: text.get(..len)?, text: (end + 1 + len).min(line.len()), bare: None });
    }
    let before = line.get(..end)?;
    if start == 0 && platform::nanoseconds(before) && !text.starts_with(b"std") {
        return Some(Header { writer: b"", text: end + usize::from(!rest.is_empty()), bare: Some(before) });
    }
    let iso = line.get(start + 10) == Some(&b'T');
    if !stamp.syslog && !iso {
        return None;
    }
    let tag = tag_len(text.get(..MAX_TAG).unwrap_or(text), iso)?;
    let begin = end + 1 + tag;
    let blank = usize::from(line.get(begin) == Some(&b' '));
    Some(Header { writer: text.get(..tag)?, text: begin + blank, bare: None })
}

/// A time and nothing else that is known: where every line has a header, it is one.
fn stamp_alone(line: &[u8]) -> Option<Header<'_>> {
    let end = platform::iso(line)?;
    Some(Header { writer: b"", text: (end + 1).min(line.len()), bare: line.get(..end) })
}

/// Length of RFC 5424's host, application, process, message id and structured data, with the blank behind them.
fn named_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..4 {
        at += text.get(at..)?.iter().take(MAX_TAG).position(|byte| *byte == b' ')? + 1;
    }
    if text.get(at) == Some(&b'-') {
        return Some((at + 2).min(text.len()));
    }
    while text.get(at) == Some(&b'[') {
        let mut quoted = false;
        let mut escaped = false;
        let close = text.get(at..)?.iter().position(|byte| {
            quoted ^= *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            *byte == b']' && !quoted
        })?;
        at += close + 1;
    }
    Some((at + 1).min(text.len()))
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
    /// The same for the text behind a platform's header.
    joined: Joined,
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
    /// The writer of the line before: what has no header is its.
    last: Vec<u8>,
    /// Text behind a bare time, with a runtime's header before it.
    line: Vec<u8>,
}

impl Stamped {
    /// One line; a line without a header goes through as it is.
    pub(super) fn line(&mut self, line: &[u8], place: Place, emit: &mut Emit<'_>) {
        let Some(header) = header(line).or_else(|| stamp_alone(line)) else {
            return emit(&self.last, line, place);
        };
        if self.last != header.writer {
            header.writer.clone_into(&mut self.last);
        }
        let text = line.get(header.text..).unwrap_or_default();
        let known = self.writers.iter().position(|writer| writer.name == header.writer);
        let at = known.unwrap_or_else(|| {
            if self.writers.len() == MAX_WRITERS {
                self.writers.remove(0);
            }
            self.writers.push(Writer { name: header.writer.to_vec(), ..Writer::default() });
            self.writers.len() - 1
        });
        let Some(writer) = self.writers.get_mut(at) else { return };
        let Some(stamp) = header.bare else {
            let text = if writer.continues(text) { text } else { line };
            return emit(header.writer, text, place);
        };
        let own = text.trim_ascii_start();
        let own = if line::opening(own).is_some() { own } else { text };
        if stamp.is_empty() || writer.joins(own) {
            return emit(header.writer, own, place);
        }
        self.line.clear();
        self.line.extend_from_slice(stamp);
        if line::classify(own) == LineClass::Header {
            if let Some(blank) = self.line.get_mut(10) {
                *blank = b'T';
            }
            self.line.extend_from_slice(b" stdout F ");
        } else {
            self.line.push(b' ');
        }
        self.line.extend_from_slice(own);
        emit(header.writer, &self.line, place);
    }
}

impl Writer {
    /// Whether `text`, behind a platform's header, continues what came before.
    fn joins(&mut self, text: &[u8]) -> bool {
        let (joined, continues) = self.joined.then(text);
        // An object is whole.
        self.joined = if text.first() == Some(&b'{') { Joined::default() } else { joined };
        continues
    }

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
