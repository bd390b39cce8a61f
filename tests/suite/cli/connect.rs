//! `relapse check --config FILE --connect`: what each source would read.

use std::process::Command;

use serde_json::Value;

use super::Desk;

fn check(desk: &Desk, configuration: &str, more: &[&str]) -> (Option<i32>, String, String) {
    desk.write("relapse.yaml", configuration);
    let output = Command::new(env!("CARGO_BIN_EXE_relapse"))
        .args(["check", "catalog.yaml", "--config", "relapse.yaml"])
        .args(more)
        .current_dir(desk.path())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn files_are_listed_and_missing_ones_are_waited_for() {
    let desk = Desk::new();
    desk.write("some.log", "calm\n");
    let files = "logs: { include: ['some.*', later.log, '-'], exclude: ['*.yaml'], from: end }\n";
    let (code, said, _) = check(&desk, files, &["--connect"]);
    let wanted = "file\n  files: 1 (5 bytes), each from its stored position, else from its end\n  some.log (5 bytes)\n  waiting for later.log\n\n\
                  stdin\n  <stdin> until it ends\n";
    assert!(said.contains(wanted), "{said}");
    assert_eq!(code, Some(0), "what is waited for is no failure");
    let (_, said, _) = check(&desk, files, &["--connect", "--format", "json"]);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["sources"][0]["source"], "file");
    assert_eq!(report["sources"][0]["failures"], serde_json::json!([]));
    let (_, said, _) = check(&desk, "logs: {}\n", &["--connect"]);
    assert!(said.contains("names no source"), "{said}");
}

#[test]
fn what_cannot_be_read_is_a_failure_and_a_bad_pattern_a_mistake() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path().join("dir.log")).unwrap();
    let (code, said, _) = check(&desk, "logs: { include: [dir.log] }\n", &["--connect"]);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("  error: dir.log: "), "{said}");
    let (code, _, said) = check(&desk, "logs: { include: ['['] }\n", &[]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("pattern `[`"), "{said}");
}
