//! Nothing a file holds may end the program, hide the rest of a catalog or take long.

use proptest::prelude::*;
use relapse::catalog::load::from_str;
use relapse::catalog::load::load;
use relapse::catalog::problem::Code;
use relapse::catalog::problem::render_human;
use relapse::catalog::problem::render_json;

const FULL: &str = include_str!("../../cases/catalog/clean/catalog.yaml");

/// Loads and renders; every problem must point into its text.
fn survive(text: &str) {
    let loaded = from_str("any.yaml", text);
    for problem in loaded.problems.iter().filter(|problem| problem.code != Code::EmptyFile) {
        let span = problem.span.as_ref().unwrap();
        assert!(text.get(span.bytes.clone()).is_some(), "{problem:?}");
        assert!((1..=text.lines().count() + 1).contains(&span.line), "{problem:?}");
        assert!(span.end_line >= span.line, "{problem:?}");
    }
    render_human(&loaded.problems, &loaded.sources, true);
    render_json(&loaded.problems);
}

/// A catalog with some of its pieces cut, doubled or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just(String::new()),
        "[ -~\u{a0}-\u{2ff}\n\t]{1,4}",
        Just("'".to_owned()),
        Just(": ".to_owned()),
        Just("{".to_owned()),
        Just("\n---\n".to_owned()),
        Just("&a *a".to_owned()),
        Just("(?=".to_owned()),
        Just("|re".to_owned()),
    ];
    proptest::collection::vec((0..FULL.len(), 0..12_usize, pieces), 1..6).prop_map(|edits| {
        let mut text = FULL.to_owned();
        for (at, length, piece) in edits {
            let start = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &piece);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_survives(text in "\\PC{0,200}") {
        survive(&text);
    }

    #[test]
    fn any_yaml_like_text_survives(text in "[a-c:\\-\\[\\]{}'\"|>&*!%#?,\\n \\t]{0,120}") {
        survive(&text);
    }

    #[test]
    fn a_damaged_catalog_survives(text in mutated()) {
        survive(&text);
    }

    #[test]
    fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        load(&[file.path().to_owned()]);
    }

    #[test]
    fn any_pattern_and_condition_survive(pattern in "[ -~]{0,30}", condition in "[ab()*1of andnot]{0,30}") {
        let detection = format!("  a: {{ body|re: '{}' }}\n  condition: {condition}", pattern.replace('\'', "''"));
        survive(&format!("schema: relapse/v1\nid: any-one\ntitle: any\ndetection:\n{detection}\n"));
    }
}

fn codes(text: &str) -> Vec<Code> {
    from_str("bomb.yaml", text).problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn bombs_are_problems() {
    assert_eq!(codes(&"[".repeat(100_000)), [Code::TooLarge]);
    assert_eq!(codes(&"{a: ".repeat(100_000)), [Code::TooLarge]);
    let nested: String = (0..100_000).map(|_| "- ").collect();
    assert_eq!(codes(&nested), [Code::TooLarge]);
    let big = "x".repeat(1 << 16);
    let wide: String = (0..64).fold(String::new(), |text, at| text + &format!("k{at}: *a\n"));
    assert_eq!(codes(&format!("k: &a {big}\n{wide}")), [Code::TooLarge], "64 KiB named 64 times");
    let ladder: String = (1..80).fold(String::new(), |text, at| text + &format!("k{at}: &a{at} [[*a{}]]\n", at - 1));
    assert_eq!(
        codes(&format!("k0: &a0 [x]\n{ladder}")),
        [Code::TooLarge],
        "aliases must not build what cannot be walked"
    );
    assert_eq!(codes("k: &a [*a]"), [Code::UnsupportedYaml], "an alias of what it stands in");
    let condition = format!(
        "schema: relapse/v1\nid: deep-one\ntitle: t\ndetection:\n  a: {{ body: xyz }}\n  condition: {}a",
        "(".repeat(5_000)
    );
    assert!(codes(&condition).contains(&Code::ConditionSyntax));
    let words = format!(
        "schema: relapse/v1\nid: many-words\ntitle: t\n{}",
        (0..3_000).fold(String::new(), |text, at| text + &format!("k{at}: v\n"))
    );
    assert_eq!(codes(&words).iter().filter(|code| **code == Code::UnknownKey).count(), 3_000);
}
