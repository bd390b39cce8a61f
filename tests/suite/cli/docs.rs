//! `docs/scan-jsonl.md` is written from the code, and the code prints what it says.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use relapse::cli::JSONL_FIELDS;
use relapse::cli::RECORD_FIELDS;
use relapse::model::verdict::Verdict;
use serde_json::Value;

use super::relapse;
use super::repository;

const DOC: &str = "docs/scan-jsonl.md";

fn doc() -> String {
    let mut text = String::from(
        "# `relapse scan --format jsonl`\n\n\
         One JSON object a match, a line each, in the order of event time across files. A record that matches two signatures gives two lines. \
         Every field is always there, null where nothing is known. Within `relapse.scan/v1` fields are added and never renamed or removed: ignore what \
         you do not know.\n\n\
         Exit code 1 says that a line with the verdict `regression` or `rollback` was printed. Errors and progress go to standard error.\n\n\
         Generated from `src/cli/jsonl.rs`: `UPDATE_DOCS=1 cargo test --test suite cli::docs` writes it anew.\n\n\
         | Field | What it holds |\n|---|---|\n",
    );
    for (name, meaning) in JSONL_FIELDS {
        writeln!(text, "| `{name}` | {meaning} |").unwrap();
    }
    text.push_str("\n## Example\n\n```json\n");
    let printed = relapse(&["scan", "--format", "jsonl", "examples/netra-backend-otel-2025-10.log"]).out;
    let first: Value = serde_json::from_str(printed.lines().next().unwrap()).unwrap();
    writeln!(text, "{}\n```", serde_json::to_string_pretty(&first).unwrap()).unwrap();
    text
}

#[test]
fn the_document_is_what_the_code_says() {
    let expected = doc();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(repository(DOC), &expected).unwrap();
    }
    let stored = std::fs::read_to_string(repository(DOC)).unwrap();
    assert!(stored == expected, "{DOC} is out of date: UPDATE_DOCS=1 cargo test --test suite cli::docs");
}

#[test]
fn every_documented_field_is_printed_and_every_printed_one_is_documented() {
    let documented: Vec<&str> = JSONL_FIELDS.iter().map(|(name, _)| *name).collect();
    let mut verdicts = BTreeSet::new();
    let printed = relapse(&["scan", "--format", "jsonl", "examples/*.log"]).out;
    assert!(printed.lines().count() > 40, "{printed}");
    for line in printed.lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        let keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, documented);
        assert_eq!(object["schema"], "relapse.scan/v1");
        verdicts.insert(object["verdict"].as_str().unwrap().to_owned());
    }
    let meaning = JSONL_FIELDS.iter().find(|(name, _)| *name == "verdict").unwrap().1;
    assert!(verdicts.len() >= 6);
    for verdict in Verdict::ALL {
        assert!(meaning.contains(&format!("`{verdict}`")), "{verdict}");
    }
}

#[test]
fn the_interface_keeps_the_fields_it_has_promised() {
    let promised = [
        "signature",
        "verdict",
        "basis",
        "file",
        "line",
        "matched_line",
        "offset",
        "time",
        "service",
        "environment",
        "release",
        "message",
        "captures",
    ];
    for field in promised {
        assert!(JSONL_FIELDS.iter().any(|(name, _)| *name == field), "{field}");
    }
}

const RECORDS_DOC: &str = "docs/scan-records.md";

#[test]
fn the_document_of_records_is_what_the_code_says_and_prints() {
    let mut expected = String::from(
        "# `relapse scan --show-records`\n\n\
         One JSON object a record, a line each, file by file: what a log became, before any judgement. Every field is always there, null or empty where \
         nothing is known. Within `relapse.record/v1` fields are added and never renamed or removed.\n\n\
         Generated from `src/cli/record_json.rs`: `UPDATE_DOCS=1 cargo test --test suite cli::docs` writes it anew.\n\n\
         | Field | What it holds |\n|---|---|\n",
    );
    for (name, meaning) in RECORD_FIELDS {
        writeln!(expected, "| `{name}` | {meaning} |").unwrap();
    }
    let printed = relapse(&["scan", "--show-records", "examples/netra-backend-otel-2025-10.log"]).out;
    assert!(printed.lines().count() > 100, "{printed}");
    let documented: Vec<&str> = RECORD_FIELDS.iter().map(|(name, _)| *name).collect();
    let objects: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for object in &objects {
        let keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, documented);
        assert_eq!(object["schema"], "relapse.record/v1");
    }
    let failed = objects.iter().find(|object| !object["exceptions"].as_array().unwrap().is_empty()).unwrap();
    writeln!(expected, "\n## Example\n\n```json\n{}\n```", serde_json::to_string_pretty(failed).unwrap()).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(repository(RECORDS_DOC), &expected).unwrap();
    }
    let stored = std::fs::read_to_string(repository(RECORDS_DOC)).unwrap();
    assert!(stored == expected, "{RECORDS_DOC} is out of date: UPDATE_DOCS=1 cargo test --test suite cli::docs");
}
