//! `tests/fixtures/shapes.yaml`: what was written by whom, and the records it must become. The README's table is made of it, and what
//! the languages of this machine print now must become the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use relapse::decode::config::FormatConfig;
use relapse::model::record::Record;
use relapse::model::record::Relation;
use serde::Deserialize;
use serde::Serialize;

use super::records;

/// One log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    /// The language or program that wrote it.
    by: String,
    /// What it shows.
    shows: String,
    /// Which versions wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    version: String,
    /// The log, below `tests`.
    log: String,
    /// The records: severity number, then the chain of exceptions, root first, with what led from each to the next.
    #[serde(default)]
    records: Vec<String>,
}

fn below(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn shapes() -> Vec<Shape> {
    serde_yaml::from_str(&fs::read_to_string(below("tests/fixtures/shapes.yaml")).unwrap()).unwrap()
}

/// `17 TypeError ⇒ Error`.
fn told(record: &Record) -> String {
    let mut text = record.severity.as_ref().map_or_else(|| "-".to_owned(), |severity| severity.number.to_string());
    for exception in &record.exceptions {
        let kind = if exception.kind.is_empty() { "untyped" } else { &exception.kind };
        let link = match exception.relation {
            None => "",
            Some(Relation::Cause) => " ⇒",
            Some(Relation::Context) => " →",
            Some(Relation::Group) => " ∈",
        };
        write!(text, " {kind}{link}").unwrap();
    }
    text
}

#[test]
fn every_shape_becomes_its_records() {
    let mut found = shapes();
    for shape in &mut found {
        let input = fs::read(below("tests").join(&shape.log)).unwrap_or_else(|error| panic!("{}: {error}", shape.log));
        shape.records = records(&input, FormatConfig::default()).iter().map(told).collect();
    }
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(below("tests/fixtures/shapes.yaml"), serde_yaml::to_string(&found).unwrap()).unwrap();
    }
    for (found, expected) in found.iter().zip(shapes()) {
        assert_eq!(*found, expected, "UPDATE_CASES=1 writes the expectations anew");
    }
}

#[test]
fn every_generated_log_is_a_shape() {
    let known: Vec<String> = shapes().into_iter().map(|shape| shape.log).collect();
    for folder in fs::read_dir(below("tests/fixtures")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if !folder.is_dir() || name.starts_with("python-") {
            continue;
        }
        for log in fs::read_dir(&folder).unwrap() {
            let log = format!("fixtures/{name}/{}", log.unwrap().file_name().to_string_lossy());
            assert!(known.contains(&log), "{log} is not in tests/fixtures/shapes.yaml");
        }
    }
}

/// The README's table: a row for each writer.
fn table() -> String {
    let mut rows: Vec<(String, Vec<String>, Vec<String>)> = Vec::new();
    for Shape { by, shows, version, .. } in shapes() {
        let at = rows.iter().position(|row| row.0 == by).unwrap_or_else(|| {
            rows.push((by, Vec::new(), Vec::new()));
            rows.len() - 1
        });
        let (_, shapes, versions) = &mut rows[at];
        shapes.push(shows);
        if !version.is_empty() && !versions.contains(&version) {
            versions.push(version);
        }
    }
    let mut text = "| Written by | Shapes | Tried with |\n|---|---|---|\n".to_owned();
    for (by, mut shapes, versions) in rows {
        shapes.dedup();
        writeln!(text, "| {by} | {} | {} |", shapes.join("; "), versions.join(", ")).unwrap();
    }
    text
}

#[test]
fn the_readme_has_the_table_of_shapes() {
    const BEGIN: &str = "<!-- shapes: written by `UPDATE_DOCS=1 cargo test --test suite decode::shapes` -->\n";
    const END: &str = "<!-- end of shapes -->\n";
    let readme = fs::read_to_string(below("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a place for the table");
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(below("README.md"), format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
    } else {
        assert_eq!(found, table(), "UPDATE_DOCS=1 cargo test --test suite decode::shapes writes it anew");
    }
}

/// Asks every language that is installed again. Versions differ in wording and frames, never in the records and their chains.
#[test]
fn what_the_languages_of_this_machine_print_now_becomes_the_same() {
    let place = tempfile::tempdir().unwrap();
    let python = std::env::var("RELAPSE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(python);
    command.arg(below("tests/generate/languages.py")).arg("--out").arg(place.path());
    let modules = below("target/node/node_modules");
    if modules.is_dir() {
        command.arg("--node-modules").arg(modules);
    }
    let Ok(done) = command.output() else { return };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut stored = BTreeMap::new();
    for shape in shapes() {
        if let Some((folder, name)) = shape.log.strip_prefix("fixtures/").and_then(|log| log.split_once('/')) {
            let language = folder.split('-').next().unwrap().to_owned();
            stored.insert((language, name.to_owned()), shape.records);
        }
    }
    for folder in fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let language = folder.file_name().unwrap().to_string_lossy().split('-').next().unwrap().to_owned();
        for log in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = log.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read(&log).unwrap();
            let found: Vec<String> = records(&text, FormatConfig::default()).iter().map(told).collect();
            let expected = &stored[&(language.clone(), name)];
            assert_eq!(&found, expected, "{}:\n{}", log.display(), String::from_utf8_lossy(&text));
        }
    }
}
