//! The way through a stretch of whole records: from one hit of the prefilter to the next, and beside them from line to line for the
//! release watch. Receives a [`Judge`], shows it the records that hold a candidate or a release that is due, in their order.
//!
//! Where nearly every line names its release, in the same words at the same place, its keys need not be searched for: the stretch is
//! searched without them, and one comparison a line stands for them.

use crate::matcher::framing;
use crate::matcher::judge::Judge;
use crate::matcher::judge::Memory;
use crate::matcher::prefilter::Hit;
use crate::matcher::quiet::Quiet;
use crate::matcher::sieve::Search;
use crate::matcher::steady::Lines;

/// Lines of so many bytes are walked before it is asked whether that is worth it.
const TRIAL: usize = 16 * 1024;

/// A line that holds release keys, while its keys are being collected.
struct WatchedLine {
    at: usize,
    end: usize,
}

/// The lines that are walked one by one.
struct Walk {
    lines: Lines,
    /// Bytes of those walked.
    bytes: usize,
    /// Of these: of lines that did not say what is known at its place.
    lost: usize,
}

/// What the clean copy of a line told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// The line is to be judged.
    Here,
    /// Nothing in it, neither raw nor clean.
    Nowhere,
    /// Nothing in the copy; the raw line may still hold something.
    Unknown,
}

/// See the module.
pub(crate) struct Course<'a, 'b> {
    judge: &'a mut Judge<'b>,
    end: usize,
    search: Search,
    /// Everything before it is judged; it is the start of a record.
    cursor: usize,
    /// Interruptions before it have been looked behind.
    cleaned: usize,
    watched: Option<WatchedLine>,
    walk: Option<Walk>,
    quiet: Quiet,
}

impl<'a, 'b> Course<'a, 'b> {
    /// Through `start..end` of the judge's buffer, both record starts.
    pub(crate) fn new(judge: &'a mut Judge<'b>, start: usize, end: usize) -> Self {
        let watching = judge.config.release_watch;
        let steady = watching && judge.memory.watch.is_steady();
        judge.memory.watch.begin_measure(start);
        let search = match (watching, steady) {
            (false, _) => Search::plainly_at(start),
            (true, false) => Search::at(start),
            (true, true) => Search::with_newlines_at(start),
        };
        let walk = steady.then_some(Walk { lines: Lines::at(start), bytes: 0, lost: 0 });
        Self { judge, end, search, cursor: start, cleaned: start, watched: None, walk, quiet: Quiet::default() }
    }

    /// To the end.
    pub(crate) fn run(mut self) {
        while let Some((hit, hit_end)) = self.next() {
            if self.is_candidate(hit, hit_end) {
                self.watched = None;
                self.show(hit_end - 1, false);
            }
        }
        if let Some(walk) = &self.walk {
            let (from, lines) = walk.lines.counted();
            self.judge.buffer.note_lines(from, walk.lines.start(), lines);
        }
    }

    /// The next hit. Lines in front of it that are due have been judged.
    fn next(&mut self) -> Option<(Hit, usize)> {
        loop {
            let next = self.judge.matcher.prefilter.next(self.judge.buffer.bytes(), self.end, &mut self.search);
            let until = next.map_or(usize::MAX, |(_, hit_end)| hit_end);
            let walking = self.walk.is_some();
            let due = if walking { self.walk_to(until) } else { self.gathered_before(until) };
            if let Some(at) = due {
                self.search.step_back(next.is_some());
                self.show(at, true);
            } else if walking == self.walk.is_some() {
                return next;
            }
        }
    }

    /// Judges the record that holds the byte at `at`.
    fn show(&mut self, at: usize, due: bool) {
        self.cursor = self.judge.judge_around(self.cursor, at, due);
        self.skip_to(self.cursor);
    }

    /// Nothing before the line start `to` is looked at any more.
    fn skip_to(&mut self, to: usize) {
        self.search.skip_to(to);
        if let Some(walk) = &mut self.walk {
            walk.lines.skip_to(to);
        }
    }

