//! The one pass over the raw bytes: a search for every signature's required literals, the keys of the release watch,
//! boot lines, and what may interrupt a literal. Receives a block, gives places where a closer look is due. It may call too often,
//! never too seldom.

use std::ops::ControlFlow;
use std::ops::Range;
use std::sync::Arc;

use crate::catalog::signature::Signature;
use crate::decode::boot::BOOT_LITERALS;
use crate::matcher::cost;
use crate::matcher::literals;
use crate::matcher::rarity::Rarity;
use crate::matcher::shaped;
use crate::matcher::sieve;
use crate::matcher::sieve::Means;
use crate::matcher::sieve::Pattern;
use crate::matcher::sieve::Search;
use crate::matcher::sieve::Sieve;
use crate::matcher::unescape;
use crate::matcher::verbatim;
use crate::matcher::verbatim::Form;
use crate::matcher::watch;
use crate::matcher::window::Window;

/// Letters outside ASCII that fold to one inside (U+212A, U+017F), in UTF-8 and escaped: records that hold one are verified whole.
const FOREIGN_FOLDS: [&[u8]; 4] = ["\u{212a}".as_bytes(), "\u{17f}".as_bytes(), b"\\u212a", b"\\u017f"];

/// What was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hit {
    /// A required literal, or a record that must be looked at whole.
    Literal,
    /// Something that may interrupt a literal: the line's clean copy decides.
    Interruption,
    /// A key of the release watch, by index.
    Watch(usize),
    /// A boot line.
    Boot,
}

#[derive(Debug, Clone)]
enum Meaning {
    Literal(Vec<usize>),
    Whole,
    Interruption,
    /// A key, by index, and how many bytes of the pattern stand behind it.
    Watch(usize, usize),
    Boot,
}

/// What one record holds.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Indices of signatures of which a literal was met, ascending.
    pub signatures: Vec<usize>,
    /// Every signature must be verified.
    pub whole: bool,
    /// A boot line.
    pub boot: bool,
    /// Release watch keys and where each ends.
    pub watched: Vec<(usize, usize)>,
}

/// The keys of the release watch. A key too short to be sampled is looked for together with what may follow it before its value.
fn watched_keys() -> Vec<(Vec<u8>, Meaning)> {
    let mut patterns = Vec::new();
    for (key, text) in watch::KEYS.iter().enumerate() {
        let text = text.as_bytes();
        if sieve::means(text) == Means::Short {
            patterns.extend(b": \t\r".iter().map(|after| ([text, &[*after]].concat(), Meaning::Watch(key, 1))));
        } else {
            patterns.push((text.to_vec(), Meaning::Watch(key, 0)));
        }
    }
    patterns
}

/// What the signatures are looked for by; each with the signature's index.
#[derive(Default)]
struct Needs {
    literals: Vec<(Vec<u8>, usize)>,
    windows: Vec<(Window, usize)>,
    windowed: Vec<usize>,
    unfiltered: Vec<usize>,
}

impl Needs {
    fn add(&mut self, index: usize, signature: &Signature, rarity: &Rarity) {
        if let Some(set) = literals::of_signature(signature, rarity) {
            self.literals.extend(set.into_iter().map(|literal| (literal, index)));
        } else if let Some(set) = shaped::of_signature(signature) {
            self.windows.extend(set.into_iter().map(|window| (window, index)));
            self.windowed.push(index);
        } else {
            self.unfiltered.push(index);
        }
    }
}

/// One pattern for each text or window, with all its owners.
fn grouped<T: Ord + Clone>(mut owners: Vec<(T, usize)>, pattern: impl Fn(T) -> Pattern) -> Vec<(Pattern, Meaning)> {
    owners.sort();
    let groups = owners.chunk_by(|left, right| left.0 == right.0);
    let groups = groups.filter_map(|group| group.first().map(|(first, _)| (first, group)));
    groups
        .map(|(first, group)| {
            (pattern(first.clone()), Meaning::Literal(group.iter().map(|(_, index)| *index).collect()))
        })
        .collect()
}

/// Immutable; built once a catalog.
#[derive(Debug)]
pub(crate) struct Prefilter {
    sieve: Option<Sieve>,
    meanings: Vec<Meaning>,
    /// Signatures that are looked for by windows, ascending.
    windowed: Vec<usize>,
    unfiltered: Vec<usize>,
    printed: Printed,
}

/// Signatures with a literal that may be printed anew, ascending.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    /// Such a literal may be that of an attribute.
    pub attributes: Vec<usize>,
    /// It is that of a message.
    pub messages: Vec<usize>,
}

