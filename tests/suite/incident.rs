//! Verdicts, states and alerts, a directory a case: `tests/cases/verdicts/<name>/{catalog.yaml,events.txt}`, with `config.yaml` (the
//! judge's configuration) and `manifest.json` where the case needs them.
//!
//! A line of `events.txt` is `KIND TIME key=value… => verdict basis state alerts…`. KIND: `e` an occurrence, `h` a healthy record,
//! `a` activity (records that say nothing but
//! that time goes on), `d` a declared deployment, `m` muted until TIME, `k` acknowledged. TIME is relative to T0 = 2025-09-08T12:00:00Z (`+31m`, `-2h`).
//! Keys: release, commit, instance, service, environment, start (process start, relative), diagnosis (index), times (how often).
//! Right of `=>`: for `e` verdict and basis; then the track's state; then each alert that leaves (page, warning, update, resolved).

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;
use relapse::catalog::load;
use relapse::catalog::signature::Signature;
use relapse::incident::config::IncidentConfig;
use relapse::incident::engine::Engine;
use relapse::incident::event::Effect;
use relapse::incident::event::Event;
use relapse::incident::event::Occurrence;
use relapse::incident::manifest::Manifest;
use relapse::model::alert::NoticeKind;
use relapse::model::command::Selector;
use relapse::model::incident::Evidence;
use relapse::model::incident::TrackKey;
use relapse::model::record::Resource;

const T0: &str = "2025-09-08T12:00:00Z";

mod configuration;
mod correlation;
mod properties;

struct World {
    engine: Engine,
    signature: Arc<Signature>,
    now: Timestamp,
    config: IncidentConfig,
}

/// One line of a case, taken apart.
struct Line<'a> {
    kind: &'a str,
    time: Timestamp,
    resource: Resource,
    diagnosis: Option<usize>,
    times: usize,
    expected: &'a str,
}

fn at(relative: &str) -> Timestamp {
    let t0: Timestamp = T0.parse().unwrap();
    let (sign, rest) = relative.split_at(1);
    let by: SignedDuration = rest.parse().unwrap_or_else(|error| panic!("{relative}: {error}"));
    if sign == "-" { t0 - by } else { t0 + by }
}

fn parse(line: &str) -> Line<'_> {
    let (left, expected) = line.split_once("=>").unwrap_or((line, ""));
    let mut words = left.split_whitespace();
    let kind = words.next().unwrap();
    let time = at(words.next().unwrap());
    let mut resource =
        Resource { service: Some("api".to_owned()), environment: Some("prod".to_owned()), ..Resource::default() };
    let (mut diagnosis, mut times) = (None, 1);
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or_else(|| panic!("`{word}` is not key=value in: {line}"));
        let text = Some(value.to_owned());
        match key {
            "release" => resource.release = text,
            "commit" => resource.commit = text,
            "instance" => resource.instance = text,
            "service" => resource.service = text,
            "environment" => resource.environment = text,
            "start" => resource.process_start = Some(at(value)),
            "diagnosis" => diagnosis = value.parse().ok(),
            "times" => times = value.parse().unwrap(),
            _ => panic!("unknown key `{key}` in: {line}"),
        }
    }
    Line { kind, time, resource, diagnosis, times, expected: expected.trim() }
}

impl World {
    fn new(catalog: &str) -> Self {
        Self::with(catalog, IncidentConfig::default())
    }

    fn with(catalog: &str, config: IncidentConfig) -> Self {
        let loaded = load::from_str("catalog.yaml", catalog);
        assert!(loaded.catalog.signatures.len() == 1, "one signature a case: {:?}", loaded.problems);
        let engine = Engine::new(config.clone(), &loaded.catalog);
        let signature = loaded.catalog.signatures[0].clone();
        Self { engine, signature, now: "2026-01-01T00:00:00Z".parse().unwrap(), config }
    }

