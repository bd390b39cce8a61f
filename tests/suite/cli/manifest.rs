//! `relapse manifest` in a real repository, and `relapse scan` with what it wrote.

use std::process::Command;

use serde_json::Value;

use super::Desk;
use super::SIGNATURE;

fn git(desk: &Desk, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(desk.path()).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(desk: &Desk, file: &str) -> String {
    desk.write(file, "x\n");
    git(desk, &["add", file]);
    git(desk, &["commit", "-qm", file]);
    git(desk, &["rev-parse", "HEAD"])
}

/// Releases 1.0 (broken), 2.0 (fixed), and 1.1, to which the fix was picked.
fn history() -> (Desk, String) {
    let desk = Desk::new();
    git(&desk, &["init", "-q", "-b", "main"]);
    commit(&desk, "broken");
    git(&desk, &["tag", "-a", "-m", "one", "v1.0"]);
    let fix = commit(&desk, "fix");
    git(&desk, &["tag", "v2.0"]);
    git(&desk, &["checkout", "-q", "-b", "line-1", "v1.0"]);
    git(&desk, &["cherry-pick", "-x", &fix]);
    git(&desk, &["tag", "v1.1"]);
    let signature = SIGNATURE.replace("T16:00:00Z", &format!("T16:00:00Z, commit: {}", &fix[..9]));
    desk.write("catalog.yaml", signature);
    (desk, fix)
}

#[test]
fn git_says_which_release_contains_the_fix_and_scan_judges_by_it() {
    let (desk, fix) = history();
    let made = desk.relapse(&["manifest", "--catalog", "catalog.yaml", "--strip", "v", "--output", "manifest.json"]);
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    let manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(desk.path().join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["contains"][&fix], serde_json::json!(["1.1", "2.0"]), "a picked fix counts");
    assert_eq!(manifest["releases"]["1.0"], serde_json::json!([]));
    for (release, verdict) in
        [("1.0", "stale_build"), ("1.1", "regression"), ("2.0", "regression"), ("3.0", "unknown_release")]
    {
        desk.write("app.log", "2025-10-01 08:47:01,122 - app - ERROR - it broke again\n");
        let arguments = [
            "scan",
            "--catalog",
            "catalog.yaml",
            "--manifest",
            "manifest.json",
            "--release",
            release,
            "--format",
            "jsonl",
            "app.log",
        ];
        let line: Value = serde_json::from_str(&desk.relapse(&arguments).out).unwrap();
        // Where only the old release is known, its rollout has not begun.
        let expected = if verdict == "stale_build" { "awaiting_deploy" } else { verdict };
        assert_eq!(line["verdict"], expected, "{release}: {line}");
        let basis = if verdict == "unknown_release" { "no_release" } else { "manifest" };
        assert_eq!(line["basis"], basis, "{release}");
    }
}

#[test]
fn releases_can_be_named_and_unknown_commits_are_told() {
    let (desk, fix) = history();
    let made = desk.relapse(&["manifest", "--catalog", "catalog.yaml", "--service", "api", "blue=v1.0", "green=main"]);
    let manifest: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(manifest["service"], "api");
    assert_eq!(manifest["contains"][&fix], serde_json::json!(["green"]));
    assert_eq!(manifest["releases"]["blue"], serde_json::json!([]));
    desk.write("other.yaml", SIGNATURE.replace("T16:00:00Z", "T16:00:00Z, commit: 0123456789abcdef"));
    let made = desk.relapse(&["manifest", "--catalog", "other.yaml"]);
    assert_eq!(made.code, 0);
    assert!(made.err.contains("it-broke: its fix 0123456789abcdef is no commit of this repository"), "{}", made.err);
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let (desk, _) = history();
    let none = desk.relapse(&["manifest", "--catalog", "catalog.yaml", "--tags", "release-*"]);
    assert_eq!(none.code, 2, "{}", none.err);
    git(&desk, &["clone", "-q", "--depth", "1", &format!("file://{}", desk.path().display()), "shallow"]);
    let shallow = desk.relapse(&["manifest", "--catalog", "catalog.yaml", "--repository", "shallow"]);
    assert_eq!(shallow.code, 5, "{}", shallow.err);
    assert!(shallow.err.contains("fetch the whole history"), "{}", shallow.err);
    desk.write("bad.json", "{}");
    let bad = desk.relapse(&["scan", "--catalog", "catalog.yaml", "--manifest", "bad.json", "app.log"]);
    assert!(bad.err.contains("bad.json") && bad.err.contains("relapse manifest"), "{}", bad.err);
}