impl Printed {
    fn of(needs: &Needs, signatures: &[Arc<Signature>]) -> Self {
        // What a window accepts may be a number, too.
        let mut printed = Self { attributes: needs.windowed.clone(), messages: needs.windowed.clone() };
        for (text, owner) in needs.literals.iter().filter(|(text, _)| verbatim::may_be_printed(text)) {
            // A number alone is never looked for in an attribute.
            let is_word = text.iter().any(|byte| byte.is_ascii_alphabetic() && *byte != b'e');
            let of_attribute =
                is_word && signatures.get(*owner).is_none_or(|signature| literals::asks_attributes(signature));
            let owned = if of_attribute { &mut printed.attributes } else { &mut printed.messages };
            owned.push(*owner);
        }
        for owned in [&mut printed.attributes, &mut printed.messages] {
            owned.sort_unstable();
            owned.dedup();
        }
        printed
    }
}

impl Prefilter {
    /// Compiles the literals of `signatures`; their indices are what hits refer to.
    pub(crate) fn new(signatures: &[Arc<Signature>], rarity: &Rarity) -> Self {
        let mut needs = Needs::default();
        for (index, signature) in signatures.iter().enumerate() {
            needs.add(index, signature, rarity);
        }
        let printed = Printed::of(&needs, signatures);
        let mut patterns = grouped(needs.literals, Pattern::Text);
        let foreign = needs.windows.iter().filter(|(window, _)| window.foreign_digits).map(|(_, index)| *index);
        let mut foreign: Vec<usize> = foreign.collect();
        foreign.dedup();
        if !foreign.is_empty() {
            patterns.push((Pattern::ForeignDigit, Meaning::Literal(foreign)));
        }
        let slash = needs.windows.iter().any(|(window, _)| window.classes.iter().any(|class| class.holds(b'/')));
        patterns.extend(grouped(needs.windows, Pattern::Window));
        let interruptions = unescape::INTERRUPTIONS.iter().map(|text| text.to_vec()).chain(unescape::opening_tags());
        let interruptions = interruptions.chain(slash.then(|| unescape::SLASH.to_vec()));
        let texts = interruptions
            .map(|text| (text, Meaning::Interruption))
            .chain(FOREIGN_FOLDS.iter().map(|text| (text.to_vec(), Meaning::Whole)))
            .chain(BOOT_LITERALS.iter().map(|text| (text.as_bytes().to_vec(), Meaning::Boot)));
        patterns.extend(texts.map(|(text, meaning)| (Pattern::Text(text), meaning)));
        patterns.extend(watched_keys().into_iter().map(|(text, meaning)| (Pattern::Aside(text), meaning)));
        let (patterns, meanings): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        let sieve = Sieve::new(&patterns, rarity).ok();
        Self { sieve, meanings, windowed: needs.windowed, unfiltered: needs.unfiltered, printed }
    }

    /// Whether the signature at `index` is looked for by literals.
    pub(crate) fn has_literal(&self, index: usize) -> bool {
        self.windowed.binary_search(&index).is_err() && self.unfiltered.binary_search(&index).is_err()
    }

    /// Whether every record must be looked at: some signature has no literal (or the search could not be built).
    pub(crate) fn every_record(&self) -> bool {
        !self.unfiltered.is_empty() || self.sieve.is_none()
    }

    /// Whether the search could not be built: nothing is known of any record.
    pub(crate) fn sieve_is_missing(&self) -> bool {
        self.sieve.is_none()
    }

    /// Signatures that have no literal, ascending.
    pub(crate) fn unfiltered(&self) -> &[usize] {
        &self.unfiltered
    }

    /// Signatures with a literal that a decoder may print from a number or a truth value, ascending.
    pub(crate) fn printed(&self) -> &Printed {
        &self.printed
    }

    /// The ends of every place of a request where a closer look at the record is due.
    pub(crate) fn calls(&self, request: &[u8], form: Form) -> Vec<usize> {
        let mut calls = Vec::new();
        let mut search = Search::at(0);
        while let Some((hit, end)) = self.next(request, request.len(), &mut search) {
            let called = match hit {
                Hit::Literal | Hit::Boot => true,
                Hit::Interruption => form.interrupts(request, end),
                Hit::Watch(_) => false,
            };
            if called && calls.last() != Some(&end) {
                calls.push(end);
            }
        }
        calls
    }

    /// Everything that stands in one part of a request.
    pub(crate) fn survey_part(&self, part: &[u8], form: Form, scratch: &mut Vec<u8>) -> Survey {
        let mut survey = Survey { whole: self.sieve.is_none(), ..Survey::default() };
        let interrupted = self.collect_in(part, 0..part.len(), form, &mut survey);
        if interrupted {
            let certain = unescape::write_clean(part, scratch);
            survey.whole |= !certain;
            self.collect(scratch, 0..scratch.len(), &mut survey);
        }
        survey.watched.clear();
        survey.signatures.sort_unstable();
        survey.signatures.dedup();
        survey
    }

