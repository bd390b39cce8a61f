//! What each test of the language means, over records made by hand.

use std::sync::Arc;

use relapse::catalog::detection::Comparison;
use relapse::catalog::detection::Condition;
use relapse::catalog::detection::ExceptionField;
use relapse::catalog::detection::Field;
use relapse::catalog::detection::FrameField;
use relapse::catalog::detection::FramePick;
use relapse::catalog::detection::Link;
use relapse::catalog::detection::LinkTest;
use relapse::catalog::detection::Network;
use relapse::catalog::detection::Predicate;
use relapse::catalog::detection::Test;
use relapse::model::record::Exception;
use relapse::model::record::Frame;
use relapse::model::record::Record;
use relapse::model::record::Resource;
use relapse::model::record::Severity;

use crate::matcher::make;

fn holds(test: Test, record: &Record) -> bool {
    let found = make::matcher(vec![make::signature("sig", vec![test])]).verify(&Arc::new(record.clone()));
    !found.is_empty()
}

fn with_attribute(name: &str, value: &str) -> Record {
    let mut record = Record::default();
    record.attributes.push(name, value);
    record
}

fn link(kind: &str, message: &str, frames: &[(&str, u32, &str)]) -> Exception {
    let frame = |(path, line, function): &(&str, u32, &str)| Frame {
        path: (*path).to_owned(),
        line: Some(*line),
        function: (*function).to_owned(),
        source: Some(format!("{function}()")),
    };
    let frames = frames.iter().map(frame).collect();
    Exception { kind: kind.to_owned(), message: message.to_owned(), frames, relation: None }
}

/// Root first: a `KeyError`, then a `TypeError` because of it.
fn chained() -> Record {
    let root = link("KeyError", "'user'", &[("/app/a.py", 3, "load")]);
    let outer = link("app.TypeError", "bad call", &[("/app/b.py", 96, "create"), ("/app/tests/c.py", 7, "call")]);
    Record { exceptions: vec![root, outer], ..Record::default() }
}

fn kind(text: &str) -> LinkTest {
    LinkTest::Field(make::asks(ExceptionField::Type, Predicate::EndsWith(vec![make::literal(text)])))
}

fn message(text: &str) -> LinkTest {
    LinkTest::Field(make::asks(ExceptionField::Message, make::contains(&[text])))
}

fn frame(pick: FramePick, path: &str) -> LinkTest {
    LinkTest::Frame(pick, vec![make::asks(FrameField::Path, make::contains(&[path]))])
}

#[test]
fn an_absent_field_fails_all_but_absence_and_negation() {
    let record = Record::default();
    let asks = |predicate| make::asks(Field::Attribute("missing".to_owned()), predicate);
    assert!(!holds(Test::Field(asks(make::contains(&["x"]))), &record));
    assert!(!holds(Test::Field(asks(make::contains(&[""]))), &record));
    assert!(!holds(Test::Field(asks(Predicate::Exists(true))), &record));
    assert!(holds(Test::Field(asks(Predicate::Exists(false))), &record));
    assert!(holds(Test::Field(make::not(asks(make::contains(&["x"])))), &record));
    assert!(!holds(Test::Field(make::not(asks(Predicate::Exists(false)))), &record));
}

#[test]
fn values_are_alternatives_unless_all() {
    let record = Record { body: "alpha beta".to_owned(), ..Record::default() };
    let mut test = make::asks(Field::Body, make::contains(&["BETA", "gamma"]));
    assert!(holds(Test::Field(test.clone()), &record));
    test.all = true;
    assert!(!holds(Test::Field(test), &record));
    let mut cased = make::literal("BETA");
    cased.cased = true;
    assert!(!holds(make::body(Predicate::Contains(vec![cased])), &record));
    assert!(!holds(make::body(make::re(&["BETA"])), &record), "patterns keep case");
}

#[test]
fn numbers_and_networks_are_compared_as_such() {
    let status = |text: &str| with_attribute("http.response.status_code", text);
    let above =
        |bound| make::attribute("http.response.status_code", Predicate::Compare(Comparison::GreaterOrEqual, bound));
    assert!(holds(above(500.0), &status("503")));
    assert!(holds(above(60.0), &status("503")), "not as texts");
    assert!(!holds(above(500.0), &status("50x")));
    let severity = Some(Severity { text: "ERROR".to_owned(), number: 17 });
    let record = Record { severity, ..Record::default() };
    let number = make::asks(Field::SeverityNumber, Predicate::Compare(Comparison::Greater, 16.0));
    assert!(holds(Test::Field(number), &record));

    let inside = |network: &str, prefix| {
        make::attribute("client.address", Predicate::Cidr(vec![Network { address: network.parse().unwrap(), prefix }]))
    };
    let client = |text: &str| with_attribute("client.address", text);
    assert!(holds(inside("10.0.0.0", 8), &client("10.200.3.4")));
    assert!(holds(inside("10.0.0.0", 8), &client("10.200.3.4:5123")));
    assert!(holds(inside("10.0.0.0", 8), &client("::ffff:10.1.2.3")));
    assert!(!holds(inside("10.0.0.0", 8), &client("11.0.0.1")));
    assert!(holds(inside("0.0.0.0", 0), &client("11.0.0.1")));
    assert!(holds(inside("fd00::", 8), &client("fd12::1")));
    assert!(!holds(inside("fd00::", 8), &client("10.0.0.1")));
    assert!(!holds(inside("10.0.0.0", 8), &client("ten")));
}

