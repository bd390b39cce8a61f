//! The sampled q-gram filter. A literal of at least `q + s − 1` bytes holds, wherever it stands, a run of `q` bytes that begins at a
//! multiple of `s`. So only every `s`-th place of a text is looked at: `q` bytes, letters folded, hashed into a bitmap that stays in the
//! cache. Receives literals once and texts many times; gives every occurrence of every literal, overlapping ones included, once.

use crate::matcher::occurrence::Occurrence;
use crate::matcher::rarity::Rarity;
use crate::matcher::vector::AHEAD;
use crate::matcher::vector::CHUNK;
use crate::matcher::vector::Grams;
use crate::matcher::vector::Hits;
use crate::matcher::vector::Level;

/// Spreads the grams of a table over its slots.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// How a text is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Eight bytes at every eighth place.
    Long,
    /// Five bytes at every fourth place.
    Middle,
    /// Eight bytes at every place.
    Each8,
    /// Four bytes at every place.
    Each4,
}

impl Tier {
    /// Bytes of a gram.
    pub(crate) const fn gram(self) -> usize {
        match self {
            Self::Long | Self::Each8 => 8,
            Self::Middle => 5,
            Self::Each4 => 4,
        }
    }

    /// Grams in a row that every literal has in the table, one of which falls on a sampled place.
    pub(crate) const fn stride(self) -> usize {
        match self {
            Self::Long => 8,
            Self::Middle => 4,
            Self::Each8 | Self::Each4 => 1,
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

/// The filter for the literals of one tier.
#[derive(Debug)]
pub(crate) struct Sampled {
    tier: Tier,
    grams: Grams,
    /// Of these, the grams of texts that are no asides; `None` when there are none.
    plain: Option<Grams>,
    level: Level,
    slots: Vec<Slot>,
    entries: Vec<Entry>,
    literals: Vec<Literal>,
    longest: usize,
}

impl Sampled {
    /// Of texts with the number of their pattern; each is at least as long as the tier asks for. `rarity` says which part of a text is
    /// looked for, `aside` which patterns a search may leave out.
    pub(crate) fn new(tier: Tier, texts: &[(usize, &[u8])], aside: &[bool], rarity: &Rarity) -> Self {
        let mut grams: Vec<(u64, Entry)> = Vec::with_capacity(texts.len() * tier.stride());
        let mut literals = Vec::with_capacity(texts.len());
        let is_plain = |pattern: usize| !aside.get(pattern).copied().unwrap_or_default();
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
        let set = gram_set(tier, grams.iter().map(|(gram, _)| *gram));
        let of_plain = |entry: &Entry| {
            literals.get(entry.literal as usize).is_some_and(|literal: &Literal| is_plain(literal.pattern))
        };
        let plain = texts.iter().any(|(pattern, _)| is_plain(*pattern));
        let plain =
            plain.then(|| gram_set(tier, grams.iter().filter(|(_, entry)| of_plain(entry)).map(|(gram, _)| *gram)));
        let mut slots = vec![Slot::default(); (distinct * 2).next_power_of_two().max(2)];
        let mut start = 0;
        for group in grams.chunk_by(|left, right| left.0 == right.0) {
            let Some((gram, _)) = group.first() else { continue };
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
        let entries = grams.into_iter().map(|(_, entry)| entry).collect();
        Self { tier, grams: set, plain, level: Level::best(), slots, entries, literals, longest }
    }

    /// Every occurrence that ends in `text[from..until]`, behind `from`, in no particular order; without `asides` those may be left out.
    pub(crate) fn find(
        &self,
        text: &[u8],
        (from, until, asides): (usize, usize, bool),
        hits: &mut Hits,
        found: &mut Vec<Occurrence>,
    ) {
        let grams = if asides { Some(&self.grams) } else { self.plain.as_ref() };
        let Some(grams) = grams else { return };
        let start = from.saturating_sub(self.longest.saturating_sub(1));
        hits.clear();
        let chunks = self.sample(grams, text.get(start..until).unwrap_or_default(), hits);
        // What is left: less than two chunks.
        let rest = start + chunks;
        let mut padded = [0; 2 * CHUNK + AHEAD];
        padded.iter_mut().zip(text.get(rest..until).unwrap_or_default()).for_each(|(to, byte)| *to = *byte);
        let whole = hits.len();
        self.sample(grams, &padded, hits);
        hits.iter_mut().skip(whole).for_each(|(at, _)| *at += chunks);
        for (at, places) in hits.iter() {
            self.look(text, (start + at, *places), (from, until), found);
        }
    }

    fn sample(&self, grams: &Grams, text: &[u8], hits: &mut Hits) -> usize {
        match self.tier {
            Tier::Long => grams.find::<8>(self.level, text, hits),
            Tier::Middle => grams.find::<4>(self.level, text, hits),
            Tier::Each8 | Tier::Each4 => grams.find::<1>(self.level, text, hits),
        }
    }

    /// Looks closer at the places behind `at` that `places` names.
    fn look(
        &self,
        text: &[u8],
        (at, mut places): (usize, u64),
        (from, until): (usize, usize),
        found: &mut Vec<Occurrence>,
    ) {
        while places != 0 {
            let place = at + places.trailing_zeros() as usize;
            places &= places - 1;
            let bytes = text.get(place..).unwrap_or_default();
            let Some(gram) = self.grams.first(bytes).or_else(|| bytes.get(..self.tier.gram()).map(folded)) else {
                continue;
            };
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
        let there = text.get(start..end)?;
        // Literals that share a gram mostly differ in their last byte (`service"`, `service.name"`): most are told apart by it.
        let last = there.last().zip(literal.text.last()).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other));
        let same = last && there.eq_ignore_ascii_case(&literal.text);
        same.then_some(Occurrence { pattern: literal.pattern, end })
    }
}

/// Of `grams`, in order.
fn gram_set(tier: Tier, grams: impl Iterator<Item = u64>) -> Grams {
    let mut distinct = grams.collect::<Vec<_>>();
    distinct.dedup();
    let mut set = Grams::new(distinct.len(), tier.gram());
    for gram in distinct {
        set.insert(gram);
    }
    set
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
        for tier in [Tier::Long, Tier::Middle, Tier::Each8, Tier::Each4] {
            let texts: Vec<_> = literals.iter().map(|text| text.as_bytes()).enumerate().collect();
            let sampled = Sampled::new(tier, &texts, &[], &Rarity::default());
            let mut text = Vec::new();
            for round in 0..40 {
                text.extend(vec![b'a'; round]);
                text.extend(b"got an unexpected KEYWORD argument 'context' CONNECTION reset by peer\n");
            }
            for (from, until) in [(0, text.len()), (0, 0), (0, 30), (64, 128), (100, 1000), (777, text.len() - 13)] {
                let mut found = Vec::new();
                sampled.find(&text, (from, until, true), &mut Hits::new(), &mut found);
                found.sort_unstable();
                assert_eq!(found, naive(&literals, &text, (from, until)), "{tier:?} {from}..{until}");
            }
        }
    }
}
