//! The sampled q-gram filter. A literal of at least `q + s − 1` bytes holds, wherever it stands, a run of `q` bytes that begins at a
//! multiple of `s`. So only every `s`-th place of a text is looked at: `q` bytes, letters folded, hashed into a bitmap that stays in the
//! cache. Receives literals once and texts many times; gives every occurrence of every literal, overlapping ones included, once.

use crate::matcher::occurrence::Occurrence;
use crate::matcher::rarity::Rarity;

/// Folds ASCII letters, and joins some other bytes in pairs: what is compared in the end is the text itself.
const FOLD: u64 = 0x2020_2020_2020_2020;
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bits of the bitmap for each gram, at least.
const BITS_A_GRAM: usize = 16;
/// Up to so many words a byte a place is used instead of bits: at most one place in a hundred calls in vain.
const MAX_BYTES_WORDS: usize = 96;
/// Bytes that are looked at before the one branch.
const CHUNK: usize = 64;

/// How a text is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Eight bytes at every eighth place.
    Long,
    /// Five bytes at every fourth place.
    Middle,
}

impl Tier {
    /// Bytes of a gram.
    pub(crate) const fn gram(self) -> usize {
        match self {
            Self::Long => 8,
            Self::Middle => 5,
        }
    }

    /// Grams in a row that every literal has in the table, one of which falls on a sampled place.
    pub(crate) const fn stride(self) -> usize {
        match self {
            Self::Long => 8,
            Self::Middle => 4,
        }
    }

    /// Shorter literals do not fit.
    pub(crate) const fn shortest(self) -> usize {
        self.gram() + self.stride() - 1
    }
}

/// A gram in the exact table: the literals that hold it are `entries[start..start + len]`; `len` 0 is a free slot.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    gram: u64,
    start: u32,
    len: u32,
}

/// A literal that holds a gram, and where in it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    literal: u32,
    offset: u32,
}

#[derive(Debug)]
struct Literal {
    text: Box<[u8]>,
    pattern: usize,
}

/// The table in one of some sizes, so that the compiler knows that an index lies inside.
#[derive(Debug)]
enum Bitmap {
    /// A byte a place: one load tells.
    Bytes(Box<[u8; 1 << 15]>),
    /// Two bits of a word a gram.
    Small(Box<[u64; 1 << 10]>),
    Medium(Box<[u64; 1 << 12]>),
    Large(Box<[u64; 1 << 15]>),
}

impl Bitmap {
    fn new(grams: usize) -> Self {
        match grams * BITS_A_GRAM / 64 {
            words if words <= MAX_BYTES_WORDS => Self::Bytes(boxed()),
            0..=0x400 => Self::Small(boxed()),
            0x401..=0x1000 => Self::Medium(boxed()),
            _ => Self::Large(boxed()),
        }
    }

    fn insert(&mut self, gram: u64) {
        match self {
            Self::Bytes(bytes) => {
                if let Some(byte) = bytes.get_mut(byte_place(gram)) {
                    *byte = 1;
                }
            }
            Self::Small(words) => insert(words, gram),
            Self::Medium(words) => insert(words, gram),
            Self::Large(words) => insert(words, gram),
        }
    }
}

fn byte_place(gram: u64) -> usize {
    usize::try_from(gram.wrapping_mul(MULTIPLIER) >> 49).unwrap_or_default()
}

fn boxed<T: Copy + Default, const LEN: usize>() -> Box<[T; LEN]> {
    Box::new([T::default(); LEN])
}

/// Place of a gram: a word, and two bits of it.
fn place<const WORDS: usize>(gram: u64) -> (usize, u32, u32) {
    let hash = gram.wrapping_mul(MULTIPLIER);
    let width = 64 - WORDS.ilog2();
    let low = |shift: u32| u32::try_from((hash >> shift) & 63).unwrap_or_default();
    (usize::try_from(hash >> width).unwrap_or_default(), low(width - 6), low(width - 12))
}

