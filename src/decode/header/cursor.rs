//! The header of a plain-text line, as data.

use jiff::Timestamp;

use crate::decode::severity;
use crate::decode::time::Stamp;
use crate::model::record::Attributes;
use crate::model::record::Severity;

/// What the header of a line says, and where its message begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::decode) struct Header {
    /// Event time, where the header names year and day.
    pub(in crate::decode) time: Option<Timestamp>,
    /// Whether the line names no zone: `time` is that of UTC then.
    pub(in crate::decode) local: bool,
    /// Severity as written.
    pub(in crate::decode) severity: Option<Severity>,
    /// Logger, thread, process, source location: OpenTelemetry names.
    pub(in crate::decode) attributes: Attributes,
    /// Host of a syslog header.
    pub(in crate::decode) host: Option<String>,
    /// The service part of `time - service - logger - level - message`.
    pub(in crate::decode) service: Option<String>,
    /// Byte offset of the message in the line.
    pub(in crate::decode) body: usize,
    /// Whether the header is loguru's: its message may hold literal colour tags.
    pub(in crate::decode) markup: bool,
    /// Whether the header belongs to the transport (syslog): a JSON message is then the record.
    pub(in crate::decode) transport: bool,
}

impl Header {
    /// Takes the moment of `stamp` if none is known yet.
    pub(in crate::decode) fn took(&mut self, stamp: &Stamp) {
        if self.time.is_none() {
            self.time = stamp.timestamp();
            self.local = stamp.is_local();
        }
    }
}

/// Reads a header from left to right.
pub(in crate::decode) struct Cursor<'a> {
    pub(in crate::decode) line: &'a str,
    pub(in crate::decode) at: usize,
    pub(in crate::decode) header: Header,
}

impl<'a> Cursor<'a> {
    pub(in crate::decode) fn new(line: &'a str) -> Self {
        Self { line, at: 0, header: Header::default() }
    }

    pub(in crate::decode) fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    pub(in crate::decode) fn blanks(&mut self) -> usize {
        let rest = self.rest();
        let count = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        self.at += count;
        count
    }

    pub(in crate::decode) fn eat(&mut self, text: &str) -> bool {
        let hit = self.rest().starts_with(text);
        if hit {
            self.at += text.len();
        }
        hit
    }

    /// The word at the cursor, up to the next blank; not consumed.
    pub(in crate::decode) fn word(&self) -> &'a str {
        let rest = self.rest();
        memchr::memchr2(b' ', b'\t', rest.as_bytes()).and_then(|end| rest.get(..end)).unwrap_or(rest)
    }

    /// Content of the bracket at the cursor, inner brackets included; not consumed.
    pub(in crate::decode) fn bracket(&self) -> Option<&'a str> {
        let rest = self.rest();
        if !rest.starts_with('[') {
            return None;
        }
        let mut depth = 0_i32;
        for (at, byte) in rest.bytes().take(256).enumerate() {
            depth += i32::from(byte == b'[') - i32::from(byte == b']');
            if depth == 0 {
                return rest.get(1..at);
            }
        }
        None
    }

    pub(in crate::decode) fn stamp(&mut self) -> bool {
        let Some(stamp) = crate::decode::time::leading(self.rest().as_bytes()) else { return false };
        self.header.took(&stamp);
        self.at += stamp.len;
        true
    }

    /// Takes `word` as the severity if it is one and none is known yet.
    pub(in crate::decode) fn severity(&mut self, word: &str) -> bool {
        let found = severity::of(word);
        let hit = found.is_some();
        if self.header.severity.is_none() {
            self.header.severity = found;
        }
        hit
    }

    pub(in crate::decode) fn set(&mut self, key: &str, value: &str) {
        if !value.is_empty() && self.header.attributes.get(key).is_none() {
            self.header.attributes.push(key, value);
        }
    }

    /// `name.py:12`, `cmd/main.go:7` → `code.file.path`, `code.line.number`.
    pub(in crate::decode) fn location(&mut self, text: &str) -> bool {
        let Some((path, line)) = text.trim().rsplit_once(':') else { return false };
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let known = file.rsplit_once('.').is_some_and(|(stem, ending)| {
            !stem.is_empty()
                && (1..=5).contains(&ending.len())
                && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if !known || !digits(line) || path.contains(' ') {
            return false;
        }
        self.set("code.file.path", path);
        self.set("code.line.number", line);
        true
    }
}

/// One or more ASCII digits and nothing else.
pub(in crate::decode) fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` can be the name of a logger: dotted or `::`-parted identifiers, and no exception type, which belongs to the
/// message.
pub(in crate::decode) fn logger_name(text: &str) -> bool {
    let last = text.rsplit(['.', ':']).next().unwrap_or(text);
    let dotted = text.contains('.') || text.contains("::") || matches!(text, "__main__" | "root");
    dotted && identifier(text) && !last.is_empty() && !exception_word(last)
}

/// Letters, digits and the punctuation of names, beginning with a letter.
pub(in crate::decode) fn identifier(text: &str) -> bool {
    text.len() <= 160
        && text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '$' | ':' | '/' | '@' | '<' | '>'))
}

/// Whether a class name is one of an exception by convention.
pub(in crate::decode) fn exception_word(name: &str) -> bool {
    ["Error", "Exception", "Warning", "Exit", "Interrupt", "Failure", "Fault", "Iteration"]
        .iter()
        .any(|ending| name.ends_with(ending))
}
