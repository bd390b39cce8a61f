//! How far a source has been read, in a form that survives a restart.

use serde::{Deserialize, Serialize};

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
}
