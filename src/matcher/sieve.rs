//! Every pattern of the prefilter, each looked for by the cheapest means that fits it: sampled grams for long texts, one look for a
//! telling byte for marks, a folded copy for windows, and for short texts what [`Means::Short`] says. Receives patterns once and texts
//! many times; gives every occurrence of every pattern, overlapping ones included, in the order of their ends.

use std::ops::ControlFlow;

use aho_corasick::BuildError;

use crate::matcher::few;
use crate::matcher::few::Few;
use crate::matcher::lanes::Lanes;
use crate::matcher::marks::Marks;
use crate::matcher::occurrence::Occurrence;
use crate::matcher::rarity::Rarity;
use crate::matcher::sampled::Sampled;
use crate::matcher::sampled::Tier;
use crate::matcher::shaped::Scratch;
use crate::matcher::shaped::Shaped;
use crate::matcher::vector::Hits;
use crate::matcher::window::Window;

/// Bytes searched at a time: they stay in the nearest cache while every tier goes over them.
const STRETCH: usize = 16 * 1024;

/// A search over a block that goes on where it stopped: it looks a stretch ahead and keeps what it found there.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Everything before it has been searched or skipped.
    searched: usize,
    /// What was found, in the order of the block; the ones before `next` are used up.
    found: Vec<Occurrence>,
    next: usize,
    /// Asides may be left out.
    plainly: bool,
    /// The newlines met, where they are asked for.
    newlines: Option<Hits>,
    scratch: Scratch,
}

impl Search {
    /// Begins at `from`, a line start.
    pub(crate) fn at(from: usize) -> Self {
        Self { searched: from, ..Self::default() }
    }

    /// The same, without what is found aside.
    pub(crate) fn plainly_at(from: usize) -> Self {
        Self { plainly: true, ..Self::at(from) }
    }

    /// What was found ahead and is not yet used up.
    pub(crate) fn ahead(&self) -> impl Iterator<Item = Occurrence> {
        self.found.get(self.next..).unwrap_or_default().iter().copied()
    }

    /// Everything before it has been searched or skipped.
    pub(crate) fn searched(&self) -> usize {
        self.searched
    }

    /// The same, and newlines are told besides.
    pub(crate) fn with_newlines_at(from: usize) -> Self {
        Self { newlines: Some(Hits::new()), ..Self::plainly_at(from) }
    }

    /// The chunks of 64 bytes before [`Search::searched`] that hold newlines: where each begins, and a bit for each place. In order but
    /// for a few that are told twice.
    pub(crate) fn newlines(&self) -> &[(usize, u64)] {
        self.newlines.as_deref().unwrap_or_default()
    }

    /// The last occurrence, if there `was` one, comes once more.
    pub(crate) fn step_back(&mut self, was: bool) {
        self.next = self.next.saturating_sub(usize::from(was));
    }

    /// Leaves out everything that ends at or before `to`.
    pub(crate) fn skip_to(&mut self, to: usize) {
        let rest = self.found.get(self.next..).unwrap_or_default();
        self.next += rest.iter().take_while(|occurrence| occurrence.end <= to).count();
        self.searched = self.searched.max(to);
    }
}

/// What is looked for.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// A text, ASCII letters without case.
    Text(Vec<u8>),
    /// A text that a search may leave out.
    Aside(Vec<u8>),
    /// A run of byte classes.
    Window(Window),
    /// Any digit outside ASCII.
    ForeignDigit,
}

/// By what a text is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// Sampled grams of eight bytes.
    Long,
    /// Sampled grams of five bytes.
    Middle,
    /// A telling byte.
    Mark,
    /// Three bytes by a vector search. Where they are too many for it: grams of four bytes at every place, and, of what is shorter still, an
    /// automaton, which walks every byte of the log.
    Short,
}

/// What is looked for `pattern` by.
pub(crate) fn means(pattern: &[u8]) -> Means {
    match pattern.len() {
        _ if Marks::telling(pattern).is_some() => Means::Mark,
        len if len >= Tier::Long.shortest() => Means::Long,
        len if len >= Tier::Middle.shortest() => Means::Middle,
        _ => Means::Short,
    }
}

/// See the module. ASCII letters count without case; no pattern holds a newline, so a search may begin at any line.
#[derive(Debug)]
pub(crate) struct Sieve {
    sampled: Vec<Sampled>,
    marks: Marks,
    shaped: Option<Shaped>,
    few: Option<Few>,
    lanes: Option<(Lanes, Vec<usize>)>,
}

