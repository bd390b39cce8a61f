//! Requests that hold many records at once, protobuf or JSON: the prefilter goes over the raw body once, and only records at which it
//! calls are worth decoding.
//!
//! Receives the body of a request and the ranges of its parts; says for each record whether it may match, and of which signatures. It
//! may call too often, never too seldom.

use std::ops::Range;
use std::sync::Arc;

use crate::matcher::Match;
use crate::matcher::Matcher;
use crate::matcher::judge::note_near_miss;
use crate::matcher::prefilter::Survey;
use crate::matcher::scanner::Tally;
use crate::matcher::watch::Watch;
use crate::model::record::Record;

pub use crate::matcher::verbatim::Form;

/// The calls of one request.
#[derive(Debug)]
pub struct Screen<'a> {
    matcher: &'a Matcher,
    body: &'a [u8],
    form: Form,
    /// Where calls end, ascending.
    calls: Vec<usize>,
    /// Signatures that every record is asked about, ascending.
    always: Vec<usize>,
    /// What was met in what the records at hand have in common.
    shared: Survey,
    scratch: Vec<u8>,
}

/// A record that may match.
#[derive(Debug)]
pub struct Call(Survey);

impl Call {
    /// A boot line: the record says when its process started.
    pub fn is_boot(&self) -> bool {
        self.0.boot
    }
}

impl<'a> Screen<'a> {
    /// Goes over `body` once.
    pub fn new(matcher: &'a Matcher, body: &'a [u8], form: Form) -> Self {
        let prefilter = &matcher.prefilter;
        let printed = if form == Form::Protobuf { prefilter.printed() } else { &[] };
        let mut always: Vec<usize> = [prefilter.unfiltered(), printed].concat();
        always.sort_unstable();
        always.dedup();
        let calls = prefilter.calls(body, form);
        Self { matcher, body, form, calls, always, shared: Survey::default(), scratch: Vec::new() }
    }

    /// Begins with records that have `parts` (resource, scope) in common: what stands there counts for each of them.
    pub fn begin(&mut self, parts: [&Range<usize>; 2]) {
        self.shared = Survey::default();
        for part in parts {
            if self.is_called(part) {
                let met = self.survey(part);
                self.shared.signatures.extend(met.signatures);
                self.shared.whole |= met.whole;
            }
        }
        self.shared.signatures.sort_unstable();
        self.shared.signatures.dedup();
    }

    /// Whether the record at `part` may match; `None`: it cannot.
    pub fn call(&mut self, part: &Range<usize>) -> Option<Call> {
        let whole = self.shared.whole || self.matcher.prefilter.sieve_is_missing();
        let owed = whole || !self.always.is_empty() || !self.shared.signatures.is_empty();
        let called = self.is_called(part);
        if !called && !owed {
            return None;
        }
        let mut survey = if called { self.survey(part) } else { Survey::default() };
        survey.whole |= whole;
        survey.signatures = merge(&survey.signatures, &self.shared.signatures);
        let asks = survey.whole || survey.boot || !survey.signatures.is_empty() || !self.always.is_empty();
        asks.then_some(Call(survey))
    }

    /// Every signature that matches a record of the part that `call` was made for, in catalog order.
    pub fn matches(&self, call: &Call, record: &Arc<Record>, tally: &mut Tally) -> Vec<Match> {
        let Call(survey) = call;
        let text = record.original.as_deref().unwrap_or(&record.body);
        let all = 0..if survey.whole { self.matcher.signatures.len() } else { 0 };
        let asked = if survey.whole { Vec::new() } else { merge(&survey.signatures, &self.always) };
        let mut found = Vec::new();
        for index in all.chain(asked) {
            match self.matcher.find(index, record, text.as_bytes()) {
                Some(matched) => found.push(matched),
                None => note_near_miss(tally, self.matcher, survey, index, record),
            }
        }
        found
    }

    fn is_called(&self, part: &Range<usize>) -> bool {
        let next = self.calls.partition_point(|end| *end <= part.start);
        self.calls.get(next).is_some_and(|end| *end <= part.end)
    }

    fn survey(&mut self, part: &Range<usize>) -> Survey {
        let bytes = self.body.get(part.clone()).unwrap_or_default();
        self.matcher.prefilter.survey_part(bytes, self.form, &mut self.scratch)
    }
}

/// Two ascending lists as one, each member once.
fn merge(left: &[usize], right: &[usize]) -> Vec<usize> {
    let mut all = [left, right].concat();
    all.sort_unstable();
    all.dedup();
    all
}

/// Which records of a sender are told although they match nothing, so that who is alive is known: as often as lines of a file are.
#[derive(Debug, Default)]
pub struct Living(Watch);

impl Living {
    /// A request begins: every resource in it is told once more.
    pub fn begin(&mut self) {
        self.0.begin_region();
    }

    /// A record matched: who was alive between two failures is to be known.
    pub fn matched(&mut self) {
        self.0.matched();
    }

    /// Which of `records` records in a row are to be told, all of the resource with these bytes.
    pub fn due_of(&mut self, resource: &[u8], records: usize) -> Vec<usize> {
        // No resource is one, too.
        let mut tuple = vec![0x1f];
        tuple.extend_from_slice(resource.get(..MAX_TUPLE).unwrap_or(resource));
        (0..records).filter(|_| self.0.is_bare_due(&tuple)).collect()
    }
}

/// Resources are told apart by so many of their first bytes.
const MAX_TUPLE: usize = 4 * 1024;
