//! What a catalog becomes, from texts, files, folders and the binary itself.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use relapse::catalog::detection::Comparison;
use relapse::catalog::detection::Condition;
use relapse::catalog::detection::Field;
use relapse::catalog::detection::Link;
use relapse::catalog::detection::Predicate;
use relapse::catalog::detection::Test;
use relapse::catalog::load::Loaded;
use relapse::catalog::load::embedded;
use relapse::catalog::load::from_str;
use relapse::catalog::load::load;
use relapse::catalog::problem::Code;
use relapse::catalog::problem::Level as Weight;
use relapse::catalog::problem::relax;
use relapse::catalog::problem::render_human;
use relapse::catalog::signature::CorrelationKind;
use relapse::catalog::signature::Signature;
use relapse::model::alert::Level;
use relapse::model::verdict::Verdict;

/// Every key of the language in use.
const FULL: &str = include_str!("../../cases/catalog/clean/catalog.yaml");

fn codes(loaded: &Loaded) -> Vec<Code> {
    loaded.problems.iter().map(|problem| problem.code).collect()
}

fn ids(loaded: &Loaded) -> Vec<&str> {
    loaded.catalog.signatures.iter().map(|signature| &*signature.id).collect()
}

/// A document that is right, with this id and these lines in it.
fn document(id: &str, lines: &str) -> String {
    format!(
        "schema: relapse/v1\nid: {id}\ntitle: Title of {id}\nfixes: [{{ at: 2025-09-08T16:00:00Z }}]\n{lines}\ntests:\n\
         - {{ input: one, expect: {{}} }}\n- {{ input: two, expect: {{ verdict: none }} }}\n"
    )
}

/// The only signature of a text that must load without a problem.
fn signature(lines: &str) -> Signature {
    let loaded = from_str("one.yaml", &document("one-two-three", lines));
    assert!(loaded.problems.is_empty(), "{}", render_human(&loaded.problems, &loaded.sources, false));
    (*loaded.catalog.signatures[0]).clone()
}

#[test]
fn every_part_of_the_language_is_compiled() {
    let loaded = from_str("full.yaml", FULL);
    assert!(loaded.problems.is_empty(), "{}", render_human(&loaded.problems, &loaded.sources, false));
    let signature = loaded.catalog.get("websocket-supervisor-kwarg").unwrap();
    assert_eq!(signature.severity, Level::Critical);
    assert_eq!(signature.place.line, 2);
    assert_eq!(signature.scope, [("service.name".to_owned(), vec!["netra-backend".to_owned()])]);
    let [older, newer] = signature.fixes.as_slice() else { panic!("two fixes") };
    assert!(older.at < newer.at, "newest last, however they are written");
    assert_eq!(newer.lines, [("3.1".to_owned(), Some("3.1.2".to_owned())), ("10.18".to_owned(), None)]);
    let names: Vec<&str> = signature.detection.selections.iter().map(|selection| selection.name.as_str()).collect();
    assert_eq!(names, ["surface", "cause", "tests_only"]);
    let expected = Condition::All(vec![
        Condition::Selection(0),
        Condition::Selection(1),
        Condition::Not(Box::new(Condition::Selection(2))),
    ]);
    assert_eq!(signature.detection.condition, expected);
    assert!(matches!(&signature.detection.selections[1].test, Test::Exception(Link::Any, tests) if tests.len() == 2));
    let correlation = signature.correlation.as_ref().unwrap();
    assert_eq!((correlation.kind, correlation.timespan.as_secs()), (CorrelationKind::Temporal, 30));
    assert_eq!(signature.diagnosis[0].verdict, Verdict::StaleRuntime);
    assert!(signature.guards[0].pattern.regex.is_match("UserExecutionContext(a,\n websocket_connection_id=1)"));
    assert_eq!(signature.tests[0].expect.verdict, Some(Some(Verdict::Regression)));
    assert_eq!(signature.tests[1].expect.verdict, None);
    assert_eq!(loaded.catalog.get("the-everyday-case").unwrap().tests[0].expect.verdict, Some(None));
}

