//! An Aho-Corasick automaton that walks several stretches of a block at once. One walk is bound by the latency of its table: every
//! step waits for the step before it. Walks in different stretches do not wait for each other, so the processor overlaps them.
//! Receives patterns once and texts many times; gives every occurrence of every pattern, overlapping ones included.

use std::ops::ControlFlow;

use aho_corasick::Anchored;
use aho_corasick::BuildError;
use aho_corasick::automaton::Automaton;
use aho_corasick::automaton::StateID;
use aho_corasick::dfa::DFA;
use aho_corasick::nfa::contiguous::NFA;

/// Stretches walked at once: more would not fit the registers.
const LANES: usize = 4;
/// Bytes of one stretch.
const STRETCH: usize = 4 * 1024;
/// Beyond so many bytes of patterns a dense automaton would outgrow the caches and the memory bound.
const MAX_DENSE_BYTES: usize = 16 * 1024;

/// One occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occurrence {
    /// Index of the pattern.
    pub pattern: usize,
    /// Behind its last byte.
    pub end: usize,
}

#[derive(Debug)]
enum Table {
    Dense(DFA),
    Compact(NFA),
}

/// The automaton; ASCII letters without case. No pattern holds a newline, so a walk may begin at any line.
#[derive(Debug)]
pub(crate) struct Lanes {
    table: Table,
    longest: usize,
}

/// A search over a block that goes on where it stopped: it looks some stretches ahead and keeps what it found there.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Everything before it has been walked or skipped.
    walked: usize,
    /// What was found, in the order of the block; the ones before `next` are used up.
    found: Vec<Occurrence>,
    next: usize,
}

impl Search {
    /// Begins at `from`, a line start.
    pub(crate) fn at(from: usize) -> Self {
        Self { walked: from, ..Self::default() }
    }

    /// Leaves out everything that ends at or before `to`.
    pub(crate) fn skip_to(&mut self, to: usize) {
        let rest = self.found.get(self.next..).unwrap_or_default();
        self.next += rest.iter().take_while(|occurrence| occurrence.end <= to).count();
        self.walked = self.walked.max(to);
    }
}

impl Lanes {
    /// Compiles `patterns`.
    pub(crate) fn new(patterns: &[Vec<u8>]) -> Result<Self, BuildError> {
        let bytes = patterns.iter().map(Vec::len).sum::<usize>();
        let table = if bytes <= MAX_DENSE_BYTES {
            Table::Dense(DFA::builder().ascii_case_insensitive(true).prefilter(false).build(patterns)?)
        } else {
            Table::Compact(NFA::builder().ascii_case_insensitive(true).prefilter(false).build(patterns)?)
        };
        Ok(Self { table, longest: patterns.iter().map(Vec::len).max().unwrap_or_default() })
    }

    /// The next occurrence that ends inside `block[..end]`.
    pub(crate) fn next(&self, block: &[u8], end: usize, search: &mut Search) -> Option<Occurrence> {
        loop {
            if let Some(occurrence) = search.found.get(search.next) {
                search.next += 1;
                return Some(*occurrence);
            }
            if search.walked >= end {
                return None;
            }
            search.next = 0;
            search.found.clear();
            let until = end.min(search.walked + LANES * STRETCH);
            match &self.table {
                Table::Dense(table) => self.walk_ahead(table, block, until, search),
                Table::Compact(table) => self.walk_ahead(table, block, until, search),
            }
            search.walked = until;
        }
    }

    /// Shows every occurrence in `text` until `visit` breaks.
    pub(crate) fn visit(&self, text: &[u8], mut visit: impl FnMut(Occurrence) -> ControlFlow<()>) {
        match &self.table {
            Table::Dense(table) => walk(table, text, 0, &mut visit),
            Table::Compact(table) => walk(table, text, 0, &mut visit),
        }
    }

    fn walk_ahead<A: Automaton>(&self, table: &A, block: &[u8], until: usize, search: &mut Search) {
        let from = search.walked;
        let len = (until - from) / LANES;
        if len < 8 * self.longest.max(8) {
            let text = block.get(from.saturating_sub(self.overlap())..until).unwrap_or_default();
            let skipped = text.len() - (until - from);
            return walk(table, text, 0, &mut |occurrence| {
                if occurrence.end > skipped {
                    search.found.push(Occurrence { end: occurrence.end + from - skipped, ..occurrence });
                }
                ControlFlow::Continue(())
            });
        }
        let Ok(start) = table.start_state(Anchored::No) else { return };
        let starts: [usize; LANES] = std::array::from_fn(|lane| from + lane * len);
        let states = starts.map(|at| {
            let before = block.get(at.saturating_sub(self.overlap())..at).unwrap_or_default();
            before.iter().fold(start, |state, byte| table.next_state(Anchored::No, state, *byte))
        });
        let mut found: [Vec<Occurrence>; LANES] = Default::default();
        let states = walk_together(table, block, (starts, len), states, &mut found);
        search.found.extend(found.into_iter().flatten());
        // What the division left over follows the last lane.
        let mut state = states.last().copied().unwrap_or(start);
        let rest = from + LANES * len;
        for (at, byte) in (rest..until).zip(block.get(rest..until).unwrap_or_default()) {
            state = table.next_state(Anchored::No, state, *byte);
            occurrences(table, state, at + 1, &mut search.found);
        }
    }

