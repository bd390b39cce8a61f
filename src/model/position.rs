//! How far a source has been read, in a form that survives a restart.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

/// The read position of one file. Everything before `offset` has been judged and committed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file's identity (device, inode, birth time, generation): the key it is stored under.
    pub file_id: String,
    /// The path it was last seen at.
    pub path: String,
    /// First byte not yet judged: always the start of a record.
    pub offset: u64,
    /// 1-based number of the line that starts at `offset`.
    pub line: u64,
    /// How many bytes of the file's beginning `prefix_hash` covers (grows with the file up to a limit).
    pub prefix_len: u64,
    /// Hash of the first `prefix_len` bytes, hexadecimal: another file under the same inode is found out by it.
    pub prefix_hash: String,
    /// How often this inode was truncated and began anew; part of every event id.
    pub generation: u64,
    /// The `file_id` that event ids of this file are made of when it is not its own: a copy (copytruncate) goes on under the name of
    /// what it was copied from, so that a line read in both is one event. Empty: its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// Offset behind the bytes that `tail_hash` covers: what was read, judged or not (never less than `offset`); 0 when not known.
    #[serde(default)]
    pub tail_end: u64,
    /// How many bytes before `tail_end` `tail_hash` covers.
    #[serde(default)]
    pub tail_len: u64,
    /// Hash of these bytes, hexadecimal: content that was replaced behind an equal beginning is found out by it.
    #[serde(default)]
    pub tail_hash: String,
    /// The last entry judged, of sources that name their entries (journald); empty for files.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cursor: String,
    /// Process number → start, as boot lines of this file or of its predecessors at this path said: a zombie must be known as one
    /// after a restart of relapse and after a rotation, too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub processes: BTreeMap<String, Timestamp>,
}
