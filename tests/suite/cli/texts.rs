//! What people read, word for word: a change of wording is a reviewed diff.

use insta::assert_snapshot;

use super::Desk;
use super::command;
use super::relapse;
use super::repository;

/// Durations and rates are not ours to fix.
fn steady(text: &str) -> String {
    let timing = regex::Regex::new(r"in \d+\.\d s\b").unwrap();
    timing.replace_all(text, "in [time]").into_owned()
}

#[test]
fn help() {
    for name in ["", "run", "scan", "check", "explain", "schema", "completions"] {
        let mut help = command(&repository(""));
        help.env("COLUMNS", "100").args(Some(name).filter(|name| !name.is_empty())).arg("--help");
        let said = String::from_utf8(help.assert().success().get_output().stdout.clone()).unwrap();
        assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
        assert_snapshot!(format!("help {name}").trim().replace(' ', "_"), said);
    }
}

#[test]
fn scan_of_the_examples() {
    let logs: Vec<_> = super::super::examples::logs(&repository("examples")).into_keys().collect();
    let mut scan = command(&repository("examples"));
    let said = scan.env("COLUMNS", "120").arg("scan").args(&logs).output().unwrap();
    assert_snapshot!(steady(&String::from_utf8(said.stdout).unwrap()));
}

#[test]
fn scan_without_a_finding() {
    let desk = Desk::new();
    let said = desk.relapse(&["scan", "calm.log"]);
    assert_snapshot!(steady(&said.out), @"0 regressions in 0 matches · 1 line · 48 B in [time]");
}

#[test]
fn check_of_a_broken_catalog() {
    let desk = Desk::new();
    desk.write(
        "broken.yaml",
        "schema: relapse/v1\nid: Odd Id\ntitel: typo\nseverity: sever\nfixes: [{ at: 2025-09-08 }]\n\
         detection: { pattern: 'a(?!b)' }\n---\nschema: relapse/v1\nid: fails-its-test\ntitle: Fails its test\n\
         fixes: [{ at: 2025-09-08T00:00:00Z }]\ndetection: { pattern: 'it broke again' }\ntests:\n  \
         - { name: never there, input: it works, expect: { count: 1 } }\n  - { name: there, input: it broke again, expect: { verdict: none } }\n",
    );
    let said = desk.relapse(&["check", "catalog.yaml", "broken.yaml"]);
    assert_eq!(said.code, 4);
    assert_snapshot!(said.out);
}

#[test]
fn check_of_the_shipped_catalog() {
    let said = relapse(&["check", "signatures", "--deny", "warnings"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    let summary =
        regex::Regex::new(r"^\d+ signatures · 0 errors · 0 warnings · \d+ tests passed, 0 failed\n$").unwrap();
    assert!(summary.is_match(&said.out), "{}", said.out);
}

#[test]
fn explain_of_a_match() {
    let said = relapse(&["explain", "--file", "examples/netra-backend-2025-10.log", "--line", "199"]);
    assert_eq!(said.code, 0);
    assert_snapshot!(said.out);
}

#[test]
fn explain_of_a_near_miss() {
    let line = "2025-10-01 08:47:01,122 - netra - ERROR - Failed to create WebSocket-scoped supervisor: \
                __init__() got an unexpected keyword argument 'websocket_connection_id'";
    assert_snapshot!(relapse(&["explain", line, "--signature", "websocket-supervisor-surface"]).out);
}

#[test]
fn explain_of_something_else() {
    assert_snapshot!(relapse(&["explain", "hello"]).out);
}

#[test]
fn explain_of_the_causes_behind_an_error() {
    let said = relapse(&["explain", "--file", "examples/netra-backend-supervisor-2025-10.log"]);
    let from = said.out.find("  exception|root").unwrap();
    assert!(said.out[from..].contains("TypeError: UserExecutionContext.__init__()"), "{}", said.out);
    assert!(said.out.contains("→ regression, by process_start: "), "{}", said.out);
}

#[test]
fn configuration_errors() {
    let desk = Desk::new();
    desk.write(
        "relapse.yaml",
        "logs:\n  includ: ['*.log']\n  from: ned\n  poll_interval: 5x\nhttp: { allow_public: yes }\n\
         alerts:\n  webhooks:\n    - url: ftp://hooks.example/T0/secret\n",
    );
    let said = desk.relapse(&["run", "--config", "relapse.yaml"]);
    assert_eq!((said.code, said.out.as_str()), (4, ""));
    assert!(!said.err.contains("secret"), "{}", said.err);
    assert_snapshot!(said.err);
}

#[test]
fn long_lines_are_wrapped_on_a_terminal_and_never_in_a_pipe() {
    let scan = |columns: Option<&str>| {
        let mut scan = command(&repository(""));
        scan.envs(columns.map(|columns| ("COLUMNS", columns)))
            .args(["scan", "examples/netra-backend-otel-2025-10.log"]);
        String::from_utf8(scan.output().unwrap().stdout).unwrap()
    };
    let longest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest(&scan(Some("100"))) <= 100, "{}", scan(Some("100")));
    assert!(longest(&scan(None)) > 100);
}
