//! Where reading a file begins, and the same as it is stored: what a restart, a copy and a new generation go on from.

use std::sync::Arc;

use crate::model::position::Position;
use crate::source::file::identity::Marker;
use crate::source::file::identity::Prefix;

/// Where reading begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) file_id: Arc<str>,
    /// What event ids are made of: `file_id`, or that of the file this one is a copy of.
    pub(super) scope: Arc<str>,
    pub(super) generation: u64,
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) prefix: Prefix,
}

impl Start {
    /// The first byte of a generation nobody has read.
    pub(super) fn anew(file_id: Arc<str>, generation: u64) -> Self {
        let scope = Arc::clone(&file_id);
        Self { file_id, scope, generation, offset: 0, line: 1, prefix: Prefix::default() }
    }

    /// Where a stored position ended.
    pub(super) fn at(position: &Position) -> Self {
        Self {
            file_id: position.file_id.as_str().into(),
            scope: scope(position).into(),
            generation: position.generation,
            offset: position.offset,
            line: position.line.max(1),
            prefix: prefix(position),
        }
    }
}

/// The name event ids are made of.
pub(super) fn scope(position: &Position) -> &str {
    if position.scope.is_empty() { &position.file_id } else { &position.scope }
}

/// The stored beginning.
pub(super) fn prefix(position: &Position) -> Prefix {
    Prefix { len: position.prefix_len, hash: position.prefix_hash.clone() }
}

/// The stored bytes before what was read.
pub(super) fn marker(position: &Position) -> Marker {
    Marker { end: position.tail_end, len: position.tail_len, hash: position.tail_hash.clone() }
}
