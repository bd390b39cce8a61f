//! The error behind the error: joins records that belong together (Sigma's correlation) into one occurrence. Receives the parts a
//! matcher found, gives whole occurrences: the cause with its surface attached, a burst, or a surface whose cause never came.
//!
//! Windows run on event time behind a watermark, the latest event time heard anywhere: records may come out of order by the
//! length of the window and `skew`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::catalog::signature::Correlation;
use crate::catalog::signature::CorrelationKind;
use crate::catalog::signature::OnPartial;
use crate::catalog::signature::Part;
use crate::catalog::signature::Signature;
use crate::incident::containment::later;
use crate::incident::event::Occurrence;
use crate::incident::keep;
use crate::incident::window;
use crate::incident::window::Entry;
use crate::incident::window::Window;
use crate::model::correlation::OpenWindow;
use crate::model::correlation::WindowKey;

/// Windows open for one signature at most; parts beyond are dropped and counted.
const MAX_WINDOWS: usize = 4_096;
/// Selections of a signature that can be told apart.
const MAX_SELECTIONS: usize = 64;

/// One occurrence made of the records of a window.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The cause (or the latest record of a burst).
    pub(crate) occurrence: Box<Occurrence>,
    /// Its event time.
    pub(crate) time: Timestamp,
    /// What it was joined with.
    pub(crate) note: Option<String>,
    /// The window ended without the rest.
    pub(crate) is_part: bool,
}

/// Every open window.
#[derive(Debug, Default)]
pub(crate) struct Correlator {
    windows: HashMap<WindowKey, Window>,
    /// When a window must be looked at; the number keeps equal times in order of arrival.
    deadlines: BTreeMap<(Timestamp, u64), WindowKey>,
    open: HashMap<Arc<str>, usize>,
    watermark: Option<Timestamp>,
    arrivals: u64,
    /// Windows to be saved.
    changed: BTreeSet<WindowKey>,
}

/// What came of a part.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) joined: Vec<Joined>,
    /// The part was dropped: too many windows are open.
    pub(crate) dropped: bool,
}

impl Correlator {
    /// Puts back what the store kept of a window. Call before the first part.
    pub(crate) fn restore(&mut self, open: OpenWindow, signature: &Arc<Signature>) {
        let key = open.key.clone();
        self.arrivals = self.arrivals.max(key.alone.unwrap_or(0)) + 1;
        self.windows.insert(key.clone(), keep::restored(open, signature));
        *self.open.entry(Arc::clone(&signature.id)).or_default() += 1;
        self.note_due(None, key);
    }

    /// A window as it is to be stored; `None` = it is over.
    pub(crate) fn stored(&self, key: &WindowKey) -> Option<OpenWindow> {
        self.windows.get(key).map(|window| keep::stored(key, window))
    }

