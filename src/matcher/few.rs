//! A few short patterns. Three bytes of each, in every case they may be written in, go to a vector search that takes some dozens of
//! texts and runs at the speed of memory. Receives patterns once and texts many times; gives every occurrence of every pattern.

use aho_corasick::packed;
use aho_corasick::packed::Searcher;

use crate::matcher::occurrence::Occurrence;
use crate::matcher::rarity::Rarity;

/// Bytes of a pattern that are looked for; no pattern is shorter.
const WINDOW: usize = 3;
/// More variants than that make the vector search call too often.
pub(crate) const MAX_VARIANTS: usize = 48;
/// More than these make it slower than grams at every place, if the patterns are long enough for grams.
pub(crate) const VARIANTS_BESIDE_GRAMS: usize = 16;

/// See the module.
#[derive(Debug)]
pub(crate) struct Few {
    searcher: Searcher,
    /// For each variant, the patterns that hold it.
    holders: Vec<Vec<Holder>>,
    longest: usize,
}

#[derive(Debug, Clone)]
struct Holder {
    text: Box<[u8]>,
    pattern: usize,
    offset: usize,
}

impl Few {
    /// Of texts with the number of their pattern; `None` when they are too many, with more than `most` variants, or the processor has no
    /// vectors for it.
    pub(crate) fn new(texts: &[(usize, &[u8])], most: usize, rarity: &Rarity) -> Option<Self> {
        let mut windows: Vec<(Vec<u8>, Holder)> = Vec::new();
        for (pattern, text) in texts {
            let cost = |(_, window): &(usize, &[u8])| (variants(window).len() as u64) << 3 | commonness(rarity, window);
            let (offset, window) = text.windows(WINDOW).enumerate().min_by_key(cost)?;
            let holder = Holder { text: (*text).into(), pattern: *pattern, offset };
            windows.extend(variants(window).into_iter().map(|variant| (variant, holder.clone())));
            if windows.len() > most {
                return None;
            }
        }
        windows.sort_by(|left, right| left.0.cmp(&right.0));
        let groups: Vec<_> = windows.chunk_by(|left, right| left.0 == right.0).collect();
        let searcher = packed::Config::new()
            .builder()
            .extend(groups.iter().filter_map(|group| group.first()).map(|(variant, _)| variant))
            .build()?;
        let holders = groups.iter().map(|group| group.iter().map(|(_, holder)| holder.clone()).collect()).collect();
        let longest = texts.iter().map(|(_, text)| text.len()).max().unwrap_or_default();
        Some(Self { searcher, holders, longest })
    }

    /// Every occurrence that ends in `text[from..until]`, behind `from`, in no particular order.
    pub(crate) fn find(&self, text: &[u8], (from, until): (usize, usize), found: &mut Vec<Occurrence>) {
        let mut at = from.saturating_sub(self.longest);
        while let Some(window) = self.searcher.find_in(text, (at..until).into()) {
            at = window.start() + 1;
            for holder in self.holders.get(window.pattern().as_usize()).into_iter().flatten() {
                let Some(start) = window.start().checked_sub(holder.offset) else { continue };
                let end = start + holder.text.len();
                let same = text.get(start..end).is_some_and(|found| found.eq_ignore_ascii_case(&holder.text));
                if same && end > from && end <= until {
                    found.push(Occurrence { pattern: holder.pattern, end });
                }
            }
        }
    }
}

/// How common three bytes are, in three bits.
fn commonness(rarity: &Rarity, window: &[u8]) -> u64 {
    u64::from(rarity.commonness(window).ilog2()) / 8
}

/// `window` in every case of its letters.
fn variants(window: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for byte in window {
        let (lower, upper) = (byte.to_ascii_lowercase(), byte.to_ascii_uppercase());
        let cased: &[u8] = if lower == upper { &[lower] } else { &[lower, upper] };
        all = all.iter().flat_map(|start| cased.iter().map(|byte| [start.as_slice(), &[*byte]].concat())).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_is_found_in_any_case_and_at_any_border() {
        let texts: [&[u8]; 4] = [b"oom", b"ooms", b"e42", b"a-oom"];
        let numbered: Vec<_> = texts.into_iter().enumerate().collect();
        let Some(few) = Few::new(&numbered, MAX_VARIANTS, &Rarity::default()) else { return };
        for before in 0..80 {
            let mut text = vec![b'o'; before];
            text.extend(b"x OOMs a-Oom E42".iter().chain(&[b'.'; 40]));
            let mut found = Vec::new();
            few.find(&text, (before / 2, text.len()), &mut found);
            found.sort_unstable();
            let whole = [(5, 0), (6, 1), (12, 0), (12, 3), (16, 2)];
            let wanted = whole.map(|(end, pattern)| Occurrence { end: before + end, pattern });
            assert_eq!(found, wanted, "{before} bytes before");
        }
    }

    #[test]
    fn too_many_are_refused() {
        let texts: Vec<Vec<u8>> = (b'a'..=b'z').map(|letter| vec![letter; 4]).collect();
        let numbered: Vec<_> = texts.iter().map(Vec::as_slice).enumerate().collect();
        assert!(Few::new(&numbered, MAX_VARIANTS, &Rarity::default()).is_none());
    }
}
