//! What decoding costs where nothing is prefiltered: every line classified, framed and read. By shape, in bytes, because that is what a
//! disk gives; and the share of each stage. (Lines that cannot match are never decoded.)

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use relapse::catalog::signature::Catalog;
use relapse::decode;
use relapse::decode::DecodeConfig;
use relapse::matcher::Matcher;
use relapse::matcher::scanner::ScannerConfig;
use relapse::matcher::streams::FileScanner;

mod corpus;

/// Service logs as they are written: longer lines than the matcher's.
const SHAPES: &[corpus::Shape] = &[
    ("service", service),
    ("service-json", service_json),
    ("service-cri", |number| format!("2025-10-01T08:47:01.122456789Z stdout F {}", service(number))),
    ("service-docker", |number| {
        format!(
            "{{\"log\":\"{}\\n\",\"stream\":\"stdout\",\"time\":\"2025-10-01T08:47:01.122456789Z\"}}",
            service(number)
        )
    }),
];

fn message(number: usize) -> String {
    format!(
        "Handled request {number} of user 105945141827451681156 in {} ms: the session was found in the cache, two agents were asked, \
         the answer of the second one was taken because the first did not answer within its deadline; 3 of 4 tools were used",
        number % 977
    )
}

fn service(number: usize) -> String {
    format!(
        "2025-10-01 08:47:{:02},{:03} - netra_backend.app.websocket_core.agent_handler - INFO - {}",
        number % 60,
        number % 1000,
        message(number)
    )
}

fn service_json(number: usize) -> String {
    format!(
        r#"{{"timestamp":"2025-10-01T08:47:{:02}.{:03}Z","severity":"INFO","message":"{}","service.name":"netra-backend","service.version":"2.5.0","logger":"netra_backend.app.websocket_core.agent_handler","labels":{{"function":"handle_message","line":"{number}","module":"agent_handler"}},"trace_id":"5a3fb70f0f9a4c8d9e5b6c7d8e9f0a1b","span_id":"00f067aa0ba902b7"}}"#,
        number % 60,
        number % 1000,
        message(number)
    )
}

/// Every record of `text`, framed and decoded.
fn records(text: &[u8], matcher: &Arc<Matcher>) -> usize {
    let config = ScannerConfig { every_record: true, release_watch: false, ..ScannerConfig::default() };
    let mut scanner = FileScanner::new(Arc::clone(matcher), config, "x".into(), 0, 1);
    let mut found = Vec::new();
    let mut count = 0;
    for block in text.chunks(256 * 1024) {
        scanner.push(block, &mut found);
        count += found.drain(..).count();
    }
    scanner.finish(&mut found);
    count + found.len()
}

fn decoding(criterion: &mut Criterion) {
    let config = DecodeConfig::default();
    let matcher = Arc::new(Matcher::new(&Catalog::default()));
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (name, line) in SHAPES.iter().chain(corpus::SHAPES) {
        let text = corpus::text(*line);
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("classify/{name}"), |bencher| {
            bencher.iter(|| lines.iter().for_each(|line| _ = black_box(decode::classify(line))));
        });
        group.bench_function(format!("record/{name}"), |bencher| {
            bencher.iter(|| lines.iter().for_each(|line| drop(black_box(decode::decode(line, &config)))));
        });
        group.bench_function(format!("file/{name}"), |bencher| bencher.iter(|| black_box(records(&text, &matcher))));
    }
    group.finish();
}

criterion_group!(benches, decoding);
criterion_main!(benches);
