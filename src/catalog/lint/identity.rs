//! Across files: ids and titles that two signatures share, relations to signatures that do not exist.

use std::collections::HashMap;

use crate::catalog::compile::Draft;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::suggest;

/// Looks at every draft; of two signatures with one id the first one stays.
pub(crate) fn check(files: &mut [(Report, Vec<Draft>)]) {
    let mut ids: HashMap<String, String> = HashMap::new();
    let mut titles: HashMap<String, String> = HashMap::new();
    for (report, drafts) in files.iter_mut() {
        for draft in drafts.iter_mut() {
            let (id, title) = (&draft.spec.id, &draft.spec.title);
            let place = |offset: usize| format!("{}:{}", report.source.name, report.source.line(offset));
            let (id_place, title_place) = (place(id.span.start), place(title.span.start));
            if let Some(first) = ids.get(&id.value).filter(|_| !id.value.is_empty()) {
                let message = format!("a second signature {}: this one does not load", quoted(&id.value));
                report.add_with_help(Code::DuplicateId, &id.span, message, format!("the first one is at {first}"));
                draft.signature = None;
            } else {
                ids.insert(id.value.clone(), id_place);
            }
            let same = title.value.trim().to_lowercase();
            if let Some(first) = titles.get(&same).filter(|_| !same.is_empty()) {
                let message = "another signature has the same title".to_owned();
                let help = format!("it is at {first}; an alert's reader tells signatures apart by their titles");
                report.add_with_help(Code::DuplicateTitle, &title.span, message, help);
            } else {
                titles.insert(same, title_place);
            }
        }
    }
    related(files, &ids);
}

fn related(files: &mut [(Report, Vec<Draft>)], ids: &HashMap<String, String>) {
    for (report, drafts) in files {
        for draft in drafts.iter() {
            for other in draft.spec.related.iter().map(|related| &related.id).filter(|id| !id.value.is_empty()) {
                if other.value == draft.spec.id.value {
                    report.add(Code::UnknownRelated, &other.span, "a signature cannot be related to itself");
                } else if !ids.contains_key(&other.value) {
                    let message = format!("no signature {} in this catalog", quoted(&other.value));
                    match suggest::closest(&other.value, ids.keys().map(String::as_str)) {
                        Some(near) => {
                            let help = format!("did you mean `{near}`?");
                            report.add_with_help(Code::UnknownRelated, &other.span, message, help);
                        }
                        None => report.add(Code::UnknownRelated, &other.span, message),
                    }
                }
            }
        }
    }
}
