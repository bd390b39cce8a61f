//! The scanner with the shipped catalog over logs of each shape: bytes a second on one core.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use relapse::catalog::load;
use relapse::matcher::Matcher;
use relapse::matcher::scanner::Scanner;
use relapse::matcher::scanner::ScannerConfig;

mod corpus;

/// As a file is read.
const BLOCK: usize = 256 * 1024;

fn scan(criterion: &mut Criterion) {
    let matcher = Arc::new(Matcher::new(&load::embedded().catalog));
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    // Against the rows of the same shape: what the release watch costs.
    let unwatched = ScannerConfig { release_watch: false, ..ScannerConfig::default() };
    let watched = corpus::SHAPES.iter().map(|(name, line)| ((*name).to_owned(), *line, ScannerConfig::default()));
    let apart = corpus::SHAPES.iter().filter(|(name, _)| name.starts_with("json"));
    let apart = apart.map(|(name, line)| (format!("{name}, no release watch"), *line, unwatched.clone()));
    for (name, line, config) in watched.chain(apart) {
        let text = corpus::text(line);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut scanner = Scanner::new(Arc::clone(&matcher), config.clone(), Arc::from("bench.log"), 0, 1);
                let mut found = Vec::new();
                for block in text.chunks(BLOCK) {
                    scanner.push(block, &mut found);
                    black_box(&found);
                    found.clear();
                }
                scanner.finish(&mut found);
                black_box(found);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, scan);
criterion_main!(benches);
