//! Whether a stream is steady: nearly every line says which release wrote it, in words that are known, at the place where they stood
//! before. Receives the lines that named a release and where they did, gives whether to expect it of the next ones.

use std::ops::Range;

use crate::matcher::framing;
use crate::matcher::sieve::Search;

/// So many lines of a region tell; what that costs is bounded.
const LINES: u32 = 64;
/// Fewer tell nothing.
const FEWEST: u32 = 16;
/// Of more texts than these each line would be compared with too many.
const TEXTS: usize = 8;

/// Where a text stands in its line: one of both stays the same where only what is before it or behind it varies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    behind_start: usize,
    before_end: usize,
}

impl Place {
    fn of(at: usize, line: &Range<usize>) -> Self {
        Self { behind_start: at.saturating_sub(line.start), before_end: line.end.saturating_sub(at) }
    }

    fn is_like(self, other: Self) -> bool {
        self.behind_start == other.behind_start || self.before_end == other.before_end
    }

    /// Whether `known` stands here in a line of `text`. A line that says the same at the same place is taken to say nothing else of its
    /// release elsewhere.
    #[inline]
    pub(crate) fn holds(self, known: &[u8], text: &[u8], line: &Range<usize>) -> bool {
        let Some(line) = text.get(line.clone()) else { return false };
        let at = |at: usize| line.get(at..).is_some_and(|rest| rest.starts_with(known));
        line.len().checked_sub(self.before_end).is_some_and(at) || at(self.behind_start)
    }
}

/// The lines of a stretch, by the newlines that its search has met.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Where the next line begins.
    start: usize,
    /// The chunk that holds its newline, and places in it that are done with.
    chunk: usize,
    done: u64,
    /// Lines in a row without one left out, from `counted_from` on.
    count: u64,
    counted_from: usize,
}

impl Lines {
    /// From the line start `at` on.
    pub(crate) fn at(at: usize) -> Self {
        Self { start: at, chunk: 0, done: 0, count: 0, counted_from: at }
    }

    /// Where the next line begins.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Leaves out the lines before `to`, a line start.
    pub(crate) fn skip_to(&mut self, to: usize) {
        if to > self.start {
            (self.start, self.counted_from, self.count) = (to, to, 0);
        }
    }

    /// How many lines stand between which place and the next line.
    pub(crate) fn counted(&self) -> (usize, u64) {
        (self.counted_from, self.count)
    }

    /// The next line if it ends before `until`; where that is behind `end`, the last one may lack its newline.
    pub(crate) fn next(&mut self, search: &Search, (until, end): (usize, usize)) -> Option<Range<usize>> {
        if let Some(behind) = self.ahead(search.newlines(), until.min(end)) {
            let line = self.start..behind;
            self.pass(behind);
            return Some(line);
        }
        let rest = self.start..end;
        if until <= end || rest.is_empty() {
            return None;
        }
        self.start = end;
        Some(rest)
    }

    /// Passes over the lines before `until` in which `known` stands at `place`, as long as `is_passed` says so of each.
    pub(crate) fn pass_known(
        &mut self,
        (text, newlines): (&[u8], &[(usize, u64)]),
        until: usize,
        (known, place): (&[u8], Place),
        mut is_passed: impl FnMut() -> bool,
    ) {
        while let Some(behind) = self.ahead(newlines, until)
            && place.holds(known, text, &(self.start..behind))
            && is_passed()
        {
            self.pass(behind);
        }
    }

    /// Where the next line ends, if that is at most `until`.
    #[inline]
    fn ahead(&mut self, newlines: &[(usize, u64)], until: usize) -> Option<usize> {
        loop {
            let (at, places) = newlines.get(self.chunk)?;
            let places = places & !self.done;
            let behind = at + places.trailing_zeros() as usize + 1;
            if places == 0 {
                (self.chunk, self.done) = (self.chunk + 1, 0);
            } else if behind > self.start {
                return Some(behind).filter(|behind| *behind <= until);
            } else {
                // Left out, or told before.
                self.done |= places & places.wrapping_neg();
            }
        }
    }

    /// The line that ends before `behind` is done with.
    #[inline]
    fn pass(&mut self, behind: usize) {
        self.start = behind;
        self.count += 1;
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Steadiness {
    steady: bool,
    /// Where the region began that is measured, and what its first lines showed.
    from: usize,
    lines: u32,
    bytes: usize,
}

impl Steadiness {
    pub(crate) fn is_steady(&self) -> bool {
        self.steady
    }

    /// A region begins at `from`.
    pub(crate) fn begin(&mut self, from: usize) {
        (self.from, self.lines, self.bytes) = (from, 0, 0);
    }

    /// The lines are not what was expected.
    pub(crate) fn disappoint(&mut self) {
        self.steady = false;
    }

    /// Takes the line of `text` that ends at `line_end` and one of `texts` known texts, which begins at `at` of it and stood at `place` in
    /// the one before. Gives where it stands now; `None` when enough is known.
    pub(crate) fn measure(
        &mut self,
        text: &[u8],
        (at, line_end): (usize, usize),
        place: Place,
        texts: usize,
    ) -> Option<Place> {
        if self.lines >= LINES {
            return None;
        }
        let line = framing::line_start(text, at)..line_end;
        let now = Place::of(at, &line);
        self.lines += 1;
        self.bytes += if now.is_like(place) { line.len() } else { 0 };
        if self.lines >= FEWEST {
            self.steady = texts <= TEXTS && self.bytes * 8 >= line_end.saturating_sub(self.from) * 7;
        }
        Some(now)
    }
}
