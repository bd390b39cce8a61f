//! An Aho-Corasick automaton that walks several stretches of a block at once. One walk is bound by the latency of its table: every
//! step waits for the step before it. Walks in different stretches do not wait for each other, so the processor overlaps them.
//! Receives patterns once and texts many times; gives every occurrence of every pattern, overlapping ones included.

use aho_corasick::Anchored;
use aho_corasick::BuildError;
use aho_corasick::automaton::Automaton;
use aho_corasick::automaton::StateID;
use aho_corasick::dfa::DFA;
use aho_corasick::nfa::contiguous::NFA;

use crate::matcher::occurrence::Occurrence;

/// Stretches walked at once: more would not fit the registers.
const LANES: usize = 4;
/// Beyond so many bytes of patterns a dense automaton would outgrow the caches and the memory bound.
const MAX_DENSE_BYTES: usize = 16 * 1024;

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

impl Lanes {
    /// Whether `patterns` are few enough for the fast table.
    pub(crate) fn is_dense(patterns: &[Vec<u8>]) -> bool {
        patterns.iter().map(Vec::len).sum::<usize>() <= MAX_DENSE_BYTES
    }

    /// Compiles `patterns`.
    pub(crate) fn new(patterns: &[Vec<u8>]) -> Result<Self, BuildError> {
        let table = if Self::is_dense(patterns) {
            Table::Dense(DFA::builder().ascii_case_insensitive(true).prefilter(false).build(patterns)?)
        } else {
            Table::Compact(NFA::builder().ascii_case_insensitive(true).prefilter(false).build(patterns)?)
        };
        Ok(Self { table, longest: patterns.iter().map(Vec::len).max().unwrap_or_default() })
    }

    /// Every occurrence that ends in `text[from..until]`, behind `from`; both are at most some stretches apart.
    pub(crate) fn find(&self, text: &[u8], (from, until): (usize, usize), found: &mut Vec<Occurrence>) {
        match &self.table {
            Table::Dense(table) => self.walk(table, text, (from, until), found),
            Table::Compact(table) => self.walk(table, text, (from, until), found),
        }
    }

    fn walk<A: Automaton>(&self, table: &A, text: &[u8], (from, until): (usize, usize), found: &mut Vec<Occurrence>) {
        let Ok(start) = table.start_state(Anchored::No) else { return };
        let warm = |at: usize| {
            let before = text.get(at.saturating_sub(self.overlap())..at).unwrap_or_default();
            before.iter().fold(start, |state, byte| table.next_state(Anchored::No, state, *byte))
        };
        let len = until.saturating_sub(from) / LANES;
        let (mut state, mut rest) = (warm(from), from);
        if len >= 8 * self.longest.max(8) {
            let starts: [usize; LANES] = std::array::from_fn(|lane| from + lane * len);
            let states = walk_together(table, text, (starts, len), starts.map(warm), found);
            // What the division left over follows the last lane.
            state = states.last().copied().unwrap_or(start);
            rest = from + LANES * len;
        }
        for (at, byte) in (rest..until).zip(text.get(rest..until).unwrap_or_default()) {
            state = table.next_state(Anchored::No, state, *byte);
            occurrences(table, state, at + 1, found);
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
    found: &mut Vec<Occurrence>,
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
            for (state, start) in states.iter().zip(starts) {
                occurrences(table, *state, start + at + 1, found);
            }
        }
    }
    states
}

fn occurrences<A: Automaton>(table: &A, state: StateID, end: usize, found: &mut Vec<Occurrence>) {
    if table.is_match(state) {
        let patterns = (0..table.match_len(state)).map(|index| table.match_pattern(state, index).as_usize());
        found.extend(patterns.map(|pattern| Occurrence { end, pattern }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lanes: &Lanes, text: &[u8], span: (usize, usize)) -> Vec<Occurrence> {
        let mut found = Vec::new();
        lanes.find(text, span, &mut found);
        found.sort_unstable();
        found
    }

    #[test]
    fn lanes_find_what_one_walk_finds_wherever_they_are_cut() {
        let patterns: Vec<_> = ["she", "he", "hers", "\0", "a rather long literal that spans"].map(Vec::from).into();
        let lanes = Lanes::new(&patterns).unwrap();
        let piece = b"usHErs \0 x a rather LONG literal that spans she";
        for len in [0, 1, 40, 300, 1000, 3000, 16_383, 16_384, 16_389] {
            let text: Vec<u8> = piece.iter().copied().cycle().take(len).collect();
            // Steps too short for lanes: one walk.
            let steps = (0..len).step_by(100).flat_map(|from| all(&lanes, &text, (from, len.min(from + 100))));
            let expected: Vec<_> = steps.collect();
            assert_eq!(all(&lanes, &text, (0, len)), expected, "{len} bytes");
            let half: Vec<_> = expected.iter().copied().filter(|occurrence| occurrence.end <= len / 2).collect();
            assert_eq!(all(&lanes, &text, (0, len / 2)), half, "the first half of {len} bytes");
        }
    }

    #[test]
    fn many_patterns_take_the_compact_table() {
        let patterns: Vec<_> = (0..2_000).map(|number| format!("literal {number}").into_bytes()).collect();
        let lanes = Lanes::new(&patterns).unwrap();
        assert!(matches!(lanes.table, Table::Compact(_)));
        let text = "some LITERAL 1234 here, ".repeat(2_000);
        assert_eq!(all(&lanes, text.as_bytes(), (0, text.len())).len(), 2_000 * 4, "literal 1, 12, 123, 1234");
    }
}
