//! JSON objects printed over several lines, alone or in an array, as `gcloud logging read --format=json` and `jq` print them: each
//! object becomes one line, with the place of its opening brace.

use memchr::memchr3;

use crate::decode::transport::Emit;
use crate::decode::transport::encoding::Place;

/// A longer object is text.
const MAX_OBJECT: usize = 4 << 20;

/// Whether the first lines of a file begin such objects; `None` when more lines are needed to tell.
pub(super) fn begins(lines: &[&[u8]]) -> Option<bool> {
    let mut lines = lines.iter().map(|line| line.trim_ascii()).filter(|line| !line.is_empty());
    let first = lines.next()?;
    let inside = match first.strip_prefix(b"[") {
        Some(inside) if inside.trim_ascii_start().is_empty() => return Some(lines.next()?.starts_with(b"{")),
        Some(inside) => inside.trim_ascii_start(),
        None => first,
    };
    let array = inside.len() < first.len();
    match inside.strip_prefix(b"{")?.trim_ascii_start() {
        b"" => Some(lines.next()?.starts_with(b"\"")),
        key => Some(array && key.starts_with(b"\"")),
    }
}

/// Finds the objects.
#[derive(Debug, Default)]
pub(super) struct Objects {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The object so far, on one line.
    text: Vec<u8>,
    /// The lines it was printed on: what is told if it never ends.
    place: Option<Place>,
    too_long: bool,
}

impl Objects {
    /// Where the unended object begins.
    pub(super) fn pending(&self) -> Option<Place> {
        self.place
    }

    /// One line.
    pub(super) fn line(&mut self, line: &[u8], place: Place, emit: &mut Emit<'_>) {
        let mut rest = line;
        while !rest.is_empty() {
            if self.depth == 0 {
                let Some(begin) = between(rest) else { return emit(b"", rest, at(line, rest, place)) };
                rest = rest.get(begin..).unwrap_or_default();
                if rest.is_empty() {
                    return;
                }
                self.place = Some(at(line, rest, place));
            }
            let end = self.walk(rest);
            let (inside, behind) = rest.split_at(end);
            self.append(inside);
            if self.depth == 0 {
                self.end(emit);
            }
            rest = behind;
        }
        if self.depth > 0 && self.in_string {
            // No string of JSON holds a newline: this is none.
            self.give_up(emit);
        } else if self.depth > 0 {
            self.append(b" ");
        }
    }

    fn append(&mut self, text: &[u8]) {
        if self.text.len() + text.len() > MAX_OBJECT {
            self.too_long = true;
            return;
        }
        self.text.extend_from_slice(text);
    }

    /// Follows the braces up to the end of the object or of `text`.
    fn walk(&mut self, text: &[u8]) -> usize {
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            if self.in_string {
                if self.escaped {
                    self.escaped = false;
                } else {
                    let rest = text.get(at..).unwrap_or_default();
                    let Some(len) = memchr3(b'"', b'\\', b'"', rest) else { return text.len() };
                    at += len;
                    self.escaped = text.get(at) == Some(&b'\\');
                    self.in_string = self.escaped;
                }
                at += 1;
                continue;
            }
            at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return at;
                    }
                }
                _ => {}
            }
        }
        at
    }

    fn end(&mut self, emit: &mut Emit<'_>) {
        if let Some(place) = self.place.take() {
            emit(b"", &self.text, place);
        }
        *self = Self { text: std::mem::take(&mut self.text), ..Self::default() };
        self.text.clear();
    }

    fn give_up(&mut self, emit: &mut Emit<'_>) {
        self.depth = 0;
        self.end(emit);
    }

    /// Nothing more comes: an object that has not ended is text.
    pub(super) fn finish(&mut self, emit: &mut Emit<'_>) {
        if self.depth > 0 {
            self.give_up(emit);
        }
    }
}

/// The place of `rest`, the end of `line`.
fn at(line: &[u8], rest: &[u8], place: Place) -> Place {
    Place { offset: place.offset + (line.len() - rest.len()) as u64, ..place }
}

/// Bytes before the next object: blanks, commas and the array's brackets; `None` where something else stands there.
fn between(text: &[u8]) -> Option<usize> {
    let begin =
        text.iter().position(|byte| !byte.is_ascii_whitespace() && !b",[]".contains(byte)).unwrap_or(text.len());
    matches!(text.get(begin), None | Some(b'{')).then_some(begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> Vec<(String, u64, u64)> {
        let (mut found, mut objects) = (Vec::new(), Objects::default());
        let mut offset = 0;
        for (at, line) in text.split('\n').enumerate() {
            let place = Place { offset, line: at as u64 + 1 };
            let mut emit = |_: &[u8], text: &[u8], at: Place| {
                found.push((String::from_utf8_lossy(text).into_owned(), at.offset, at.line));
            };
            objects.line(line.as_bytes(), place, &mut emit);
            offset += line.len() as u64 + 1;
        }
        objects.finish(&mut |_, text, at| found.push((String::from_utf8_lossy(text).into_owned(), at.offset, at.line)));
        found
    }

    #[test]
    fn each_element_is_a_line_and_keeps_its_place() {
        let text = "[\n  {\n    \"a\": \"x } \\\" [\",\n    \"b\": [1, 2]\n  },\n  {\"c\": {}}, {\"d\": 1}\n]\nafter\n{\n \"cut\": 1";
        let found = objects(text);
        let texts: Vec<_> = found.iter().map(|(text, _, line)| (text.trim_end().to_owned(), *line)).collect();
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed(&texts[0].0), r#"{ "a": "x } \" [", "b": [1, 2] }"#);
        assert_eq!(texts[0].1, 2);
        assert_eq!(texts[1], ("{\"c\": {}}".to_owned(), 6));
        assert_eq!(texts[2], ("{\"d\": 1}".to_owned(), 6));
        assert_eq!(found[2].1, text.find("{\"d\"").unwrap() as u64);
        assert_eq!(texts[3], ("after".to_owned(), 8));
        assert_eq!(texts[4].1, 9, "what never ends is told as it is");
    }

    #[test]
    fn what_begins_objects() {
        let begins = |text: &str| begins(&text.split('\n').map(str::as_bytes).collect::<Vec<_>>());
        assert_eq!(begins("[\n  {\n"), Some(true));
        assert_eq!(begins("{\n  \"a\": 1"), Some(true));
        assert_eq!(begins("[{\"a\": 1}]"), Some(true));
        assert_eq!(begins("["), None);
        assert_eq!(begins("{\"a\": 1}"), Some(false), "one a line");
        assert_eq!(begins("[\n12:00 x"), Some(false));
        assert_eq!(begins("[ERROR] x"), None);
    }
}