    /// So many bytes before a stretch decide what is found in it.
    fn overlap(&self) -> usize {
        self.longest.saturating_sub(1)
    }
}

/// Walks every lane's stretch of `len` bytes in step; gives the states they end in.
fn walk_together<A: Automaton>(
    table: &A,
    block: &[u8],
    (starts, len): ([usize; LANES], usize),
    mut states: [StateID; LANES],
    found: &mut [Vec<Occurrence>; LANES],
) -> [StateID; LANES] {
    let lanes = starts.map(|at| block.get(at..at + len).unwrap_or_default());
    let [first, second, third, fourth] = lanes;
    let bytes = first.iter().zip(second).zip(third.iter().zip(fourth)).enumerate();
    for (at, ((first, second), (third, fourth))) in bytes {
        let bytes = [*first, *second, *third, *fourth];
        let mut special = false;
        for (state, byte) in states.iter_mut().zip(bytes) {
            *state = table.next_state(Anchored::No, *state, byte);
            special |= table.is_special(*state);
        }
        if special {
            for ((state, start), found) in states.iter().zip(starts).zip(found.iter_mut()) {
                occurrences(table, *state, start + at + 1, found);
            }
        }
    }
    states
}

fn occurrences<A: Automaton>(table: &A, state: StateID, end: usize, found: &mut Vec<Occurrence>) {
    if table.is_match(state) {
        let patterns = (0..table.match_len(state)).map(|index| table.match_pattern(state, index).as_usize());
        found.extend(patterns.map(|pattern| Occurrence { pattern, end }));
    }
}

fn walk<A: Automaton>(table: &A, text: &[u8], offset: usize, visit: &mut impl FnMut(Occurrence) -> ControlFlow<()>) {
    let Ok(mut state) = table.start_state(Anchored::No) else { return };
    for (at, byte) in text.iter().enumerate() {
        state = table.next_state(Anchored::No, state, *byte);
        if !table.is_special(state) || !table.is_match(state) {
            continue;
        }
        for index in 0..table.match_len(state) {
            let pattern = table.match_pattern(state, index).as_usize();
            if visit(Occurrence { pattern, end: offset + at + 1 }).is_break() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lanes: &Lanes, text: &[u8], end: usize, search: &mut Search) -> Vec<Occurrence> {
        std::iter::from_fn(|| lanes.next(text, end, search)).collect()
    }

    #[test]
    fn lanes_find_what_one_walk_finds_wherever_they_are_cut() {
        let patterns: Vec<_> = ["she", "he", "hers", "\0", "a rather long literal that spans"].map(Vec::from).into();
        let lanes = Lanes::new(&patterns).unwrap();
        let piece = b"usHErs \0 x a rather LONG literal that spans she";
        for len in [0, 1, 40, 300, 1000, 3000, LANES * STRETCH - 1, LANES * STRETCH, LANES * STRETCH + 5, 100_000] {
            let text: Vec<u8> = piece.iter().copied().cycle().take(len).collect();
            let mut expected = Vec::new();
            lanes.visit(&text, |occurrence| {
                expected.push(occurrence);
                ControlFlow::Continue(())
            });
            assert_eq!(all(&lanes, &text, len, &mut Search::at(0)), expected, "{len} bytes");
            let half: Vec<_> = expected.iter().copied().filter(|occurrence| occurrence.end <= len / 2).collect();
            assert_eq!(all(&lanes, &text, len / 2, &mut Search::at(0)), half, "the first half of {len} bytes");
        }
    }

    #[test]
    fn a_skipped_part_is_silent() {
        let lanes = Lanes::new(&[b"x".to_vec()]).unwrap();
        let text = vec![b'x'; 100_000];
        let mut search = Search::at(0);
        assert_eq!(lanes.next(&text, text.len(), &mut search).map(|found| found.end), Some(1));
        for to in [10, 20_000, 20_001, 90_000] {
            search.skip_to(to);
            assert_eq!(lanes.next(&text, text.len(), &mut search).map(|found| found.end), Some(to + 1));
        }
    }

    #[test]
    fn many_patterns_take_the_compact_table() {
        let patterns: Vec<_> = (0..2_000).map(|number| format!("literal {number}").into_bytes()).collect();
        let lanes = Lanes::new(&patterns).unwrap();
        assert!(matches!(lanes.table, Table::Compact(_)));
        let text = "some LITERAL 1234 here, ".repeat(2_000);
        let found = all(&lanes, text.as_bytes(), text.len(), &mut Search::at(0));
        assert_eq!(found.len(), 2_000 * 4, "literal 1, 12, 123, 1234");
    }
}
