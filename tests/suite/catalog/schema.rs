//! The published JSON Schema: it names every key, describes it, and says what the loader says.

use relapse::catalog::schema::json_schema;
use serde_json::Value;

#[test]
fn the_schema_is_draft_2020_12_and_every_key_is_described() {
    let schema = json_schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut undocumented = Vec::new();
    let mut keys = 0;
    let definitions = schema["$defs"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value));
    for (name, object) in definitions.chain([("signature", &schema)]) {
        let Some(properties) = object["properties"].as_object() else { continue };
        assert_eq!(object["additionalProperties"], Value::Bool(false), "{name} must refuse unknown keys");
        for (key, value) in properties {
            keys += 1;
            if value["description"].as_str().is_none_or(str::is_empty) {
                undocumented.push(format!("{name}.{key}"));
            }
        }
    }
    assert!(keys > 50, "{keys} keys are too few");
    assert!(undocumented.is_empty(), "without a description: {undocumented:?}");
}

#[test]
fn required_keys_are_those_the_loader_asks_for() {
    let schema = json_schema();
    assert_eq!(schema["required"], serde_json::json!(["schema", "id", "title", "detection"]));
    assert_eq!(schema["properties"]["schema"]["const"], "relapse/v1");
    assert_eq!(schema["$defs"]["GuardSpec"]["required"], serde_json::json!(["id", "message", "pattern-regex"]));
    assert!(schema["$defs"]["ExpectSpec"].get("required").is_none());
    assert_eq!(schema["$defs"]["FixSpec"]["required"], serde_json::json!(["at"]));
    assert_eq!(schema["$defs"]["TestSpec"]["required"], serde_json::json!(["expect"]));
    assert_eq!(schema["$defs"]["CorrelationSpec"]["required"], serde_json::json!(["type", "timespan"]));
    assert_eq!(schema["$defs"]["DiagnosisSpec"]["required"], serde_json::json!(["verdict", "when"]));
}
