//! The release watch: healthy JSON lines say which release, instance and environment are alive, and are not decoded for it. The raw
//! bytes behind the known keys of a line are its tuple; a line is decoded when its tuple is new, or was not yet seen in the present
//! region (the part of the stream that one `push` completes) or since the last match, so that "last seen" moves on and who was alive
//! between two failures is known. So that a release which takes over is heard often enough to count, the first lines of a run of
//! equal tuples are told too, and ever fewer of the rest, as far as the region's budget reaches.
//!
//! Most lines say what a line before them said, in the same words: where the text from the first key to the last value is one that is
//! known, one comparison stands for taking it apart.

use std::mem;
use std::ops::Range;

use crate::matcher::steady::Lines;
use crate::matcher::steady::Place;
use crate::matcher::steady::Steadiness;

/// The keys as they end, closing quote included, without case: every name under which decoding finds a service, release, commit,
/// instance, environment or process start (`version"` ends `service.version"`, `dd.version"` and `"version"`).
pub(crate) const KEYS: &[&str] = &[
    "service\"",
    "service.name\"",
    "service_name\"",
    "configuration_name\"",
    "version\"",
    "release\"",
    "revision\"",
    "revision_name\"",
    "image_tag\"",
    "image.tag\"",
    "commit\"",
    "commit.sha\"",
    "git_sha\"",
    "commit_sha\"",
    "instance\"",
    "instance.id\"",
    "instance_id\"",
    "instanceid\"",
    "hostname\"",
    "pod_name\"",
    "environment\"",
    "environment.name\"",
    "\"env\"",
    "dd.env\"",
    "process.creation.time\"",
];
/// So many distinct tuples of a stream are remembered.
const MAX_TUPLES: usize = 64;
/// So many lines of one region are told although their tuple is not new in it: what that costs is bounded.
const MAX_REPEATS: u32 = 32;
/// A value is compared by its first bytes.
const MAX_VALUE: usize = 256;

/// The raw values of one line, in the order of the line.
pub(crate) type Tuple = Vec<u8>;

/// Adds the value behind a key that ends at `end` of `text` to `tuple`, and gives the end of the value; a key without a JSON value adds
/// nothing.
pub(crate) fn add_value(tuple: &mut Tuple, key: usize, text: &[u8], end: usize) -> usize {
    let after = text.get(end..).unwrap_or_default().trim_ascii_start();
    let Some(after) = after.strip_prefix(b":").map(<[u8]>::trim_ascii_start) else { return end };
    let start = text.len() - after.len();
    let after = after.get(..MAX_VALUE).unwrap_or(after);
    let len = match after {
        [b'"', string @ ..] => 1 + memchr::memchr2(b'"', b'\n', string).unwrap_or(string.len()),
        // What is inside a map has keys of its own.
        [b'{', ..] => 0,
        _ => memchr::memchr3(b',', b'}', b'\n', after).unwrap_or(after.len()),
    };
    // A unit separator, which no JSON text holds raw, keeps values apart.
    tuple.extend([0x1f, u8::try_from(key).unwrap_or(u8::MAX)]);
    tuple.extend(after.get(..len).unwrap_or_default());
    start + len
}

/// A tuple that was shown.
#[derive(Debug)]
struct Seen {
    tuple: Tuple,
    /// The first key in its line, and the text from the end of that key to the byte behind the last value. Without that byte `1.4`
    /// would be taken for `1.42`.
    first: usize,
    text: Vec<u8>,
    /// Where that text stood last.
    place: Place,
    /// The region in which it was told last.
    told: u64,
}

/// The tuples one stream has shown.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Full, the oldest gives its place to a new one.
    seen: Vec<Seen>,
    oldest: usize,
    region: u64,
    /// The index of the last line's tuple, and how many lines in a row have had it.
    run: (usize, u32),
    repeats: u32,
    steadiness: Steadiness,
}

/// The tuple of a line, while its keys are met one after another.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// The tuple is that of a line before, as far as the keys have been met.
    known: Option<usize>,
    tuple: Tuple,
    first: usize,
    /// From the end of the first key to the end of the last value.
    span: Range<usize>,
}

