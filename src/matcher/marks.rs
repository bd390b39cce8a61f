//! Very short patterns with a telling byte: what may interrupt a literal, letters that fold to another alphabet's. No gram of five
//! bytes fits them, but one look at 64 bytes tells that none of the telling bytes is there. Receives patterns once and texts many times;
//! gives every occurrence, ASCII letters without case.

use crate::matcher::occurrence::Occurrence;

/// Bytes looked at together.
const CHUNK: usize = 64;
/// In this order each pattern is looked for by the first of these that it holds, or by a byte outside ASCII. `v` counts only before `"`.
const TELLING: [u8; 5] = [0x1b, 0, b'\\', b'<', b'v'];

/// See the module.
#[derive(Debug)]
pub(crate) struct Marks {
    /// For every byte, whether a pattern is looked for by it.
    by_byte: [bool; 256],
    patterns: Vec<Mark>,
    longest: usize,
}

#[derive(Debug)]
struct Mark {
    text: Box<[u8]>,
    pattern: usize,
    telling: u8,
    offset: usize,
}

impl Marks {
    /// Where `text` holds a telling byte.
    pub(crate) fn telling(text: &[u8]) -> Option<usize> {
        let ascii = |telling: u8| match telling {
            b'v' => text.windows(2).position(|pair| pair.eq_ignore_ascii_case(b"v\"")),
            _ => text.iter().position(|byte| *byte == telling),
        };
        TELLING.into_iter().find_map(ascii).or_else(|| text.iter().position(|byte| !byte.is_ascii()))
    }

    /// Of texts with the number of their pattern, each with a telling byte.
    pub(crate) fn new(texts: &[(usize, &[u8])]) -> Self {
        let mut by_byte = [false; 256];
        let mut patterns = Vec::new();
        for (pattern, text) in texts {
            let Some(offset) = Self::telling(text) else { continue };
            let telling = text.get(offset).map_or(0, u8::to_ascii_lowercase);
            for byte in [telling, telling.to_ascii_uppercase()] {
                if let Some(known) = by_byte.get_mut(usize::from(byte)) {
                    *known = true;
                }
            }
            patterns.push(Mark { text: (*text).into(), pattern: *pattern, telling, offset });
        }
        let longest = patterns.iter().map(|mark| mark.text.len()).max().unwrap_or_default();
        Self { by_byte, patterns, longest }
    }

    /// Every occurrence that ends in `text[from..until]`, behind `from`, in no particular order.
    pub(crate) fn find(&self, text: &[u8], (from, until): (usize, usize), found: &mut Vec<Occurrence>) {
        let start = from.saturating_sub(self.longest.saturating_sub(1));
        let span = text.get(start..until).unwrap_or_default();
        let (chunks, rest) = span.as_chunks::<CHUNK>();
        let mut at = start;
        for chunk in chunks {
            // The byte behind a chunk is not looked at: a `v` at its end counts.
            if flagged(chunk) {
                self.look(text, (at, chunk), (from, until), found);
            }
            at += CHUNK;
        }
        self.look(text, (at, rest), (from, until), found);
    }

    #[inline(never)]
    fn look(
        &self,
        text: &[u8],
        (at, bytes): (usize, &[u8]),
        (from, until): (usize, usize),
        found: &mut Vec<Occurrence>,
    ) {
        for (place, byte) in bytes.iter().enumerate() {
            if !self.by_byte.get(usize::from(*byte)).copied().unwrap_or_default() {
                continue;
            }
            let byte = byte.to_ascii_lowercase();
            for mark in self.patterns.iter().filter(|mark| mark.telling == byte) {
                let Some(start) = (at + place).checked_sub(mark.offset) else { continue };
                let end = start + mark.text.len();
                let same = text.get(start..end).is_some_and(|found| found.eq_ignore_ascii_case(&mark.text));
                if same && end > from && end <= until {
                    found.push(Occurrence { pattern: mark.pattern, end });
                }
            }
        }
    }
}

/// Whether a telling byte may be in the chunk. Written so that the compiler makes wide instructions of it.
#[inline(always)]
fn flagged(chunk: &[u8; CHUNK]) -> bool {
    let mut any = 0_u8;
    for byte in chunk {
        let telling = (*byte == 0x1b) | (*byte == 0) | (*byte == b'\\') | (*byte == b'<') | (*byte >= 0x80);
        any |= u8::from(telling);
    }
    let [_, after @ ..] = chunk;
    for (byte, next) in chunk.iter().zip(after) {
        any |= u8::from((*byte | 0x20 == b'v') & (*next == b'"'));
    }
    let [.., last] = chunk;
    any |= u8::from(*last | 0x20 == b'v');
    any != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_at_every_place_and_border() {
        let texts: [&[u8]; 7] = [b"\x1b", b"\0", b"\\u00", b"</", b"\"env\"", "\u{212a}".as_bytes(), b"<red>"];
        let numbered: Vec<_> = texts.into_iter().enumerate().collect();
        let marks = Marks::new(&numbered);
        for before in 0..140 {
            let mut text = vec![b'v'; before];
            text.extend(b"\x1b\0x\\U00e9 </b> \"ENV\": \"env \xe2\x84\xaa<RED>");
            text.extend(vec![b'-'; 70]);
            for until in [text.len(), before + 9] {
                let mut found = Vec::new();
                marks.find(&text, (before / 2, until), &mut found);
                found.sort_unstable();
                let whole = [(1, 0), (2, 1), (7, 2), (12, 3), (20, 4), (30, 5), (35, 6)];
                let wanted = whole.map(|(end, pattern)| Occurrence { end: before + end, pattern });
                let wanted: Vec<_> = wanted.into_iter().filter(|one| one.end <= until).collect();
                assert_eq!(found, wanted, "{before} bytes before, until {until}");
            }
        }
    }
}
