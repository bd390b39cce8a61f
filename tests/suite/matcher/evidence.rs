//! What a hit shows and what an explanation says.

use relapse::catalog::detection::ExceptionField;
use relapse::catalog::detection::Field;
use relapse::catalog::detection::Link;
use relapse::catalog::detection::LinkTest;
use relapse::catalog::detection::Predicate;
use relapse::catalog::detection::Test;
use relapse::catalog::signature::Diagnosis;
use relapse::catalog::signature::Signature;
use relapse::matcher::Match;
use relapse::model::record::Record;
use relapse::model::verdict::Verdict;

use crate::matcher::make;

const TRACEBACK: &str = "INFO: healthy\n\
    2025-09-08 10:00:00 ERROR Failed to create supervisor: name\n\
    Traceback (most recent call last):\n\
    \x20 File \"/app/x.py\", line 96, in create\n\
    \x20   return make(connection_id=c)\n\
    TypeError: got an unexpected keyword argument 'connection_id'\n\
    INFO: healthy\n";

fn only(mut found: Vec<Match>) -> Match {
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn cause(pattern: &str) -> Test {
    let message = LinkTest::Field(make::asks(ExceptionField::Message, make::re(&[pattern])));
    Test::Exception(Link::Any, vec![message])
}

#[test]
fn the_matched_line_is_the_evidence_not_the_header() {
    let signature = make::signature("sig", vec![cause("unexpected keyword argument '(?P<argument>[^']+)'")]);
    let found = only(make::scan(vec![signature], TRACEBACK.as_bytes()));
    assert_eq!((found.record.origin.line, found.matched_line), (2, 6));
    assert_eq!(found.captures.get("argument").map(String::as_str), Some("connection_id"));

    let surface = make::body(make::contains(&["failed to create"]));
    let found = only(make::scan(vec![make::signature("sig", vec![surface, cause("keyword")])], TRACEBACK.as_bytes()));
    assert_eq!(found.matched_line, 2, "the first positive selection counts");
}

#[test]
fn colour_and_escapes_do_not_hide_the_line() {
    let coloured = TRACEBACK.replace("TypeError: got", "\x1b[31mTypeError\x1b[0m: go\x1b[1mt");
    let found = only(make::scan(make::looks_for("TypeError: got an unexpected"), coloured.as_bytes()));
    assert_eq!(found.matched_line, 6);
    let json = b"{\"message\":\"fine\"}\n{\"message\":\"say \\\"hi\\\" to all of them\"}\n";
    assert_eq!(only(make::scan(make::looks_for("\"hi\" to all of them"), json)).matched_line, 2);
}

#[test]
fn captures_are_bounded() {
    let groups: Vec<String> = (0..20).map(|index| format!("(?P<g{index:02}>a*)")).collect();
    let signature = make::signature("sig", vec![make::body(make::re(&[&format!("boom {}", groups.concat())]))]);
    let line = format!("boom {}\n", "a".repeat(1000));
    let found = only(make::scan(vec![signature], line.as_bytes()));
    assert_eq!(found.captures.len(), 16);
    assert_eq!(found.captures["g00"].len(), 256);
}

#[test]
fn the_first_diagnosis_that_holds_counts() {
    let rule = |text: &str| Diagnosis {
        verdict: Verdict::StaleRuntime,
        when: make::body(make::contains(&[text])),
        advice: None,
    };
    let diagnosed = |rules: Vec<Diagnosis>| Signature { diagnosis: rules, ..make::looks_for("boom").remove(0) };
    let index = |rules| only(make::scan(vec![diagnosed(rules)], b"boom b c\n")).diagnosis;
    assert_eq!(index(vec![rule("a"), rule("b"), rule("c")]), Some(1));
    assert_eq!(index(vec![rule("a")]), None);
}

#[test]
fn an_explanation_names_the_questions_that_failed() {
    let near = make::signature(
        "near",
        vec![
            make::body(make::contains(&["boom"])),
            Test::Field(make::asks(Field::SeverityText, Predicate::Equals(vec![make::literal("ERROR")]))),
        ],
    );
    let far = make::looks_for("something else").remove(0);
    let mut matching = make::signature("matching", vec![make::body(make::contains(&["boom"]))]);
    matching.scope = vec![("service.name".to_owned(), vec!["shop".to_owned()])];
    let matcher = make::matcher(vec![far, near, matching]);
    let record = Record { body: "boom ".repeat(100), ..Record::default() };
    let all = matcher.explain(&record);
    assert_eq!(all.iter().map(|one| &*one.signature).collect::<Vec<_>>(), ["matching", "near", "sought"]);
    assert!(all[0].matches && all[0].scope[0].holds && all[0].scope[0].found.is_none());
    let failed = &all[1].selections[1].checks[0];
    assert_eq!((failed.field.as_str(), failed.modifier.as_str(), failed.holds), ("severity_text", "equals", false));
    assert_eq!((failed.wanted.as_slice(), &failed.found), (&["ERROR".to_owned()][..], &None));
    assert_eq!(all[1].selections[0].checks[0].found.as_ref().unwrap().chars().count(), 161, "shortened");
    assert!((all[1].nearness - 0.5).abs() < f64::EPSILON);
}

/// Most signatures ask one question only: a text that drifted must not look like a stranger.
#[test]
fn a_literal_that_is_there_makes_a_signature_near() {
    let one = |pattern: &str| make::signature("one", vec![make::body(make::re(&[pattern]))]);
    let nearness = |pattern: &str, body: &str| {
        let record = Record { body: body.to_owned(), ..Record::default() };
        make::matcher(vec![one(pattern)]).explain(&record)[0].nearness
    };
    let pattern = r"make_manager\(\) got an unexpected keyword argument 'context'";
    let drifted = "make_manager() got an unexpected keyword argument 'context' and more";
    assert!((nearness(pattern, drifted) - 1.0).abs() < f64::EPSILON);
    let near = nearness(pattern, "make_manager() got an unexpected keyword argument 'contxt'");
    assert!(near > 0.2 && near < 0.5, "{near}");
    assert!(nearness(pattern, "hello") < f64::EPSILON);
}

#[test]
fn a_chain_is_explained_by_its_nearest_link() {
    let tests = vec![
        LinkTest::Field(make::asks(ExceptionField::Type, Predicate::Equals(vec![make::literal("TypeError")]))),
        LinkTest::Field(make::asks(ExceptionField::Message, make::contains(&["another wording"]))),
    ];
    let matcher = make::matcher(vec![make::signature("sig", vec![Test::Exception(Link::Any, tests)])]);
    let link = |kind: &str| relapse::model::record::Exception {
        kind: kind.to_owned(),
        message: "one wording".to_owned(),
        ..relapse::model::record::Exception::default()
    };
    let record = Record { exceptions: vec![link("KeyError"), link("TypeError")], ..Record::default() };
    let checks = &matcher.explain(&record)[0].selections[0].checks;
    assert_eq!(checks.iter().map(|check| check.holds).collect::<Vec<_>>(), [true, false]);
    assert_eq!(checks[1].field, "exception|any.message");
    assert!(!matcher.explain(&Record::default())[0].selections[0].checks[0].holds, "no chain, no answer");
}

#[test]
fn the_matched_line_is_found_by_place_and_not_by_case() {
    let text = "2025-09-08 10:00:00 ERROR failed\nTraceback (most recent call last):\n  File \"/app/x.py\", line 9, in f\nOSError: 5\n";
    for pattern in ["Erro", r"^O\w+Error", r"\bOS"] {
        let signature = make::signature("sig", vec![make::body(make::re(&[&format!("(?m){pattern}")]))]);
        assert_eq!(only(make::scan(vec![signature], text.as_bytes())).matched_line, 4, "{pattern}");
    }
}
