//! Finds signatures in bytes and records. A [`Matcher`] is built from a catalog, immutable and shared by `Arc`; a
//! [`scanner::Scanner`] carries the state of one byte stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::signature::Catalog;
use crate::catalog::signature::Part;
use crate::catalog::signature::Signature;
use crate::matcher::budget::Budgets;
use crate::matcher::cost::Cost;
use crate::matcher::evidence::Evidence;
use crate::matcher::explain::Explanation;
use crate::matcher::prefilter::Prefilter;
use crate::matcher::rarity::Rarity;
use crate::model::record::Record;

mod budget;
mod buffer;
pub mod cost;
mod course;
mod earlier;
mod evidence;
pub mod explain;
mod few;
mod fold;
mod framing;
mod judge;
mod lanes;
mod leaves;
mod literals;
mod marks;
mod occurrence;
mod part;
mod prefilter;
mod quiet;
mod rarity;
mod regex_literals;
pub mod request;
mod sampled;
pub mod scanner;
mod shaped;
mod sieve;
mod steady;
pub mod streams;
mod unescape;
mod vector;
mod verbatim;
mod verify;
mod watch;
mod window;

/// One signature found in one record.
#[derive(Debug, Clone)]
pub struct Match {
    /// The signature.
    pub signature: Arc<Signature>,
    /// The record, shared by every signature that matched it.
    pub record: Arc<Record>,
    /// 1-based number of the line in the file that holds the evidence (the first positive selection's text).
    pub matched_line: u64,
    /// Named captures of the signature's patterns.
    pub captures: BTreeMap<String, String>,
    /// Index of the diagnosis rule that matched, if any.
    pub diagnosis: Option<usize>,
    /// How the record takes part, if the signature is correlated; `None` = the record matches by itself.
    pub part: Option<Part>,
    /// Event time of the header line before this record: the stream was alive then, and said nothing of this. `None` when none
    /// nearby states a time, and for records that arrive decoded.
    pub preceded_at: Option<Timestamp>,
}

/// A record that matched nothing and still says which release is alive.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// The decoded record (its resource and time are what counts).
    pub record: Arc<Record>,
}

/// What a scanner reports, in the order of the stream.
#[derive(Debug, Clone)]
pub enum Observation {
    /// A matched record.
    Match(Match),
    /// A change of release, instance, service, environment or process start on a healthy record.
    Sighting(Sighting),
}

impl Observation {
    /// What was observed.
    pub fn record(&self) -> &Arc<Record> {
        match self {
            Self::Match(found) => &found.record,
            Self::Sighting(sighting) => &sighting.record,
        }
    }

    pub(crate) fn record_mut(&mut self) -> &mut Arc<Record> {
        match self {
            Self::Match(found) => &mut found.record,
            Self::Sighting(sighting) => &mut sighting.record,
        }
    }
}

/// All signatures of a catalog, ready to match.
#[derive(Debug)]
pub struct Matcher {
    signatures: Vec<Arc<Signature>>,
    prefilter: Prefilter,
    rarity: Rarity,
    budgets: Budgets,
}

impl Matcher {
    /// Prepares every signature of `catalog`.
    pub fn new(catalog: &Catalog) -> Self {
        let signatures = catalog.signatures.clone();
        let rarity = Rarity::of_catalog(signatures.iter().flat_map(|signature| literals::texts(signature)));
        Self::planned(signatures, rarity)
    }

    /// The same signatures, planned anew for logs like `sample`, some megabytes of the host's own. It finds the same, in less time.
    #[must_use]
    pub fn calibrated(&self, sample: &[u8]) -> Self {
        Self::planned(self.signatures.clone(), self.rarity.with_sample(sample))
    }

    fn planned(signatures: Vec<Arc<Signature>>, rarity: Rarity) -> Self {
        let prefilter = Prefilter::new(&signatures, &rarity);
        let budgets = Budgets::new(signatures.len());
        Self { signatures, prefilter, rarity, budgets }
    }

    /// The signatures, in catalog order.
    pub fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    /// What each signature costs on logs like `sample`, the most expensive first.
    pub fn costs(&self, sample: &[u8]) -> Vec<Cost> {
        cost::costs(self, sample)
    }

    /// Every signature that matches `record`, in catalog order (for records that arrive decoded: OTLP, Pub/Sub).
    ///
    /// A record whose resource contradicts a signature's scope is excluded; one that lacks the attribute is not: unknown is no
    /// contradiction. A correlated signature matches with any of its selections ([`Match::part`]); `incident` joins several.
    pub fn verify(&self, record: &Arc<Record>) -> Vec<Match> {
        let text = record.original.as_deref().unwrap_or(&record.body);
        (0..self.signatures.len()).filter_map(|index| self.find(index, record, text.as_bytes())).collect()
    }

    /// Why each signature matches `record` or does not: matches first, then the nearest.
    pub fn explain(&self, record: &Record) -> Vec<Explanation> {
        let explain = |signature: &Arc<Signature>| explain::explain(signature, record, &self.rarity);
        let mut all: Vec<_> = self.signatures.iter().map(explain).collect();
        all.sort_by(|left, right| {
            right.matches.cmp(&left.matches).then_with(|| right.nearness.total_cmp(&left.nearness))
        });
        all
    }

    /// The match of one signature, `raw` being the record as it was written.
    fn find(&self, index: usize, record: &Arc<Record>, raw: &[u8]) -> Option<Match> {
        let signature = self.signatures.get(index).filter(|signature| verify::in_scope(signature, record))?;
        let part = match &signature.correlation {
            Some(rule) => Some(part::of(signature, rule, record)?),
            None => verify::holds(signature, record).then_some(None)?,
        };
        let interrupted = memchr::memchr2(0x1b, 0, raw).is_some();
        let text = record.original.as_deref().filter(|_| interrupted).map_or(raw, str::as_bytes);
        let evidence = Evidence::of(signature, record, part.as_ref().is_none_or(|part| part.whole));
        Some(Match {
            signature: Arc::clone(signature),
            record: Arc::clone(record),
            matched_line: record.origin.line + evidence.line_of(text).unwrap_or(0),
            captures: evidence.captures(),
            diagnosis: evidence::diagnosis(signature, record),
            part,
            preceded_at: None,
        })
    }
}
