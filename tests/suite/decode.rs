//! `decode` over recorded logs (`tests/cases/decode`) and over anything at all.
//!
//! A case is a folder: `input.log`, what the real library or service printed, and `expected.yaml`, the records it must become;
//! `format.yaml`, where there is one, is what is configured about the log's form.
//! `UPDATE_CASES=1` writes the expectations anew: read the difference before you commit it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use proptest::prelude::*;
use relapse::app::records::each;
use relapse::app::scan::Input;
use relapse::decode;
use relapse::decode::DecodeConfig;
use relapse::decode::Decoded;
use relapse::decode::LineClass;
use relapse::decode::boot;
use relapse::decode::config::FormatConfig;
use relapse::decode::config::Zone;
use relapse::matcher::scanner::ScannerConfig;
use relapse::model::record::Record;
use serde_json::Value;

mod chunks;
mod shapes;

/// The records of `input`, as matching sees them, and how many were ambiguous or had a time that could not be read.
fn records(input: &[u8], format: FormatConfig) -> Vec<Record> {
    let input = Input {
        name: "input.log".into(),
        bytes: Box::new(std::io::Cursor::new(input.to_vec())),
        undated: "2026-01-10T00:00:00Z".parse().unwrap(),
        counted: None,
    };
    let config = ScannerConfig { decode: DecodeConfig::default().with(format), ..ScannerConfig::default() };
    let mut found = Vec::new();
    let mut tell = |record: &Record| {
        found.push(record.clone());
        Ok(())
    };
    let failed = each(vec![input], &config, &mut tell).unwrap();
    assert!(failed.is_empty());
    found
}

fn decode(raw: &[u8]) -> Decoded {
    decode::decode(raw, &DecodeConfig::default())
}

fn record(raw: &str) -> Record {
    decode(raw.as_bytes()).record
}

/// Takes out what says nothing, so that an expectation shows only what was found.
fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(prune);
            map.retain(|key, item| {
                key != "origin"
                    && !matches!(item, Value::Null | Value::Bool(false))
                    && item.as_str() != Some("")
                    && item.as_array().is_none_or(|items| !items.is_empty())
                    && item.as_object().is_none_or(|items| !items.is_empty())
            });
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

