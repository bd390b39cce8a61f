//! Events a second through the judge that remembers 10,000 tracks: occurrences of a fixed incident, and healthy sightings.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use jiff::Timestamp;
use relapse::catalog::load;
use relapse::catalog::signature::Catalog;
use relapse::incident::config::IncidentConfig;
use relapse::incident::engine::Engine;
use relapse::incident::event::Event;
use relapse::incident::event::Occurrence;
use relapse::model::incident::Evidence;
use relapse::model::record::Resource;

/// Services, each with one track.
const TRACKS: usize = 10_000;

fn resource(number: usize) -> Resource {
    Resource {
        service: Some(format!("service-{number}")),
        release: Some("2.5.0".to_owned()),
        instance: Some("a1".to_owned()),
        environment: Some("production".to_owned()),
        ..Resource::default()
    }
}

fn occurrences(catalog: &Catalog, time: Timestamp) -> Vec<Event> {
    let Some(signature) = catalog.signatures.first() else { return Vec::new() };
    let occurrence = |number| Occurrence {
        signature: Arc::clone(signature),
        resource: resource(number),
        time: Some(time),
        diagnosis: None,
        evidence: Evidence::default(),
    };
    (0..TRACKS).map(|number| Event::Occurrence(Box::new(occurrence(number)))).collect()
}

fn judging(criterion: &mut Criterion) {
    let catalog = load::embedded().catalog;
    let time = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 20_400);
    let mut engine = Engine::new(IncidentConfig::default(), &catalog);
    let occurrences = occurrences(&catalog, time);
    let sightings: Vec<_> =
        (0..TRACKS).map(|number| Event::Sighting { resource: resource(number), time: Some(time) }).collect();
    let mut group = criterion.benchmark_group("judge");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(TRACKS as u64));
    for (name, events) in [("occurrences", &occurrences), ("sightings", &sightings)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut effects = Vec::new();
                for event in events {
                    engine.handle(event.clone(), time, &mut effects);
                    black_box(&effects);
                    effects.clear();
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, judging);
criterion_main!(benches);
