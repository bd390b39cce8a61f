//! What each signature costs on a log: the literals it is looked for by, how, and how often they call. Receives a piece of a log, gives
//! one row a signature. Counts only, no clock: the same log gives the same rows.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;

use crate::matcher::Matcher;
use crate::matcher::literals;
use crate::matcher::shaped;
use crate::matcher::sieve;
use crate::matcher::sieve::Means;

/// What a candidate costs, in nanoseconds, roughly: its record is framed, decoded and asked.
const CANDIDATE: f64 = 2_000.0;
/// What a record costs that is decoded anyway, in nanoseconds: it is only asked.
const QUESTION: f64 = 300.0;

/// One signature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// The signature's id.
    pub signature: Arc<str>,
    /// How it is looked for.
    pub tier: CostTier,
    /// Every match holds one of these, a text or a run of byte classes (`E[0-9]`); none = every record is asked.
    pub literals: Vec<String>,
    /// How often it was called in the sample.
    pub candidates: u64,
    /// The same for a megabyte.
    pub candidates_per_megabyte: f64,
    /// Microseconds for a megabyte, roughly: to compare signatures by, no promise.
    pub microseconds_per_megabyte: f64,
}

/// How a signature's literals are looked for; with several, by the slowest means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CostTier {
    /// Literals of at least 15 bytes: eight bytes at every eighth place.
    Long,
    /// Literals of at least 8 bytes: five bytes at every fourth place.
    Middle,
    /// Shorter ones: a vector search if they are few, else every byte is walked.
    Short,
    /// No literal, but a run of byte classes.
    Window,
    /// Neither: every record is decoded.
    Every,
}

/// The rows, the most expensive first.
pub(crate) fn costs(matcher: &Matcher, sample: &[u8]) -> Vec<Cost> {
    let megabytes = f64::max(quantity(sample.len() as u64) / 1e6, f64::MIN_POSITIVE);
    let lines = memchr::memchr_iter(b'\n', sample).count() as u64;
    let called = matcher.prefilter.called(sample, matcher.signatures.len());
    let mut rows: Vec<Cost> = matcher
        .signatures
        .iter()
        .zip(called)
        .map(|(signature, called)| {
            let set = literals::of_signature(signature, &matcher.rarity);
            let windows = if set.is_none() { shaped::of_signature(signature).unwrap_or_default() } else { Vec::new() };
            let tier = match &set {
                Some(set) => set.iter().map(|literal| tier(literal)).max().unwrap_or(CostTier::Long),
                None if windows.is_empty() => CostTier::Every,
                None => CostTier::Window,
            };
            let (candidates, each) = if tier == CostTier::Every { (lines, QUESTION) } else { (called, CANDIDATE) };
            let rate = quantity(candidates) / megabytes;
            let texts =
                set.unwrap_or_default().into_iter().map(|literal| String::from_utf8_lossy(&literal).into_owned());
            Cost {
                signature: Arc::clone(&signature.id),
                tier,
                literals: texts.chain(windows.iter().map(ToString::to_string)).collect(),
                candidates,
                candidates_per_megabyte: rate,
                microseconds_per_megabyte: rate * each / 1_000.0,
            }
        })
        .collect();
    rows.sort_by(|left, right| {
        let dearer = right.microseconds_per_megabyte.total_cmp(&left.microseconds_per_megabyte);
        dearer.then_with(|| right.tier.cmp(&left.tier)).then_with(|| left.signature.cmp(&right.signature))
    });
    rows
}

fn tier(literal: &[u8]) -> CostTier {
    match sieve::means(literal) {
        Means::Long => CostTier::Long,
        Means::Middle => CostTier::Middle,
        Means::Short | Means::Mark => CostTier::Short,
    }
}

/// Counts of a sample fit a float exactly.
fn quantity(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Counts, for each signature, the lines of `sample` in which a literal of it stands.
pub(crate) fn count_lines(
    sample: &[u8],
    signatures: usize,
    visit: impl FnOnce(&mut dyn FnMut(&[usize], usize) -> ControlFlow<()>),
) -> Vec<u64> {
    let mut called = vec![(0_u64, usize::MAX); signatures];
    visit(&mut |owners, end| {
        let line = memchr::memrchr(b'\n', sample.get(..end).unwrap_or_default()).map_or(0, |at| at + 1);
        for owner in owners {
            if let Some((count, last)) = called.get_mut(*owner).filter(|(_, last)| *last != line) {
                (*count, *last) = (*count + 1, line);
            }
        }
        ControlFlow::Continue(())
    });
    called.into_iter().map(|(count, _)| count).collect()
}