    /// Feeds one line and says in the words of `events.txt` what came of it.
    fn feed(&mut self, line: &Line<'_>) -> String {
        let mut effects = Vec::new();
        for _ in 0..line.times {
            self.engine.handle(self.event(line), self.now, &mut effects);
        }
        let judged = effects.iter().rev().find_map(|effect| match effect {
            Effect::Judged { judgement, .. } => Some(format!("{} {}", judgement.verdict, judgement.basis)),
            _ => None,
        });
        let key = TrackKey {
            signature: self.signature.id.clone(),
            service: Arc::from(line.resource.service.as_deref().unwrap()),
            environment: Arc::from(line.resource.environment.as_deref().unwrap()),
        };
        let state = self.engine.track(&key).map(|track| track.state.to_string());
        let alerts = effects.iter().filter_map(|effect| match effect {
            Effect::Notify(notice) => Some(match notice.kind {
                NoticeKind::Page => "page".to_owned(),
                NoticeKind::Warning => "warning".to_owned(),
                NoticeKind::Update => "update".to_owned(),
                NoticeKind::Resolved => "resolved".to_owned(),
            }),
            _ => None,
        });
        judged.into_iter().chain(state).chain(alerts).collect::<Vec<_>>().join(" ")
    }

    fn event(&self, line: &Line<'_>) -> Event {
        match line.kind {
            "e" => Event::Occurrence(Box::new(Occurrence {
                signature: self.signature.clone(),
                resource: line.resource.clone(),
                time: Some(line.time),
                diagnosis: line.diagnosis,
                evidence: Evidence::default(),
                part: None,
            })),
            "h" => Event::Sighting { resource: line.resource.clone(), time: Some(line.time) },
            "a" => Event::Activity {
                service: Arc::from(line.resource.service.as_deref().unwrap()),
                environment: Arc::from(line.resource.environment.as_deref().unwrap()),
                time: line.time,
            },
            "d" => Event::Deploy {
                service: Arc::from(line.resource.service.as_deref().unwrap()),
                environment: Arc::from(line.resource.environment.as_deref().unwrap()),
                release: line.resource.release.clone().unwrap(),
                time: line.time,
            },
            "m" => Event::Mute { tracks: self.selector(), until: Some(line.time) },
            "k" => Event::Acknowledge { tracks: self.selector(), by: "ana".to_owned() },
            other => panic!("unknown kind `{other}`"),
        }
    }

    fn selector(&self) -> Selector {
        Selector { signature: self.signature.id.clone(), service: None, environment: None }
    }

    /// Forgets everything but what the store keeps.
    fn restart(&mut self, catalog: &str) {
        let tracks = self.engine.tracks().map(through_json).collect();
        let live = self.engine.live_releases().map(through_json).collect();
        *self = Self::with(catalog, self.config.clone());
        self.engine.restore(tracks, live);
    }
}

fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

struct Example {
    name: String,
    catalog: String,
    events: String,
    config: IncidentConfig,
}

fn cases() -> Vec<Example> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/verdicts");
    let mut cases: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| {
            let dir = entry.unwrap().path();
            let read = |name: &str| {
                fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{}/{name}: {e}", dir.display()))
            };
            let given = |name: &str| fs::read_to_string(dir.join(name)).ok();
            let mut config: IncidentConfig =
                given("config.yaml").map(|text| serde_yaml::from_str(&text).unwrap()).unwrap_or_default();
            let manifest = given("manifest.json").map(|text| Manifest::from_json(&text).unwrap());
            config.manifests = manifest.into_iter().collect::<Vec<_>>().into();
            let name = dir.file_name().unwrap().to_string_lossy().into_owned();
            Example { name, catalog: read("catalog.yaml"), events: read("events.txt"), config }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(cases.len() >= 20, "only {} cases were found", cases.len());
    cases
}

