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

/// Knows the framing of a request.
pub trait Framing {
    /// Whether the byte at `at` belongs to a name in `part`, a record or (`of_record` false) a resource. Names match nothing.
    fn is_name(&self, part: &Range<usize>, at: usize, of_record: bool) -> bool;

    /// Whether the message of the record at `part` is printed anew of numbers, maps or lists.
    fn has_printed_body(&self, part: &Range<usize>) -> bool;
}

/// The calls of one request.
pub struct Screen<'a> {
    matcher: &'a Matcher,
    body: &'a [u8],
    form: Form,
    framing: &'a dyn Framing,
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
    pub fn new(matcher: &'a Matcher, body: &'a [u8], form: Form, framing: &'a dyn Framing) -> Self {
        let prefilter = &matcher.prefilter;
        let printed = if form == Form::Protobuf { &*prefilter.printed().attributes } else { &[] };
        let always = merge(prefilter.unfiltered(), printed);
        let calls = prefilter.calls(body, form);
        Self { matcher, body, form, framing, calls, always, shared: Survey::default(), scratch: Vec::new() }
    }

    /// Begins with records that have `resource` and `scope` in common: what stands there counts for each of them.
    pub fn begin(&mut self, resource: &Range<usize>, scope: &Range<usize>) {
        let framing = self.framing;
        let in_resource = self.is_called(resource, |at| framing.is_name(resource, at, false));
        let in_scope = self.is_called(scope, |_| false);
        self.shared = Survey::default();
        for (part, called) in [(resource, in_resource), (scope, in_scope)] {
            if called {
                let met = self.survey(part);
                self.shared.signatures = merge(&self.shared.signatures, &met.signatures);
                self.shared.whole |= met.whole;
            }
        }
    }

    /// Whether the record at `part` may match; `None`: it cannot.
    pub fn call(&mut self, part: &Range<usize>) -> Option<Call> {
        let whole = self.shared.whole || self.matcher.prefilter.sieve_is_missing();
        let owed = whole || !self.always.is_empty() || !self.shared.signatures.is_empty();
        let messages = &self.matcher.prefilter.printed().messages;
        let printed = !messages.is_empty() && self.form == Form::Protobuf && self.framing.has_printed_body(part);
        let framing = self.framing;
        let called = self.is_called(part, |at| framing.is_name(part, at, true));
        if !called && !owed && !printed {
            return None;
        }
        let mut survey = if called { self.survey(part) } else { Survey::default() };
        if printed {
            survey.signatures = merge(&survey.signatures, messages);
        }
        survey.whole |= whole;
        if !self.shared.signatures.is_empty() {
            survey.signatures = merge(&survey.signatures, &self.shared.signatures);
        }
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

    /// Whether anything in `part` calls that is more than a name.
    fn is_called(&self, part: &Range<usize>, is_name: impl Fn(usize) -> bool) -> bool {
        let next = self.calls.partition_point(|end| *end <= part.start);
        let here = self.calls.get(next..).unwrap_or_default().iter().take_while(|end| **end <= part.end);
        here.into_iter().any(|end| !is_name(end - 1))
    }

    fn survey(&mut self, part: &Range<usize>) -> Survey {
        let bytes = self.body.get(part.clone()).unwrap_or_default();
        self.matcher.prefilter.survey_part(bytes, self.form, &mut self.scratch)
    }
}

/// Two ascending lists as one, each member once.
fn merge(left: &[usize], right: &[usize]) -> Vec<usize> {
    if left.is_empty() || right.is_empty() {
        return [left, right].concat();
    }
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
        if records == 0 {
            return Vec::new();
        }
        // No resource is one, too.
        let mut tuple = vec![0x1f];
        tuple.extend_from_slice(resource.get(..MAX_TUPLE).unwrap_or(resource));
        self.0.due_in_row(&tuple, records)
    }
}

/// Resources are told apart by so many of their first bytes.
const MAX_TUPLE: usize = 4 * 1024;
