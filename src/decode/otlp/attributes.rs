//! OTLP's typed values → texts: scalars as they are printed, what is inside maps and lists under dotted keys.

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde_json::Value as Json;

/// Deeper values are told as JSON.
const MAX_DEPTH: usize = 32;
/// More attributes of one record than this are not told.
const MAX_KEYS: usize = 1_000;
/// A key is cut here: it is repeated in every key below it.
const MAX_KEY: usize = 256;

/// Tells every attribute with its text, at most 1,000.
pub(super) fn each(attributes: Vec<KeyValue>, tell: &mut dyn FnMut(String, String)) {
    let mut told = 0;
    for KeyValue { mut key, value, .. } in attributes {
        key.truncate(key.floor_char_boundary(MAX_KEY));
        flat(key, value.and_then(|value| value.value), 0, &mut |key, value| {
            told += 1;
            if told <= MAX_KEYS {
                tell(key, value);
            }
            told < MAX_KEYS
        });
        if told >= MAX_KEYS {
            return;
        }
    }
}

/// `tell` says whether it takes more.
fn flat(key: String, value: Option<Value>, depth: usize, tell: &mut dyn FnMut(String, String) -> bool) -> bool {
    let below = |name: &str| {
        let mut name = format!("{key}.{name}");
        name.truncate(name.floor_char_boundary(MAX_KEY * 4));
        name
    };
    match value {
        None => true,
        Some(Value::KvlistValue(map)) if depth < MAX_DEPTH => map
            .values
            .into_iter()
            .all(|pair| flat(below(&pair.key), pair.value.and_then(|value| value.value), depth + 1, tell)),
        Some(Value::ArrayValue(list)) if depth < MAX_DEPTH => list
            .values
            .into_iter()
            .enumerate()
            .all(|(at, item)| flat(below(&at.to_string()), item.value, depth + 1, tell)),
        Some(value) => tell(key, text(value)),
    }
}

/// A value as text: maps and lists as JSON.
pub(super) fn text(value: Value) -> String {
    match value {
        Value::StringValue(text) => text,
        Value::BytesValue(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        value => match json(value) {
            Json::String(text) => text,
            Json::Null => String::new(),
            value => value.to_string(),
        },
    }
}

/// A value as JSON.
fn json(value: Value) -> Json {
    let of = |value: AnyValue| value.value.map_or(Json::Null, json);
    match value {
        Value::StringValue(text) => Json::String(text),
        Value::BytesValue(bytes) => Json::String(String::from_utf8_lossy(&bytes).into_owned()),
        Value::BoolValue(value) => Json::Bool(value),
        Value::IntValue(value) => Json::from(value),
        Value::DoubleValue(value) if value.is_finite() => Json::from(value),
        Value::DoubleValue(value) => Json::String(value.to_string()),
        Value::ArrayValue(list) => list.values.into_iter().map(of).collect(),
        Value::KvlistValue(map) => {
            let pair = |pair: KeyValue| (pair.key, pair.value.map_or(Json::Null, of));
            Json::Object(map.values.into_iter().map(pair).collect())
        }
        Value::StringValueStrindex(_) => Json::Null,
    }
}
