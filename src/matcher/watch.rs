//! The release watch: healthy JSON lines say which release, instance and environment are alive, and are not decoded for it. The raw
//! bytes behind the known keys of a line are its tuple; a line is decoded only when its tuple is new, or was not yet seen in the
//! present region (the part of the stream that one `push` completes), so that "last seen" moves on.

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
}

impl Watch {
    /// A new region begins: every tuple is due once more.
    pub(crate) fn begin_region(&mut self) {
        self.region += 1;
    }

    /// Whether a line with this tuple is to be reported; it counts as reported from then on.
    pub(crate) fn is_due(&mut self, tuple: &Tuple) -> bool {
        if tuple.is_empty() {
            return false;
        }
        let region = self.region;
        if let Some((_, last)) = self.seen.iter_mut().find(|(seen, _)| seen == tuple) {
            return mem::replace(last, region) != region;
        }
        if self.seen.len() == MAX_TUPLES {
            self.seen.pop_back();
        }
        self.seen.push_front((tuple.clone(), region));
        true
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
    fn a_tuple_is_due_when_new_and_once_a_region() {
        let mut watch = Watch::default();
        let (old, new) = (tuple(r#"{"service.version": "1.0", "n": 1}"#), tuple(r#"{"service.version":"1.1"}"#));
        assert!(watch.is_due(&old));
        assert!(!watch.is_due(&tuple(r#"{"service.version":"1.0","n":2}"#)), "other fields and spaces do not count");
        assert!(watch.is_due(&new));
        watch.begin_region();
        assert!(watch.is_due(&old));
        assert!(!watch.is_due(&old));
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
