//! A case is a directory: `catalog.yaml` and what people read about it (`expected.txt`). `UPDATE_CASES=1` writes what is read now.

use std::fs;
use std::path::Path;

use relapse::catalog::load::from_str;
use relapse::catalog::problem::Code;
use relapse::catalog::problem::render_human;
use relapse::catalog::problem::render_json;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn every_case_reads_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/catalog");
    let mut wrong = Vec::new();
    let mut cases = 0;
    for entry in fs::read_dir(&root).unwrap() {
        let folder = entry.unwrap().path();
        let expected = folder.join("expected.txt");
        let loaded = from_str("catalog.yaml", &fs::read_to_string(folder.join("catalog.yaml")).unwrap());
        let text = render_human(&loaded.problems, &loaded.sources, false);
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        if read(&expected) != text {
            wrong.push(format!("{}\n{text}", folder.display()));
        }
        cases += 1;
    }
    assert!(cases > 0, "the cases were not found");
    assert!(wrong.is_empty(), "{} cases differ (UPDATE_CASES=1 accepts):\n{}", wrong.len(), wrong.join("\n"));
}

/// Rules about paths and services, which a text alone cannot break; `load.rs` and `practice.rs` test them.
const OF_MORE: &[Code] =
    &[Code::UnreadablePath, Code::NotUtf8, Code::EmptyFolder, Code::Redacted, Code::ReleaseScheme, Code::FixInFuture];

#[test]
fn every_rule_has_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/catalog");
    let texts: String =
        fs::read_dir(root).unwrap().map(|entry| read(&entry.unwrap().path().join("expected.txt"))).collect();
    let missing: Vec<Code> = Code::ALL
        .iter()
        .copied()
        .filter(|code| !OF_MORE.contains(code) && !texts.contains(&format!("[{}]", code.id())))
        .collect();
    assert!(missing.is_empty(), "rules without a case: {missing:?}");
}

#[test]
fn numbers_and_names_of_rules_are_unique() {
    let mut names: Vec<&str> = Code::ALL.iter().flat_map(|code| [code.id(), code.name()]).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 2 * Code::ALL.len());
    assert!(Code::ALL.windows(2).all(|pair| pair[0].id() < pair[1].id()), "in order of their numbers");
}

#[test]
fn problems_are_json_with_stable_fields() {
    let loaded =
        from_str("a.yaml", "schema: relapse/v1\nid: a b\ntitle: t\nstate: open\ndetection: { pattern: abcd }\n");
    insta::assert_snapshot!(render_json(&loaded.problems[..1]), @r#"[{"code":"R020","name":"id-format","level":"error","message":"`a b` cannot be an id","file":"a.yaml","line":2,"column":5,"end_line":2,"end_column":8,"help":"3 to 64 of a-z, 0-9 and `-`: it becomes the label value `signature=\"…\"`"}]"#);
}

#[test]
fn colour_is_only_used_when_asked_for() {
    let loaded = from_str("a.yaml", "schema: relapse/v1\n");
    assert!(render_human(&loaded.problems, &loaded.sources, true).contains('\u{1b}'));
    assert!(!render_human(&loaded.problems, &loaded.sources, false).contains('\u{1b}'));
}
