//! What a judged event costs: occurrences and sightings over 10,000 tracks, and a storm on one of them.

use std::fs;
use std::hint::black_box;
use std::io;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
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
use relapse::model::incident::Evidence;
use relapse::model::record::Resource;

const SERVICES: usize = 100;
const SIGNATURES: usize = 100;
const EVENTS: usize = 10_000;
/// As in the pipeline, an event is judged just after it was made; making it is the matcher's work and is not counted here.
const CHUNK: usize = 50;

const SIGNATURE: &str = "
schema: relapse/v1
id: signature-NUMBER
title: Incident NUMBER
fixes: [{ at: 2025-09-08T12:00:00Z, release: \"1.42.0\" }]
detection: { pattern: boom NUMBER }
tests:
  - { name: there, input: boom NUMBER, expect: { count: 1 } }
  - { name: not there, input: calm, expect: { verdict: none } }
---
";

fn catalog() -> Catalog {
    let text: String = (0..SIGNATURES).map(|number| SIGNATURE.replace("NUMBER", &number.to_string())).collect();
    let catalog = load::from_str("catalog.yaml", text.trim().trim_end_matches("---")).catalog;
    assert_eq!(catalog.signatures.len(), SIGNATURES, "the catalog loads whole");
    catalog
}

/// An hour after the fix.
const START: Timestamp = Timestamp::constant(1_757_336_400, 0);

fn after(number: usize) -> Timestamp {
    START + SignedDuration::from_millis(i64::try_from(number).unwrap_or_default())
}

fn resource(service: usize, release: &str, instance: usize) -> Resource {
    Resource {
        service: Some(format!("service-{service}")),
        environment: Some("production".to_owned()),
        release: Some(release.to_owned()),
        instance: Some(format!("service-{service}-7d9f8b6c5-{instance}")),
        ..Resource::default()
    }
}

fn occurrence(signature: &Arc<Signature>, resource: Resource, time: Timestamp) -> Event {
    let evidence = Evidence { message: "boom".to_owned(), file: "/var/log/app.log".to_owned(), ..Evidence::default() };
    Event::Occurrence(Box::new(Occurrence {
        signature: Arc::clone(signature),
        resource,
        time: Some(time),
        diagnosis: None,
        evidence,
        part: None,
    }))
}

/// A mix of old builds, regressions and releases that are not known, a millisecond apart; `pick` chooses the track.
fn events(catalog: &Catalog, pick: impl Fn(usize) -> usize) -> Vec<Event> {
    let releases = ["1.41.0", "1.43.0", "1.41.9", "1.42.0-rc.1"].into_iter().cycle();
    let event = |(number, release): (usize, &str)| {
        let track = pick(number);
        let signature = catalog.signatures.get(track / SERVICES)?;
        Some(occurrence(signature, resource(track % SERVICES, release, number % 5), after(number)))
    };
    (0..EVENTS).zip(releases).filter_map(event).collect()
}

fn warm(catalog: &Catalog) -> Engine {
    let mut engine = Engine::new(IncidentConfig::default(), catalog);
    let mut effects = Vec::new();
    for service in 0..SERVICES {
        for minute in 0..40 {
            let time = START - SignedDuration::from_mins(50 - minute);
            let event = Event::Sighting { resource: resource(service, "1.42.0", 9), time: Some(time) };
            engine.handle(event, Timestamp::MAX, &mut effects);
        }
    }
    for (signature, service) in catalog.signatures.iter().flat_map(|one| (0..SERVICES).map(move |at| (one, at))) {
        let event = occurrence(signature, resource(service, "1.41.0", 3), START);
        engine.handle(event, Timestamp::MAX, &mut effects);
        effects.clear();
    }
    assert_eq!(engine.tracks().count(), SERVICES * SIGNATURES);
    engine
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// A function of its own, so that callgrind can be told to count nothing else (`--toggle-collect`).
#[inline(never)]
fn judge_all(engine: &mut Engine, events: Vec<Event>, effects: &mut Vec<Effect>) {
    for event in events {
        engine.handle(event, Timestamp::MAX, effects);
        black_box(&effects);
        effects.clear();
    }
}

fn judge(criterion: &mut Criterion) {
    let catalog = catalog();
    let mut group = criterion.benchmark_group("judge");
    group.throughput(Throughput::Elements(EVENTS as u64)).sample_size(20);
    let mut run = |name: &str, events: &[Event]| {
        let mut engine = warm(&catalog);
        let mut effects = Vec::new();
        group.bench_function(name, |bench| {
            bench.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                for chunk in (0..rounds).flat_map(|_| events.chunks(CHUNK)) {
                    let made = chunk.to_vec();
                    spent += timed(|| judge_all(&mut engine, made, &mut effects));
                }
                spent
            });
        });
    };
    run("10000 tracks", &events(&catalog, |number| number * 7_919 % (SERVICES * SIGNATURES)));
    run("a storm on one track", &events(&catalog, |_| 42));
    let sighting = |number: usize| Event::Sighting {
        resource: resource(number % SERVICES, "1.42.0", number % 5),
        time: Some(after(number)),
    };
    run("sightings", &(0..EVENTS).map(sighting).collect::<Vec<_>>());
    group.finish();
}

/// What a track costs: resident bytes with 10,000 of them, beside none. Its evidence is empty here.
fn memory(_: &mut Criterion) {
    let catalog = catalog();
    let before = resident();
    let engine = warm(&catalog);
    let each = resident().saturating_sub(before) / (SERVICES * SIGNATURES);
    drop(writeln!(io::stdout(), "judge/memory            {each} B a track"));
    drop(engine);
}

/// Resident bytes of this process (`proc(5)`: the second field of statm, in pages).
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4096
}

criterion_group!(benches, memory, judge);
criterion_main!(benches);
