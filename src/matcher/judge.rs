//! Judges a stretch of whole records: prefilter, then, only where it calls, framing, decoding and verifying. Receives the buffer of a
//! stream and the stretch, gives observations in the order of the stream.

use std::sync::Arc;

use jiff::Timestamp;

use crate::decode;
use crate::matcher::Match;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::Sighting;
use crate::matcher::buffer::Buffer;
use crate::matcher::course::Course;
use crate::matcher::earlier::Earlier;
use crate::matcher::framing;
use crate::matcher::framing::Frame;
use crate::matcher::prefilter::Survey;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::scanner::Tally;
use crate::matcher::verify;
use crate::matcher::watch::Gathering;
use crate::matcher::watch::Watch;
use crate::model::record::Origin;
use crate::model::record::Record;

/// What a scanner remembers from one stretch to the next.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Release tuples seen.
    pub watch: Watch,
    /// What went through.
    pub tally: Tally,
    /// The time before a record.
    pub earlier: Earlier,
    /// Clean copies.
    pub scratch: Vec<u8>,
    /// One serves every line.
    pub gathering: Gathering,
}

/// Everything one stretch needs.
pub(crate) struct Judge<'a> {
    /// The signatures.
    pub matcher: &'a Matcher,
    /// The scanner's habits.
    pub config: &'a ScannerConfig,
    /// The path records are attributed to.
    pub file: &'a Arc<str>,
    /// The bytes.
    pub buffer: &'a mut Buffer,
    /// What is remembered.
    pub memory: &'a mut Memory,
    /// Where observations go.
    pub out: &'a mut Vec<Observation>,
    /// How far the buffer's lines are complete: framing looks that far, to see why a record ends.
    pub lines: usize,
}

