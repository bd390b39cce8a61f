//! One window of a correlation: the parts of one group, in event time, and whether they make a whole.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::catalog::detection::Condition;
use crate::catalog::signature::Correlation;
use crate::catalog::signature::CorrelationKind;
use crate::catalog::signature::Signature;
use crate::incident::containment::later;
use crate::incident::correlation::Joined;
use crate::incident::correlation::bit;
use crate::incident::event::Occurrence;

/// Parts kept in a window of a temporal correlation; of more the oldest go.
const MAX_PARTS: usize = 32;
/// Parts kept to count a burst.
const MAX_COUNTED: usize = 10_000;
/// Other records named in the reason.
const MAX_NAMED: usize = 3;
/// Characters of each.
const MAX_TEXT: usize = 120;

/// One record that takes part.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The selections that hold for it.
    pub(crate) mask: u64,
    /// Event time.
    pub(crate) time: Timestamp,
    /// What `value_count` tells apart.
    pub(crate) value: Option<String>,
    /// When its window has ended, by the watermark.
    pub(crate) deadline: Timestamp,
    /// `None` once nothing but its being there counts.
    pub(crate) occurrence: Option<Box<Occurrence>>,
}

/// The parts of one group.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) signature: Arc<Signature>,
    /// By event time.
    pub(crate) entries: Vec<Entry>,
    /// Up to this event time the group has been told of, and until then it is kept.
    pub(crate) served: Option<(Timestamp, Timestamp)>,
}

impl Window {
    pub(crate) fn new(signature: &Arc<Signature>) -> Self {
        Self { signature: Arc::clone(signature), entries: Vec::new(), served: None }
    }

    /// When it must be looked at next; `None` when nothing is in it.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let entries = self.entries.iter().map(|entry| entry.deadline);
        entries.chain(self.served.map(|(_, kept)| kept)).min()
    }

    /// Takes one record in; false when an older one had to go for it.
    pub(crate) fn add(&mut self, entry: Entry, rule: &Correlation) -> bool {
        if self.served.is_some_and(|(until, _)| entry.time <= until) {
            return true;
        }
        if rule.kind == CorrelationKind::ValueCount && entry.value.is_some() {
            self.entries.retain(|other| other.value != entry.value || other.time > entry.time);
            if self.entries.iter().any(|other| other.value == entry.value) {
                return true;
            }
        }
        let at = self.entries.partition_point(|other| other.time <= entry.time);
        if counts(rule.kind)
            && at == self.entries.len()
            && let Some(last) = self.entries.last_mut()
        {
            // Only the latest record of a burst is shown.
            last.occurrence = None;
        }
        self.entries.insert(at, entry);
        let wanted = rule.at_least.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let room = if counts(rule.kind) { wanted.clamp(MAX_PARTS, MAX_COUNTED) } else { MAX_PARTS };
        if self.entries.len() <= room {
            return true;
        }
        self.entries.remove(0);
        counts(rule.kind)
    }

    /// The group has been told of at `time`: what else comes in this window belongs to it.
    pub(crate) fn serve(&mut self, time: Timestamp, (timespan, deadline): (SignedDuration, Timestamp)) {
        let until = later(time, timespan);
        let kept = self.entries.iter().map(|entry| entry.deadline).max().unwrap_or(deadline).max(deadline);
        self.entries.retain(|entry| entry.time > until);
        self.served = self.served.max(Some((until, kept)));
    }

    /// Joins the earliest parts that make a whole.
    pub(crate) fn take_complete(&mut self, signature: &Signature, rule: &Correlation) -> Option<Joined> {
        let (start, end) = (0..self.entries.len()).find_map(|start| {
            let end = self.end_of(start, rule);
            self.is_complete(start, end, signature, rule).then_some((start, end))
        })?;
        self.take(start, end, signature, rule)
    }

    /// The same for the window of the first record, unless a selection that must not occur is in it.
    pub(crate) fn take_unless_negated(&mut self, signature: &Signature, rule: &Correlation) -> Option<Joined> {
        let end = self.end_of(0, rule);
        let negated = rule.negate.iter().fold(0, |mask, index| mask | bit(*index));
        let inside = self.entries.get(..end).unwrap_or_default();
        if inside.iter().any(|entry| entry.mask & negated != 0) || !self.is_complete(0, end, signature, rule) {
            return None;
        }
        self.take(0, end, signature, rule)
    }

    /// The first record, if its window has ended at `time`. Its occurrence is taken out.
    pub(crate) fn first_due(&mut self, time: Timestamp) -> Option<Entry> {
        self.served = self.served.filter(|(_, kept)| *kept > time);
        let first = self.entries.first_mut().filter(|entry| entry.deadline <= time)?;
        Some(Entry {
            mask: first.mask,
            time: first.time,
            value: None,
            deadline: first.deadline,
            occurrence: first.occurrence.clone(),
        })
    }

    pub(crate) fn remove_first(&mut self) {
        if !self.entries.is_empty() {
            self.entries.remove(0);
        }
    }

    /// The end (exclusive) of the window that begins with entry `start`.
    fn end_of(&self, start: usize, rule: &Correlation) -> usize {
        let until = self.entries.get(start).map_or(Timestamp::MIN, |entry| later(entry.time, rule.timespan));
        self.entries.partition_point(|entry| entry.time <= until)
    }

    fn is_complete(&self, start: usize, end: usize, signature: &Signature, rule: &Correlation) -> bool {
        let inside = self.entries.get(start..end).unwrap_or_default();
        if counts(rule.kind) {
            let wanted = usize::try_from(rule.at_least.unwrap_or(1)).unwrap_or(usize::MAX);
            let negated = rule.negate.iter().fold(0, |mask, index| mask | bit(*index));
            return inside.iter().filter(|entry| entry.mask & negated == 0).count() >= wanted;
        }
        let seen = inside.iter().fold(0, |mask, entry| mask | entry.mask);
        let ordered = rule.kind != CorrelationKind::TemporalOrdered || is_ordered(inside, &positive(signature), seen);
        ordered && holds(&signature.detection.condition, seen)
    }

    fn take(&mut self, start: usize, end: usize, signature: &Signature, rule: &Correlation) -> Option<Joined> {
        let cause = cause(signature);
        let inside = self.entries.get_mut(start..end)?;
        let first = inside.first()?.time;
        let is_cause = |entry: &Entry| counts(rule.kind) || cause.is_some_and(|index| entry.mask & bit(index) != 0);
        let at = inside.iter().rposition(is_cause).unwrap_or(inside.len().saturating_sub(1));
        let note = if counts(rule.kind) {
            let values = if rule.kind == CorrelationKind::ValueCount { "different values" } else { "records" };
            Some(format!("{} {values} within {:#}", inside.len(), rule.timespan))
        } else {
            others(inside, at, signature)
        };
        let chosen = inside.get_mut(at)?;
        let (time, occurrence) = (chosen.time, chosen.occurrence.take()?);
        let deadline = chosen.deadline;
        self.serve(first, (rule.timespan, deadline));
        Some(Joined { occurrence, time, note, is_part: false })
    }
}

