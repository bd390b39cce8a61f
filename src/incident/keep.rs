//! Open windows to be stored, and back. Selections are stored by name: a catalog that changed while relapse was down may have
//! put them in another order.

use std::sync::Arc;

use crate::catalog::signature::Signature;
use crate::incident::correlation::bit;
use crate::incident::event::Occurrence;
use crate::incident::window::Entry;
use crate::incident::window::Window;
use crate::model::correlation::OpenOccurrence;
use crate::model::correlation::OpenPart;
use crate::model::correlation::OpenWindow;
use crate::model::correlation::WindowKey;

/// A window as it is stored.
pub(crate) fn stored(key: &WindowKey, window: &Window) -> OpenWindow {
    let parts = window.entries.iter().map(|entry| OpenPart {
        selections: names(&window.signature, entry.mask),
        time: entry.time,
        value: entry.value.clone(),
        deadline: entry.deadline,
        occurrence: entry.occurrence.as_deref().map(|occurrence| OpenOccurrence {
            resource: occurrence.resource.clone(),
            time: occurrence.time,
            diagnosis: occurrence.diagnosis,
            evidence: occurrence.evidence.clone(),
        }),
    });
    OpenWindow { key: key.clone(), parts: parts.collect(), served: window.served }
}

/// A stored window, for the signature as it is now.
pub(crate) fn restored(open: OpenWindow, signature: &Arc<Signature>) -> Window {
    let entry = |part: OpenPart| Entry {
        mask: mask(signature, &part.selections),
        time: part.time,
        value: part.value,
        deadline: part.deadline,
        occurrence: part.occurrence.map(|kept| {
            Box::new(Occurrence {
                signature: Arc::clone(signature),
                resource: kept.resource,
                time: kept.time,
                diagnosis: kept.diagnosis.filter(|index| *index < signature.diagnosis.len()),
                evidence: kept.evidence,
                part: None,
            })
        }),
    };
    Window {
        signature: Arc::clone(signature),
        entries: open.parts.into_iter().map(entry).collect(),
        served: open.served,
    }
}

fn names(signature: &Signature, mask: u64) -> Vec<String> {
    let selections = signature.detection.selections.iter().enumerate();
    selections.filter(|(index, _)| mask & bit(*index) != 0).map(|(_, selection)| selection.name.clone()).collect()
}

fn mask(signature: &Signature, names: &[String]) -> u64 {
    let selections = signature.detection.selections.iter().enumerate();
    selections.filter(|(_, selection)| names.contains(&selection.name)).fold(0, |mask, (index, _)| mask | bit(index))
}
