//! Exit codes, usage errors and suggestions.

use super::BROKEN;
use super::Desk;
use super::SIGNATURE;
use super::relapse;

#[test]
fn every_exit_code_has_its_case() {
    let desk = Desk::new();
    desk.write("invalid.yaml", SIGNATURE.replace("title", "titel"));
    desk.write("failing.yaml", SIGNATURE.replace("it broke again", "it works again"));
    desk.write("untested.yaml", SIGNATURE.split("tests:").next().unwrap());
    desk.write("warned.yaml", SIGNATURE.replace("T16:00:00Z", ""));
    desk.write("empty.yaml", "# to be written\n");
    desk.write("wrong.yaml", "incidents: {}\n");
    std::fs::create_dir(desk.path().join("nothing")).unwrap();
    let cases: &[(i32, &[&str])] = &[
        (0, &["scan", "--catalog", "catalog.yaml", "calm.log"]),
        (0, &["check", "catalog.yaml"]),
        (0, &["check", "warned.yaml"]),
        (0, &["explain", "--catalog", "catalog.yaml", "it broke again"]),
        (0, &["scan", "--catalog", "untested.yaml", "calm.log"]),
        (1, &["scan", "--catalog", "catalog.yaml", "broken.log"]),
        (1, &["scan", "--catalog", "catalog.yaml", "missing.log", "broken.log"]),
        (1, &["check", "failing.yaml"]),
        (1, &["check", "untested.yaml"]),
        (2, &["scan", "--no-such-flag"]),
        (2, &["scan", "--since", "2025-10-02", "--until", "2025-10-01", "calm.log"]),
        (2, &["explain", "--catalog", "catalog.yaml", "--signature", "it-brok", "x"]),
        (2, &["explain", ""]),
        (3, &["check", "--deny", "warnings", "warned.yaml"]),
        (4, &["check", "invalid.yaml"]),
        (4, &["check", "empty.yaml"]),
        (4, &["check", "nothing"]),
        (4, &["scan", "--config", "wrong.yaml", "calm.log"]),
        (4, &["explain", "--config", "wrong.yaml", "it broke"]),
        (4, &["replay", "--config", "wrong.yaml", "calm.log"]),
        (4, &["run", "--config", "wrong.yaml"]),
        (4, &["check", "--deny", "warnings", "invalid.yaml", "missing.yaml"]),
        (4, &["scan", "--catalog", "invalid.yaml", "calm.log"]),
        (4, &["scan", "--catalog", "invalid.yaml", "--catalog", "catalog.yaml", "calm.log"]),
        (4, &["run"]),
        (4, &["run", "--logs", "["]),
        (4, &["run", "--logs", "calm.log", "--catalog", "invalid.yaml"]),
        (4, &["run", "--logs", "calm.log", "--listen", "nonsense"]),
        (4, &["run", "--logs", "calm.log", "--listen", "0.0.0.0:0"]),
        (5, &["scan", "--catalog", "catalog.yaml", "missing.log", "calm.log"]),
        (5, &["scan", "--catalog", "missing.yaml", "calm.log"]),
        (5, &["check", "missing.yaml"]),
        (5, &["explain", "--file", "missing.log"]),
        (5, &["explain", "--catalog", "catalog.yaml", "--file", "calm.log", "--line", "9"]),
        (5, &["run", "--config", "missing.yaml"]),
        (5, &["scan", "--config", "missing.yaml", "calm.log"]),
        (5, &["replay", "--config", "missing.yaml", "calm.log"]),
        (5, &["replay", "--catalog", "missing.yaml", "calm.log"]),
    ];
    for (code, arguments) in cases {
        let said = desk.relapse(arguments);
        assert_eq!(said.code, *code, "{arguments:?}\n{}\n{}", said.out, said.err);
        if *code > 1 && arguments.first() != Some(&"check") {
            assert!(said.err.contains("error"), "{arguments:?} says nothing: {}", said.err);
        }
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
}

#[test]
fn a_taken_port_is_named() {
    let desk = Desk::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = desk.relapse(&["run", "--logs", "calm.log", "--listen", &address]);
    assert_eq!(said.code, 5);
    assert!(said.err.contains(&format!("error: listen on {address}: the port is taken")), "{}", said.err);
}

#[test]
fn a_start_that_cannot_work_leaves_nothing_behind() {
    let desk = Desk::new();
    for arguments in [&["run"][..], &["run", "--logs", "["], &["run", "--logs", "x", "--catalog", "missing.yaml"]] {
        desk.relapse(arguments);
        assert!(!desk.path().join("relapse-state").exists(), "{arguments:?}");
    }
}

#[test]
fn near_words_are_proposed() {
    let desk = Desk::new();
    let suggestions: &[(&[&str], &str)] = &[
        (&["scna"], "'scan'"),
        (&["run", "--log", "x"], "'--logs'"),
        (&["scan", "--formt", "jsonl"], "'--format'"),
        (&["scan", "--format", "json"], "'jsonl'"),
        (&["explain", "--catalog", "catalog.yaml", "--signature", "it-brok", "x"], "`it-broke`"),
    ];
    for (arguments, near) in suggestions {
        let said = desk.relapse(arguments);
        assert_eq!(said.code, 2, "{arguments:?}");
        assert!(said.err.contains(near), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn an_unknown_signature_far_from_all_lists_them() {
    let said = Desk::new().relapse(&["explain", "--catalog", "catalog.yaml", "--signature", "zzz", "x"]);
    assert!(said.err.contains("known here: `it-broke`"), "{}", said.err);
}

#[test]
fn check_reports_for_programs() {
    let desk = Desk::new();
    desk.write("failing.yaml", SIGNATURE.replace("it broke again", "it works again"));
    let json: serde_json::Value =
        serde_json::from_str(&desk.relapse(&["check", "--format", "json", "failing.yaml"]).out).unwrap();
    assert_eq!(json["schema"], "relapse.check/v1");
    assert_eq!(json["tests"][0]["passed"], false);
    assert_eq!(json["tests"][0]["line"], 8);
    let junit = desk.relapse(&["check", "--format", "junit", "failing.yaml"]);
    assert_eq!(junit.code, 1);
    assert!(junit.out.contains(r#"<testsuites name="relapse check" tests="3" failures="1">"#), "{}", junit.out);
}

#[test]
fn completions_are_there_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = relapse(&["completions", shell]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        assert!(said.out.contains("alertmanager"), "{shell}: {}", said.out);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let desk = Desk::new();
    desk.write("long.log", BROKEN.repeat(5_000));
    let binary = env!("CARGO_BIN_EXE_relapse");
    for command in [
        format!("{binary} scan --catalog catalog.yaml --format jsonl long.log | head -n 1"),
        format!("{binary} completions bash | head -n 1"),
        format!("{binary} schema | head -n 1"),
    ] {
        let output = std::process::Command::new("sh").args(["-c", &command]).current_dir(desk.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
        assert!(!output.stdout.is_empty(), "{command}");
    }
}

#[test]
fn what_was_found_stands_although_nobody_reads_on() {
    let desk = Desk::new();
    desk.write("long.log", BROKEN.repeat(5_000));
    desk.write("failing.yaml", SIGNATURE.replace("it broke again", "it works again"));
    let binary = env!("CARGO_BIN_EXE_relapse");
    for arguments in [
        "scan --catalog catalog.yaml --format jsonl long.log",
        "scan --catalog catalog.yaml long.log",
        "replay --catalog catalog.yaml long.log",
        "check failing.yaml",
    ] {
        let command = format!("({binary} {arguments}; echo $? >&2) | true");
        let output = std::process::Command::new("sh").args(["-c", &command]).current_dir(desk.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "1\n", "{command}");
    }
}

#[test]
fn schemas_are_json_schemas_of_what_is_read() {
    for (what, key) in [(None, "detection"), (Some("catalog"), "detection"), (Some("config"), "logs")] {
        let mut arguments = vec!["schema"];
        arguments.extend(what);
        let schema: serde_json::Value = serde_json::from_str(&relapse(&arguments).out).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["additionalProperties"], false, "{what:?}");
        assert!(schema["properties"][key].is_object(), "{what:?}");
    }
}
