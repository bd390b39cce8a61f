//! Headers that no library has: the file's own, learnt from its first lines, or the one that the configuration names.
//!
//! A header is learnt only where several lines begin alike and with a clock time or a level in the same place; prose is never one.

use jiff::tz::TimeZone;
use regex::Regex;

use crate::decode::LineClass;
use crate::decode::line;
use crate::decode::severity;
use crate::decode::time;
use crate::model::record::Record;
use crate::model::record::Severity;

/// A header is recognised within so many bytes.
const WINDOW: usize = 120;
/// Parts of a header that are compared.
const MAX_PARTS: usize = 20;
/// Lines that must begin alike.
const MIN_LINES: usize = 3;

/// The first lines of records that have a header of their own.
#[derive(Debug, Clone)]
pub enum OwnHeader {
    /// From the configuration: a line that matches starts a record. The groups `time`, `level`, `logger` and `message` say what is what.
    Pattern(Regex),
    /// Learnt: the parts that such lines begin with.
    Learnt(Vec<u8>),
}

impl OwnHeader {
    /// The header that the lines of `head` share; `None` where they share none.
    pub fn learn(head: &[u8]) -> Option<Self> {
        let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let plain = lines.filter(|line| !line.is_empty() && line::classify(line) == LineClass::Plain);
        let mut shapes: Vec<(Vec<u8>, usize)> = Vec::new();
        for shape in plain.filter_map(|line| header_parts(&parts(line).collect::<Vec<_>>())) {
            match shapes.iter_mut().find(|(known, _)| *known == shape) {
                Some((_, lines)) => *lines += 1,
                None => shapes.push((shape, 1)),
            }
        }
        let (shape, lines) = shapes.into_iter().max_by_key(|(shape, lines)| (*lines, shape.len()))?;
        (lines >= MIN_LINES).then_some(Self::Learnt(shape))
    }

    /// Whether `line` begins with this header.
    pub fn is_in(&self, line: &[u8]) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.is_match(&String::from_utf8_lossy(line)),
            Self::Learnt(shape) => {
                let mut own = parts(line).map(|(part, _)| part);
                shape.iter().all(|part| own.next() == Some(*part))
            }
        }
    }

    /// Reads the header of `line` into `record`, its clock being in `zone` if it names none; gives where the message begins.
    pub(super) fn read(&self, line: &str, zone: Option<&TimeZone>, record: &mut Record) -> usize {
        match self {
            Self::Pattern(pattern) => {
                let Some(found) = pattern.captures(line) else { return 0 };
                let group = |name: &str| found.name(name).map(|group| group.as_str().trim());
                record.time = record.time.or_else(|| time::parse(group("time")?, zone));
                record.severity = group("level").and_then(level).or_else(|| record.severity.take());
                if let Some(logger) = group("logger") {
                    record.attributes.push("logger.name", logger);
                }
                found.name("message").map_or(0, |message| message.start())
            }
            Self::Learnt(shape) => {
                let header: Vec<_> = parts(line.as_bytes()).take(shape.len()).collect();
                let end = parts(line.as_bytes()).nth(shape.len()).map_or(line.len(), |(_, at)| at);
                let words = header.iter().zip(shape).filter(|(_, part)| **part == LEVEL);
                let mut levels = words.filter_map(|((_, at), _)| word(line.get(*at..end)?));
                record.severity = levels.find_map(level).or_else(|| record.severity.take());
                let stamp = |at: usize| time::leading(line.get(at..end)?.as_bytes())?.moment(zone);
                record.time = record.time.or_else(|| header.iter().find_map(|(_, at)| stamp(*at)));
                0
            }
        }
    }
}

fn level(word: &str) -> Option<Severity> {
    let letter = || {
        let byte = word.bytes().next().filter(|_| word.len() == 1)?;
        Some(Severity { text: word.to_owned(), number: severity::letter(byte)? })
    };
    severity::of(word).or_else(letter)
}

fn word(text: &str) -> Option<&str> {
    text.get(..text.bytes().take_while(u8::is_ascii_alphabetic).count())
}

const NUMBER: u8 = b'9';
const WORD: u8 = b'a';
const LEVEL: u8 = b'L';

/// What a line begins with, part by part, each with its place: numbers, words, levels, blanks, and punctuation as it is.
fn parts(line: &[u8]) -> impl Iterator<Item = (u8, usize)> {
    let line = line.get(..WINDOW).unwrap_or(line);
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = *line.get(at)?;
        let same = |class: fn(&u8) -> bool| line.iter().skip(at).take_while(|byte| class(byte)).count();
        let begin = at;
        let (part, len) = match first {
            b'0'..=b'9' => (NUMBER, same(u8::is_ascii_digit)),
            b' ' | b'\t' => (b' ', same(|byte| matches!(byte, b' ' | b'\t'))),
            byte if byte.is_ascii_alphabetic() => {
                let len = same(u8::is_ascii_alphabetic);
                (if is_level(line, at, len) { LEVEL } else { WORD }, len)
            }
            byte => (byte, 1),
        };
        at += len;
        Some((part, begin))
    })
}