fn lines(events: &str) -> impl Iterator<Item = &str> {
    events.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn every_case_gets_its_verdict_its_state_and_its_alerts() {
    let mut wrong = Vec::new();
    for Example { name, catalog, events, config } in cases() {
        let mut world = World::with(&catalog, config);
        for text in lines(&events) {
            let line = parse(text);
            let got = world.feed(&line);
            if !line.expected.is_empty() && got != line.expected {
                wrong.push(format!("{name}: {text}\n    got: {got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A restart between any two events changes nothing: no verdict, no state, no alert lost, none sent twice.
#[test]
fn a_restart_at_any_event_changes_nothing() {
    for Example { name, catalog, events, config } in cases() {
        let count = lines(&events).count();
        for restart_at in 1..count {
            let mut world = World::with(&catalog, config.clone());
            for (index, text) in lines(&events).enumerate() {
                if index == restart_at {
                    world.restart(&catalog);
                }
                let line = parse(text);
                let got = world.feed(&line);
                if !line.expected.is_empty() {
                    assert_eq!(got, line.expected, "{name}, restart before event {restart_at}: {text}");
                }
            }
        }
    }
}

const TWO_FIXES: &str = "
schema: relapse/v1
id: case-signature
title: The incident of this case
severity: critical
fixes:
  - { at: 2025-09-08T12:00:00Z, release: \"1.42.0\" }
  - { at: 2025-09-08T13:30:00Z, release: \"1.44.0\" }
detection: { pattern: boom }
tests:
  - { name: there, input: boom, expect: { count: 1 } }
  - { name: not there, input: calm, expect: { verdict: none } }
";

fn one_fix() -> String {
    TWO_FIXES.lines().filter(|line| !line.contains("1.44.0")).collect::<Vec<_>>().join("\n")
}

/// Row 21 of section 7: a newer fix enters the catalog while an episode is open.
#[test]
fn a_newer_fix_ends_the_episode() {
    let mut world = World::new(&one_fix());
    world.feed(&parse("h +0m release=1.42.0"));
    assert_eq!(world.feed(&parse("e +100m release=1.43.0")), "regression order relapsed page");
    let newer = load::from_str("catalog.yaml", TWO_FIXES).catalog;
    let mut effects = Vec::new();
    world.signature = newer.signatures[0].clone();
    world.engine.set_catalog(&newer, &mut effects);
    let ended =
        effects.iter().any(|effect| matches!(effect, Effect::Notify(notice) if notice.kind == NoticeKind::Resolved));
    assert!(ended, "the episode is closed as refixed: {effects:?}");
    assert_eq!(world.feed(&parse("e +125m release=1.43.0")), "awaiting_deploy order fix_pending");
}

#[test]
fn a_signature_that_leaves_the_catalog_resolves_its_alert_and_can_come_back() {
    let mut world = World::new(&one_fix());
    world.feed(&parse("e +1m release=1.43.0"));
    let mut effects = Vec::new();
    world.engine.set_catalog(&relapse::catalog::signature::Catalog::default(), &mut effects);
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Notify(notice) if notice.kind == NoticeKind::Resolved))
    );
    assert_eq!(world.feed(&parse("a +2m")), "retired");
    world.engine.set_catalog(&load::from_str("catalog.yaml", &one_fix()).catalog, &mut effects);
    assert_eq!(world.feed(&parse("e +3m release=1.43.0")), "regression order relapsed page");
}

#[test]
fn symptoms_and_open_incidents_count_and_never_page() {
    for (extra, expected) in [("role: symptom", "regression order fixed"), ("state: open", "known_open no_fix open")] {
        let mut world = World::new(&format!("{}\n{extra}\n", one_fix().trim_end()));
        world.feed(&parse("h +0m release=1.42.0 instance=a"));
        assert_eq!(world.feed(&parse("e +40m release=1.43.0")), expected, "{extra}");
        assert_eq!(world.engine.tracks().next().unwrap().occurrences, 1);
    }
}

#[test]
fn a_time_ahead_of_the_clock_is_capped_and_counted() {
    let mut world = World::new(&one_fix());
    world.now = at("+10m");
    let line = parse("e +5h release=1.43.0");
    let mut effects = Vec::new();
    let event = world.event(&line);
    world.engine.handle(event, world.now, &mut effects);
    assert!(effects.contains(&Effect::ClockSkew));
    let judged = effects.iter().find_map(|effect| match effect {
        Effect::Judged { time, .. } => Some(*time),
        _ => None,
    });
    assert_eq!(judged, Some(at("+11m")), "now + skew");
}

/// The clock of the logs may lag behind a fix that is already in the catalog: until it gets there the episode goes on.
#[test]
fn a_newer_fix_counts_from_its_own_time() {
    let mut world = World::new(&one_fix());
    world.feed(&parse("h +0m release=1.42.0"));
    assert_eq!(world.feed(&parse("e +80m release=1.43.0")), "regression order relapsed page");
    let newer = load::from_str("catalog.yaml", TWO_FIXES).catalog;
    let mut effects = Vec::new();
    world.signature = newer.signatures[0].clone();
    world.engine.set_catalog(&newer, &mut effects);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Notify(_))), "{effects:?}");
    assert_eq!(world.feed(&parse("e +81m release=1.43.0")), "regression order relapsed");
    assert_eq!(world.feed(&parse("e +95m release=1.43.0")), "awaiting_deploy order fix_pending resolved");
    assert_eq!(
        world.feed(&parse("e +82m release=1.43.0")),
        "regression order relapsed page",
        "late, and judged as of then"
    );
}