/// No key: a text that is never found again.
const NO_KEY: usize = usize::MAX;

impl Gathering {
    /// Begins a line with `key`, which ends at `end` of `text`.
    pub(crate) fn begin(&mut self, watch: &Watch, key: usize, text: &[u8], end: usize) {
        self.tuple.clear();
        self.first = key;
        self.known = watch.find(key, text.get(end..).unwrap_or_default());
        self.span = match self.known.and_then(|known| watch.seen.get(known)) {
            Some(seen) => end..end + seen.text.len() - 1,
            None => end..add_value(&mut self.tuple, key, text, end),
        };
    }

    /// Goes on with `key`. Those in a text that is known have been met with it.
    pub(crate) fn go_on(&mut self, watch: &Watch, key: usize, text: &[u8], end: usize) {
        if self.known_to().is_some_and(|known_to| end <= known_to) {
            return;
        }
        if let Some(seen) = self.known.take().and_then(|known| watch.seen.get(known)) {
            self.tuple.clone_from(&seen.tuple);
        }
        self.span.end = self.span.end.max(add_value(&mut self.tuple, key, text, end));
    }

    fn known_to(&self) -> Option<usize> {
        self.known.map(|_| self.span.end)
    }
}

impl Watch {
    /// A new region begins: every tuple is due once more.
    pub(crate) fn begin_region(&mut self) {
        self.region += 1;
        self.repeats = 0;
    }

    /// Whether nearly every line can be expected to say what is known where it is known.
    pub(crate) fn is_steady(&self) -> bool {
        self.steadiness.is_steady()
    }

    /// The lines from `from` on are measured anew.
    pub(crate) fn begin_measure(&mut self, from: usize) {
        self.steadiness.begin(from);
    }

    /// The lines do not say what was expected.
    pub(crate) fn disappoint(&mut self) {
        self.steadiness.disappoint();
    }

    /// Passes over the lines of `text` before `until` that say what the last one did, where it did, and are not due.
    pub(crate) fn pass(&mut self, lines: &mut Lines, text: &[u8], newlines: &[(usize, u64)], until: usize) {
        let (known, run) = &mut self.run;
        let Some(seen) = self.seen.get(*known).filter(|seen| seen.told == self.region && !seen.text.is_empty()) else {
            return;
        };
        let repeats = self.repeats < MAX_REPEATS;
        lines.pass_known((text, newlines), until, (&seen.text, seen.place), || {
            let passed = !(repeats && is_telling(run.saturating_add(1)));
            *run = run.saturating_add(u32::from(passed));
            passed
        });
    }

    /// The tuple whose text stands in a line of `text` where it stood before.
    pub(crate) fn stands(&self, text: &[u8], line: &Range<usize>) -> Option<usize> {
        let is_there = |seen: &Seen| !seen.text.is_empty() && seen.place.holds(&seen.text, text, line);
        self.last_or_any(is_there)
    }

    /// A signature matched: every tuple is due once more.
    pub(crate) fn matched(&mut self) {
        self.region += 1;
    }

    /// [`Watch::is_due`] of a line that ends at `line_end`; whether its stream is steady is measured by it.
    pub(crate) fn is_next_due(&mut self, line: &Gathering, text: &[u8], line_end: usize) -> bool {
        let due = self.is_due(line, text);
        let texts = self.seen.len();
        if line.known.is_some()
            && let Some(seen) = self.seen.get_mut(self.run.0)
            && let Some(place) = self.steadiness.measure(text, (line.span.start, line_end), seen.place, texts)
        {
            seen.place = place;
        }
        due
    }

    /// Whether the line that was gathered from `text` is to be reported; it counts as reported from then on.
    pub(crate) fn is_due(&mut self, line: &Gathering, text: &[u8]) -> bool {
        if let Some(known) = line.known {
            return self.is_known_due(known);
        }
        if line.tuple.is_empty() {
            return false;
        }
        let (first, text) = match text.get(line.span.start..=line.span.end) {
            Some(text) => (line.first, text),
            None => (NO_KEY, &[][..]),
        };
        self.is_tuple_due(&line.tuple, (first, text))
    }

