//! What may leave: text made inert, secrets masked, lengths bounded.
//!
//! [`evidence`] is applied before anything is stored; [`SafeNotice`] once more before anything is sent, and it is the only thing
//! the renderers take, so that nothing can be sent that did not pass here.

mod secrets;

use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;

pub use self::secrets::mask;

use crate::model::alert::Notice;
use crate::model::incident::Evidence;
use crate::telemetry::inert::one_line;

/// Longest message, exception or `why`, in characters.
const MAX_TEXT: usize = 1_000;
/// Longest name, path, release or captured value, in characters.
const MAX_NAME: usize = 256;
/// Most captures and releases passed on.
const MAX_ITEMS: usize = 32;

/// Masks and bounds what came out of a log, in place. Applying it again is harmless.
pub fn evidence(evidence: &mut Evidence) {
    let text = |value: &mut String| *value = text(value);
    let name = |value: &mut String| *value = one_line(value, MAX_NAME);
    text(&mut evidence.message);
    evidence.exception.iter_mut().for_each(text);
    if let Some(advice) = &mut evidence.advice {
        *advice = one_line(advice, MAX_TEXT);
    }
    for part in [&mut evidence.raised_at, &mut evidence.release, &mut evidence.instance, &mut evidence.trace_id] {
        part.iter_mut().for_each(name);
    }
    name(&mut evidence.file);
    evidence.captures = std::mem::take(&mut evidence.captures)
        .into_iter()
        .take(MAX_ITEMS)
        .map(|(key, value)| {
            let value = if secrets::is_secret_name(&key) {
                secrets::MASK.to_owned()
            } else {
                one_line(&mask(&value), MAX_NAME)
            };
            (one_line(&key, MAX_NAME), value)
        })
        .collect();
}

/// Secrets are looked for before and after the text is made inert: a terminal sequence in the middle must not hide one.
fn text(value: &str) -> String {
    one_line(&mask(&one_line(&mask(value), 16 * MAX_TEXT)), MAX_TEXT)
}

/// A notice that may leave.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SafeNotice(Notice);

impl Deref for SafeNotice {
    type Target = Notice;

    fn deref(&self) -> &Notice {
        &self.0
    }
}

impl SafeNotice {
    /// The notice with everything that came from a log masked, and everything made inert and bounded. What the catalog's author
    /// wrote (owner, report, runbook) is not masked: an owner's address is meant to be seen.
    pub fn of(notice: &Notice) -> Self {
        let mut safe = notice.clone();
        let name = |value: &mut String| *value = one_line(value, MAX_NAME);
        for part in [&mut safe.key.signature, &mut safe.key.service, &mut safe.key.environment] {
            *part = Arc::from(one_line(part, MAX_NAME));
        }
        name(&mut safe.id);
        name(&mut safe.title);
        let line = |value: &mut String| *value = one_line(value, MAX_TEXT);
        for part in [&mut safe.owner, &mut safe.runbook_url, &mut safe.reference, &mut safe.episode] {
            part.iter_mut().for_each(line);
        }
        safe.why = text(&safe.why);
        safe.older_live.truncate(MAX_ITEMS);
        safe.older_live.iter_mut().for_each(name);
        if let Some(fix) = &mut safe.fix {
            for part in [&mut fix.release, &mut fix.commit, &mut fix.report, &mut fix.by] {
                part.iter_mut().for_each(line);
            }
        }
        evidence(&mut safe.evidence);
        Self(safe)
    }
}
