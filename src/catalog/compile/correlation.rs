//! Sigma's correlation: types, durations, thresholds. Parsed and checked here; `incident` evaluates it.

use jiff::SignedDuration;

use crate::catalog::detection::Detection;
use crate::catalog::problem::Code;
use crate::catalog::signature::Correlation;
use crate::catalog::signature::CorrelationKind;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::spec::CorrelationSpec;
use crate::catalog::suggest;
use crate::catalog::yaml::At;

/// `None` only together with a problem.
pub(super) fn correlation(
    spec: &CorrelationSpec,
    detection: Option<&Detection>,
    report: &mut Report,
) -> Option<Correlation> {
    let timespan = timespan(&spec.timespan, report);
    let negate = negate(spec, detection, report);
    let kind = spec.r#type.as_ref()?;
    let at_least = threshold(spec, kind, report);
    let field = counted(spec, kind, report);
    Some(Correlation {
        kind: kind.value,
        group_by: spec.group_by.iter().map(|field| field.value.clone()).collect(),
        timespan: timespan?,
        negate,
        on_partial: spec.on_partial.as_ref().map(|word| word.value).unwrap_or_default(),
        at_least,
        field,
    })
}

fn timespan(text: &At<String>, report: &mut Report) -> Option<SignedDuration> {
    if text.value.is_empty() {
        return None;
    }
    let duration = duration(&text.value).filter(SignedDuration::is_positive);
    if duration.is_none() {
        let message = format!("{} is no duration", quoted(&text.value));
        report.add_with_help(Code::BadValue, &text.span, message, "`500ms`, `30s`, `5m`, `1h`, `2d`, `1h30m`");
    }
    duration
}

/// `1h30m` → 90 minutes.
fn duration(text: &str) -> Option<SignedDuration> {
    let mut total = SignedDuration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: i64 = rest.get(..digits)?.parse().ok()?;
        let unit_and_rest = rest.get(digits..)?;
        let unit = unit_and_rest.find(|c: char| c.is_ascii_digit()).unwrap_or(unit_and_rest.len());
        let milliseconds = match unit_and_rest.get(..unit)? {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(SignedDuration::from_millis(amount.checked_mul(milliseconds)?))?;
        rest = unit_and_rest.get(unit..)?;
    }
    Some(total)
}

fn negate(spec: &CorrelationSpec, detection: Option<&Detection>, report: &mut Report) -> Vec<usize> {
    let Some(detection) = detection else { return Vec::new() };
    let mut found = Vec::new();
    for name in &spec.negate {
        if let Some(index) = detection.selections.iter().position(|selection| selection.name == name.value) {
            found.push(index);
        } else {
            let message = format!("no selection is called {}", quoted(&name.value));
            let help = suggest::help(&name.value, detection.selections.iter().map(|selection| selection.name.as_str()));
            report.add_with_help(Code::UnknownSelection, &name.span, message, help);
        }
    }
    found
}

fn threshold(spec: &CorrelationSpec, kind: &At<CorrelationKind>, report: &mut Report) -> Option<u64> {
    let counts = matches!(kind.value, CorrelationKind::EventCount | CorrelationKind::ValueCount);
    let threshold = match &spec.condition {
        Some(condition) => match (&condition.gte, &condition.gt) {
            (Some(at_least), None) => Some(at_least.value),
            (None, Some(above)) => Some(above.value.saturating_add(1)),
            _ => {
                report.add(Code::Contradiction, &kind.span, "a correlation's condition takes either `gte` or `gt`");
                return None;
            }
        },
        None => None,
    };
    match (counts, threshold) {
        (true, None) => {
            let of_field = kind.value == CorrelationKind::ValueCount;
            let help =
                if of_field { "add `condition: { field: user.id, gte: 10 }`" } else { "add `condition: { gte: 10 }`" };
            report.add_with_help(Code::MissingKey, &kind.span, "a counting correlation needs to know how many", help);
        }
        (false, Some(_)) => {
            report.add(Code::Contradiction, &kind.span, "only `event_count` and `value_count` take a `condition`");
        }
        _ => {}
    }
    threshold
}

fn counted(spec: &CorrelationSpec, kind: &At<CorrelationKind>, report: &mut Report) -> Option<String> {
    let field = spec.condition.as_ref().and_then(|condition| condition.field.as_ref());
    match (kind.value, field) {
        (CorrelationKind::ValueCount, None) if spec.condition.is_some() => {
            let help = "add `field: …` to its condition, a resource or record attribute";
            report.add_with_help(Code::MissingKey, &kind.span, "a `value_count` needs to know of which field", help);
        }
        (CorrelationKind::ValueCount, _) | (_, None) => {}
        (_, Some(field)) => report.add(Code::Contradiction, &field.span, "only `value_count` takes a `field`"),
    }
    field.map(|field| field.value.clone())
}
