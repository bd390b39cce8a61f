//! One raise, told up to three times: instrumented services send it as a log record, as an event of the span and as the span's status.
//! Only the first counts. The same raise is known by trace, span, type and message; a raise that comes again in the same way is another.

use std::collections::VecDeque;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

use crate::matcher::Match;
use crate::model::record::Record;
use crate::store::event::EventId;

/// Raises remembered.
const MAX_RAISES: usize = 4_096;

/// A way a raise is told; each is a bit.
type Ways = u8;
const LOG: Ways = 1;
const SPAN_EVENT: Ways = 2;
const SPAN_STATUS: Ways = 4;

/// The latest raises, each with the ways it was told in.
#[derive(Debug, Default)]
pub(super) struct Raises {
    known: VecDeque<(u64, Ways)>,
}

impl Raises {
    /// Whether the raise in `found` is remembered, in whatever way it was told.
    pub(super) fn knows(&self, found: &Match) -> bool {
        key(found).is_some_and(|key| self.known.iter().any(|(known, _)| *known == key))
    }

    /// Whether the raise in `found` was told before, in another way.
    pub(super) fn is_told(&mut self, found: &Match) -> bool {
        let Some(key) = key(found) else { return false };
        let way = way(&found.record);
        if let Some((_, ways)) = self.known.iter_mut().find(|(known, _)| *known == key) {
            let told = *ways & way == 0;
            *ways = if told { *ways | way } else { way };
            return told;
        }
        if self.known.len() == MAX_RAISES {
            self.known.pop_back();
        }
        self.known.push_front((key, way));
        false
    }
}

/// What one raise is called in the store, so that it is known after a restart as well.
#[derive(Debug, Clone, Copy)]
pub(super) struct RaiseIds {
    /// As it was told here.
    pub(super) own: EventId,
    /// As it may have been told in other ways.
    pub(super) others: [EventId; 2],
}

/// `None` where nothing says that two records tell of one raise.
pub(super) fn ids(found: &Match) -> Option<RaiseIds> {
    let record = &found.record;
    let (trace, span, exception) = (record.trace_id.as_ref()?, record.span_id.as_ref()?, record.exceptions.last()?);
    let kind = exception.kind.rsplit('.').next().unwrap_or_default();
    let id = |way: Ways| {
        let content = [&[way][..], trace.as_bytes(), span.as_bytes(), kind.as_bytes(), exception.message.as_bytes()];
        EventId::of_content(&content, &found.signature.id)
    };
    let way = way(record);
    let other = |way| if way == LOG { SPAN_EVENT } else { LOG };
    let last = if way == SPAN_STATUS { SPAN_EVENT } else { SPAN_STATUS };
    Some(RaiseIds { own: id(way), others: [id(other(way)), id(last)] })
}

/// `None` where trace, span or exception are missing: nothing says then that two records tell of one raise.
fn key(found: &Match) -> Option<u64> {
    let record = &found.record;
    let (trace, span, exception) = (record.trace_id.as_ref()?, record.span_id.as_ref()?, record.exceptions.last()?);
    let kind = exception.kind.rsplit('.').next();
    let mut hasher = DefaultHasher::new();
    (&found.signature.id, trace, span, kind, &exception.message).hash(&mut hasher);
    Some(hasher.finish())
}

fn way(record: &Record) -> Ways {
    let event = || record.attributes.get("exception.type").is_some();
    match &record.span {
        None => LOG,
        Some(_) if event() => SPAN_EVENT,
        Some(_) => SPAN_STATUS,
    }
}
