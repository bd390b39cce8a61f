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
    /// For every byte, one more than the index of the group of patterns that is looked for by it; 0 = none.
    by_byte: [u8; 256],
    groups: Vec<Vec<Mark>>,
    longest: usize,
}

#[derive(Debug)]
struct Mark {
    text: Box<[u8]>,
    pattern: usize,
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
        let mut marks = Self { by_byte: [0; 256], groups: Vec::new(), longest: 0 };
        for (pattern, text) in texts {
            let Some(offset) = Self::telling(text) else { continue };
            let telling = text.get(offset).map_or(0, u8::to_ascii_lowercase);
            let known = marks.by_byte.get(usize::from(telling)).copied().unwrap_or_default();
            if known == 0 {
                marks.groups.push(Vec::new());
                let group = u8::try_from(marks.groups.len()).unwrap_or_default();
                for byte in [telling, telling.to_ascii_uppercase()] {
                    if let Some(by_byte) = marks.by_byte.get_mut(usize::from(byte)) {
                        *by_byte = group;
                    }
                }
            }
            let group = if known == 0 { marks.groups.len() } else { usize::from(known) };
            if let Some(group) = marks.groups.get_mut(group - 1) {
                group.push(Mark { text: (*text).into(), pattern: *pattern, offset });
            }
            marks.longest = marks.longest.max(text.len());
        }
        marks
    }

    /// Every occurrence that ends in `text[from..until]`, behind `from`, in no particular order.
    pub(crate) fn find(&self, text: &[u8], (from, until): (usize, usize), found: &mut Vec<Occurrence>) {
        let start = from.saturating_sub(self.longest.saturating_sub(1));
        let span = text.get(start..until).unwrap_or_default();
        let (chunks, rest) = span.as_chunks::<CHUNK>();
        let mut at = start;
        for chunk in chunks {
            let after = text.get(at + 1..).and_then(|after| after.first_chunk());
            if after.is_none_or(|after| flagged(chunk, after)) {
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
            let group = self.by_byte.get(usize::from(*byte)).copied().unwrap_or_default();
            let Some(group) = usize::from(group).checked_sub(1).and_then(|group| self.groups.get(group)) else {
                continue;
            };
            for mark in group {
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

/// Whether a telling byte may be in the chunk; `after` is the chunk that begins one byte later. Written so that the compiler makes wide
/// instructions of it: lanes that do not depend on each other, no branch.
#[inline(always)]
fn flagged(chunk: &[u8; CHUNK], after: &[u8; CHUNK]) -> bool {
    const WIDTH: usize = 16;
    let mut any = [0_u8; WIDTH];
    let (lanes, _) = chunk.as_chunks::<WIDTH>();
    let (next_lanes, _) = after.as_chunks::<WIDTH>();
    for (lane, next_lane) in lanes.iter().zip(next_lanes) {
        for (any, (byte, next)) in any.iter_mut().zip(lane.iter().zip(next_lane)) {
            let pair = u8::from(*byte | 0x20 == b'v') & u8::from(*next == b'"');
            let rare = u8::from(*byte == 0x1b) | u8::from(*byte == 0);
            *any |= u8::from(*byte == b'\\') | u8::from(*byte == b'<') | (*byte >> 7) | pair | rare;
        }
    }
    u128::from_le_bytes(any) != 0
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