/// Whether a correlation counts instead of joining.
pub(crate) fn counts(kind: CorrelationKind) -> bool {
    matches!(kind, CorrelationKind::EventCount | CorrelationKind::ValueCount)
}

/// Selections that the condition wants to hold, in the order written.
pub(crate) fn positive(signature: &Signature) -> Vec<usize> {
    fn walk(condition: &Condition, found: &mut Vec<usize>) {
        match condition {
            Condition::Selection(index) => found.push(*index),
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| walk(part, found)),
            Condition::Not(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(&signature.detection.condition, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

/// The selection that owns the alert: the one called `cause`, else the last.
fn cause(signature: &Signature) -> Option<usize> {
    let named = |index: &usize| signature.detection.selections.get(*index).is_some_and(|one| one.name == "cause");
    let positive = positive(signature);
    positive.iter().copied().find(named).or_else(|| positive.last().copied())
}

/// Whether the condition holds for what a window has seen.
fn holds(condition: &Condition, seen: u64) -> bool {
    match condition {
        Condition::Selection(index) => seen & bit(*index) != 0,
        Condition::All(parts) => parts.iter().all(|part| holds(part, seen)),
        Condition::Any(parts) => parts.iter().any(|part| holds(part, seen)),
        Condition::Not(part) => !holds(part, seen),
    }
}

/// Whether the selections that were seen can be met one after the other, in the order written.
fn is_ordered(inside: &[Entry], positive: &[usize], seen: u64) -> bool {
    let mut from = 0;
    for index in positive.iter().filter(|index| seen & bit(**index) != 0) {
        let rest = inside.get(from..).unwrap_or_default();
        let Some(at) = rest.iter().position(|entry| entry.mask & bit(*index) != 0) else { return false };
        from += at;
    }
    true
}

/// Names the other records: `joined with surface at app.log:12: Failed to …`.
fn others(inside: &[Entry], chosen: usize, signature: &Signature) -> Option<String> {
    let others = inside.iter().enumerate().filter(|(at, entry)| *at != chosen && entry.occurrence.is_some());
    let name = |entry: &Entry| {
        let selections = signature.detection.selections.iter().enumerate();
        let held = selections.filter(|(index, _)| entry.mask & bit(*index) != 0).map(|(_, one)| one.name.as_str());
        held.collect::<Vec<_>>().join(" and ")
    };
    let tell = |(_, entry): (usize, &Entry)| {
        let evidence = &entry.occurrence.as_ref()?.evidence;
        let text: String = evidence.message.chars().take(MAX_TEXT).collect();
        Some(format!("`{}` at {}:{}: {text}", name(entry), evidence.file, evidence.line))
    };
    let told: Vec<_> = others.filter_map(tell).take(MAX_NAMED).collect();
    (!told.is_empty()).then(|| format!("joined with {}", told.join(", ")))
}
