//! What a hit shows: the line that holds the evidence, the named captures, the diagnosis. Receives a record that matched and the
//! lines it was read from; asked once a hit.

use std::collections::BTreeMap;

use memchr::memmem;

use crate::catalog::signature::Signature;
use crate::matcher::fold;
use crate::matcher::leaves;
use crate::matcher::leaves::Leaf;
use crate::matcher::literals;
use crate::matcher::literals::Copied;
use crate::matcher::rarity::Rarity;
use crate::matcher::verify;
use crate::model::record::Record;

/// At most so many captures of one match are kept.
const MAX_CAPTURES: usize = 16;
/// A capture is cut after so many characters.
const MAX_CAPTURE_CHARS: usize = 256;

/// The positive selections that hold, each with its leaves, in the order of the condition.
pub(crate) struct Evidence<'t, 'r> {
    selections: Vec<Vec<Leaf<'t, 'r>>>,
}

impl<'t, 'r> Evidence<'t, 'r> {
    /// Of a record that matched; `whole`: with the whole condition, not with a selection of a correlated signature only.
    pub(crate) fn of(signature: &'t Signature, record: &'r Record, whole: bool) -> Self {
        let positive = leaves::positive(&signature.detection, record, whole);
        Self { selections: positive.into_iter().map(|selection| leaves::of(&selection.test, record)).collect() }
    }

    /// 0-based index of the line of `text` that holds the evidence: the text that made the first positive selection hold. `text`
    /// is the record as written, without ANSI sequences; `None` = the evidence does not stand there literally (escaped JSON).
    pub(crate) fn line_of(&self, text: &[u8]) -> Option<u64> {
        self.selections.iter().find_map(|leaves| {
            let places = leaves.iter().filter_map(|leaf| Some((leaf, leaf.place()?)));
            let (leaf, place) = places.max_by_key(|(_, place)| place.len())?;
            if let Some(line) = line_in_place(leaf, &place, text) {
                return Some(line);
            }
            let clues = clues(leaf, place);
            let exact = clues.iter().find_map(|clue| line_at(text, memmem::find(text, clue.as_bytes())?));
            let whole = exact.or_else(|| clues.iter().find_map(|clue| line_with(text, clue.as_bytes())));
            // Escaped text holds at least a piece of it.
            let piece = |clue: &String| literals::best_piece(clue.as_bytes(), Copied::Verbatim, &Rarity::default());
            whole.or_else(|| clues.iter().filter_map(piece).find_map(|piece| line_with(text, &piece)))
        })
    }

    /// Named captures of the patterns that hold, bounded in number and length; of two with one name the first stays.
    pub(crate) fn captures(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for leaf in self.selections.iter().flatten().filter(|leaf| leaf.holds && !leaf.negated) {
            let Some(value) = leaf.value.as_deref() else { continue };
            for regex in leaf.regexes().filter(|regex| regex.captures_len() > 1) {
                let Some(groups) = regex.captures(value) else { continue };
                for name in regex.capture_names().flatten() {
                    let Some(group) = groups.name(name) else { continue };
                    if found.len() < MAX_CAPTURES && !found.contains_key(name) {
                        found.insert(name.to_owned(), group.as_str().chars().take(MAX_CAPTURE_CHARS).collect());
                    }
                }
            }
        }
        found
    }
}

/// Where `text` holds the whole value as it is, the place in the value is the place in the text. Blank lines that a match begins with
/// show nothing.
fn line_in_place(leaf: &Leaf<'_, '_>, place: &std::ops::Range<usize>, text: &[u8]) -> Option<u64> {
    if leaf.exception.is_some() {
        return None;
    }
    let value = leaf.value.as_deref()?;
    let found = value.get(place.clone())?;
    let blank = found.len() - found.trim_start().len();
    line_at(text, memmem::find(text, value.as_bytes())? + place.start + blank)
}

/// Texts that stand where the evidence stands, the most telling first.
fn clues(leaf: &Leaf<'_, '_>, place: std::ops::Range<usize>) -> Vec<String> {
    let found = leaf.value.as_deref().and_then(|value| value.get(place)).unwrap_or_default();
    let headline = leaf.exception.map(verify::headline).filter(|headline| headline.contains(found));
    let first_line = |text: &str| text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    [headline.as_deref().and_then(first_line), first_line(found)].into_iter().flatten().collect()
}

fn line_with(text: &[u8], clue: &[u8]) -> Option<u64> {
    line_at(text, fold::find_folded(text, clue)?)
}

fn line_at(text: &[u8], at: usize) -> Option<u64> {
    let before = text.get(..at).unwrap_or_default();
    u64::try_from(memchr::memchr_iter(b'\n', before).count()).ok()
}

/// Index of the first diagnosis rule that holds.
pub(crate) fn diagnosis(signature: &Signature, record: &Record) -> Option<usize> {
    signature.diagnosis.iter().position(|rule| verify::test_holds(&rule.when, record))
}