#[test]
fn lists_are_or_and_maps_are_and() {
    let signature = signature(
        "detection:\n  either: [{ body|contains: abc }, { body|contains: def, span.name: GET }]\n  pattern: [abcd, efgh]\n  condition: 1 of them",
    );
    let [either, pattern] = signature.detection.selections.as_slice() else { panic!("two selections") };
    let Test::Any(parts) = &either.test else { panic!("{either:?}") };
    assert!(matches!(&parts[0], Test::Field(test) if test.field == Field::Body));
    assert!(matches!(&parts[1], Test::All(tests) if tests.len() == 2));
    assert!(matches!(&pattern.test, Test::Any(tests) if tests.iter().all(|test| matches!(test, Test::Pattern(_)))));
    assert_eq!(signature.detection.condition, Condition::Any(vec![Condition::Selection(0), Condition::Selection(1)]));
}

/// Decoding puts it there wherever it stood: as an attribute it would never be found.
#[test]
fn the_name_of_a_resource_attribute_is_one_without_its_prefix() {
    let signature = signature("detection: { one: { service.name: shop, body|contains: pool exhausted } }");
    let Test::All(tests) = &signature.detection.selections[0].test else { panic!("a map is AND") };
    let Test::Field(test) = &tests[0] else { panic!("a field") };
    assert_eq!(test.field, Field::Resource("service.name".to_owned()));
}

#[test]
fn fields_and_modifiers_become_predicates() {
    let signature = signature(
        "detection:\n  all:\n  fields:\n    resource.service.name: netra-backend\n    http.response.status_code|gte: 500\n    \
         attributes.code: 1011\n    body|not_contains|cased|all: [Abc, Def]\n    body|wildcard: '*pool? exhausted*'\n    trace_id|exists: true"
            .replace("  all:\n", "")
            .as_str(),
    );
    assert_eq!(signature.detection.condition_text, "fields");
    let Test::All(tests) = &signature.detection.selections[0].test else { panic!("a map is AND") };
    let fields: Vec<_> = tests
        .iter()
        .map(|test| match test {
            Test::Field(test) => test,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(fields[0].field, Field::Resource("service.name".to_owned()));
    assert_eq!(fields[1].field, Field::Attribute("http.response.status_code".to_owned()));
    assert!(
        matches!(fields[1].predicate, Predicate::Compare(Comparison::GreaterOrEqual, number) if number.to_bits() == 500_f64.to_bits())
    );
    assert_eq!(fields[2].field, Field::Attribute("code".to_owned()));
    assert!(fields[3].negated && fields[3].all);
    assert!(matches!(&fields[3].predicate, Predicate::Contains(list) if list.iter().all(|value| value.cased)));
    let Predicate::Re(patterns) = &fields[4].predicate else { panic!("a wildcard is compiled") };
    assert_eq!(patterns[0].source, "*pool? exhausted*");
    assert!(patterns[0].regex.is_match("x\nPOOLS exhausted"));
    assert!(!patterns[0].regex.is_match("pool exhausted"), "`?` is exactly one character");
    assert!(matches!(fields[5].predicate, Predicate::Exists(true)));
}

#[test]
fn conditions_bind_as_in_sigma() {
    let condition = |text: &str| {
        let lines = format!(
            "detection:\n  a: {{ body|contains: one }}\n  b1: {{ body|contains: two }}\n  b2: {{ body|contains: three }}\n  _h: {{ body|contains: four }}\n  condition: {text}"
        );
        let loaded = from_str("one.yaml", &document("one-two-three", &lines));
        loaded.catalog.signatures[0].detection.condition.clone()
    };
    let s = Condition::Selection;
    assert_eq!(condition("a or b1 and b2"), Condition::Any(vec![s(0), Condition::All(vec![s(1), s(2)])]));
    assert_eq!(condition("(a or b1) AND b2"), Condition::All(vec![Condition::Any(vec![s(0), s(1)]), s(2)]));
    assert_eq!(condition("a and not not b1"), Condition::All(vec![s(0), s(1)]));
    assert_eq!(condition("all of b*"), Condition::All(vec![s(1), s(2)]));
    assert_eq!(
        condition("1 of b* and not _h"),
        Condition::All(vec![Condition::Any(vec![s(1), s(2)]), Condition::Not(Box::new(s(3)))])
    );
    assert_eq!(condition("all of them"), Condition::All(vec![s(0), s(1), s(2)]), "`_` names are no part of `them`");
}

#[test]
fn a_bare_date_counts_from_the_end_of_its_day() {
    let lines = "detection: { pattern: abcd }";
    let loaded = from_str("one.yaml", &document("one-two-three", lines).replace("2025-09-08T16:00:00Z", "2025-12-31"));
    assert_eq!(codes(&loaded), [Code::FixDateOnly]);
    let fix = &loaded.catalog.signatures[0].fixes[0];
    assert_eq!(fix.at.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(fix.day_start.unwrap().to_string(), "2025-12-31T00:00:00Z");
}

#[test]
fn merge_keys_and_aliases_work() {
    let signature = signature(
        "detection:\n  a: &base { body|contains: alpha, span.name: GET }\n  b: { <<: *base, span.name: POST }\n  c: { exception|any: { type: &t TimeoutError } }\n  d: { exception|root: { type: *t } }",
    );
    let Test::All(tests) = &signature.detection.selections[1].test else { panic!("two fields") };
    assert_eq!(tests.len(), 2, "an own entry wins over a merged one");
    assert_eq!(signature.detection.selections.len(), 4);
}

#[test]
fn one_bad_signature_does_not_blind_the_others() {
    let bad = document("bad-one", "detection: { pattern: '(' }");
    let good = document("good-one", "detection: { pattern: abcd }");
    let text = format!("{bad}---\n{good}---\nid: [\n---\n{}", good.replace("good-one", "good-two"));
    let loaded = from_str("one.yaml", &text);
    assert_eq!(ids(&loaded), ["good-one", "good-two"]);
    assert_eq!(codes(&loaded), [Code::RegexSyntax, Code::YamlSyntax]);
}

#[test]
fn errors_of_check_are_warnings_elsewhere_and_the_signature_loads() {
    let text = "schema: relapse/v1\nid: one-two-three\ntitle: T\nfixes: [{ at: 2025-09-08T16:00:00Z }]\ndetection: { pattern: abcd }\n";
    let mut loaded = from_str("one.yaml", text);
    assert_eq!(codes(&loaded), [Code::NoPositiveTest, Code::NoNegativeTest]);
    assert!(loaded.problems.iter().all(|problem| problem.level == Weight::Error));
    assert_eq!(loaded.catalog.signatures.len(), 1);
    relax(&mut loaded.problems);
    assert!(loaded.problems.iter().all(|problem| problem.level == Weight::Warning));
}

#[test]
fn files_and_folders_load_once_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), text).unwrap();
    };
    write("b.yaml", &document("of-b", "detection: { pattern: abcd }"));
    write(
        "a/one.yml",
        &document("of-a", "detection: { pattern: abcd }").replace("input: one", "input_file: logs/one.log"),
    );
    write("a/logs/one.log", "the text of a file");
    write("..data/b.yaml", &document("of-b", "detection: { pattern: abcd }"));
    write("notes.txt", "no catalog");
    let loaded = load(&[folder.path().to_owned(), at("b.yaml")]);
    assert!(loaded.problems.is_empty(), "{}", render_human(&loaded.problems, &loaded.sources, false));
    assert_eq!(ids(&loaded), ["of-a", "of-b"]);
    assert_eq!(loaded.catalog.signatures[0].tests[0].input, "the text of a file");
    assert_eq!(loaded.sources.len(), 2);
}

