//! Where a pattern of the prefilter stands.

/// One occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Occurrence {
    /// Behind its last byte.
    pub end: usize,
    /// Index of the pattern.
    pub pattern: usize,
}
