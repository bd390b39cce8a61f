//! The JSON Schema of the catalog, for editors and other tools. Built from the structs that are read, so it cannot drift.

use crate::catalog::spec::SignatureSpec;

/// JSON Schema (draft 2020-12) of one catalog document.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(SignatureSpec).to_value()
}
