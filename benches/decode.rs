//! What a candidate costs: classifying lines and decoding records, by shape. (Lines that cannot match are never decoded.)

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use relapse::decode;
use relapse::decode::DecodeConfig;

mod corpus;

/// Lines of a shape that are decoded.
const LINES: usize = 1_000;

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == b'\n').take(LINES).collect()
}

fn decoding(criterion: &mut Criterion) {
    let config = DecodeConfig::default();
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (name, line) in corpus::SHAPES {
        let text = corpus::text(*line);
        let lines = lines(&text);
        group.throughput(Throughput::Elements(lines.len() as u64));
        group.bench_function(format!("classify/{name}"), |bencher| {
            bencher.iter(|| lines.iter().for_each(|line| _ = black_box(decode::classify(line))));
        });
        group.bench_function(format!("record/{name}"), |bencher| {
            bencher.iter(|| lines.iter().for_each(|line| drop(black_box(decode::decode(line, &config)))));
        });
    }
    group.finish();
}

criterion_group!(benches, decoding);
criterion_main!(benches);