/// Whether a word is a level, and not part of a sentence: in capitals, or between punctuation.
fn is_level(line: &[u8], at: usize, len: usize) -> bool {
    let word = line.get(at..at + len).unwrap_or_default();
    let fenced = |byte: Option<&u8>| byte.is_some_and(|byte| b"[]|<>(){}=:".contains(byte));
    let before = at.checked_sub(1).and_then(|before| line.get(before));
    let between = fenced(before) && fenced(line.get(at + len));
    let letter = || matches!(word, [letter] if severity::letter(*letter).is_some()) && between;
    letter() || severity::number(word).is_some() && (between || word.iter().all(u8::is_ascii_uppercase))
}

/// The parts up to the last clock time or level; `None` where there is neither.
fn header_parts(parts: &[(u8, usize)]) -> Option<Vec<u8>> {
    let parts: Vec<u8> = parts.iter().map(|(part, _)| *part).take(MAX_PARTS).collect();
    let clock = parts.windows(3).rposition(|three| *three == [NUMBER, b':', NUMBER]).map(|at| at + 3);
    let level = parts.iter().rposition(|part| *part == LEVEL).map(|at| at + 1);
    let end = clock.max(level)?;
    // The more words stand before it, the more it is prose.
    let words = parts.iter().take(end).filter(|part| **part == WORD).count();
    (words <= 4).then(|| parts.get(..end).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(lines: &[&str]) -> Option<OwnHeader> {
        OwnHeader::learn(lines.join("\n").as_bytes())
    }

    #[test]
    fn a_header_that_several_lines_share_is_learnt() {
        for [first, second, third, other] in [
            [
                "2025.251.08:47:01 |E| a: x",
                "2025.251.08:47:09 |I| b: y",
                "2025.252.18:47:09 |I| b: y",
                "2025 was a year",
            ],
            ["app=shop|sev=ERR|x", "app=cart|sev=INFO|y", "app=shop|sev=WARN|z", "app=shop"],
            ["(main) 8h47 ERROR x", "(worker) 18h02 INFO y", "(main) 8h48 WARN z", "(main) went away"],
        ] {
            let header = learnt(&[first, second, "a row of its own", third]).expect(first);
            assert!(header.is_in(first.as_bytes()) && header.is_in(third.as_bytes()), "{first}");
            assert!(!header.is_in(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn prose_and_too_few_lines_teach_nothing() {
        assert!(learnt(&["worker 12 started", "worker 13 done", "worker 14 done", "the log error"]).is_none());
        assert!(learnt(&["app=shop|sev=ERR|x", "something else", "app=shop|sev=ERR|x"]).is_none());
        assert!(learnt(&["we saw an ERROR", "there was no ERROR today", "it ended"]).is_none());
        assert!(learnt(&[]).is_none());
    }

    #[test]
    fn what_a_header_says_is_read() {
        let header = learnt(&[
            "app|ERROR|2025-09-08 08:47:01|x",
            "app|INFO|2025-09-08 08:47:01|x",
            "a|WARN|2025-09-08 08:47:01|x",
        ])
        .unwrap();
        let mut record = Record::default();
        assert_eq!(header.read("app|ERROR|2025-09-08 08:47:01|boom", None, &mut record), 0, "the text stays whole");
        assert_eq!(record.severity.unwrap().number, 17);
        assert_eq!(record.time.unwrap().to_string(), "2025-09-08T08:47:01Z");
        let (zone, mut record) = (TimeZone::fixed(jiff::tz::offset(2)), Record::default());
        header.read("app|ERROR|2025-09-08 08:47:01|boom", Some(&zone), &mut record);
        assert_eq!(record.time.unwrap().to_string(), "2025-09-08T06:47:01Z", "its clock is elsewhere");
        let pattern = Regex::new(r"^(?<time>\S+) (?<level>[A-Z])/(?<logger>\w+) (?<message>.*)").unwrap();
        let mut record = Record::default();
        let line = "2025-09-08T08:47:01Z E/shop boom";
        assert_eq!(OwnHeader::Pattern(pattern).read(line, None, &mut record), line.find("boom").unwrap());
        assert_eq!((record.severity.unwrap().number, record.attributes.get("logger.name")), (17, Some("shop")));
    }
}