    /// The same for `records` in a row that all have `tuple`, which stands in no line: which of them are to be reported.
    pub(crate) fn due_in_row(&mut self, tuple: &Tuple, records: usize) -> Vec<usize> {
        // From the second on it is the tuple of the run.
        let mut is_due =
            |at| if at == 0 { self.is_tuple_due(tuple, (NO_KEY, &[])) } else { self.is_known_due(self.run.0) };
        (0..records).filter(|at| is_due(*at)).collect()
    }

    fn is_tuple_due(&mut self, tuple: &Tuple, (first, text): (usize, &[u8])) -> bool {
        if let Some(known) = self.seen.iter().position(|seen| seen.tuple == *tuple) {
            if let Some(seen) = self.seen.get_mut(known) {
                // The same values with other words between them.
                seen.first = first;
                text.clone_into(&mut seen.text);
            }
            return self.is_known_due(known);
        }
        let new = Seen { tuple: tuple.clone(), first, text: text.to_vec(), place: Place::default(), told: self.region };
        let at = if self.seen.len() < MAX_TUPLES {
            self.seen.push(new);
            self.seen.len() - 1
        } else {
            let oldest = self.oldest;
            self.oldest = (oldest + 1) % MAX_TUPLES;
            if let Some(seen) = self.seen.get_mut(oldest) {
                *seen = new;
            }
            oldest
        };
        self.run = (at, 1);
        true
    }

    /// The tuple whose text, from the end of its first key on, `text` begins with.
    fn find(&self, key: usize, text: &[u8]) -> Option<usize> {
        self.last_or_any(|seen| seen.first == key && text.starts_with(&seen.text))
    }

    /// The last line's tuple if it is the one, else the first that is.
    fn last_or_any(&self, is_it: impl Fn(&Seen) -> bool) -> Option<usize> {
        let last = Some(self.run.0).filter(|last| self.seen.get(*last).is_some_and(&is_it));
        last.or_else(|| self.seen.iter().position(is_it))
    }

    /// [`Watch::is_due`] of a line with the tuple at `known`.
    pub(crate) fn is_known_due(&mut self, known: usize) -> bool {
        let region = self.region;
        let repeated = self.is_telling_repeat(known);
        let Some(seen) = self.seen.get_mut(known) else { return false };
        let due = mem::replace(&mut seen.told, region) != region;
        self.repeats += u32::from(repeated && !due);
        due || repeated
    }

    /// Whether the line is the first to third, fourth, eighth, … of a run.
    fn is_telling_repeat(&mut self, known: usize) -> bool {
        let (last, lines) = &mut self.run;
        if *last == known {
            *lines = lines.saturating_add(1);
        } else {
            (*last, *lines) = (known, 1);
        }
        self.repeats < MAX_REPEATS && is_telling(*lines)
    }
}