    /// The next hit that ends inside `span`, and where it ends.
    pub(crate) fn next(&self, haystack: &[u8], end: usize, search: &mut Search) -> Option<(Hit, usize)> {
        let found = self.sieve.as_ref()?.next(haystack, end, search)?;
        let hit = match self.meanings.get(found.pattern)? {
            Meaning::Literal(_) | Meaning::Whole => Hit::Literal,
            Meaning::Interruption => Hit::Interruption,
            Meaning::Watch(key, behind) => return Some((Hit::Watch(*key), found.end - behind)),
            Meaning::Boot => Hit::Boot,
        };
        Some((hit, found.end))
    }

    /// The release keys in `haystack[line]`, and where each ends.
    pub(crate) fn keys(&self, haystack: &[u8], line: Range<usize>) -> Vec<(usize, usize)> {
        let mut survey = Survey::default();
        self.collect(haystack, line, &mut survey);
        survey.watched
    }

    /// Where the interruptions end that `search` has found ahead.
    pub(crate) fn interruptions(&self, search: &Search) -> impl Iterator<Item = usize> {
        let is = |pattern: usize| matches!(self.meanings.get(pattern), Some(Meaning::Interruption));
        search.ahead().filter(move |found| is(found.pattern)).map(|found| found.end)
    }

    /// Whether the clean copy of one or more lines holds something that the raw lines hid.
    pub(crate) fn hidden(&self, lines: &[u8], scratch: &mut Vec<u8>) -> bool {
        let certain = unescape::write_clean(lines, scratch);
        let mut search = Search::at(0);
        let hits = std::iter::from_fn(|| self.next(scratch, scratch.len(), &mut search));
        !certain || hits.into_iter().any(|(hit, _)| matches!(hit, Hit::Literal | Hit::Boot))
    }

    /// Whether the clean copy of `lines` holds nothing at all, and stands for them.
    pub(crate) fn is_quiet(&self, lines: &[u8], scratch: &mut Vec<u8>) -> bool {
        let certain = unescape::write_clean(lines, scratch);
        certain && self.next(scratch, scratch.len(), &mut Search::at(0)).is_none()
    }

    /// Everything that stands in `haystack[record]`, interruptions taken into account.
    pub(crate) fn survey(&self, haystack: &[u8], record: Range<usize>, scratch: &mut Vec<u8>) -> Survey {
        let mut survey = Survey { whole: self.sieve.is_none(), ..Survey::default() };
        let interrupted = self.collect(haystack, record.clone(), &mut survey);
        if interrupted {
            let certain = unescape::write_clean(haystack.get(record).unwrap_or_default(), scratch);
            survey.whole |= !certain;
            let watched = survey.watched.len();
            self.collect(scratch, 0..scratch.len(), &mut survey);
            survey.watched.truncate(watched);
        }
        survey.signatures.sort_unstable();
        survey.signatures.dedup();
        survey
    }

    /// For each of `signatures`, in how many lines of `sample` a literal of it stands.
    pub(crate) fn called(&self, sample: &[u8], signatures: usize) -> Vec<u64> {
        cost::count_lines(sample, signatures, |count| {
            let Some(sieve) = &self.sieve else { return };
            sieve.visit(sample, |found| match self.meanings.get(found.pattern) {
                Some(Meaning::Literal(owners)) => count(owners, found.end),
                _ => ControlFlow::Continue(()),
            });
        })
    }

    fn collect(&self, haystack: &[u8], span: Range<usize>, survey: &mut Survey) -> bool {
        self.collect_in(haystack, span, Form::Text, survey)
    }

    fn collect_in(&self, haystack: &[u8], span: Range<usize>, form: Form, survey: &mut Survey) -> bool {
        let Some(sieve) = &self.sieve else { return false };
        let mut interrupted = false;
        sieve.visit(haystack.get(span.clone()).unwrap_or_default(), |found| {
            match self.meanings.get(found.pattern) {
                Some(Meaning::Literal(owners)) => survey.signatures.extend(owners),
                Some(Meaning::Whole) => survey.whole = true,
                Some(Meaning::Interruption) => interrupted |= form.interrupts(haystack, span.start + found.end),
                Some(Meaning::Watch(key, behind)) => survey.watched.push((*key, span.start + found.end - behind)),
                Some(Meaning::Boot) => survey.boot = true,
                None => {}
            }
            ControlFlow::Continue(())
        });
        interrupted
    }
}
