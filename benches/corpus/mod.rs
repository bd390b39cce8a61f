//! Small logs in memory for the benchmarks: one shape each, every line a little different. Deterministic.

/// Bytes of a corpus: larger than the caches near the core, small enough for short runs.
const BYTES: usize = 4 * 1024 * 1024;

/// A name and the line of a number.
pub(crate) type Shape = (&'static str, fn(usize) -> String);

/// Lines that match nothing, then a storm.
pub(crate) const SHAPES: &[Shape] = &[
    ("plain", plain),
    ("access", access),
    ("json", json),
    ("json-release", json_release),
    ("coloured", coloured),
    ("headless", headless),
    ("storm", storm),
];

/// Enough lines of a shape.
pub(crate) fn text(line: fn(usize) -> String) -> Vec<u8> {
    let mut text = String::with_capacity(BYTES + 1024);
    for number in 0.. {
        if text.len() >= BYTES {
            break;
        }
        text.push_str(&line(number));
        text.push('\n');
    }
    text.into_bytes()
}

fn words(number: usize) -> String {
    const WORDS: [&str; 8] = ["session", "user", "cache", "query", "agent", "thread", "socket", "pool"];
    let word = |at: usize| WORDS.get((number / (at + 1) + at) % WORDS.len()).copied().unwrap_or_default();
    (0..4 + number % 7).map(word).collect::<Vec<_>>().join(" ")
}

fn plain(number: usize) -> String {
    format!("2025-10-01 08:47:{:02},122 - app.worker - INFO - {} id={number}", number % 60, words(number))
}

fn access(number: usize) -> String {
    format!("INFO:     127.0.0.1:{} - \"GET /api/agents/{number} HTTP/1.1\" 200 OK", 1024 + number % 60_000)
}

fn json(number: usize) -> String {
    let (second, text) = (number % 60, words(number));
    format!(r#"{{"timestamp":"2025-10-01T08:47:{second:02}Z","severity":"INFO","message":"{text}","n":{number}}}"#)
}

fn json_release(number: usize) -> String {
    let release = r#""service.name":"backend","service.version":"2.5.0","service.instance.id":"a1""#;
    json(number).replacen('{', &format!("{{{release},"), 1)
}

fn coloured(number: usize) -> String {
    let (second, text) = (number % 60, words(number));
    format!(
        "\x1b[32m2025-10-01 08:47:{second:02}.122\x1b[0m | \x1b[1mINFO    \x1b[0m | \x1b[36mapp\x1b[0m:\x1b[36mrun\x1b[0m - \x1b[1m{text}\x1b[0m"
    )
}

fn headless(number: usize) -> String {
    format!("{} took {number} ms", words(number))
}

fn storm(number: usize) -> String {
    if number.is_multiple_of(10) {
        let second = number % 60;
        return format!(
            "2025-10-01 08:47:{second:02},122 - app - ERROR - create_websocket_manager() got an unexpected keyword argument 'context'"
        );
    }
    plain(number)
}