fn insert<const WORDS: usize>(words: &mut [u64; WORDS], gram: u64) {
    let (word, one, other) = place::<WORDS>(gram);
    if let Some(word) = words.get_mut(word) {
        *word |= 1 << one | 1 << other;
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the hot loop: a call costs as much as the work")]
fn holds<const WORDS: usize>(words: &[u64; WORDS], gram: u64) -> u64 {
    let (word, one, other) = place::<WORDS>(gram);
    let word = words.get(word).copied().unwrap_or_default();
    (word >> one) & (word >> other) & 1
}

/// The filter for the literals of one tier.
#[derive(Debug)]
pub(crate) struct Sampled {
    tier: Tier,
    bitmap: Bitmap,
    slots: Vec<Slot>,
    entries: Vec<Entry>,
    literals: Vec<Literal>,
    longest: usize,
}

impl Sampled {
    /// Of texts with the number of their pattern; each is at least as long as the tier asks for. `rarity` says which part of a text is
    /// looked for.
    pub(crate) fn new(tier: Tier, texts: &[(usize, &[u8])], rarity: &Rarity) -> Self {
        let mut grams: Vec<(u64, Entry)> = Vec::with_capacity(texts.len() * tier.stride());
        let mut literals = Vec::with_capacity(texts.len());
        for (pattern, text) in texts {
            let literal = u32::try_from(literals.len()).unwrap_or(u32::MAX);
            let start = window(tier, text, rarity);
            let places = text.windows(tier.gram()).enumerate().skip(start).take(tier.stride());
            grams.extend(places.map(|(offset, gram)| {
                (folded(gram), Entry { literal, offset: u32::try_from(offset).unwrap_or(u32::MAX) })
            }));
            literals.push(Literal { text: (*text).into(), pattern: *pattern });
        }
        grams.sort_unstable_by_key(|(gram, entry)| (*gram, entry.literal, entry.offset));
        let distinct = grams.chunk_by(|left, right| left.0 == right.0).count();
        let mut bitmap = Bitmap::new(distinct);
        let mut slots = vec![Slot::default(); (distinct * 2).next_power_of_two().max(2)];
        let mut start = 0;
        for group in grams.chunk_by(|left, right| left.0 == right.0) {
            let Some((gram, _)) = group.first() else { continue };
            bitmap.insert(*gram);
            let len = u32::try_from(group.len()).unwrap_or(u32::MAX);
            let mut at = slot(*gram, slots.len());
            while slots.get(at).is_some_and(|slot| slot.len > 0) {
                at = (at + 1) & (slots.len() - 1);
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = Slot { gram: *gram, start, len };
            }
            start += len;
        }
        let longest = texts.iter().map(|(_, text)| text.len()).max().unwrap_or_default();
        Self { tier, bitmap, slots, longest, entries: grams.into_iter().map(|(_, entry)| entry).collect(), literals }
    }

    /// Every occurrence that ends in `text[from..until]`, behind `from`, in no particular order.
    pub(crate) fn find(&self, text: &[u8], (from, until): (usize, usize), found: &mut Vec<Occurrence>) {
        match &self.bitmap {
            Bitmap::Bytes(bytes) => {
                let holds = |gram| u64::from(bytes.get(byte_place(gram)).copied().unwrap_or_default());
                self.sample(holds, text, (from, until), found);
            }
            Bitmap::Small(words) => self.sample(|gram| holds(words, gram), text, (from, until), found),
            Bitmap::Medium(words) => self.sample(|gram| holds(words, gram), text, (from, until), found),
            Bitmap::Large(words) => self.sample(|gram| holds(words, gram), text, (from, until), found),
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the hot loop: a call costs as much as the work")]
    fn sample(&self, holds: impl Fn(u64) -> u64, text: &[u8], span: (usize, usize), found: &mut Vec<Occurrence>) {
        match self.tier {
            Tier::Long => self.walk(|chunk, _| sample_long(&holds, chunk), text, span, found),
            Tier::Middle => self.walk(|chunk, next| sample_middle(&holds, chunk, next), text, span, found),
        }
    }

    /// `sample` gives a bit for every sampled place of a chunk whose gram may be in the table.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the hot loop: a call costs as much as the work")]
    fn walk(
        &self,
        sample: impl Fn(&[u8; CHUNK], &[u8; CHUNK]) -> u32,
        text: &[u8],
        (from, until): (usize, usize),
        found: &mut Vec<Occurrence>,
    ) {
        let start = from.saturating_sub(self.longest.saturating_sub(1));
        let span = text.get(start..until).unwrap_or_default();
        let (chunks, _) = span.as_chunks::<CHUNK>();
        let mut at = start;
        for pair in chunks.windows(2) {
            let [chunk, next] = pair else { continue };
            let hits = sample(chunk, next);
            if hits != 0 {
                self.look(text, (at, hits), (from, until), found);
            }
            at += CHUNK;
        }
        // What is left: less than two chunks.
        let rest = text.get(at..until).unwrap_or_default();
        let mut padded = [[0; CHUNK]; 3];
        padded.as_flattened_mut().iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
        for pair in padded.windows(2) {
            let [chunk, next] = pair else { continue };
            let hits = sample(chunk, next);
            if hits != 0 {
                self.look(text, (at, hits), (from, until), found);
            }
            at += CHUNK;
        }
    }

    /// Looks closer at the places of a chunk at `at` that `hits` names.
    #[inline(never)]
    fn look(
        &self,
        text: &[u8],
        (at, mut hits): (usize, u32),
        (from, until): (usize, usize),
        found: &mut Vec<Occurrence>,
    ) {
        while hits != 0 {
            let place = at + hits.trailing_zeros() as usize * self.tier.stride();
            hits &= hits - 1;
            let Some(gram) = text.get(place..place + self.tier.gram()) else { continue };
            let gram = folded(gram);
            let mut index = slot(gram, self.slots.len());
            while let Some(slot) = self.slots.get(index).filter(|slot| slot.len > 0) {
                if slot.gram == gram {
                    let entries = self.entries.get(slot.start as usize..(slot.start + slot.len) as usize);
                    let met = entries.unwrap_or_default().iter().filter_map(|entry| self.met(*entry, text, place));
                    found.extend(met.filter(|occurrence| occurrence.end > from && occurrence.end <= until));
                    break;
                }
                index = (index + 1) & (self.slots.len() - 1);
            }
        }
    }

    fn met(&self, entry: Entry, text: &[u8], place: usize) -> Option<Occurrence> {
        let literal = self.literals.get(entry.literal as usize)?;
        let start = place.checked_sub(entry.offset as usize)?;
        let end = start + literal.text.len();
        let same = text.get(start..end)?.eq_ignore_ascii_case(&literal.text);
        same.then_some(Occurrence { pattern: literal.pattern, end })
    }
}

fn slot(gram: u64, slots: usize) -> usize {
    usize::try_from(gram.wrapping_mul(MULTIPLIER) >> 20).unwrap_or_default() & (slots - 1)
}

/// A gram of up to eight bytes as a number, letters folded; the bytes beyond it are zero.
fn folded(gram: &[u8]) -> u64 {
    gram.iter().rev().fold(0, |number, byte| number << 8 | u64::from(byte | 0x20))
}

/// Where the grams of `text` begin that meet the fewest others in logs.
fn window(tier: Tier, text: &[u8], rarity: &Rarity) -> usize {
    let costs: Vec<u64> = text.windows(tier.gram()).map(|gram| rarity.commonness(gram)).collect();
    let windows =
        costs.windows(tier.stride()).map(|window| window.iter().fold(0_u64, |sum, cost| sum.saturating_add(*cost)));
    windows.enumerate().min_by_key(|(_, cost)| *cost).map_or(0, |(start, _)| start)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the hot loop: a call costs as much as the work")]
fn numbers(chunk: &[u8; CHUNK]) -> [u64; 8] {
    let (words, _) = chunk.as_chunks::<8>();
    let mut numbers = [0; 8];
    for (number, word) in numbers.iter_mut().zip(words) {
        *number = u64::from_le_bytes(*word) | FOLD;
    }
    numbers
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the hot loop: a call costs as much as the work")]
fn sample_long(holds: impl Fn(u64) -> u64, chunk: &[u8; CHUNK]) -> u32 {
    let mut hits = 0;
    for (at, number) in numbers(chunk).into_iter().enumerate() {
        hits |= holds(number) << at;
    }
    u32::try_from(hits).unwrap_or_default()
}

#[inline(always)]
fn sample_middle(holds: impl Fn(u64) -> u64, chunk: &[u8; CHUNK], next: &[u8; CHUNK]) -> u32 {
    const GRAM: u64 = (1 << 40) - 1;
    let own = numbers(chunk);
    let [first, ..] = numbers(next);
    let [_, after @ ..] = own;
    let mut hits = 0;
    let followers = after.into_iter().chain([first]);
    for (at, (number, follower)) in own.into_iter().zip(followers).enumerate() {
        hits |= holds(number & GRAM) << (2 * at);
        hits |= holds((number >> 32 | follower << 32) & GRAM) << (2 * at + 1);
    }
    u32::try_from(hits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(literals: &[&str], text: &[u8], (from, until): (usize, usize)) -> Vec<Occurrence> {
        let mut all = Vec::new();
        for (pattern, literal) in literals.iter().enumerate() {
            let ends = text.windows(literal.len()).enumerate();
            let ends = ends.filter(|(_, window)| window.eq_ignore_ascii_case(literal.as_bytes()));
            let ends = ends.map(|(start, window)| start + window.len()).filter(|end| *end > from && *end <= until);
            all.extend(ends.map(|end| Occurrence { end, pattern }));
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn every_occurrence_is_found_once_at_every_place_and_border() {
        let literals =
            ["unexpected keyword argument", "Connection reset by peer", "aaaaaaaaaaaaaaaaaaaa", "argument 'context'"];
        for tier in [Tier::Long, Tier::Middle] {
            let texts: Vec<_> = literals.iter().map(|text| text.as_bytes()).enumerate().collect();
            let sampled = Sampled::new(tier, &texts, &Rarity::default());
            let mut text = Vec::new();
            for round in 0..40 {
                text.extend(vec![b'a'; round]);
                text.extend(b"got an unexpected KEYWORD argument 'context' CONNECTION reset by peer\n");
            }
            for (from, until) in [(0, text.len()), (0, 0), (0, 30), (64, 128), (100, 1000), (777, text.len() - 13)] {
                let mut found = Vec::new();
                sampled.find(&text, (from, until), &mut found);
                found.sort_unstable();
                assert_eq!(found, naive(&literals, &text, (from, until)), "{tier:?} {from}..{until}");
            }
        }
    }
}