#[test]
fn exception_tests_speak_of_one_link() {
    let record = chained();
    assert!(holds(Test::Exception(Link::Any, vec![kind("TypeError"), message("bad call")]), &record));
    assert!(!holds(Test::Exception(Link::Any, vec![kind("KeyError"), message("bad call")]), &record), "two links");
    assert!(holds(Test::Exception(Link::Root, vec![kind("KeyError")]), &record));
    assert!(!holds(Test::Exception(Link::Root, vec![kind("TypeError")]), &record));
    assert!(holds(Test::Exception(Link::Outermost, vec![kind("TypeError")]), &record));
    assert!(!holds(Test::Exception(Link::Any, vec![]), &Record::default()), "no link, nothing that holds");
}

#[test]
fn frame_tests_speak_of_one_frame() {
    let record = chained();
    let outermost = |test| Test::Exception(Link::Outermost, vec![test]);
    assert!(holds(outermost(frame(FramePick::Any, "/b.py")), &record));
    assert!(!holds(outermost(frame(FramePick::Last, "/b.py")), &record));
    assert!(holds(outermost(frame(FramePick::Last, "/tests/")), &record));
    let both = |function: &str| {
        let path = make::asks(FrameField::Path, make::contains(&["/b.py"]));
        let function = make::asks(FrameField::Function, Predicate::Equals(vec![make::literal(function)]));
        let line = make::asks(FrameField::LineNumber, Predicate::Compare(Comparison::Less, 100.0));
        outermost(LinkTest::Frame(FramePick::Any, vec![path, function, line]))
    };
    assert!(holds(both("create"), &record));
    assert!(!holds(both("call"), &record), "another frame's function");
    let trace =
        LinkTest::Field(make::asks(ExceptionField::Stacktrace, make::contains(&["\"/app/b.py\", line 96, in create"])));
    assert!(holds(outermost(trace), &record));
}

#[test]
fn the_short_form_looks_into_body_original_and_exceptions() {
    let pattern = |source: &str| Test::Pattern(make::pattern(source));
    assert!(holds(pattern("KeyError: 'user'"), &chained()));
    let record = Record { body: "b".to_owned(), original: Some("ERROR b".to_owned()), ..Record::default() };
    assert!(holds(pattern("^ERROR b$"), &record));
    assert!(!holds(pattern("bERROR"), &record));
}

#[test]
fn the_scope_excludes_contradictions_only() {
    let mut signature = make::looks_for("boom").remove(0);
    signature.scope = vec![("service.name".to_owned(), vec!["shop".to_owned(), "cart".to_owned()])];
    let matcher = make::matcher(vec![signature]);
    let from = |service: Option<&str>| {
        let resource = Resource { service: service.map(str::to_owned), ..Resource::default() };
        matcher.verify(&Arc::new(Record { body: "boom".to_owned(), resource, ..Record::default() })).len()
    };
    assert_eq!(from(Some("cart")), 1);
    assert_eq!(from(Some("Cart")), 0, "case is kept");
    assert_eq!(from(None), 1, "unknown is no contradiction");
}

#[test]
fn every_matching_signature_is_returned_in_catalog_order() {
    let sought = |id: &str, text: &str| make::signature(id, vec![make::body(make::contains(&[text]))]);
    let not = Condition::Not(Box::new(Condition::Selection(0)));
    let absent = make::with_detection("c", make::detection(vec![make::body(make::contains(&["zzz"]))], not));
    let signatures = vec![sought("b", "boom"), absent, sought("x", "nothing here"), sought("a", "oom")];
    let ids =
        |found: &[relapse::matcher::Match]| found.iter().map(|one| one.signature.id.to_string()).collect::<Vec<_>>();
    let record = Arc::new(Record { body: "boom".to_owned(), ..Record::default() });
    assert_eq!(ids(&make::matcher(signatures.clone()).verify(&record)), ["b", "c", "a"]);
    assert_eq!(ids(&make::scan(signatures, b"boom\n")), ["b", "c", "a"], "the scanner keeps that order");
}
