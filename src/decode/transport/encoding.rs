//! Bytes of a file → lines of UTF-8 text, whatever encoding the file has. Receives blocks, gives each whole line with the offset and
//! number it has in the file; holds no more than one line, and of that no more than its bound.

use std::borrow::Cow;

use memchr::memchr;
use schemars::JsonSchema;
use serde::Deserialize;

/// How a file's bytes stand for characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8, or anything else in which a line ends with a newline; bad bytes are shown as U+FFFD.
    #[default]
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Latin-1 and its superset Windows-1252.
    Latin1,
}

/// What Windows-1252 has between 0x80 and 0x9f, where Latin-1 has control characters.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl Encoding {
    /// The encoding that the first bytes of a file show, and whether they are enough to tell.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [] | [0xff | 0xfe] | [0xff, 0xfe] | [0xfe, 0xff] => None,
            [0xff, 0xfe, rest @ ..] if is_utf16(rest) => Some(Self::Utf16Le),
            [0xfe, 0xff, rest @ ..] if is_utf16(rest) => Some(Self::Utf16Be),
            _ => Some(Self::without_mark(head)),
        }
    }

    /// UTF-16 without a byte order mark: ASCII characters have a NUL as their other half.
    fn without_mark(head: &[u8]) -> Self {
        let pairs = || head.chunks_exact(2).take(32);
        let enough = head.len() >= 16;
        let text = |byte: u8| byte != 0 && byte < 0x80;
        if enough && pairs().all(|pair| matches!(pair, [low, 0] if text(*low))) {
            Self::Utf16Le
        } else if enough && pairs().all(|pair| matches!(pair, [0, low] if text(*low))) {
            Self::Utf16Be
        } else {
            Self::Utf8
        }
    }

    /// Bytes of one code unit.
    fn unit(self) -> usize {
        match self {
            Self::Utf8 | Self::Latin1 => 1,
            Self::Utf16Le | Self::Utf16Be => 2,
        }
    }

    /// Where the line that `bytes` begin with ends, newline excluded; `None` where no newline is in them.
    fn newline(self, bytes: &[u8]) -> Option<usize> {
        let newline = match self {
            Self::Utf8 | Self::Latin1 => return memchr(b'\n', bytes),
            Self::Utf16Le => [b'\n', 0],
            Self::Utf16Be => [0, b'\n'],
        };
        bytes.chunks_exact(2).position(|pair| pair == newline).map(|at| at * 2)
    }

    /// The text of `bytes`, in UTF-8.
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        let units = |whole: fn([u8; 2]) -> u16| {
            let pairs = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(whole);
            let text = char::decode_utf16(pairs).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
            Cow::Owned(text.filter(|c| *c != '\u{feff}').collect::<String>().into_bytes())
        };
        match self {
            Self::Utf8 => Cow::Borrowed(bytes),
            Self::Latin1 => latin1(bytes).map_or(Cow::Borrowed(bytes), |text| Cow::Owned(text.into_bytes())),
            Self::Utf16Le => units(u16::from_le_bytes),
            Self::Utf16Be => units(u16::from_be_bytes),
        }
    }
}

/// Two letters of ASCII side by side are one letter of UTF-16 that hardly any text has: such bytes behind a mark are no UTF-16.
fn is_utf16(bytes: &[u8]) -> bool {
    let ascii = |pair: &&[u8]| pair.iter().all(|byte| matches!(byte, 0x20..=0x7e));
    let pairs = bytes.chunks_exact(2).take(64);
    pairs.clone().filter(ascii).count() * 4 <= pairs.count()
}

/// `bytes` read as Windows-1252; `None` where they are ASCII only.
pub(in crate::decode) fn latin1(bytes: &[u8]) -> Option<String> {
    let character = |byte: u8| match byte {
        0x80..=0x9f => WINDOWS.get(usize::from(byte - 0x80)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        byte => char::from(byte),
    };
    (!bytes.is_ascii()).then(|| bytes.iter().copied().map(character).collect())
}

/// A line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Byte offset of its beginning in the file.
    pub offset: u64,
    /// Its number, from 1.
    pub line: u64,
}

/// What hears of lines: the text without its newline, and where it stood.
pub(super) type OnLine<'a> = dyn FnMut(&[u8], Place) + 'a;

/// Parts a file into lines.
#[derive(Debug)]
pub(super) struct Lines {
    encoding: Encoding,
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    next: Place,
    /// Bytes of the partial line so far, left-out ones included.
    taken: u64,
    max: usize,
    /// Bytes of overlong lines that were left out.
    pub(super) left_out: u64,
}

impl Lines {
    pub(super) fn new(encoding: Encoding, next: Place, max: usize) -> Self {
        Self { encoding, partial: Vec::new(), next, taken: 0, max: max.next_multiple_of(2), left_out: 0 }
    }