/// Whether the line with this number in its run is told.
fn is_telling(number: u32) -> bool {
    number <= 3 || number.is_power_of_two()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Meets the keys of a line as the scanner does.
    fn gather(watch: &Watch, text: &str) -> Gathering {
        let mut line = Gathering::default();
        let mut met = false;
        let ends =
            |(key, name): (usize, &&str)| text.match_indices(name).map(move |(at, _)| (at + name.len(), key)).collect();
        let mut keys: Vec<(usize, usize)> = KEYS.iter().enumerate().flat_map(|key| -> Vec<_> { ends(key) }).collect();
        keys.sort_unstable();
        for (end, key) in keys {
            if std::mem::replace(&mut met, true) {
                line.go_on(watch, key, text.as_bytes(), end);
            } else {
                line.begin(watch, key, text.as_bytes(), end);
            }
        }
        line
    }

    fn is_due(watch: &mut Watch, text: &str) -> bool {
        let line = gather(watch, text);
        watch.is_due(&line, text.as_bytes())
    }

    fn tuple(text: &str) -> Tuple {
        gather(&Watch::default(), text).tuple
    }

    #[test]
    fn a_tuple_is_due_when_new_once_a_region_and_once_a_match() {
        let mut watch = Watch::default();
        let (old, new) = (r#"{"service.version": "1.0", "n": 1}"#, r#"{"service.version":"1.1"}"#);
        assert_eq!(tuple(old), tuple(r#"{"service.version":"1.0","n":2}"#), "other fields and spaces do not count");
        let exhausted = |watch: &mut Watch| watch.repeats = MAX_REPEATS;
        exhausted(&mut watch);
        assert!(is_due(&mut watch, old) && !is_due(&mut watch, old) && is_due(&mut watch, new));
        watch.matched();
        assert!(is_due(&mut watch, old) && !is_due(&mut watch, old));
        watch.begin_region();
        exhausted(&mut watch);
        assert!(is_due(&mut watch, old) && !is_due(&mut watch, old));
    }

    #[test]
    fn a_run_is_told_ever_more_seldom_and_at_a_bounded_cost() {
        let mut watch = Watch::default();
        let one = r#"{"service.version":"1.0"}"#;
        let told: Vec<u32> = (1..=100).filter(|_| is_due(&mut watch, one)).collect();
        assert_eq!(told, [1, 2, 3, 4, 8, 16, 32, 64]);
        let other = r#"{"service.version":"1.1"}"#;
        let alternating = (0..1000).filter(|at| is_due(&mut watch, if at % 2 == 0 { one } else { other })).count();
        assert!(alternating <= 2 + MAX_REPEATS as usize, "{alternating}");
    }

    #[test]
    fn records_in_a_row_are_told_like_lines() {
        let (mut rows, mut lines) = (Watch::default(), Watch::default());
        for text in ["one", "two", "one", "one"] {
            let tuple = text.as_bytes().to_vec();
            let one_by_one: Vec<usize> = (0..100).filter(|_| lines.is_tuple_due(&tuple, (NO_KEY, &[]))).collect();
            assert_eq!(rows.due_in_row(&tuple, 100), one_by_one);
        }
    }

    #[test]
    fn values_of_every_kind_count_and_keys_without_one_are_none() {
        assert_ne!(tuple(r#"{"serviceContext":{"service":"a"}}"#), tuple(r#"{"serviceContext":{"service":"b"}}"#));
        assert!(tuple(r#"{"service":{"id":1}}"#).len() == 2, "only the key");
        assert_ne!(tuple(r#"{"service.version":1}"#), tuple(r#"{"service.version":2}"#));
        assert!(tuple(r#"the text "service.version" is no key"#).is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let mut watch = Watch::default();
        for release in 0..10_000 {
            assert!(is_due(&mut watch, &format!(r#"{{"service.version":"{release}"}}"#)));
        }
        assert_eq!(watch.seen.len(), MAX_TUPLES);
    }

    /// Values that begin with each other, keys in between, in front and behind.
    fn lines() -> impl Strategy<Value = Vec<String>> {
        let value =
            || prop_oneof![Just("1"), Just("12"), Just("\"1.4\""), Just("\"1.42\""), Just("\"version\""), Just("{}")];
        let keys = [r#""service.version""#, r#""n""#, r#""env""#, r#""message""#, r#""pod_name""#];
        let key = || prop::sample::select(keys.to_vec());
        let field = move || {
            (key(), prop_oneof![Just(":"), Just(": ")], value()).prop_map(|(k, colon, v)| format!("{k}{colon}{v}"))
        };
        let line = prop::collection::vec(field(), 1..4).prop_map(|fields| format!("{{{}}}\n", fields.join(",")));
        prop::collection::vec(line, 1..40)
    }

    proptest! {
        /// The control is a watch that knows no texts and takes every line apart.
        #[test]
        fn a_known_text_stands_for_its_tuple(lines in lines()) {
            let (mut quick, mut plain) = (Watch::default(), Watch::default());
            for line in lines {
                plain.seen.iter_mut().for_each(|seen| seen.first = NO_KEY);
                prop_assert_eq!(is_due(&mut quick, &line), is_due(&mut plain, &line), "{}", line);
            }
        }
    }
}