    /// The windows that changed since the last call.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<WindowKey> {
        mem::take(&mut self.changed)
    }

    /// Takes one part, found at event time `time` in `service` and `environment`.
    pub(crate) fn offer(
        &mut self,
        (occurrence, part): (Box<Occurrence>, &Part),
        time: Timestamp,
        (service, environment): (&Arc<str>, &Arc<str>),
        skew: SignedDuration,
    ) -> Outcome {
        let signature = Arc::clone(&occurrence.signature);
        let Some(rule) = &signature.correlation else { return Outcome::default() };
        self.arrivals += 1;
        let Some(mut group) = group(&signature, rule, part, environment) else { return Outcome::default() };
        let traced = rule.group_by.iter().any(|field| field == "trace_id");
        group.service = (!traced).then(|| Arc::clone(service));
        group.alone = part.keys.iter().any(Option::is_none).then_some(self.arrivals);
        let alone = part.whole && rule.negate.is_empty() && !window::counts(rule.kind);
        // A record that holds everything by itself needs no other.
        let whole = |occurrence| Joined { occurrence, time, note: None, is_part: false };
        if alone && (group.keys.is_empty() || group.alone.is_some()) {
            return Outcome { joined: vec![whole(occurrence)], dropped: false };
        }
        if !self.windows.contains_key(&group) {
            let open = self.open.entry(Arc::clone(&signature.id)).or_default();
            if *open >= MAX_WINDOWS {
                return Outcome { joined: Vec::new(), dropped: true };
            }
            *open += 1;
        }
        let deadline = later(later(self.watermark.map_or(time, |mark| mark.max(time)), rule.timespan), skew);
        let window = self.windows.entry(group.clone()).or_insert_with(|| Window::new(&signature));
        let was_due = window.due();
        self.changed.insert(group.clone());
        let mut outcome = Outcome::default();
        if alone {
            // What else of its trace comes in this window belongs to it.
            window.serve(time, (rule.timespan, deadline));
            outcome.joined.push(whole(occurrence));
            self.note_due(was_due, group);
            return outcome;
        }
        let entry = Entry { mask: mask(part), time, value: part.value.clone(), deadline, occurrence: Some(occurrence) };
        outcome.dropped = !window.add(entry, rule);
        if rule.negate.is_empty() {
            outcome.joined.extend(window.take_complete(&signature, rule));
        }
        self.note_due(was_due, group);
        outcome
    }

    fn note_due(&mut self, before: Option<Timestamp>, group: WindowKey) {
        let due = self.windows.get(&group).and_then(Window::due);
        if let Some(due) = due.filter(|_| due != before) {
            self.deadlines.insert((due, self.arrivals), group);
        }
    }

    /// Whether no window is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.deadlines.is_empty()
    }

    /// Time has come to `time` somewhere: windows that have ended give what they hold.
    pub(crate) fn advance(&mut self, time: Timestamp) -> Vec<Joined> {
        self.watermark = self.watermark.max(Some(time));
        let mut joined = Vec::new();
        while let Some(first) = self.deadlines.first_entry()
            && first.key().0 <= time
        {
            let group = first.remove();
            self.end(&group, time, &mut joined);
        }
        joined
    }

    /// The input has ended: every window gives what it holds.
    pub(crate) fn finish(&mut self) -> Vec<Joined> {
        let joined = self.advance(Timestamp::MAX);
        self.watermark = None;
        joined
    }

    fn end(&mut self, group: &WindowKey, time: Timestamp, joined: &mut Vec<Joined>) {
        let Some(window) = self.windows.get_mut(group) else { return };
        self.changed.insert(group.clone());
        let signature = Arc::clone(&window.signature);
        if let Some(rule) = &signature.correlation {
            while let Some(head) = window.first_due(time) {
                if !rule.negate.is_empty()
                    && let Some(found) = window.take_unless_negated(&signature, rule)
                {
                    joined.push(found);
                    continue;
                }
                window.remove_first();
                joined.extend(partial(head, &signature, rule));
            }
        }
        if let Some(due) = window.due() {
            self.arrivals += 1;
            self.deadlines.insert((due, self.arrivals), group.clone());
            return;
        }
        self.windows.remove(group);
        if let Some(open) = self.open.get_mut(&group.signature) {
            *open = open.saturating_sub(1);
        }
    }
}

/// A surface whose window ended without its cause.
fn partial(entry: Entry, signature: &Signature, rule: &Correlation) -> Option<Joined> {
    let surface = window::positive(signature).first().copied()?;
    let told = rule.on_partial == OnPartial::Suspect && rule.negate.is_empty() && !window::counts(rule.kind);
    if !told || entry.mask & bit(surface) == 0 {
        return None;
    }
    let name =
        |index: &usize| signature.detection.selections.get(*index).map(|selection| format!("`{}`", selection.name));
    let missing: Vec<_> =
        window::positive(signature).iter().filter(|index| entry.mask & bit(**index) == 0).filter_map(name).collect();
    let note = (!missing.is_empty()).then(|| format!("{} did not come within the window", missing.join(" and ")));
    Some(Joined { occurrence: entry.occurrence?, time: entry.time, note, is_part: true })
}

/// `None` for what can never count: a burst is counted by its group, and this record names none.
fn group(signature: &Signature, rule: &Correlation, part: &Part, environment: &Arc<str>) -> Option<WindowKey> {
    let keys: Vec<String> = part.keys.iter().flatten().cloned().collect();
    let joinable = keys.len() == part.keys.len();
    if window::counts(rule.kind) && (!joinable || !part.whole) && !is_negated(rule, part) {
        return None;
    }
    if rule.kind == CorrelationKind::ValueCount && part.value.is_none() && !is_negated(rule, part) {
        return None;
    }
    let (signature, environment) = (Arc::clone(&signature.id), Arc::clone(environment));
    Some(WindowKey { signature, environment, service: None, keys, alone: None })
}

fn is_negated(rule: &Correlation, part: &Part) -> bool {
    part.selections.iter().any(|index| rule.negate.contains(index))
}

fn mask(part: &Part) -> u64 {
    part.selections.iter().fold(0, |mask, index| mask | bit(*index))
}

/// The bit of a selection; those beyond [`MAX_SELECTIONS`] are never seen.
pub(crate) fn bit(index: usize) -> u64 {
    if index < MAX_SELECTIONS { 1 << index } else { 0 }
}
