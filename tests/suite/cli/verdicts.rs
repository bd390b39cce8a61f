//! `relapse explain` says for every verdict what it rests on and why.

use super::Desk;

const CATALOG: &str = "\
schema: relapse/v1
id: it-broke
title: It broke
fixes: FIXES
detection: { pattern: it broke }
diagnosis:
  - { verdict: stale_runtime, when: { body|contains: old line }, advice: clear __pycache__ and restart }
tests:
  - { name: there, input: it broke again, expect: { count: 1 } }
  - { name: not there, input: it works, expect: { verdict: none } }
";
const RELEASE: &str = "[{ at: 2025-09-08T12:00:00Z, release: '1.42.0' }]";
const LINES: &str = "[{ at: 2025-09-08T12:00:00Z, lines: { '3.1': '3.1.2', '4.0': '4.0.2' } }]";

/// What the last line of a log gets. A line of it is `TIME RELEASE [INSTANCE] MESSAGE…`.
fn why(fixes: &str, log: &[&str]) -> String {
    let desk = Desk::new();
    desk.write("catalog.yaml", CATALOG.replace("FIXES", fixes));
    let line = |line: &&str| {
        let mut words = line.splitn(4, ' ');
        let mut next = || words.next().unwrap_or_default();
        let (time, release, instance, message) = (next(), next(), next(), next());
        let release = if release == "-" { String::new() } else { format!("\"service.version\":\"{release}\",") };
        format!(
            "{{\"timestamp\":\"2025-09-08T{time}Z\",\"service.name\":\"api\",{release}\"service.instance.id\":\"{instance}\",\
             \"message\":\"{message}\"}}\n"
        )
    };
    desk.write("app.log", log.iter().map(line).collect::<String>());
    let last = log.len().to_string();
    let said = desk.relapse(&["explain", "--catalog", "catalog.yaml", "--file", "app.log", "--line", &last]);
    assert_eq!(said.code, 0, "{}", said.err);
    let told = said.out.lines().find_map(|line| line.trim_start().strip_prefix("→ ")).map(str::to_owned);
    told.unwrap_or_else(|| panic!("no verdict in\n{}", said.out))
}

#[test]
fn every_verdict_says_its_basis_and_why() {
    let told = [
        why(RELEASE, &["12:00:00 1.42.0 a up", "12:50:00 1.43.0 a it broke"]),
        why(RELEASE, &["12:00:00 1.42.0 a up", "12:50:00 1.41.0 b it broke"]),
        why(RELEASE, &["12:00:00 1.42.0 a up", "12:01:00 1.41.0 b calm", "12:05:00 1.41.0 b it broke"]),
        why(RELEASE, &["12:00:00 1.41.0 a up", "12:05:00 1.41.0 a it broke"]),
        why(RELEASE, &["11:00:00 1.41.0 a it broke"]),
        why(RELEASE, &["11:00:00 1.42.0 a up", "13:00:00 1.41.0 a up", "13:01:00 1.41.0 a it broke"]),
        why(RELEASE, &["12:00:00 1.42.0 a up", "12:50:00 - a it broke"]),
        why(RELEASE, &["12:00:00 1.42.0 a up", "12:50:00 05acb20be b it broke"]),
        why(RELEASE, &["12:00:00 1.42.0 a up", "12:50:00 1.43.0 a it broke at an old line"]),
        why("[]", &["12:50:00 1.43.0 a it broke"]),
        why("[{ at: 2025-09-08 }]", &["12:50:00 1.43.0 a it broke"]),
        why("[{ at: 2025-09-08T12:00:00Z }]", &["12:50:00 1.43.0 a it broke"]),
        why(LINES, &["12:00:00 4.0.2 a up", "12:50:00 4.0.1 b it broke"]),
        why(LINES, &["12:00:00 4.0.2 a up", "12:50:00 3.5.0 b it broke"]),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    regression, by order: 1.43.0 ≥ 1.42.0 by semver
    stale_build, by order: 1.41.0 < 1.42.0 by semver; the rollout ended at 2025-09-08T12:30:00Z
    rollout, by order: 1.41.0 < 1.42.0 by semver; the rollout lasts until 2025-09-08T12:30:00Z
    awaiting_deploy, by order: 1.41.0 < 1.42.0 by semver; no release with the fix has been seen here
    pre_fix, by time: 2025-09-08T11:00:00Z is before the fix of 2025-09-08T12:00:00Z
    rollback, by order: 1.41.0 < 1.42.0 by semver; the fix was live and 1.41.0 is current again
    unknown_release, by no_release: the record carries no service.version
    unknown_release, by unparsed: service.version `05acb20be` does not parse as a release
    stale_runtime, by diagnosis: clear __pycache__ and restart
    known_open, by no_fix: no fix applies here
    unknown_release, by ambiguous_fix_time: the fix names only its day, and 2025-09-08T12:50:00Z lies inside it: give the fix a time
    regression, by time: 2025-09-08T12:50:00Z is after the fix of 2025-09-08T12:00:00Z and its rollout (low confidence: the fix names no release)
    stale_build, by line: 4.0.1 < 4.0.2 on line 4.0; the rollout ended at 2025-09-08T12:30:00Z
    unknown_release, by line_gap: 3.5.0 lies between the listed branch lines
    ");
}

#[test]
fn a_line_by_itself_is_judged_by_itself() {
    let desk = Desk::new();
    desk.write("catalog.yaml", CATALOG.replace("FIXES", RELEASE));
    let line = "{\"timestamp\":\"2025-09-08T13:01:00Z\",\"service.version\":\"1.41.0\",\"message\":\"it broke\"}";
    let said = desk.relapse(&["explain", "--catalog", "catalog.yaml", line]);
    assert!(said.out.contains("→ awaiting_deploy, by order: 1.41.0 < 1.42.0 by semver"), "{}", said.out);
}
