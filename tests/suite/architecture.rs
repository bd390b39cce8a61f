//! Layers only point down, and files stay small: the table below is the house's plan, and any edge that is not in it fails.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Module → modules it may import. Change it only together with `ARCHITECTURE.md`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("telemetry", &["model"]),
    ("catalog", &["model"]),
    ("decode", &["model"]),
    ("matcher", &["model", "catalog", "decode"]),
    ("incident", &["model", "catalog"]),
    ("store", &["model"]),
    ("listen", &[]),
    ("outgoing", &[]),
    ("source", &["model", "decode", "matcher", "telemetry", "listen", "outgoing"]),
    ("alert", &["model", "telemetry", "outgoing"]),
    ("http", &["model", "telemetry", "listen"]),
    ("config", &["model", "telemetry", "catalog", "decode", "matcher", "incident", "store", "source", "alert", "http"]),
    (
        "app",
        &[
            "model",
            "telemetry",
            "catalog",
            "decode",
            "matcher",
            "incident",
            "store",
            "source",
            "alert",
            "http",
            "listen",
            "config",
        ],
    ),
    ("cli", &["app", "config", "alert", "catalog", "decode", "matcher", "incident", "model", "telemetry"]),
];
const MAX_LINES: usize = 400;
const NO_NAMES: &[&str] = &["util", "utils", "common", "helpers", "helper", "manager", "misc"];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 20, "the source tree was not found");
    found
}

/// The module a source file belongs to, `None` for `lib.rs` and `main.rs`.
fn module_of(path: &Path) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inside = path.strip_prefix(root).unwrap();
    let mut parts = inside.components();
    let first = parts.next()?.as_os_str().to_str()?.to_owned();
    parts.next().map(|_| first)
}

/// The modules a source text names after `crate::`.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

fn violations(module: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return vec![format!("module `{module}` is not in the table")];
    };
    imports(text)
        .filter(|import| *import != module && !allowed.contains(import))
        .map(|import| format!("`{module}` imports `{import}`"))
        .collect()
}

#[test]
fn layers_only_point_down() {
    let mut bad = Vec::new();
    for (path, text) in sources() {
        if let Some(module) = module_of(&path) {
            bad.extend(violations(&module, &text).into_iter().map(|what| format!("{}: {what}", path.display())));
        }
    }
    assert!(bad.is_empty(), "edges outside the table:\n{}", bad.join("\n"));
}

#[test]
fn the_layering_test_can_fail() {
    assert_eq!(violations("model", "use crate::store::Store;"), ["`model` imports `store`"]);
    assert_eq!(
        violations("matcher", "use crate::{store, model};"),
        ["`matcher` imports ``"],
        "grouped imports hide edges"
    );
    assert_eq!(violations("attic", ""), ["module `attic` is not in the table"]);
    assert!(violations("incident", "use crate::catalog::signature::Signature;").is_empty());
}

#[test]
fn files_stay_small_and_say_what_they_are_for() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines; {MAX_LINES} are allowed: split it", path.display());
        assert!(text.starts_with("//!"), "{} does not open with `//!`: what is it for?", path.display());
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(!NO_NAMES.contains(&stem), "{}: this name says nothing", path.display());
    }
    let main = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 60, "main.rs is only arguments → subscriber → cli → exit code");
}
