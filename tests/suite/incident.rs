//! Verdicts, states and alerts, a directory a case: `tests/cases/verdicts/<name>/{catalog.yaml,events.txt}`, with `config.yaml` (the
//! judge's configuration), `manifest.json` and further catalogs where the case needs them. `docs/verdicts.md` says which case
//! shows which row of the tables.
//!
//! A line of `events.txt` is `KIND TIME key=value… => verdict basis state alerts…`. KIND: `e` an occurrence, `h` a healthy record,
//! `a` activity (records that say nothing but that time goes on), `d` a declared deployment, `m` muted until TIME, `k`
//! acknowledged, `c` another catalog comes into force. TIME is relative to T0 = 2025-09-08T12:00:00Z (`+31m`, `-2h`).
//! Keys: release, commit, instance, service, environment, start (process start, relative), diagnosis (index), times (how often),
//! read (when it is read, relative; years later otherwise), catalog (a file of the case).
//! Right of `=>`: for `e` verdict and basis; then the track's state; then each alert that leaves (page, warning, update,
//! resolved; a page of another kind than `relapse` and a warning of another than `unverifiable` name it), and `skew` for a time that was capped.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;
use relapse::catalog::load;
use relapse::catalog::signature::Catalog;
use relapse::catalog::signature::Signature;
use relapse::incident::config::IncidentConfig;
use relapse::incident::engine::Engine;
use relapse::incident::event::Effect;
use relapse::incident::event::Event;
use relapse::incident::event::Occurrence;
use relapse::incident::manifest::Manifest;
use relapse::model::alert::Notice;
use relapse::model::alert::NoticeKind;
use relapse::model::command::Selector;
use relapse::model::incident::EpisodeKind;
use relapse::model::incident::Evidence;
use relapse::model::incident::Track;
use relapse::model::incident::TrackKey;
use relapse::model::record::Resource;

const T0: &str = "2025-09-08T12:00:00Z";

mod configuration;
mod correlation;
mod documented;
mod groups;
mod properties;
mod reasons;

struct World {
    engine: Engine,
    signature: Arc<Signature>,
    now: Timestamp,
    /// The catalog in force, and where the case's others are.
    catalog: Catalog,
    catalogs: PathBuf,
    config: IncidentConfig,
    /// What the effects have asked to be stored.
    saved: BTreeMap<TrackKey, Track>,
}

/// When events are read that do not say it.
const LATE: &str = "2026-01-01T00:00:00Z";

/// One line of a case, taken apart.
struct Line<'a> {
    kind: &'a str,
    time: Timestamp,
    resource: Resource,
    diagnosis: Option<usize>,
    times: usize,
    /// When it is read.
    now: Option<Timestamp>,
    catalog: Option<&'a str>,
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
    let (mut diagnosis, mut times, mut now, mut catalog) = (None, 1, None, None);
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
            "read" => now = Some(at(value)),
            "catalog" => catalog = Some(value),
            _ => panic!("unknown key `{key}` in: {line}"),
        }
    }
    Line { kind, time, resource, diagnosis, times, now, catalog, expected: expected.trim() }
}

impl World {
    fn with(catalog: &str, config: IncidentConfig) -> Self {
        let loaded = load::from_str("catalog.yaml", catalog);
        assert!(loaded.catalog.signatures.len() == 1, "one signature a case: {:?}", loaded.problems);
        let engine = Engine::new(config.clone(), &loaded.catalog);
        let signature = loaded.catalog.signatures[0].clone();
        Self {
            engine,
            signature,
            now: LATE.parse().unwrap(),
            catalog: loaded.catalog,
            catalogs: PathBuf::new(),
            config,
            saved: BTreeMap::new(),
        }
    }

    /// Feeds one line and says in the words of `events.txt` what came of it.
    fn feed(&mut self, line: &Line<'_>) -> String {
        let mut effects = Vec::new();
        for _ in 0..line.times {
            match line.catalog {
                Some(name) => self.take_over(name, &mut effects),
                None => self.engine.handle(self.event(line), line.now.unwrap_or(self.now), &mut effects),
            }
        }
        for effect in &effects {
            if let Effect::Judged { key, .. } | Effect::TrackChanged(key) = effect {
                self.saved.extend(self.engine.track(key).map(|track| (key.clone(), through_json(track))));
            }
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
            Effect::Notify(notice) => Some(alert(notice)),
            Effect::ClockSkew => Some("skew".to_owned()),
            _ => None,
        });
        judged.into_iter().chain(state).chain(alerts).collect::<Vec<_>>().join(" ")
    }

    /// A catalog without the signature retires it.
    fn take_over(&mut self, name: &str, effects: &mut Vec<Effect>) {
        let text = fs::read_to_string(self.catalogs.join(name)).unwrap();
        self.catalog = load::from_str(name, &text).catalog;
        self.engine.set_catalog(&self.catalog, effects);
        self.signature = self.catalog.get(&self.signature.id).unwrap_or(&self.signature).clone();
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
    fn restart(&mut self) {
        let tracks = self.saved.values().cloned().collect();
        let live = self.engine.live_releases().map(through_json).collect();
        self.engine = Engine::new(self.config.clone(), &self.catalog);
        self.engine.restore(tracks, live);
    }
}

/// A page is for a relapse and a warning for what cannot be verified; another kind is named.
fn alert(notice: &Notice) -> String {
    let (name, kind) = match notice.kind {
        NoticeKind::Page => ("page", EpisodeKind::Relapse),
        NoticeKind::Warning => ("warning", EpisodeKind::Unverifiable),
        NoticeKind::Update => return "update".to_owned(),
        NoticeKind::Resolved => return "resolved".to_owned(),
    };
    match notice.episode_kind.unwrap() {
        usual if usual == kind => name.to_owned(),
        other => format!("{name}:{}", other.as_str()),
    }
}

fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

struct Example {
    dir: PathBuf,
    catalog: String,
    events: String,
    config: IncidentConfig,
}

impl Example {
    fn world(&self) -> World {
        World { catalogs: self.dir.clone(), ..World::with(&self.catalog, self.config.clone()) }
    }

    fn name(&self) -> String {
        self.dir.file_name().unwrap().to_string_lossy().into_owned()
    }
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
            Example { catalog: read("catalog.yaml"), events: read("events.txt"), config, dir }
        })
        .collect();
    cases.sort_by(|a, b| a.dir.cmp(&b.dir));
    assert!(cases.len() >= 20, "only {} cases were found", cases.len());
    cases
}

fn lines(events: &str) -> impl Iterator<Item = &str> {
    events.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn every_case_gets_its_verdict_its_state_and_its_alerts() {
    let mut wrong = Vec::new();
    for case in cases() {
        let mut world = case.world();
        for text in lines(&case.events) {
            let line = parse(text);
            let got = world.feed(&line);
            if !line.expected.is_empty() && got != line.expected {
                wrong.push(format!("{}: {text}\n    got: {got}", case.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A restart between any two events changes nothing: no verdict, no state, no alert lost, none sent twice.
#[test]
fn a_restart_at_any_event_changes_nothing() {
    for case in cases() {
        let count = lines(&case.events).count();
        for restart_at in 1..count {
            let mut world = case.world();
            for (index, text) in lines(&case.events).enumerate() {
                if index == restart_at {
                    world.restart();
                }
                let line = parse(text);
                let got = world.feed(&line);
                if !line.expected.is_empty() {
                    assert_eq!(got, line.expected, "{}, restart before event {restart_at}: {text}", case.name());
                }
            }
        }
    }
}
