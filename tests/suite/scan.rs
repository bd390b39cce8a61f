//! `relapse scan --format jsonl` over the cases of `tests/cases/scan`: a catalog, logs, and what grep and a human find in them.
//!
//! A case holds `catalog.yaml`, its logs and `expected.jsonl`: one object a match, in order, each with the keys that matter. `args`
//! holds the arguments, the files among them; without it every `*.log` is scanned, in the order of names.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/scan");
    let mut found: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn arguments(case: &Path) -> Vec<String> {
    if let Ok(text) = fs::read_to_string(case.join("args")) {
        return text.split_whitespace().map(str::to_owned).collect();
    }
    let names = fs::read_dir(case).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut logs: Vec<String> = names.filter(|name| name.contains(".log")).collect();
    logs.sort();
    logs
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `found` reduced to the keys that `expected` names.
fn reduced(found: &Value, expected: Option<&Value>) -> Value {
    let Some(expected) = expected.and_then(Value::as_object) else { return found.clone() };
    expected.keys().map(|key| (key.clone(), found[key].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn scans_find_what_is_there() {
    let mut bad = Vec::new();
    let cases = cases();
    assert!(cases.len() > 1, "the cases were not found");
    for case in &cases {
        let expected = objects(&fs::read_to_string(case.join("expected.jsonl")).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_relapse"));
        command.current_dir(case).args(["scan", "--format", "jsonl", "--catalog", "catalog.yaml"]);
        let done = command.args(arguments(case)).output().unwrap();
        let found = objects(&String::from_utf8(done.stdout).unwrap());
        let found: Vec<Value> = found.iter().enumerate().map(|(at, value)| reduced(value, expected.get(at))).collect();
        if found != expected {
            let lines =
                |values: &[Value]| values.iter().map(|value| format!("  {value}")).collect::<Vec<_>>().join("\n");
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            bad.push(format!("{}\nfound\n{}\nexpected\n{}\n{said}", case.display(), lines(&found), lines(&expected)));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
