//! The release watch: healthy JSON lines say which release, instance and environment are alive, and are not decoded for it. The raw
//! bytes behind the known keys of a line are its tuple; a line is decoded when its tuple is new, or was not yet seen in the present
//! region (the part of the stream that one `push` completes) or since the last match, so that "last seen" moves on and who was alive
//! between two failures is known. So that a release which takes over is heard often enough to count, the first lines of a run of
//! equal tuples are told too, and ever fewer of the rest, as far as the region's budget reaches.

use std::collections::VecDeque;
use std::mem;

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

/// Adds the value behind a key that ends at `end` of `text` to `tuple`; a key without a JSON value adds nothing.
pub(crate) fn add_value(tuple: &mut Tuple, key: usize, text: &[u8], end: usize) {
    let after = text.get(end..).unwrap_or_default().trim_ascii_start();
    let Some(after) = after.strip_prefix(b":").map(<[u8]>::trim_ascii_start) else { return };
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
}

/// The tuples one stream has shown.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: VecDeque<(Tuple, u64)>,
    region: u64,
    /// The tuple of the last line, and how many lines in a row have had it.
    run: (Tuple, u32),
    repeats: u32,
}

impl Watch {
    /// A new region begins: every tuple is due once more.
    pub(crate) fn begin_region(&mut self) {
        self.region += 1;
        self.repeats = 0;
    }

    /// A signature matched: every tuple is due once more.
    pub(crate) fn matched(&mut self) {
        self.region += 1;
    }

    /// Whether a line with this tuple is to be reported; it counts as reported from then on.
    pub(crate) fn is_due(&mut self, tuple: &Tuple) -> bool {
        if tuple.is_empty() {
            return false;
        }
        let region = self.region;
        let repeated = self.is_telling_repeat(tuple);
        if let Some((_, last)) = self.seen.iter_mut().find(|(seen, _)| seen == tuple) {
            let due = mem::replace(last, region) != region;
            self.repeats += u32::from(repeated && !due);
            return due || repeated;
        }
        if self.seen.len() == MAX_TUPLES {
            self.seen.pop_back();
        }
        self.seen.push_front((tuple.clone(), region));
        true
    }

    /// Whether the line is the first to third, fourth, eighth, … of a run.
    fn is_telling_repeat(&mut self, tuple: &Tuple) -> bool {
        let (last, lines) = &mut self.run;
        if last == tuple {
            *lines = lines.saturating_add(1);
        } else {
            last.clone_from(tuple);
            *lines = 1;
        }
        self.repeats < MAX_REPEATS && (*lines <= 3 || lines.is_power_of_two())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(text: &str) -> Tuple {
        let mut tuple = Tuple::new();
        for (key, name) in KEYS.iter().enumerate() {
            if let Some(at) = text.find(name) {
                add_value(&mut tuple, key, text.as_bytes(), at + name.len());
            }
        }
        tuple
    }

    #[test]
    fn a_tuple_is_due_when_new_once_a_region_and_once_a_match() {
        let mut watch = Watch::default();
        let (old, new) = (tuple(r#"{"service.version": "1.0", "n": 1}"#), tuple(r#"{"service.version":"1.1"}"#));
        assert_eq!(old, tuple(r#"{"service.version":"1.0","n":2}"#), "other fields and spaces do not count");
        let exhausted = |watch: &mut Watch| watch.repeats = MAX_REPEATS;
        exhausted(&mut watch);
        assert!(watch.is_due(&old) && !watch.is_due(&old) && watch.is_due(&new));
        watch.matched();
        assert!(watch.is_due(&old) && !watch.is_due(&old));
        watch.begin_region();
        exhausted(&mut watch);
        assert!(watch.is_due(&old) && !watch.is_due(&old));
    }

    #[test]
    fn a_run_is_told_ever_more_seldom_and_at_a_bounded_cost() {
        let mut watch = Watch::default();
        let one = tuple(r#"{"service.version":"1.0"}"#);
        let told: Vec<u32> = (1..=100).filter(|_| watch.is_due(&one)).collect();
        assert_eq!(told, [1, 2, 3, 4, 8, 16, 32, 64]);
        let other = tuple(r#"{"service.version":"1.1"}"#);
        let alternating = (0..1000).filter(|at| watch.is_due(if at % 2 == 0 { &one } else { &other })).count();
        assert!(alternating <= 2 + MAX_REPEATS as usize, "{alternating}");
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
            assert!(watch.is_due(&tuple(&format!(r#"{{"service.version":"{release}"}}"#))));
        }
        assert_eq!(watch.seen.len(), MAX_TUPLES);
    }
}
