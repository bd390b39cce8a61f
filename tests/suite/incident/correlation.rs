//! The error behind the error: several records, one occurrence. From bytes to verdict, as `scan` walks.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use relapse::app::offline::Finding;
use relapse::app::offline::Offline;
use relapse::app::pin;
use relapse::catalog::load;
use relapse::catalog::signature::Catalog;
use relapse::decode::DecodeConfig;
use relapse::incident::config::IncidentConfig;
use relapse::incident::engine::Engine;
use relapse::incident::event::Effect;
use relapse::incident::event::Event;
use relapse::matcher::Matcher;
use relapse::matcher::Observation;
use relapse::matcher::scanner::Scanner;
use relapse::matcher::scanner::ScannerConfig;
use relapse::model::alert::NoticeKind;
use relapse::model::record::Resource;

use super::through_json;

const SIGNATURE: &str = "
schema: relapse/v1
id: case-signature
title: The incident of this case
severity: critical
fixes: [{ at: 2025-09-08T12:00:00Z, release: \"1.42.0\" }]
detection:
  surface: { body|contains: Failed to create supervisor }
  cause: { body|contains: unexpected keyword argument }
  calm: { body|contains: supervisor created after all }
  condition: CONDITION
correlation: { CORRELATION }
tests:
  - { name: there, input: Failed to create supervisor, expect: { count: 1 } }
  - { name: not there, input: calm, expect: { verdict: none } }
";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "00f067aa0ba902b74bf92f3577b34da6";

/// What came of a log: verdict, basis and line of each finding, then the kinds of the notices.
struct Told {
    findings: Vec<Finding>,
    notices: Vec<NoticeKind>,
}

impl Told {
    fn lines(&self) -> Vec<String> {
        let line = |finding: &Finding| {
            let (judgement, line) = (&finding.judgement, finding.found.record.origin.line);
            format!("{} {} {line}", judgement.verdict, judgement.basis)
        };
        self.findings.iter().map(line).collect()
    }
}

fn catalog(condition: &str, correlation: &str) -> Catalog {
    let text = SIGNATURE.replace("CONDITION", condition).replace("CORRELATION", correlation);
    let loaded = load::from_str("catalog.yaml", &text);
    assert_eq!(loaded.catalog.signatures.len(), 1, "{:?}", loaded.problems);
    loaded.catalog
}

fn observe(catalog: &Catalog, log: &[(&str, &str, &str)]) -> Vec<Observation> {
    let defaults = Resource { release: Some("1.43.0".to_owned()), ..Resource::default() };
    let config =
        ScannerConfig { decode: DecodeConfig { defaults, ..DecodeConfig::default() }, ..ScannerConfig::default() };
    let matcher = Arc::new(Matcher::new(catalog));
    let mut scanner = Scanner::new(matcher, config, Arc::from("app.log"), 0, 1);
    let mut observations = Vec::new();
    for (time, trace, message) in log {
        let trace = if trace.is_empty() { String::new() } else { format!("\"trace_id\":\"{trace}\",") };
        let line = format!(
            "{{\"timestamp\":\"2025-09-09T10:{time}Z\",{trace}\"user\":\"{message}\",\"message\":\"{message}\"}}\n"
        );
        scanner.push(line.as_bytes(), &mut observations);
    }
    scanner.finish(&mut observations);
    observations
}

fn scan(condition: &str, correlation: &str, log: &[(&str, &str, &str)]) -> Told {
    let catalog = catalog(condition, correlation);
    let observations = observe(&catalog, log);
    let mut judge = Offline::new(&catalog, IncidentConfig::default(), Timestamp::MAX);
    let mut told = Told { findings: Vec::new(), notices: Vec::new() };
    let mut outcomes: Vec<_> = observations.iter().map(|one| judge.observe(one, Timestamp::MAX)).collect();
    outcomes.push(judge.finish());
    for outcome in outcomes {
        told.findings.extend(outcome.findings);
        told.notices.extend(outcome.notices.iter().map(|notice| notice.kind));
    }
    told
}

const BOTH: &str = "surface and cause";
const JOIN: &str = "type: temporal, group-by: [trace_id], timespan: 30s";
const SURFACE: &str = "Failed to create supervisor";
const CAUSE: &str = "got an unexpected keyword argument 'x'";

#[test]
fn a_surface_and_its_cause_in_one_trace_are_one_occurrence() {
    let told = scan(BOTH, JOIN, &[("00:00", TRACE, SURFACE), ("00:03", OTHER, "nothing"), ("00:05", TRACE, CAUSE)]);
    assert_eq!(told.lines(), ["regression order 3"], "the evidence is the cause");
    assert_eq!(told.notices, [NoticeKind::Page]);
    let why = &told.findings[0].judgement.why;
    assert_eq!(why, "1.43.0 ≥ 1.42.0 by semver; joined with `surface` at app.log:1: Failed to create supervisor");
    let reversed = scan(BOTH, JOIN, &[("00:05", TRACE, CAUSE), ("00:00", TRACE, SURFACE)]);
    assert_eq!(reversed.lines(), ["regression order 1"], "out of order within the window is fine");
    let repeated = scan(
        BOTH,
        JOIN,
        &[("00:00", TRACE, SURFACE), ("00:01", TRACE, CAUSE), ("00:01", TRACE, SURFACE), ("00:02", TRACE, CAUSE)],
    );
    assert_eq!(repeated.lines().len(), 1, "two loggers, one occurrence");
}

#[test]
fn what_does_not_belong_together_is_not_joined() {
    let alone = ["unknown_release partial 1"];
    let other_trace = scan(BOTH, JOIN, &[("00:00", TRACE, SURFACE), ("00:05", OTHER, CAUSE)]);
    assert_eq!(other_trace.lines(), alone);
    assert_eq!(other_trace.notices, [NoticeKind::Warning]);
    let too_late = scan(BOTH, JOIN, &[("00:00", TRACE, SURFACE), ("00:31", TRACE, CAUSE)]);
    assert_eq!(too_late.lines(), alone);
    let no_id = scan(BOTH, JOIN, &[("00:00", "", SURFACE), ("00:05", "", CAUSE)]);
    assert_eq!(no_id.lines(), alone, "an empty id joins nothing");
    let zeros = "0".repeat(32);
    let zero_id = scan(BOTH, JOIN, &[("00:00", &zeros, SURFACE), ("00:05", &zeros, CAUSE)]);
    assert_eq!(zero_id.lines(), alone, "an id of zeros joins nothing");
    let why = &zero_id.findings[0].judgement.why;
    assert_eq!(why, "only a part of it was seen within its window; `cause` did not come within the window");
    let dropped = scan(BOTH, &format!("{JOIN}, on_partial: drop"), &[("00:00", TRACE, SURFACE)]);
    assert!(dropped.lines().is_empty() && dropped.notices.is_empty());
    let cause_alone = scan(BOTH, JOIN, &[("00:00", TRACE, CAUSE)]);
    assert!(cause_alone.lines().is_empty(), "without its surface a cause is somebody else's");
}

#[test]
fn one_record_that_holds_everything_needs_no_other() {
    let whole = format!("{SURFACE}: {CAUSE}");
    let told = scan(BOTH, JOIN, &[("00:00", "", &whole), ("00:01", TRACE, &whole), ("00:02", TRACE, SURFACE)]);
    assert_eq!(told.lines(), ["regression order 1", "regression order 2"]);
}

#[test]
fn an_order_that_was_asked_for_must_be_kept() {
    let ordered = "type: temporal_ordered, timespan: 30s, on_partial: drop";
    assert_eq!(scan(BOTH, ordered, &[("00:00", "", SURFACE), ("00:05", "", CAUSE)]).lines().len(), 1);
    assert!(scan(BOTH, ordered, &[("00:00", "", CAUSE), ("00:05", "", SURFACE)]).lines().is_empty());
}

#[test]
fn a_selection_that_must_not_occur_is_waited_for() {
    let absent = "type: temporal, group-by: [trace_id], timespan: 30s, negate: [calm]";
    let missing = scan("surface", absent, &[("00:00", TRACE, SURFACE), ("05:00", OTHER, "nothing")]);
    assert_eq!(missing.lines(), ["regression order 1"]);
    let followed = [("00:00", TRACE, SURFACE), ("00:20", TRACE, "supervisor created after all")];
    assert!(scan("surface", absent, &followed).lines().is_empty());
    let too_late = [("00:00", TRACE, SURFACE), ("00:40", TRACE, "supervisor created after all")];
    assert_eq!(scan("surface", absent, &too_late).lines(), ["regression order 1"]);
}

#[test]
fn bursts_and_different_values_are_counted() {
    let burst = "type: event_count, timespan: 10s, condition: { gte: 3 }";
    let spread = [("00:00", "", SURFACE), ("00:08", "", SURFACE), ("00:16", "", SURFACE), ("00:24", "", SURFACE)];
    assert!(scan("surface", burst, &spread).lines().is_empty(), "never three within ten seconds");
    let told = scan(
        "surface",
        burst,
        &[("00:00", "", SURFACE), ("00:08", "", SURFACE), ("00:09", "", SURFACE), ("00:10", "", SURFACE)],
    );
    assert_eq!(told.lines(), ["regression order 3"], "once a window");
    assert!(told.findings[0].judgement.why.ends_with("3 records within 10s"), "{}", told.findings[0].judgement.why);
    let values = "type: value_count, timespan: 10s, condition: { gte: 2, field: user }";
    let (one, two) = (format!("{SURFACE} of a"), format!("{SURFACE} of b"));
    let same = [("00:00", "", one.as_str()), ("00:01", "", &one), ("00:02", "", &one)];
    assert!(scan("surface", values, &same).lines().is_empty());
    assert_eq!(scan("surface", values, &[("00:00", "", &one), ("00:01", "", &two)]).lines(), ["regression order 2"]);
}

#[test]
fn windows_are_bounded() {
    let traces: Vec<String> = (1..6_000_u32).map(|n| format!("{n:032x}")).collect();
    let mut log: Vec<_> = traces.iter().map(|trace| ("00:00", trace.as_str(), SURFACE)).collect();
    log.push(("00:01", traces[0].as_str(), CAUSE));
    log.push(("00:01", traces.last().unwrap().as_str(), CAUSE));
    let told = scan(BOTH, &format!("{JOIN}, on_partial: drop"), &log);
    assert_eq!(told.lines().len(), 1, "the first trace is joined, the last one found no room");
}

/// A restart before any record joins what was read before it with what comes after it.
#[test]
fn windows_survive_a_restart() {
    let pair =
        [("00:00", TRACE, SURFACE), ("00:05", TRACE, CAUSE), ("00:20", TRACE, SURFACE), ("01:00", OTHER, SURFACE)];
    let absent = "type: temporal, group-by: [trace_id], timespan: 30s, negate: [calm]";
    let followed =
        [("00:00", TRACE, SURFACE), ("00:20", TRACE, "supervisor created after all"), ("02:00", OTHER, SURFACE)];
    let burst = "type: event_count, timespan: 10s, condition: { gte: 3 }";
    let three = [("00:00", "", SURFACE), ("00:08", "", SURFACE), ("00:09", "", SURFACE), ("00:10", "", SURFACE)];
    let values = "type: value_count, timespan: 10s, condition: { gte: 2, field: user }";
    let two = [("00:00", "", "Failed to create supervisor of a"), ("00:01", "", "Failed to create supervisor of b")];
    for (condition, correlation, log) in
        [(BOTH, JOIN, &pair[..]), ("surface", absent, &followed), ("surface", burst, &three), ("surface", values, &two)]
    {
        let catalog = catalog(condition, correlation);
        let observations = observe(&catalog, log);
        let whole = judged(&catalog, &observations, None);
        assert!(!whole.is_empty() || correlation == absent, "{correlation}");
        for at in 1..observations.len() {
            assert_eq!(judged(&catalog, &observations, Some(at)), whole, "{correlation}: restart before record {at}");
        }
    }
}

/// Verdicts and evidence, with a restart before observation `restart`.
fn judged(catalog: &Catalog, observations: &[Observation], restart: Option<usize>) -> Vec<String> {
    let mut engine = Engine::new(IncidentConfig::default(), catalog);
    let (mut effects, mut kept) = (Vec::new(), BTreeMap::new());
    for (at, observation) in observations.iter().enumerate() {
        let Observation::Match(found) = observation else { continue };
        if restart == Some(at) {
            let (tracks, live) = (engine.tracks().map(through_json), engine.live_releases().map(through_json));
            let (tracks, live) = (tracks.collect(), live.collect());
            engine = Engine::new(IncidentConfig::default(), catalog);
            engine.restore(tracks, live);
            engine.restore_windows(kept.values().map(through_json).collect());
        }
        let from = effects.len();
        let occurrence = pin::occurrence(found, found.record.resource.clone());
        engine.handle(Event::Occurrence(Box::new(occurrence)), Timestamp::MAX, &mut effects);
        // As a commit does after each batch.
        for effect in &effects[from..] {
            if let Effect::WindowChanged(key) = effect {
                match engine.window(key) {
                    Some(window) => kept.insert(key.clone(), window),
                    None => kept.remove(key),
                };
            }
        }
    }
    engine.finish(&mut effects);
    let told = effects.into_iter().filter_map(|effect| match effect {
        Effect::Judged { judgement, joined, .. } => Some(format!("{} {:?}", judgement.verdict, joined)),
        _ => None,
    });
    told.collect()
}