fn told(record: &Record) -> Value {
    let mut value = serde_json::to_value(record).unwrap();
    let map = value.as_object_mut().unwrap();
    let pairs = |attributes: &Value| {
        Value::Array(
            attributes
                .as_array()
                .into_iter()
                .flatten()
                .map(|pair| Value::String(format!("{}={}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap())))
                .collect(),
        )
    };
    map["attributes"] = pairs(&map["attributes"]);
    let resource = pairs(&map["resource"]["attributes"]);
    map["resource"]["attributes"] = resource;
    // The original is the input with escapes removed: an expectation need not repeat it.
    map.insert("original".to_owned(), Value::Bool(record.original.is_some()));
    map.insert("line".to_owned(), record.origin.line.into());
    prune(&mut value);
    value
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/decode");
    let mut found: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    assert!(found.len() > 20, "the cases were not found");
    found
}

#[test]
fn recorded_logs_become_the_expected_records() {
    let mut bad = String::new();
    for case in cases() {
        let input = fs::read(case.join("input.log")).unwrap();
        let records: Vec<Value> = records(&input, format(&case)).iter().map(told).collect();
        let text = serde_yaml::to_string(&records).unwrap();
        let path = case.join("expected.yaml");
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected != text {
            let _ = writeln!(bad, "{}:\n{}", case.display(), similar(&expected, &text));
        }
    }
    assert!(bad.is_empty(), "{bad}\nUPDATE_CASES=1 writes the expectations anew");
}

/// What is configured about the form of a case's log: its `format.yaml`, if it has one.
fn format(case: &Path) -> FormatConfig {
    let text = fs::read_to_string(case.join("format.yaml"));
    text.map_or_else(|_| FormatConfig::default(), |text| serde_yaml::from_str(&text).unwrap())
}

/// The first lines that differ.
fn similar(expected: &str, found: &str) -> String {
    let pairs = expected.lines().chain(std::iter::repeat("")).zip(found.lines());
    pairs.filter(|(a, b)| a != b).take(4).fold(String::new(), |text, (a, b)| text + &format!("  - {a}\n  + {b}\n"))
}

#[test]
fn lines_are_classed_by_themselves() {
    let header = [
        "2025-09-08 08:47:01,122 - a - ERROR - x",
        "\u{1b}[32m2025-08-25 16:18:19.555\u{1b}[0m | INFO",
        "\u{1b}[32mINFO\u{1b}[0m:     up",
        "[2025-09-16 00:41:13 +0000] [14] [ERROR] x",
        "[ERROR] x",
        "ERROR:root:x",
        "127.0.0.1:1234 - \"GET / HTTP/1.1\" 200",
        "Sep  8 08:47:01 host app[12]: x",
        "<34>Oct 11 22:14:15 host su: x",
        "E0908 08:47:01.122345       1 file.go:12] x",
        "ts=2025-09-08T08:47:01Z level=info msg=x",
        "{\"message\":\"x\"}",
        "backend-1  | INFO:     x",
    ];
    let continuation = [
        "",
        "\r",
        "  File \"x.py\", line 1, in f",
        "\tat a.B.c(B.java:1)",
        "Traceback (most recent call last):",
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
        "Caused by: java.io.IOException: x",
        "+---------------- 1 ----------------",
        "goroutine 1 [running]:",
        "}",
        "backend-1  | Traceback (most recent call last):",
        "[BACKEND]   File \"x.py\", line 1, in f",
        "\u{1b}[33m\u{1b}[1mTraceback (most recent call last):\u{1b}[0m",
    ];
    let plain = [
        "a line",
        "TypeError: x",
        "Error: x",
        "ERRORS were found",
        "INFORMATION about x",
        "{'a': 1}",
        "{",
        "[1, 2, 3]",
        "[1] [2] [3] [4]",
        "127.0.0.1 is unreachable",
        "12 monkeys",
        "May be",
        "x=1",
        "alpha | beta",
        "at 2025-09-08 08:47:01 it stopped",
    ];
    for (lines, class) in
        [(&header[..], LineClass::Header), (&continuation, LineClass::Continuation), (&plain, LineClass::Plain)]
    {
        for line in lines {
            assert_eq!(decode::classify(line.as_bytes()), class, "{line}");
        }
    }
}

#[test]
fn a_header_line_states_its_time() {
    let time = |line: &str| decode::header_time(line.as_bytes(), None).map(|time| time.to_string());
    let expected = Some("2025-09-08T08:47:01.122Z".to_owned());
    for line in [
        "2025-09-08 08:47:01,122 - a - ERROR - x",
        "[2025-09-08 08:47:01.122 +0000] [14] [ERROR] x",
        "{\"message\":\"x\",\"timestamp\":\"2025-09-08T08:47:01.122Z\"}",
        "ts=2025-09-08T08:47:01.122Z level=info msg=x",
        "web-1  | 2025-09-08 08:47:01,122 INFO x",
        "2025-09-08T08:47:01.122Z stderr F plain",
    ] {
        assert_eq!(time(line), expected, "{line}");
    }
    assert_eq!(time("INFO:     no time"), None);
    assert_eq!(time("Sep  8 08:47:01 host app: no year"), None);
    assert_eq!(time("plain"), None);
}

#[test]
fn a_header_line_without_a_zone_is_read_in_the_configured_one() {
    let zone = "Europe/Berlin".parse::<Zone>().unwrap().0;
    let time = |line: &str| decode::header_time(line.as_bytes(), Some(&zone)).unwrap().to_string();
    for line in [
        "2025-09-08 08:47:01,122 - a - ERROR - x",
        r#"{"asctime": "2025-09-08 08:47:01,122", "message": "x"}"#,
        r#"time="2025-09-08 08:47:01,122" level=info msg=x"#,
    ] {
        assert_eq!(time(line), "2025-09-08T06:47:01.122Z", "{line}");
    }
    for line in [
        "2025-09-08T08:47:01.122Z - a - ERROR - x",
        r#"{"asctime": "2025-09-08 10:47:01,122+02:00", "message": "x"}"#,
        r#"{"ts":1757321221.122,"message":"x"}"#,
        r#"time="2025-09-08 10:47:01,122+02:00" level=info msg=x"#,
        "ts=1757321221.122 level=info msg=x",
    ] {
        assert_eq!(time(line), "2025-09-08T08:47:01.122Z", "{line}");
    }
}

#[test]
fn boot_lines_are_process_starts() {
    let boot = |line: &str| boot::boot_instance(&record(line));
    let told = |line: &str| boot(line).and_then(|boot| boot.instance);
    assert_eq!(told("INFO:     Started server process [14]").unwrap(), "14");
    assert_eq!(told("[2025-09-16 00:41:12 +0000] [1] [INFO] Booting worker with pid: 15").unwrap(), "15");
    assert_eq!(told("[2025-09-16 00:41:12 +0000] [1] [INFO] Starting gunicorn 21.2.0").unwrap(), "1");
    let at = boot("[2025-09-16 00:41:12 +0000] [1] [INFO] Booting worker with pid: 15").unwrap().at;
    assert_eq!(at.unwrap().to_string(), "2025-09-16T00:41:12Z");
    assert_eq!(boot("INFO:     the log said: Started server process [14]"), None, "only at the beginning of a message");
    assert_eq!(boot("INFO:     Waiting for application startup."), None);
    for literal in boot::BOOT_LITERALS {
        assert!(boot(&format!("{literal}1]")).is_some(), "{literal}");
    }
}

#[test]
fn what_a_record_says_wins_over_what_the_source_knows() {
    let mut config = DecodeConfig::default();
    config.defaults.service = Some("configured".to_owned());
    config.defaults.release = Some("1.0".to_owned());
    let own = decode::decode(br#"{"message":"x","service.name":"own"}"#, &config).record.resource;
    assert_eq!((own.service.as_deref(), own.release.as_deref()), (Some("own"), Some("1.0")));
    let plain = decode::decode(b"plain", &config).record.resource;
    assert_eq!(plain.service.as_deref(), Some("configured"));
}

#[test]
fn the_strongest_name_of_a_resource_wins_wherever_it_stands() {
    for line in [
        r#"{"message":"x","version":"9","service.version":"2.4.1","service.name":"shop"}"#,
        r#"{"message":"x","service":{"name":"shop","version":"2.4.1"},"version":"9"}"#,
        r#"{"message":"x","resource":{"service.name":"shop","service.version":"2.4.1"},"revision_name":"r-1"}"#,
        r#"{"message":"x","resource":{"attributes":{"service.name":"shop","service.version":"2.4.1"}}}"#,
        r#"{"message":"x","serviceContext":{"service":"shop","version":"2.4.1"}}"#,
        r#"{"body":{"stringValue":"x"},"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"service.version","value":{"stringValue":"2.4.1"}}]}}"#,
        r#"{"jsonPayload":{"message":"x","service":"shop","release":"2.4.1"},"resource":{"labels":{"revision_name":"r-1"}}}"#,
    ] {
        let record = record(line);
        assert_eq!(record.resource.service.as_deref(), Some("shop"), "{line}");
        assert_eq!(record.resource.release.as_deref(), Some("2.4.1"), "{line}");
        assert_eq!(record.body, "x", "{line}");
        assert_eq!(record.original, None, "JSON is never matched raw");
    }
    let revision = record(r#"{"message":"x","resource":{"labels":{"revision_name":"r-00734"}}}"#);
    assert_eq!(revision.resource.release.as_deref(), Some("r-00734"));
}

#[test]
fn json_that_is_none_is_text() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for line in [r#"{"message":"cut at the e"#, r#"{"a":1} and more"#, deep.as_str()] {
        let decoded = decode(line.as_bytes());
        assert!(decoded.broken_json);
        assert_eq!(decoded.record.body, line);
        assert_eq!(decoded.record.severity, None);
    }
    assert!(!decode(b"{'python': 'repr'}").broken_json, "no JSON was meant");
    assert!(!decode(br#"{"message":"x"}"#).broken_json);
}

#[test]
fn a_wide_or_deep_object_is_bounded() {
    let wide = (0..5_000).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(",");
    let found = record(&format!("{{{wide}}}"));
    assert!(found.attributes.0.len() <= 1_000);
    let nested = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    let found = record(&nested);
    assert_eq!(found.attributes.0.len(), 1);
    let long = format!("{{\"{}\":{{\"b\":1}}}}", "k".repeat(100_000));
    assert!(record(&long).attributes.0[0].0.len() < 1_000);
}

#[test]
fn ids_of_zeros_are_absent() {
    let trace = |value: &str| record(&format!("{{\"message\":\"x\",\"trace_id\":\"{value}\"}}")).trace_id;
    assert_eq!(trace(&"0".repeat(32)), None);
    assert_eq!(trace(""), None);
    assert_eq!(trace("not hexadecimal"), None);
    assert_eq!(trace("5A3FB70F0F9A4C8D9E5B6C7D8E9F0A1B").unwrap(), "5a3fb70f0f9a4c8d9e5b6c7d8e9f0a1b");
}

fn python_type() -> impl Strategy<Value = String> {
    "([a-z_]{1,8}\\.){0,2}[A-Z][A-Za-z0-9]{0,10}Error"
}

/// `(type, message, function)` of a chain, root first, as Python prints it.
fn rendered(chain: &[(String, String, String)], causes: &[bool]) -> String {
    let mut text = String::new();
    for (at, (kind, message, function)) in chain.iter().enumerate() {
        if at > 0 {
            text += if causes[(at - 1) % causes.len()] {
                "\nThe above exception was the direct cause of the following exception:\n\n"
            } else {
                "\nDuring handling of the above exception, another exception occurred:\n\n"
            };
        }
        let _ = write!(
            text,
            "Traceback (most recent call last):\n  File \"/app/{function}.py\", line {at}, in {function}\n    x()\n"
        );
        let colon = if message.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "{kind}{colon}{message}");
    }
    text
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
        let first = decode(&raw);
        prop_assert_eq!(&first, &decode(&raw));
        decode::classify(&raw);
        decode::header_time(&raw, None);
    }

    #[test]
    fn nothing_that_looks_like_a_log_makes_it_panic(
        parts in proptest::collection::vec(prop_oneof![
            "[ -~]{0,6}",
            Just("2025-09-08 08:47:01,122".to_owned()), Just(" | ".to_owned()), Just(" - ".to_owned()), Just("[".to_owned()),
            Just("] ".to_owned()), Just("ERROR".to_owned()), Just(": ".to_owned()), Just("\n".to_owned()), Just("\u{1b}[3".to_owned()),
            Just("Traceback (most recent call last):\n  File \"é.py\", line 1, in f\n".to_owned()), Just("  +-+--- 1 ---\n".to_owned()),
            Just("    | ".to_owned()), Just("{\"a\":".to_owned()), Just("<34>1 ".to_owned()), Just("web-1  | ".to_owned()),
            Just("\tat a.b(C.java:1)\n".to_owned()), Just("é".to_owned()), Just("Caused by: ".to_owned()), Just("<yellow>".to_owned()),
        ], 0..24)
    ) {
        let text = parts.concat();
        let found = decode(text.as_bytes());
        prop_assert!(!found.invalid_utf8);
        decode::classify(text.as_bytes());
        decode::header_time(text.as_bytes(), None);
    }

    #[test]
    fn a_plain_line_is_its_own_body(line in "[a-zA-Zäöü(<>=#*'_/.,;!? 0-9:-]{1,80}") {
        if decode::classify(line.as_bytes()) == LineClass::Plain {
            prop_assert_eq!(record(&line).body, line);
        }
    }

    #[test]
    fn a_header_is_seen_by_both_readers(line in "(2025-09-08 08:47:01,122|ERROR|\\[14\\]|Sep  8 08:47:01|1:M)[ :|-]{1,3}[a-z:. \\[\\]-]{0,30}") {
        // What framing calls a header is read as one: the body is then shorter than the line.
        if decode::classify(line.as_bytes()) == LineClass::Header {
            prop_assert!(record(&line).body.len() < line.len());
        }
    }

    #[test]
    fn a_printed_chain_is_read_back(
        chain in proptest::collection::vec((python_type(), "([a-z'()0-9]+( [a-z'():0-9]+){0,4})?(\n\n?[a-z]{1,8})?", "[a-z]{1,8}"), 1..6),
        causes in proptest::collection::vec(any::<bool>(), 1..6),
        indent in 0_usize..4,
    ) {
        let margin = " ".repeat(indent);
        let text = rendered(&chain, &causes).lines().map(|line| format!("{margin}{line}")).collect::<Vec<_>>().join("\n");
        let found = record(&format!("2025-09-08 08:47:01,122 - a - ERROR - boom\n{text}")).exceptions;
        prop_assert_eq!(found.len(), chain.len());
        for (at, (exception, (kind, message, function))) in found.iter().zip(&chain).enumerate() {
            prop_assert_eq!(&exception.kind, kind);
            prop_assert_eq!(exception.message.trim(), message.trim());
            prop_assert_eq!(&exception.frames[0].function, function);
            prop_assert_eq!(exception.frames[0].source.as_deref(), Some("x()"));
            prop_assert_eq!(exception.relation.is_some(), at + 1 < chain.len());
        }
    }

    #[test]
    fn carriage_returns_and_colours_change_nothing(
        chain in proptest::collection::vec((python_type(), "[a-z ]{1,12}", "[a-z]{1,8}"), 1..3)
    ) {
        let text = format!("INFO:     x\n{}", rendered(&chain, &[true]));
        let coloured = text.lines().map(|line| format!("\u{1b}[31m{line}\u{1b}[0m")).collect::<Vec<_>>().join("\r\n");
        prop_assert_eq!(record(&text), record(&coloured));
    }
}

#[test]
fn a_date_without_a_year_is_the_latest_before_the_log_was_written() {
    let at = |line: &str, written: Option<&str>| {
        let config = DecodeConfig { written: written.map(|time| time.parse().unwrap()), ..DecodeConfig::default() };
        decode::decode(line.as_bytes(), &config).record.time.map(|time| time.to_string())
    };
    let written = Some("2026-01-10T00:00:00Z");
    for (line, expected) in [
        ("Sep  8 08:47:01 web-1 app[12]: boom", "2025-09-08T08:47:01Z"),
        ("<34>Jan  9 08:47:01 web-1 app[12]: boom", "2026-01-09T08:47:01Z"),
        ("E0908 08:47:03.122345       1 reflector.go:127] boom", "2025-09-08T08:47:03.122345Z"),
        // The machine's clock may be a day ahead; the last 29 February was in 2024.
        ("Jan 10 23:00:00 web-1 app[12]: boom", "2026-01-10T23:00:00Z"),
        ("Feb 29 08:47:02 web-1 app[12]: boom", "2024-02-29T08:47:02Z"),
        ("2024-05-05 08:47:04 ERROR boom", "2024-05-05T08:47:04Z"),
    ] {
        assert_eq!(at(line, written).as_deref(), Some(expected), "{line}");
    }
    assert_eq!(at("Sep  8 08:47:01 web-1 app[12]: boom", None), None, "read as it is written: its time is now");
    assert_eq!(at("08:47:01 ERROR boom", written), None, "a clock without a date");
}
