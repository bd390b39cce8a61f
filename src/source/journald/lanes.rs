//! The entries of each unit and process, scanned by themselves: services write a traceback line by line, and the journal mixes them.
//! Receives entries in the order of the journal, gives observations and how far everything is judged.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::decode;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::scanner::Scanner;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::scanner::Tally;
use crate::source::journald::entry::Entry;
use crate::source::message;

/// Writers kept apart; the one that was quiet longest ends when one more comes.
const MAX_LANES: usize = 256;
/// A writer that is quiet so long has ended its record: the position must not wait for it forever.
const QUIET: SignedDuration = SignedDuration::from_secs(2);

/// Rows of one record are written one right after the other; an entry so much later begins another.
const GAP: SignedDuration = SignedDuration::from_secs(1);

/// All writers.
#[derive(Debug)]
pub(super) struct Lanes {
    matcher: Arc<Matcher>,
    config: ScannerConfig,
    name: Arc<str>,
    writers: Vec<Lane>,
    /// What ended lanes counted.
    tally: Tally,
    /// When the journal took the latest entry.
    latest: Option<Timestamp>,
    /// Number of the next entry.
    next: u64,
    /// Cursors of entries that something may wait for, with their numbers.
    cursors: VecDeque<(u64, String)>,
}

#[derive(Debug)]
struct Lane {
    key: (Option<String>, Option<String>),
    scanner: Scanner,
    /// Where the lines from number `first` on came from.
    lines: VecDeque<Arc<Source>>,
    first: u64,
    last: Timestamp,
}

#[derive(Debug)]
struct Source {
    number: u64,
    entry: Entry,
}

impl Lanes {
    pub(super) fn new(matcher: Arc<Matcher>, config: ScannerConfig, name: Arc<str>) -> Self {
        let (writers, cursors) = (Vec::new(), VecDeque::new());
        Self { matcher, config, name, writers, tally: Tally::default(), latest: None, next: 0, cursors }
    }

    pub(super) fn set_matcher(&mut self, matcher: &Arc<Matcher>) {
        self.matcher = Arc::clone(matcher);
        self.writers.iter_mut().for_each(|lane| lane.scanner.set_matcher(Arc::clone(matcher)));
    }

    /// Appends an entry and reports every record it completes.
    pub(super) fn push(&mut self, entry: Entry, now: Timestamp, out: &mut Vec<Observation>) {
        let key = (entry.unit.clone(), entry.pid.clone());
        self.latest = self.latest.max(entry.time);
        let at = self.writers.iter().position(|lane| lane.key == key).unwrap_or_else(|| self.open(key, now, out));
        self.cursors.push_back((self.next, entry.cursor.clone()));
        let source = Arc::new(Source { number: self.next, entry });
        self.next += 1;
        let Some(lane) = self.writers.get_mut(at) else { return };
        lane.last = now;
        let gap = |before: &Arc<Source>| Some(source.entry.time?.duration_since(before.entry.time?) > GAP);
        if lane.lines.back().and_then(gap) == Some(true) {
            lane.finish(out);
        }
        let text = source.entry.message.trim_ascii_end();
        let count = 1 + memchr::memchr_iter(b'\n', text).count();
        lane.lines.extend(std::iter::repeat_n(Arc::clone(&source), count));
        let from = out.len();
        lane.scanner.push(text, out);
        lane.scanner.push(b"\n", out);
        lane.placed(out, from);
        lane.forget();
    }

    fn open(&mut self, key: (Option<String>, Option<String>), now: Timestamp, out: &mut Vec<Observation>) -> usize {
        if self.writers.len() >= MAX_LANES
            && let Some(quiet) = (0..self.writers.len()).min_by_key(|at| self.writers.get(*at).map(|lane| lane.last))
        {
            let mut lane = self.writers.remove(quiet);
            lane.finish(out);
            self.tally += lane.scanner.take_tally();
        }
        let mut config = self.config.clone();
        // What a record says wins over its unit, and that over what is configured for records that say nothing.
        config.decode.defaults.service = key.0.clone().or(config.decode.defaults.service);
        let scanner = Scanner::new(Arc::clone(&self.matcher), config, Arc::clone(&self.name), 0, 1);
        self.writers.push(Lane { key, scanner, lines: VecDeque::new(), first: 1, last: now });
        self.writers.len() - 1
    }

    /// Nothing has come for a moment: judges what may go on, ends what was quiet for long.
    pub(super) fn idle(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        for lane in &mut self.writers {
            if now.duration_since(lane.last) >= QUIET {
                lane.finish(out);
            } else {
                let from = out.len();
                lane.scanner.flush(out);
                lane.placed(out, from);
            }
        }
    }

    /// The cursor of the latest entry up to which everything is judged; `None` when that has not moved.
    pub(super) fn take_cursor(&mut self) -> Option<String> {
        let pending = self.writers.iter().filter_map(|lane| lane.lines.front()).map(|source| source.number).min();
        let done = pending.unwrap_or(self.next);
        let mut cursor = None;
        while self.cursors.front().is_some_and(|(number, _)| *number < done) {
            cursor = self.cursors.pop_front().map(|(_, cursor)| cursor);
        }
        cursor
    }

    pub(super) fn take_tally(&mut self) -> Tally {
        let mut tally = std::mem::take(&mut self.tally);
        for lane in &mut self.writers {
            tally += lane.scanner.take_tally();
        }
        // The journal's time counts, whatever the lines state.
        Tally { last_time: self.latest, ..tally }
    }
}

impl Lane {
    fn finish(&mut self, out: &mut Vec<Observation>) {
        let from = out.len();
        self.scanner.finish(out);
        self.placed(out, from);
        self.lines.clear();
        self.first = self.scanner.position().1;
    }

    /// Forgets where judged lines came from.
    fn forget(&mut self) {
        let (_, line) = self.scanner.position();
        let done = usize::try_from(line.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.lines.drain(..done.min(self.lines.len()));
        self.first = line;
    }

    /// Tells the observations from `from` on what the journal knows of them.
    fn placed(&self, out: &mut [Observation], from: usize) {
        for observation in out.iter_mut().skip(from) {
            let line = observation.record().origin.line;
            let at = usize::try_from(line.saturating_sub(self.first)).unwrap_or(usize::MAX);
            let Some(source) = self.lines.get(at).or_else(|| self.lines.back()) else { continue };
            if let Observation::Match(found) = observation {
                found.matched_line = found.matched_line.saturating_sub(line) + 1;
            }
            let entry = &source.entry;
            let before = self.lines.iter().take(at).rev().take_while(|other| Arc::ptr_eq(other, source)).count();
            let record = Arc::make_mut(observation.record_mut());
            record.origin.offset = message::number(&entry.cursor).wrapping_add(before as u64);
            record.origin.line = 1;
            if entry.time.is_some() {
                (record.time, record.time_inherited) = (entry.time, false);
            }
            record.severity = record.severity.take().or_else(|| entry.priority.map(decode::priority));
            for (name, value) in [("process.pid", &entry.pid), ("syslog.appname", &entry.identifier)] {
                if let Some(value) = value.as_ref().filter(|_| record.attributes.get(name).is_none()) {
                    record.attributes.push(name, value);
                }
            }
            if let Some(host) = entry.host.as_ref().filter(|_| record.resource.get("host.name").is_none()) {
                record.resource.attributes.push("host.name", host);
            }
        }
    }
}
