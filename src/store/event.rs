//! The name of one occurrence: what makes reading the same bytes again harmless.

use sha2::Digest;
use sha2::Sha256;

/// Names one match of one signature in one record, wherever and however often it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// The id of a match in a file: the file's identity, its generation, the byte offset of the record and the signature.
    pub fn in_file(file_id: &str, generation: u64, offset: u64, signature: &str) -> Self {
        Self::of(&[file_id.as_bytes(), &generation.to_be_bytes(), &offset.to_be_bytes(), signature.as_bytes()])
    }

    /// The id of a match in an entry that its sender has named (`insertId`, `messageId`, span id).
    pub fn named(source: &str, name: &str, signature: &str) -> Self {
        Self::of(&[source.as_bytes(), name.as_bytes(), signature.as_bytes()])
    }

    /// The id of a match in an entry that nobody has named: what it says is its name.
    pub fn of_content(content: &[&[u8]], signature: &str) -> Self {
        Self::of(&[&[b"content".as_slice()], content, &[signature.as_bytes()]].concat())
    }

    /// Each part is preceded by its length: `("ab", "c")` and `("a", "bc")` are two events.
    fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update((parts.len() as u64).to_be_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::EventId;

    #[test]
    fn every_part_counts() {
        let id = EventId::in_file("8:1", 0, 42, "A-1");
        assert_eq!(id, EventId::in_file("8:1", 0, 42, "A-1"));
        let others = [
            EventId::in_file("8:2", 0, 42, "A-1"),
            EventId::in_file("8:1", 1, 42, "A-1"),
            EventId::in_file("8:1", 0, 43, "A-1"),
            EventId::in_file("8:1", 0, 42, "A-2"),
            EventId::named("8:1", "42", "A-1"),
        ];
        assert!(others.iter().all(|other| *other != id));
        assert_ne!(EventId::named("a", "bc", "s"), EventId::named("ab", "c", "s"));
    }
}