impl Judge<'_> {
    /// Judges the records in `start..end` of the buffer; both are record starts (or `end` the end of the stream).
    pub(crate) fn judge(&mut self, start: usize, end: usize) {
        if self.config.every_record || self.matcher.prefilter.every_record() {
            self.judge_all(start, end);
        } else {
            Course::new(self, start, end).run();
        }
    }

    fn judge_all(&mut self, start: usize, end: usize) {
        let framing = self.config.framing();
        let mut at = start;
        while at < end {
            let frame = framing.frame(self.lines(), at);
            self.judge_record(at, frame, false);
            at = frame.end;
        }
    }

    fn lines(&self) -> &[u8] {
        self.buffer.bytes().get(..self.lines).unwrap_or_default()
    }

    /// Judges the record that holds the byte at `at`, and gives its end.
    pub(crate) fn judge_around(&mut self, floor: usize, at: usize, due: bool) -> usize {
        let (start, frame) = self.config.framing().around(self.lines(), floor, at);
        self.judge_record(start, frame, due);
        frame.end
    }

    fn judge_record(&mut self, start: usize, frame: Frame, due: bool) {
        let matcher = self.matcher;
        let survey = if matcher.signatures.is_empty() && !self.config.release_watch {
            Survey::default()
        } else {
            matcher.prefilter.survey(self.buffer.bytes(), start..frame.end, &mut self.memory.scratch)
        };
        let due = due
            || self.config.every_record
            || self.is_due(&survey.watched)
            || (survey.boot && self.config.release_watch);
        let every = survey.whole;
        if !every && !due && survey.signatures.is_empty() && matcher.prefilter.unfiltered().is_empty() {
            return;
        }
        self.memory.tally.cut_records += u64::from(frame.cut);
        let record = Arc::new(self.decode(start, frame.end));
        let raw = self.buffer.bytes().get(start..frame.end).unwrap_or_default();
        let reported = self.out.len();
        let all = 0..if every { matcher.signatures.len() } else { 0 };
        let some =
            if every { (&[][..], &[][..]) } else { (survey.signatures.as_slice(), matcher.prefilter.unfiltered()) };
        for index in all.chain(merged(some.0, some.1)) {
            let Some(signature) = matcher.signatures.get(index) else { continue };
            let work = self.memory.tally.work.entry(Arc::clone(&signature.id)).or_default();
            work.bytes += raw.len() as u64;
            let cut = matcher.budgets.cut(index, signature, &record, raw.len());
            work.over_budget += u64::from(cut.is_some());
            match matcher.find(index, cut.as_ref().unwrap_or(&record), raw) {
                Some(found) => {
                    let (bytes, dropped) = (self.buffer.bytes(), self.buffer.dropped());
                    let preceded_at = self.memory.earlier.time(bytes, start, dropped);
                    let record = Arc::clone(&record);
                    self.out.push(Observation::Match(Match { record, preceded_at, ..found }));
                }
                None => note_near_miss(&mut self.memory.tally, matcher, &survey, index, &record),
            }
        }
        if self.out.len() > reported {
            self.memory.watch.matched();
        } else if due {
            self.out.push(Observation::Sighting(Sighting { record }));
        }
    }

    /// Whether a line with some of the release `keys`, each with its end, shows a tuple that is to be reported.
    pub(crate) fn is_due(&mut self, keys: &[(usize, usize)]) -> bool {
        if !self.config.release_watch {
            return false;
        }
        let bytes = self.buffer.bytes();
        let Memory { watch, gathering, .. } = &mut *self.memory;
        let mut due = false;
        let mut line_end = None;
        for (key, hit_end) in keys {
            if line_end.take_if(|line_end| hit_end > line_end).is_some() {
                due |= watch.is_due(gathering, bytes);
            }
            if line_end.is_some() {
                gathering.go_on(watch, *key, bytes, *hit_end);
            } else {
                line_end = Some(framing::line_end(bytes, hit_end - 1));
                gathering.begin(watch, *key, bytes, *hit_end);
            }
        }
        line_end.is_some() && watch.is_due(gathering, bytes) || due
    }

    fn decode(&mut self, start: usize, end: usize) -> Record {
        let offset = self.buffer.offset_at(start);
        let line = self.buffer.line_at(start);
        let bytes = self.buffer.bytes();
        let decoded = decode::decode(bytes.get(start..end).unwrap_or_default(), &self.config.decode);
        let tally = &mut self.memory.tally;
        tally.decoded += 1;
        tally.invalid_utf8 += u64::from(decoded.invalid_utf8);
        tally.broken_json += u64::from(decoded.broken_json);
        tally.ambiguous += u64::from(decoded.unread.exceptions);
        tally.unread_times += u64::from(decoded.unread.time);
        let mut record = decoded.record;
        record.origin = Origin { file: Arc::clone(self.file), line, offset };
        if record.time.is_none() {
            record.time = self.earlier_time(start);
            record.time_inherited = record.time.is_some();
            self.memory.tally.no_time += u64::from(record.time.is_none());
        }
        record
    }

    fn earlier_time(&mut self, start: usize) -> Option<Timestamp> {
        self.memory.earlier.time(self.buffer.bytes(), start, self.buffer.dropped())
    }
}

/// A literal of a signature that applies here was met, and the rest of it did not hold.
pub(crate) fn note_near_miss(tally: &mut Tally, matcher: &Matcher, survey: &Survey, index: usize, record: &Record) {
    if survey.signatures.binary_search(&index).is_err() || !matcher.prefilter.has_literal(index) {
        return;
    }
    if let Some(signature) = matcher.signatures.get(index)
        && verify::in_scope(signature, record)
    {
        *tally.near_misses.entry(Arc::clone(&signature.id)).or_default() += 1;
    }
}

/// Two ascending lists without common members as one: matches come in catalog order.
fn merged<'a>(mut left: &'a [usize], mut right: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    std::iter::from_fn(move || {
        let from = match (left.first(), right.first()) {
            (Some(first), Some(second)) if first < second => &mut left,
            (Some(_), None) => &mut left,
            _ => &mut right,
        };
        let (first, rest) = from.split_first()?;
        *from = rest;
        Some(*first)
    })
}
