//! Very short patterns with a telling byte: what may interrupt a literal, letters that fold to another alphabet's. No gram of five
//! bytes fits them, but one look at 64 bytes tells that none of the telling bytes is there. Receives patterns once and texts many times;
//! gives every occurrence, ASCII letters without case.

use crate::matcher::framing;
use crate::matcher::occurrence::Occurrence;
use crate::matcher::vector;
use crate::matcher::vector::AHEAD;
use crate::matcher::vector::CHUNK;
use crate::matcher::vector::Hits;
use crate::matcher::vector::Level;

/// Bytes of an escaped character: `\u0660`.
const ESCAPE: usize = 6;
/// In this order each pattern is looked for by the first of these that it holds, or by a byte outside ASCII. `v` counts only before `"`.
const TELLING: [u8; 5] = [0x1b, 0, b'\\', b'<', b'v'];

/// See the module.
#[derive(Debug)]
pub(crate) struct Marks {
    /// For every byte, one more than the index of the group of patterns that is looked for by it; 0 = none.
    by_byte: [u8; 256],
    groups: Vec<Vec<Mark>>,
    /// The pattern that stands for every digit outside ASCII, written or escaped.
    digits: Option<usize>,
    longest: usize,
    level: Level,
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

    /// Of texts with the number of their pattern, each with a telling byte, and the pattern that stands for digits of other scripts.
    pub(crate) fn new(texts: &[(usize, &[u8])], digits: Option<usize>) -> Self {
        let level = Level::best();
        let mut marks = Self { by_byte: [0; 256], groups: Vec::new(), digits, longest: ESCAPE, level };
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

    /// Every occurrence that ends in `text[from..until]`, behind `from`, in no particular order; of escape characters and of NULs at
    /// least the first of each line. Where `newlines` are asked for, chunks that hold one are added to them; some are told twice.
    pub(crate) fn find(
        &self,
        text: &[u8],
        (from, until): (usize, usize),
        (hits, mut newlines): (&mut Hits, Option<&mut Hits>),
        found: &mut Vec<Occurrence>,
    ) {
        let start = from.saturating_sub(self.longest.saturating_sub(1));
        hits.clear();
        let known = newlines.as_ref().map_or(0, |newlines| newlines.len());
        let span = text.get(start..until).unwrap_or_default();
        let chunks = vector::find_marks(self.level, span, hits, newlines.as_deref_mut());
        // What is left: less than two chunks. A pair's second byte may stand behind it.
        let rest = start + chunks;
        let mut padded = [b' '; 2 * CHUNK + AHEAD];
        let left = text.get(rest..text.len().min(until + 1)).unwrap_or_default();
        padded.iter_mut().zip(left).for_each(|(to, byte)| *to = *byte);
        let whole = hits.len();
        let whole_lines = newlines.as_ref().map_or(0, |newlines| newlines.len());
        vector::find_marks(self.level, &padded, hits, newlines.as_deref_mut());
        hits.iter_mut().skip(whole).for_each(|(at, _)| *at += chunks);
        if let Some(newlines) = newlines {
            newlines.iter_mut().skip(whole_lines).for_each(|(at, _)| *at += chunks);
            newlines.iter_mut().skip(known).for_each(|(at, _)| *at += start);
        }
        let before = found.len();
        // One escape character or NUL says that its line is interrupted; a coloured line holds a dozen.
        let (mut told, mut told_until) = (None, 0);
        for (at, mut places) in hits.iter().copied() {
            while places != 0 {
                let place = start + at + places.trailing_zeros() as usize;
                places &= places - 1;
                let lone = text.get(place).copied().filter(|byte| matches!(byte, 0x1b | 0));
                if lone.is_some() && lone == told && place < told_until {
                    continue;
                }
                if lone.is_some() {
                    (told, told_until) = (lone, framing::line_end(text, place));
                }
                self.look(text, place, found);
            }
        }
        let mut kept = before;
        for at in before..found.len() {
            if found.get(at).is_some_and(|occurrence| occurrence.end > from && occurrence.end <= until) {
                found.swap(kept, at);
                kept += 1;
            }
        }
        found.truncate(kept);
    }

    /// Every occurrence around the telling byte at `place`.
    fn look(&self, text: &[u8], place: usize, found: &mut Vec<Occurrence>) {
        let Some(byte) = text.get(place) else { return };
        if let Some(pattern) = self.digits
            && let Some(len) = foreign_digit(text.get(place..).unwrap_or_default())
        {
            found.push(Occurrence { pattern, end: place + len });
        }
        let group = self.by_byte.get(usize::from(*byte)).copied().unwrap_or_default();
        let group = usize::from(group).checked_sub(1).and_then(|group| self.groups.get(group));
        for mark in group.into_iter().flatten() {
            let Some(start) = place.checked_sub(mark.offset) else { continue };
            let end = start + mark.text.len();
            if text.get(start..end).is_some_and(|found| found.eq_ignore_ascii_case(&mark.text)) {
                found.push(Occurrence { pattern: mark.pattern, end });
            }
        }
    }
}

/// How many bytes the digit of another script takes that `text` begins with, as it is or as JSON escapes it. Some characters more are told:
/// other numerals, and halves of pairs that may be digits.
fn foreign_digit(text: &[u8]) -> Option<usize> {
    if let [b'\\', b'u' | b'U', escape @ ..] = text {
        let code = u32::from_str_radix(std::str::from_utf8(escape.get(..4)?).ok()?, 16).ok()?;
        let half = (0xd800..0xdc00).contains(&code) && !matches!(code, 0xd83c | 0xd83d);
        let digit = char::from_u32(code).is_some_and(|letter| !letter.is_ascii() && letter.is_numeric());
        return (half || digit).then_some(ESCAPE);
    }
    let len = match text.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let letter = std::str::from_utf8(text.get(..len)?).ok()?.chars().next()?;
    letter.is_numeric().then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_at_every_place_and_border() {
        let texts: [&[u8]; 7] = [b"\x1b", b"\0", b"\\u00", b"</", b"\"env\"", "\u{212a}".as_bytes(), b"<red>"];
        let numbered: Vec<_> = texts.into_iter().enumerate().collect();
        let marks = Marks::new(&numbered, None);
        for before in 0..140 {
            let mut text = vec![b'v'; before];
            text.extend(b"\x1b\0x\\U00e9 </b> \"ENV\": \"env \xe2\x84\xaa<RED>");
            text.extend(vec![b'-'; 70]);
            for until in [text.len(), before + 9] {
                let mut found = Vec::new();
                marks.find(&text, (before / 2, until), (&mut Hits::new(), None), &mut found);
                found.sort_unstable();
                let whole = [(1, 0), (2, 1), (7, 2), (12, 3), (20, 4), (30, 5), (35, 6)];
                let wanted = whole.map(|(end, pattern)| Occurrence { end: before + end, pattern });
                let wanted: Vec<_> = wanted.into_iter().filter(|one| one.end <= until).collect();
                assert_eq!(found, wanted, "{before} bytes before, until {until}");
            }
        }
    }

    #[test]
    fn digits_of_every_script_are_told_written_or_escaped() {
        let digits = regex::Regex::new(r"^\d$").unwrap();
        let all = ('\u{80}'..=char::MAX).filter(|letter| digits.is_match(letter.encode_utf8(&mut [0; 4])));
        for letter in all {
            let units: Vec<String> =
                letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let escaped = units.concat();
            for text in [letter.to_string(), escaped] {
                let mut found = Vec::new();
                Marks::new(&[], Some(7)).find(text.as_bytes(), (0, text.len()), (&mut Hits::new(), None), &mut found);
                assert_eq!(found.first().map(|one| one.pattern), Some(7), "{text}");
            }
        }
        for text in ["\u{fc}", "\u{4f60}", "\u{1f600}", r"\u00fc", r"\ud83d\ude00", r"\u006", "\\"] {
            assert_eq!(foreign_digit(text.as_bytes()), None, "{text}");
        }
    }
}