    fn is_candidate(&mut self, hit: Hit, hit_end: usize) -> bool {
        match hit {
            Hit::Literal | Hit::Boot => true,
            Hit::Interruption if hit_end <= self.cleaned || self.pass(hit_end) => false,
            Hit::Interruption => {
                let (line_end, verdict) = self.look_behind(hit_end);
                self.cleaned = line_end;
                if verdict == Hidden::Nowhere {
                    // The clean copy stood for the line: its colours need not be met one by one.
                    self.skip_to(line_end.min(self.end));
                }
                verdict == Hidden::Here
            }
            Hit::Watch(key) => {
                self.gather(key, hit_end);
                false
            }
        }
    }

    /// Passes over coloured lines from the one that holds the byte before `hit_end`; `false` when they may hold something.
    fn pass(&mut self, hit_end: usize) -> bool {
        let (prefilter, bytes) = (&self.judge.matcher.prefilter, self.judge.buffer.bytes());
        let from = framing::line_start(bytes, hit_end - 1);
        let mut at = from;
        while let Some(passed) = self.quiet.pass(prefilter, bytes, (at, self.end), &mut self.judge.memory.scratch) {
            at = passed;
        }
        if at > from {
            self.skip_to(at);
        }
        at > from
    }

    /// Looks at the clean copy of the line around an interruption, once a line, or at those of many lines. Gives the end of what was
    /// looked at.
    fn look_behind(&mut self, hit_end: usize) -> (usize, Hidden) {
        let bytes = self.judge.buffer.bytes();
        let (line_start, line_end) = (framing::line_start(bytes, hit_end - 1), framing::line_end(bytes, hit_end - 1));
        let (prefilter, scratch) = (&self.judge.matcher.prefilter, &mut self.judge.memory.scratch);
        if let Some(until) = self.quiet.vouch(prefilter, (bytes, &self.search), &(line_start..line_end), scratch) {
            return (until, Hidden::Unknown);
        }
        let line = bytes.get(line_start..line_end).unwrap_or_default();
        let hidden = if prefilter.hidden(line, scratch) {
            Hidden::Here
        } else if memchr::memchr3(b'\\', b'{', b'<', line).is_none() {
            Hidden::Nowhere
        } else {
            // Escapes and markup may themselves be part of a text, and release keys are read from the raw line.
            Hidden::Unknown
        };
        (line_end, hidden)
    }

    /// Meets a release key. In a walk its line is.
    fn gather(&mut self, key: usize, hit_end: usize) {
        // A search without the keys may still meet one.
        if !self.judge.config.release_watch || self.walk.is_some() {
            return;
        }
        let bytes = self.judge.buffer.bytes();
        let Memory { watch, gathering, .. } = &mut *self.judge.memory;
        if self.watched.is_some() {
            return gathering.go_on(watch, key, bytes, hit_end);
        }
        self.watched = Some(WatchedLine { at: hit_end - 1, end: framing::line_end(bytes, hit_end - 1) });
        gathering.begin(watch, key, bytes, hit_end);
    }

    /// The line whose keys were met, if it ends before `until` and is due.
    fn gathered_before(&mut self, until: usize) -> Option<usize> {
        let line = self.watched.take_if(|line| until > line.end)?;
        let bytes = self.judge.buffer.bytes();
        let Memory { watch, gathering, .. } = &mut *self.judge.memory;
        watch.is_next_due(gathering, bytes, line.end).then_some(line.at)
    }

    /// Walks the lines that end before `until`, to the first that is due; the place of a byte of it.
    fn walk_to(&mut self, until: usize) -> Option<usize> {
        let walk = self.walk.as_mut()?;
        loop {
            let bytes = self.judge.buffer.bytes();
            let watch = &mut self.judge.memory.watch;
            let from = walk.lines.start();
            watch.pass(&mut walk.lines, bytes, self.search.newlines(), until.min(self.end));
            walk.bytes += walk.lines.start() - from;
            let line = walk.lines.next(&self.search, (until, self.end))?;
            walk.bytes += line.len();
            let due = if let Some(known) = watch.stands(bytes, &line) {
                watch.is_known_due(known)
            } else {
                walk.lost += line.len();
                let keys = self.judge.matcher.prefilter.keys(bytes, line.clone());
                self.judge.is_due(&keys)
            };
            if walk.lost * 8 > walk.bytes.max(TRIAL) {
                self.judge.memory.watch.disappoint();
                self.search = Search::at(walk.lines.start());
                self.walk = None;
                return due.then_some(line.start);
            }
            if due {
                return Some(line.start);
            }
        }
    }
}
