//! Which file is which: a path may name another file tomorrow, an inode may be used again, a file may begin anew in place.
//!
//! Receives metadata and the first bytes of a file; gives its key, the name its position is stored under and whether its beginning is
//! still the one that was read.

use std::fmt;
use std::fmt::Write;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::UNIX_EPOCH;

use sha2::Digest;
use sha2::Sha256;

use crate::source::file::bytes::read_at;

/// How many bytes of a file's beginning are hashed at most.
pub const PREFIX_MAX: usize = 1024;
/// How many bytes before the read offset are compared before more is read.
pub const TAIL_MAX: usize = 256;

/// Device, inode and birth time: what the kernel says a file is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey {
    /// Device number; may change when a host or container starts again.
    pub device: u64,
    /// Inode number; is used again after the file was deleted.
    pub inode: u64,
    /// Nanoseconds since 1970; `None` where the file system keeps no birth time.
    pub birth: Option<u64>,
}

impl FileKey {
    /// The key of the file behind `metadata`.
    pub fn of(metadata: &Metadata) -> Self {
        let birth = metadata.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            birth: birth.and_then(|since| u64::try_from(since.as_nanos()).ok()).filter(|nanos| *nanos > 0),
        }
    }

    /// The key that a stored name stands for.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('-');
        let mut hex = || u64::from_str_radix(parts.next()?, 16).ok();
        let (device, inode, birth) = (hex()?, hex()?, hex()?);
        Some(Self { device, inode, birth: Some(birth).filter(|nanos| *nanos > 0) })
    }

    /// Whether both may be the same file. The device number alone does not part them when the birth times agree to the nanosecond:
    /// it is given anew at every mount.
    pub fn same_file(&self, other: &Self) -> bool {
        self.inode == other.inode && self.birth == other.birth && (self.device == other.device || self.birth.is_some())
    }
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}-{:x}", self.device, self.inode, self.birth.unwrap_or(0))
    }
}

/// The first 16 bytes of the SHA-256 of `bytes`, hexadecimal.
fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let (half, _) = digest.split_at(16);
    half.iter().fold(String::with_capacity(32), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

/// The hash of a file's beginning; grows with the file up to [`PREFIX_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefix {
    /// Bytes covered.
    pub len: u64,
    /// The first 16 bytes of their SHA-256, hexadecimal; empty when nothing is covered.
    pub hash: String,
}

impl Prefix {
    /// The hash of `head`, or of its first [`PREFIX_MAX`] bytes.
    pub fn of(head: &[u8]) -> Self {
        let head = head.get(..PREFIX_MAX).unwrap_or(head);
        if head.is_empty() {
            return Self::default();
        }
        Self { len: head.len() as u64, hash: digest(head) }
    }

    /// Whether a file that begins with `head` (its first [`PREFIX_MAX`] bytes, or all of it) still has this beginning.
    pub fn holds(&self, head: &[u8]) -> bool {
        let covered = usize::try_from(self.len).ok().and_then(|len| head.get(..len));
        covered.is_some_and(|covered| Self::of(covered) == *self)
    }

    /// Whether a longer `head` would say more.
    pub fn may_grow(&self) -> bool {
        self.len < PREFIX_MAX as u64
    }
}

/// The hash of the bytes before an offset up to which a file was read; grows up to [`TAIL_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marker {
    /// The offset behind the covered bytes.
    pub end: u64,
    /// Bytes covered; 0 says nothing about the file.
    pub len: u64,
    /// Their hash; empty when nothing is covered.
    pub hash: String,
}

impl Marker {
    /// The marker of `tail`, the bytes before offset `end`.
    pub fn of(end: u64, tail: &[u8]) -> Self {
        let hash = if tail.is_empty() { String::new() } else { digest(tail) };
        Self { end, len: tail.len() as u64, hash }
    }

    /// Whether the bytes are still there.
    pub fn holds(&self, file: &File) -> io::Result<bool> {
        if self.len == 0 {
            return Ok(true);
        }
        let mut bytes = vec![0; usize::try_from(self.len).unwrap_or(TAIL_MAX).min(TAIL_MAX)];
        let count = read_at(file, &mut bytes, self.end.saturating_sub(self.len))?;
        Ok(count == bytes.len() && Self::of(self.end, &bytes) == *self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_stored_form() {
        for birth in [None, Some(1_723_456_789_123_456_789)] {
            let key = FileKey { device: 0xfe01, inode: 77, birth };
            assert_eq!(FileKey::parse(&key.to_string()), Some(key));
        }
        assert_eq!(FileKey::parse("stdin"), None);
    }

    #[test]
    fn a_new_device_number_parts_files_only_without_birth_time() {
        let key = FileKey { device: 1, inode: 7, birth: Some(5) };
        assert!(key.same_file(&FileKey { device: 2, ..key }));
        assert!(!key.same_file(&FileKey { birth: Some(6), ..key }), "the inode is used again");
        let old = FileKey { birth: None, ..key };
        assert!(old.same_file(&old));
        assert!(!old.same_file(&FileKey { device: 2, ..old }));
    }

    #[test]
    fn a_prefix_holds_while_the_file_grows_and_not_when_it_changes() {
        let prefix = Prefix::of(b"one\n");
        assert!(prefix.holds(b"one\n") && prefix.holds(b"one\ntwo\n"));
        assert!(!prefix.holds(b"one") && !prefix.holds(b"other\n") && !prefix.holds(b""));
        assert!(Prefix::default().holds(b"") && Prefix::default().holds(b"anything"));
        assert_eq!(Prefix::of(&[b'x'; 5000]), Prefix::of(&[b'x'; PREFIX_MAX]));
    }

    #[test]
    fn a_marker_holds_while_what_was_read_is_there() {
        let marker = Marker::of(8, b"two\n");
        let holds = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            marker.holds(&File::open(file.path()).unwrap()).unwrap()
        };
        assert!(holds("one\ntwo\n") && holds("uno\ntwo\nthree\n"));
        assert!(!holds("one\nowt\n") && !holds("one\ntwo") && !holds(""));
    }
}
