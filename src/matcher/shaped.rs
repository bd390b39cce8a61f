//! A search for windows. The text is folded until a window is a text of its own (every digit `0`; where that does not do, every letter and
//! digit `a`), the folded copy goes through the sampled filter, and what calls is compared by its classes. Receives windows once and texts
//! many times; gives every occurrence of every window, once.

use crate::catalog::signature::Signature;
use crate::matcher::occurrence::Occurrence;
use crate::matcher::rarity::Rarity;
use crate::matcher::sampled::Sampled;
use crate::matcher::sampled::Tier;
use crate::matcher::vector::Hits;
use crate::matcher::window;
use crate::matcher::window::Window;
use crate::matcher::window::Windows;

/// What makes bytes alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fold {
    /// Digits are `0`, letters have no case.
    Digits,
    /// Letters and digits are `a`.
    Words,
}

impl Fold {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "in a loop over bytes that the compiler makes vectors of")]
    fn byte(self, byte: u8) -> u8 {
        let digit = byte.wrapping_sub(b'0') < 10;
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        match self {
            Self::Digits if digit => b'0',
            Self::Digits if letter => byte | 0x20,
            Self::Words if digit | letter => b'a',
            _ => byte,
        }
    }

    fn write(self, text: &[u8], folded: &mut Vec<u8>) {
        folded.clear();
        match self {
            Self::Digits => folded.extend(text.iter().map(|byte| Self::Digits.byte(*byte))),
            Self::Words => folded.extend(text.iter().map(|byte| Self::Words.byte(*byte))),
        }
    }
}

/// A part of a window that is one text when folded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    fold: Fold,
    tier: Tier,
    text: Vec<u8>,
}

/// A window that holds a key.
#[derive(Debug, Clone)]
struct Member {
    window: Window,
    /// How many of its bytes stand before the key's end.
    before: usize,
    pattern: usize,
}

/// The keys of one fold and tier.
#[derive(Debug)]
struct Layer {
    fold: Fold,
    sampled: Sampled,
    members: Vec<Vec<Member>>,
    longest: usize,
}

/// What searching needs, kept from one text to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// For the filters.
    pub hits: Hits,
    /// For putting in order.
    pub merged: Vec<Occurrence>,
    folded: Vec<u8>,
    keys: Vec<Occurrence>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Shaped {
    layers: Vec<Layer>,
}

/// The windows that a signature is looked for by; `None` where it has none that tell enough.
pub(crate) fn of_signature(signature: &Signature) -> Option<Windows> {
    window::of_signature(signature).filter(|set| set.iter().all(is_findable))
}

fn is_findable(window: &Window) -> bool {
    key(window).is_some()
}

/// The part of `window` to look for, and where it stands in it.
fn key(window: &Window) -> Option<(Key, usize)> {
    let parts = |fold: Fold| {
        let folded: Vec<Option<u8>> = window.classes.iter().map(|class| class.folded(|byte| fold.byte(byte))).collect();
        let mut parts: Vec<(Vec<u8>, usize)> = vec![(Vec::new(), 0)];
        for (at, byte) in folded.into_iter().enumerate() {
            match (byte, parts.last_mut()) {
                (Some(byte), Some((part, _))) => part.push(byte),
                _ => parts.push((Vec::new(), at + 1)),
            }
        }
        parts
    };
    let sampled = parts(Fold::Digits).into_iter().max_by_key(|(part, _)| bits(part));
    if let Some((text, offset)) = sampled
        && text.len() >= Tier::Middle.shortest()
        && bits(&text) >= MIN_BITS
    {
        let tier = if text.len() >= Tier::Long.shortest() { Tier::Long } else { Tier::Middle };
        return Some((Key { fold: Fold::Digits, tier, text }, offset));
    }
    let dense = [Fold::Digits, Fold::Words].into_iter().flat_map(|fold| {
        let parts = parts(fold).into_iter();
        parts.flat_map(move |(part, start)| {
            let tier = if part.len() >= Tier::Each8.gram() { Tier::Each8 } else { Tier::Each4 };
            let runs = part.windows(tier.gram()).enumerate();
            let keys = runs.map(|(at, run)| (Key { fold, tier, text: run.to_vec() }, start + at));
            keys.collect::<Vec<_>>()
        })
    });
    dense.max_by_key(|(key, _)| bits(&key.text)).filter(|(key, _)| bits(&key.text) >= MIN_BITS)
}

/// A key that tells fewer bits stands everywhere.
const MIN_BITS: u32 = 8;

/// Roughly how much a folded text tells, in bits.
fn bits(text: &[u8]) -> u32 {
    let before = std::iter::once(None).chain(text.iter().map(Some));
    text.iter()
        .zip(before)
        .map(|(byte, before)| match byte {
            b'a' if before == Some(byte) => 0,
            b'0' if before == Some(byte) => 1,
            b'0' | b'a' | b' ' => 2,
            b'b'..=b'z' => 4,
            _ => 5,
        })
        .sum()
}