    /// Where the first line begins that has not been told.
    pub(super) fn next(&self) -> Place {
        self.next
    }

    /// Appends a block and tells every line it completes.
    pub(super) fn push(&mut self, mut block: &[u8], on_line: &mut OnLine<'_>) {
        let unit = self.encoding.unit();
        if unit == 2 && self.taken % 2 == 1 {
            // A block ended between the bytes of one character.
            let Some((byte, rest)) = block.split_first() else { return };
            self.keep(&[*byte]);
            block = rest;
            if self.partial.len() >= 2
                && self.encoding.newline(self.partial.get(self.partial.len() - 2..).unwrap_or_default()).is_some()
            {
                self.partial.truncate(self.partial.len() - 2);
                self.end_line(&[], 0, on_line);
            }
        }
        while let Some(len) = self.encoding.newline(block) {
            let (line, rest) = block.split_at(len);
            self.end_line(line, unit, on_line);
            block = rest.get(unit..).unwrap_or_default();
        }
        self.keep(block);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.max.saturating_sub(self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.left_out += (bytes.len() - room) as u64;
        self.taken += bytes.len() as u64;
    }

    fn end_line(&mut self, line: &[u8], newline: usize, on_line: &mut OnLine<'_>) {
        let place = self.next;
        if self.partial.is_empty() && line.len() <= self.max {
            on_line(&self.encoding.decode(line), place);
            self.taken += line.len() as u64;
        } else {
            self.keep(line);
            on_line(&self.encoding.decode(&self.partial), place);
        }
        self.partial.clear();
        self.next = Place { offset: place.offset + self.taken + newline as u64, line: place.line + 1 };
        self.taken = 0;
    }

    /// The file has ended: tells its last line, if it has no newline.
    pub(super) fn finish(&mut self, on_line: &mut OnLine<'_>) {
        if self.taken > 0 {
            self.end_line(&[], 0, on_line);
            self.next.line -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(encoding: Encoding, bytes: &[u8], size: usize) -> Vec<(String, u64, u64)> {
        let mut found = Vec::new();
        let mut lines = Lines::new(encoding, Place { offset: 0, line: 1 }, 1_000);
        let mut tell =
            |text: &[u8], at: Place| found.push((String::from_utf8_lossy(text).into_owned(), at.offset, at.line));
        for block in bytes.chunks(size) {
            lines.push(block, &mut tell);
        }
        lines.finish(&mut tell);
        assert_eq!(lines.next().offset, bytes.len() as u64);
        found
    }

    #[test]
    fn lines_of_every_encoding_come_out_however_they_are_cut() {
        let text = "größe €\nzwei\n\ndrei";
        let utf16 = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let latin: Vec<u8> = text.chars().map(|c| if c == '€' { 0x80 } else { u8::try_from(c).unwrap() }).collect();
        for (encoding, bytes) in [
            (Encoding::Utf8, text.as_bytes().to_vec()),
            (Encoding::Utf16Le, utf16(u16::to_le_bytes)),
            (Encoding::Utf16Be, utf16(u16::to_be_bytes)),
            (Encoding::Latin1, latin),
        ] {
            let whole = lines(encoding, &bytes, bytes.len());
            assert_eq!(whole.iter().map(|line| line.0.as_str()).collect::<Vec<_>>(), ["größe €", "zwei", "", "drei"]);
            assert_eq!(whole.last().unwrap().2, 4);
            for size in 1..bytes.len() {
                assert_eq!(lines(encoding, &bytes, size), whole, "{encoding:?} in blocks of {size}");
            }
        }
    }

    #[test]
    fn an_endless_line_stays_bounded() {
        let mut lines = Lines::new(Encoding::Utf8, Place { offset: 0, line: 1 }, 100);
        for _ in 0..1_000 {
            lines.push(&[b'x'; 64], &mut |_, _| panic!("no line has ended"));
        }
        assert_eq!((lines.partial.len(), lines.left_out), (100, 64_000 - 100));
    }

    #[test]
    fn the_first_bytes_show_the_encoding() {
        assert_eq!(Encoding::of(b"\xff\xfea\0"), Some(Encoding::Utf16Le));
        assert_eq!(Encoding::of("plain text, long".as_bytes()), Some(Encoding::Utf8));
        assert_eq!(Encoding::of(b"p\0l\0a\0i\0n\0 \0t\0e\0x\0t\0"), Some(Encoding::Utf16Le));
        assert_eq!(Encoding::of(&[0; 64]), Some(Encoding::Utf8), "a hole is no text");
        assert_eq!(Encoding::of(b"\xff"), None);
        assert_eq!(
            Encoding::of(b"\xff\xfe\0\n{\"message\": \"it broke"),
            Some(Encoding::Utf8),
            "no mark, only odd bytes"
        );
    }
}