#[test]
fn what_cannot_be_read_is_a_problem_and_the_rest_loads() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("good.yaml"), document("good-one", "detection: { pattern: abcd }")).unwrap();
    fs::write(at("latin1.yaml"), b"schema: relapse/v1\ntitle: caf\xe9\n").unwrap();
    fs::create_dir(at("empty")).unwrap();
    let paths: Vec<PathBuf> =
        ["absent.yaml", "latin1.yaml", "empty", "good.yaml"].iter().map(|name| at(name)).collect();
    let loaded = load(&paths);
    assert_eq!(codes(&loaded), [Code::UnreadablePath, Code::NotUtf8, Code::EmptyFolder]);
    assert!(loaded.problems[1].message.contains("line 2"), "{}", loaded.problems[1].message);
    assert_eq!(ids(&loaded), ["good-one"]);
    let device = load(&[Path::new("/dev/zero").to_owned()]);
    assert_eq!(codes(&device), [Code::UnreadablePath], "a device never ends");
    fs::write(at("later.yaml"), "# to be written\n").unwrap();
    assert_eq!(codes(&load(&[at("later.yaml")])), [Code::EmptyFile], "whoever names a file expects something of it");
}

#[test]
fn the_embedded_catalog_has_no_error() {
    let loaded = embedded();
    let text = render_human(&loaded.problems, &loaded.sources, false);
    assert!(loaded.problems.iter().all(|problem| problem.level == Weight::Warning), "{text}");
}