impl Sieve {
    /// Plans for `patterns`; occurrences refer to their indices.
    pub(crate) fn new(patterns: &[Pattern], rarity: &Rarity) -> Result<Self, BuildError> {
        let texts = patterns.iter().enumerate().filter_map(|(number, pattern)| match pattern {
            Pattern::Text(text) | Pattern::Aside(text) => Some((number, text.as_slice())),
            Pattern::Window(_) | Pattern::ForeignDigit => None,
        });
        let aside: Vec<bool> = patterns.iter().map(|pattern| matches!(pattern, Pattern::Aside(_))).collect();
        let of = |wanted: Means| texts.clone().filter(|(_, text)| means(text) == wanted).collect::<Vec<_>>();
        let tiers = [(Tier::Long, of(Means::Long)), (Tier::Middle, of(Means::Middle))];
        let sampled = tiers.into_iter().filter(|(_, texts)| !texts.is_empty());
        let mut sampled: Vec<_> = sampled.map(|(tier, texts)| Sampled::new(tier, &texts, &aside, rarity)).collect();
        let digits = patterns.iter().position(|pattern| matches!(pattern, Pattern::ForeignDigit));
        let marks = Marks::new(&of(Means::Mark), digits);
        let windows = patterns.iter().enumerate().filter_map(|(number, pattern)| match pattern {
            Pattern::Window(window) => Some((number, window)),
            Pattern::Text(_) | Pattern::Aside(_) | Pattern::ForeignDigit => None,
        });
        let windows: Vec<_> = windows.collect();
        let shaped = (!windows.is_empty()).then(|| Shaped::new(&windows, rarity));
        let short = of(Means::Short);
        // Grams at every place take a fixed time; the vector search takes less as long as it seldom calls in vain.
        let sampling = short.iter().all(|(_, text)| text.len() >= Tier::Each4.gram());
        let variants = if sampling { few::VARIANTS_BESIDE_GRAMS } else { few::MAX_VARIANTS };
        let few = if short.is_empty() { None } else { Few::new(&short, variants, rarity) };
        let left = if few.is_some() { Vec::new() } else { short };
        let (each, walked): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, text)| text.len() >= Tier::Each4.gram());
        if !each.is_empty() {
            sampled.push(Sampled::new(Tier::Each4, &each, &aside, rarity));
        }
        let lanes = if walked.is_empty() {
            None
        } else {
            let (numbers, texts): (Vec<usize>, Vec<Vec<u8>>) =
                walked.into_iter().map(|(number, text)| (number, text.to_vec())).unzip();
            Some((Lanes::new(&texts)?, numbers))
        };
        Ok(Self { sampled, marks, shaped, few, lanes })
    }

    /// The next occurrence that ends inside `block[..end]`.
    pub(crate) fn next(&self, block: &[u8], end: usize, search: &mut Search) -> Option<Occurrence> {
        loop {
            if let Some(occurrence) = search.found.get(search.next) {
                search.next += 1;
                return Some(*occurrence);
            }
            if search.searched >= end {
                return None;
            }
            search.next = 0;
            search.found.clear();
            let until = end.min(search.searched + STRETCH);
            self.find(block, until, search);
            search.searched = until;
        }
    }

    /// Shows every occurrence in `text` until `visit` breaks.
    pub(crate) fn visit(&self, text: &[u8], mut visit: impl FnMut(Occurrence) -> ControlFlow<()>) {
        let mut search = Search::at(0);
        while let Some(occurrence) = self.next(text, text.len(), &mut search) {
            if visit(occurrence).is_break() {
                return;
            }
        }
    }

    fn find(&self, text: &[u8], until: usize, search: &mut Search) {
        let Search { searched, found, scratch, plainly, newlines, .. } = search;
        let span = (*searched, until);
        for sampled in &self.sampled {
            let before = found.len();
            sampled.find(text, (span.0, span.1, !*plainly), &mut scratch.hits, found);
            settle(found, before, &mut scratch.merged);
        }
        let mut before = found.len();
        self.marks.find(text, span, (&mut scratch.hits, newlines.as_mut()), found);
        settle(found, before, &mut scratch.merged);
        before = found.len();
        if let Some(shaped) = &self.shaped {
            shaped.find(text, span, scratch, found);
            settle(found, before, &mut scratch.merged);
        }
        before = found.len();
        if let Some(few) = &self.few {
            few.find(text, span, found);
        }
        if let Some((lanes, numbers)) = &self.lanes {
            lanes.find(text, span, found);
            for occurrence in found.iter_mut().skip(before) {
                occurrence.pattern = numbers.get(occurrence.pattern).copied().unwrap_or(usize::MAX);
            }
        }
        settle(found, before, &mut scratch.merged);
    }
}

/// Puts what was found from `at` on in the order of the text, among what was found before. Each means finds nearly in that order.
fn settle(found: &mut Vec<Occurrence>, at: usize, merged: &mut Vec<Occurrence>) {
    let (before, new) = found.split_at_mut(at);
    if !new.is_sorted() {
        new.sort_unstable();
    }
    let (Some(last), Some(first)) = (before.last(), new.first()) else { return };
    if last <= first {
        return;
    }
    merged.clear();
    merged.reserve(before.len() + new.len());
    let (mut left, mut right) = (before.iter().peekable(), new.iter().peekable());
    while let (Some(old), Some(young)) = (left.peek(), right.peek()) {
        let next = if old <= young { left.next() } else { right.next() };
        merged.extend(next);
    }
    merged.extend(left.chain(right));
    std::mem::swap(found, merged);
}