impl Shaped {
    /// Of windows with the number of their pattern; each is findable.
    pub(crate) fn new(windows: &[(usize, &Window)], rarity: &Rarity) -> Self {
        let keyed = windows.iter().filter_map(|(pattern, window)| {
            let (key, offset) = key(window)?;
            let before = offset + key.text.len();
            Some((key, Member { window: (*window).clone(), before, pattern: *pattern }))
        });
        let mut keyed: Vec<(Key, Member)> = keyed.collect();
        keyed.sort_by(|left, right| left.0.cmp(&right.0));
        let layers = keyed.chunk_by(|left, right| (left.0.fold, left.0.tier) == (right.0.fold, right.0.tier));
        let layers = layers.filter_map(|layer| {
            let Key { fold, tier, .. } = layer.first()?.0;
            let keys: Vec<&[(Key, Member)]> = layer.chunk_by(|left, right| left.0 == right.0).collect();
            let texts = keys.iter().filter_map(|key| key.first()).map(|(key, _)| key.text.as_slice());
            let texts: Vec<(usize, &[u8])> = texts.enumerate().collect();
            let longest = texts.iter().map(|(_, text)| text.len()).max().unwrap_or_default();
            let members = keys.iter().map(|key| key.iter().map(|(_, member)| member.clone()).collect()).collect();
            Some(Layer { fold, sampled: Sampled::new(tier, &texts, &[], rarity), members, longest })
        });
        Self { layers: layers.collect() }
    }

    /// Every occurrence whose key ends in `text[from..until]`, behind `from`, in no particular order; the place is the key's end.
    pub(crate) fn find(
        &self,
        text: &[u8],
        (from, until): (usize, usize),
        Scratch { hits, folded, keys, .. }: &mut Scratch,
        found: &mut Vec<Occurrence>,
    ) {
        let mut written = None;
        for layer in &self.layers {
            let start = from.saturating_sub(self.longest());
            if written != Some(layer.fold) {
                layer.fold.write(text.get(start..until).unwrap_or_default(), folded);
                written = Some(layer.fold);
            }
            keys.clear();
            layer.sampled.find(folded, (from - start, folded.len(), true), hits, keys);
            for key in keys.iter() {
                let end = start + key.end;
                let members = layer.members.get(key.pattern).into_iter().flatten();
                let fits = |member: &&Member| {
                    let bytes = end.checked_sub(member.before).and_then(|begin| text.get(begin..));
                    bytes.is_some_and(|bytes| member.window.fits(bytes))
                };
                found.extend(members.filter(fits).map(|member| Occurrence { pattern: member.pattern, end }));
            }
        }
    }

    fn longest(&self) -> usize {
        self.layers.iter().map(|layer| layer.longest).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::expression::Expression;

    fn windows(sources: &[&str]) -> Vec<Window> {
        sources.iter().flat_map(|source| window::of(&Expression::checked(source)).unwrap()).collect()
    }

    fn find(windows: &[Window], text: &[u8], span: (usize, usize)) -> Vec<Occurrence> {
        let numbered: Vec<_> = windows.iter().enumerate().collect();
        let mut found = Vec::new();
        Shaped::new(&numbered, &Rarity::default()).find(text, span, &mut Scratch::default(), &mut found);
        found
    }

    /// How many windows of each kind stand in `text`, by looking everywhere.
    fn naive(windows: &[Window], text: &[u8]) -> Vec<usize> {
        windows.iter().map(|window| (0..text.len()).filter(|at| window.fits(&text[*at..])).count()).collect()
    }

    const SOURCES: &[&str] = &[
        r"QX\d{4}-85",
        r"\d{3}/1\d{3}/[a-z]{2}",
        r"0x[0-9a-f]{4}85[0-9a-f]{2}:1",
        r"\w\[4\d\]\.Q\(",
        "E1[0-9]{2}",
        "(?i)x-[0-9a-f]{20}",
    ];

    proptest! {
        #[test]
        fn every_window_is_found_once_wherever_the_text_is_cut(
            pieces in prop::collection::vec((prop::sample::select(SOURCES), "[ 0-9a:/-]{0,9}"), 0..12),
            seed in prop::collection::vec("QX[0-9]{4}-85|12[0-9]/1[0-9]{3}/[a-z]{2}|0x[0-9a-f]{4}85[0-9a-f]{2}:1|w\\[4[0-9]\\]\\.Q\\(|E1[0-9]{2}|[xX]-[0-9a-fA-F]{20}", 12),
            cut in 0..200_usize,
        ) {
            let windows = windows(SOURCES);
            let text: String = pieces.iter().zip(&seed).flat_map(|((_, noise), one)| [noise.as_str(), one.as_str()]).collect();
            let text = text.as_bytes();
            let cut = cut.min(text.len());
            let halves = [find(&windows, text, (0, cut)), find(&windows, text, (cut, text.len()))].concat();
            let counts = (0..windows.len()).map(|pattern| halves.iter().filter(|found| found.pattern == pattern).count());
            prop_assert_eq!(counts.collect::<Vec<_>>(), naive(&windows, text));
        }
    }

    #[test]
    fn a_window_that_is_everywhere_has_no_key() {
        let of = |source: &str| window::of(&Expression::checked(source)).unwrap();
        assert!(of(r"QX\d{4}-85").iter().all(is_findable));
        assert!(!of("x[0-9a-f][^ -~]?[a-z]{8}q").iter().any(is_findable));
    }
}
