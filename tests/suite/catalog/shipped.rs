//! The catalog that ships, embedded and from `signatures/`: nothing to complain about, and a check that would see it if there were.

use std::path::Path;

use serde_json::Value;

/// Exit code and report of `relapse check --deny warnings` over `paths`.
fn check(paths: &[&Path]) -> (i32, Value) {
    let mut check = assert_cmd::Command::new(env!("CARGO_BIN_EXE_relapse"));
    check.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RELAPSE_CATALOG");
    let output = check.args(["check", "--deny", "warnings", "--format", "json"]).args(paths).output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_shipped_catalog_has_no_errors_and_no_warnings() {
    for paths in [&[][..], &[Path::new("signatures")]] {
        let (code, report) = check(paths);
        assert_eq!(code, 0, "{report:#}");
        assert_eq!(report["problems"], Value::Array(Vec::new()), "{report:#}");
        assert!(report["signatures"].as_u64().unwrap() >= 5, "{report:#}");
        let tests = report["tests"].as_array().unwrap();
        assert!(tests.len() >= 50 && tests.iter().all(|test| test["passed"] == true), "{report:#}");
        assert!(tests.iter().all(|test| test["also_matched_by"] == Value::Array(Vec::new())), "{report:#}");
    }
}

#[test]
fn a_damaged_copy_of_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("placeholder-user-id.yaml");
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("signatures/placeholder-user-id.yaml"));
    let text = text.unwrap();
    std::fs::write(&file, &text).unwrap();
    assert_eq!(check(&[&file]).0, 0);
    // A warning: a relative nobody knows. A failed test: it expects what cannot be.
    let family = "family: user-context-validation";
    let related = format!("{family}\nrelated: [{{ id: nobody-here, type: similar }}]");
    for (place, damage, code) in
        [(family, related.as_str(), 3), ("{ verdict: regression, count: 2 }", "{ verdict: none }", 1)]
    {
        assert!(text.contains(place));
        std::fs::write(&file, text.replace(place, damage)).unwrap();
        let (found, report) = check(&[&file]);
        assert_eq!(found, code, "{damage}: {report:#}");
    }
}
