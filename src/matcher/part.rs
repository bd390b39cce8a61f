//! How a record takes part in a correlated signature: the selections that hold for it, and the values it is joined by.

use crate::catalog::detection::Condition;
use crate::catalog::signature::Correlation;
use crate::catalog::signature::CorrelationKind;
use crate::catalog::signature::Part;
use crate::catalog::signature::Signature;
use crate::matcher::verify;
use crate::model::record::Record;

/// Selections (indices) that make a record a part: those the condition wants to hold and those that must not occur in a window. One
/// that the condition negates is only asked of records that take part anyway.
pub(crate) fn taking_part(signature: &Signature, rule: &Correlation) -> Vec<usize> {
    fn walk(condition: &Condition, found: &mut Vec<usize>) {
        match condition {
            Condition::Selection(index) => found.push(*index),
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| walk(part, found)),
            Condition::Not(_) => {}
        }
    }
    let mut found = rule.negate.clone();
    walk(&signature.detection.condition, &mut found);
    found
}

/// The part of `record`, which is in the signature's scope; `None` when it has none.
pub(crate) fn of(signature: &Signature, rule: &Correlation, record: &Record) -> Option<Part> {
    let detection = &signature.detection;
    let held = detection.selections.iter().enumerate().filter(|(_, one)| verify::test_holds(&one.test, record));
    let selections: Vec<usize> = held.map(|(index, _)| index).collect();
    let taking_part = taking_part(signature, rule);
    if !selections.iter().any(|index| taking_part.contains(index)) {
        return None;
    }
    let whole = verify::condition_holds(detection, &detection.condition, record);
    let counts = matches!(rule.kind, CorrelationKind::EventCount | CorrelationKind::ValueCount);
    // A count takes whole records and what must not occur among them; a join takes anything.
    if counts && !whole && !selections.iter().any(|index| rule.negate.contains(index)) {
        return None;
    }
    let keys = rule.group_by.iter().map(|field| value(record, field)).collect();
    let counted = rule.field.as_deref().and_then(|field| value(record, field));
    Some(Part { selections, whole, keys, value: counted })
}

/// The value of a field under its name in the catalog; an empty one and an id of zeros are none.
fn value(record: &Record, field: &str) -> Option<String> {
    let found = match field {
        "trace_id" => record.trace_id.clone(),
        "span_id" => record.span_id.clone(),
        "body" => Some(record.body.clone()),
        "severity_text" => record.severity.as_ref().map(|severity| severity.text.clone()),
        "span.name" => record.span.as_ref().map(|span| span.name.clone()),
        _ => {
            let resource = field.strip_prefix("resource.").unwrap_or(field);
            let attribute = field.strip_prefix("attributes.").unwrap_or(field);
            let of_resource = || verify::resource_value(record, resource).map(std::borrow::Cow::into_owned);
            record.attributes.get(attribute).map(str::to_owned).or_else(of_resource)
        }
    };
    found.filter(|text| !text.bytes().all(|byte| byte == b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_zero_ids_join_nothing() {
        let mut record = Record { trace_id: Some("0".repeat(32)), ..Record::default() };
        record.attributes.push("request_id", "");
        record.attributes.push("user", "0042");
        record.resource.service = Some("api".to_owned());
        assert_eq!(value(&record, "trace_id"), None);
        assert_eq!(value(&record, "request_id"), None);
        assert_eq!(value(&record, "attributes.user").as_deref(), Some("0042"));
        assert_eq!(value(&record, "service.name").as_deref(), Some("api"));
        assert_eq!(value(&record, "resource.service.name").as_deref(), Some("api"));
        assert_eq!(value(&record, "nothing"), None);
    }
}
