//! One stream: framing, bounds, accounting, and what may stand between a literal and its bytes.

use std::sync::Arc;

use relapse::matcher::Observation;
use relapse::matcher::scanner::Scanner;
use relapse::matcher::scanner::ScannerConfig;
use relapse::matcher::scanner::Tally;
use relapse::matcher::scanner::Work;

use crate::matcher::make;

fn found(text: &str, input: &[u8]) -> Vec<(u64, u64)> {
    make::scan(make::looks_for(text), input)
        .iter()
        .map(|one| (one.record.origin.line, one.record.origin.offset))
        .collect()
}

#[test]
fn what_interrupts_or_escapes_a_literal_does_not_hide_it() {
    let inputs: [&[u8]; 8] = [
        b"2025-09-08 10:00:00 connection refused\n",
        b"2025-09-08 10:00:00 conn\x1b[1;31mection ref\x1b[0mused\n",
        b"2025-09-08 10:00:00 CONNECTION Refused\r\n",
        b"{\"message\":\"conn\\u0065ction refused\"}\n",
        b"{\"message\":\"conn\\u001b[31mection refused\"}\n",
        b"{\"message\":\"\\u0063onnection refuse\\u0064\"}\n",
        b"\xff\xfe connection refused \x80\n",
        b"connection refused",
    ];
    for input in inputs {
        assert_eq!(found("connection refused", input), [(1, 0)], "{}", input.escape_ascii());
    }
    // Negative controls: neither case, nor colour, nor escapes join what does not belong together.
    for input in
        [&b"connection\nrefused\n"[..], b"conn ection refused\n", b"{\"message\":\"conn\\u0066ction refused\"}\n"]
    {
        assert_eq!(found("connection refused", input), [], "{}", input.escape_ascii());
    }
}

#[test]
fn folded_letters_outside_ascii_are_found() {
    let signature = || vec![make::signature("sig", vec![make::body(make::re(&["(?i)kernel disk"]))])];
    let inputs = ["KERNEL DISK\n", "\u{212a}ernel di\u{17f}k\n", "{\"message\":\"\\u212aernel di\\u017fk\"}\n"];
    for input in inputs {
        assert_eq!(make::scan(signature(), input.as_bytes()).len(), 1, "{input}");
    }
    assert_eq!(make::scan(signature(), b"ernel dik\n").len(), 0);
}

#[test]
fn quotes_and_slashes_are_matched_however_they_are_escaped() {
    for text in [r#"{"message":"arg 'a/b' of \"f\""}"#, r#"{"message":"arg \u0027a\/b\u0027 of \u0022f\u0022"}"#] {
        assert_eq!(found("arg 'a/b' of \"f\"", text.as_bytes()), [(1, 0)], "{text}");
    }
}

#[test]
fn a_match_at_any_place_of_a_block_is_found() {
    let block = 256 * 1024;
    for at in [0, 1, block - 20, block - 9, block - 1, block, block + 1, 2 * block - 4] {
        let mut log = b"INFO: nothing to see here, go on please\n".repeat(3 * block / 40);
        let line_start = at - at % 40;
        log.splice(line_start..line_start + 40, *b"INFO: here stands the sought thing, end\n");
        let expected = ((line_start / 40) as u64 + 1, line_start as u64);
        assert_eq!(found("the sought thing", &log), [expected], "at {at}");
        let shifted = [&vec![b'x'; at % 40][..], b"\n", &log].concat();
        assert_eq!(found("the sought thing", &shifted).len(), 1, "at {at}, shifted");
    }
}

fn coloured(number: usize) -> String {
    format!("\x1b[32m2025-10-01 08:47:01\x1b[0m | \x1b[1mINFO\x1b[0m - went well {number}\n")
}

fn escaped(number: usize) -> String {
    format!("{{\"severity\":\"INFO\",\"message\":\"gr\\u00fc\\u00dfe {number} <b>\"}}\n")
}

#[test]
fn what_stands_among_thousands_of_interrupted_lines_is_found() {
    let sought = [
        "\x1b[31m2025-10-01 08:47:01\x1b[0m | ERROR - the sou\x1b[1mght\x1b[0m thing\n",
        "2025-10-01 08:47:01 | ERROR - the sought thing\n",
        "\x1b[31m2025-10-01 08:47:01\x1b[0m | ERROR - the sou<red>ght</red> thing {x}\n",
        "{\"message\":\"the sou\\u0067ht thing\"}\n",
        "\x1b[31m2025-10-01 08:47:01\x1b]0;title\x07 the sou\x1b(Bght thing\n",
    ];
    let cases = [1, 7, 150, 400, 2_500].into_iter().flat_map(|gap| sought.map(|line| (gap, line)));
    for ((gap, sought), dull) in cases.flat_map(|case| [(case, coloured as fn(usize) -> String), (case, escaped)]) {
        let (mut log, mut expected) = (String::new(), Vec::new());
        for number in 0..4_000 {
            if number % gap == gap - 1 {
                expected.push((number as u64 + 1, log.len() as u64));
                log.push_str(sought);
            } else {
                log.push_str(&dull(number));
            }
        }
        assert_eq!(found("the sought thing", log.as_bytes()), expected, "every {gap} lines {sought:?}");
        // Negative control: the same log without it.
        let other = log.replace("thing", "thin-");
        assert_eq!(found("the sought thing", other.as_bytes()), [], "every {gap} lines {sought:?}");
    }
}

#[test]
fn releases_among_thousands_of_interrupted_lines_are_seen() {
    for dull in [coloured, escaped] {
        let release =
            |number: usize| format!("\x1b[1m{{\"service.version\":\"{number}\",\"message\":\"\\u00fcp\"}}\x1b[0m\n");
        let line = |number: usize| if number % 1_000 == 7 { release(number) } else { dull(number) };
        let log: String = (0..4_000).map(line).collect();
        let mut scanner = make::scanner(make::looks_for("boom"), ScannerConfig::default());
        let mut observations = Vec::new();
        scanner.push(log.as_bytes(), &mut observations);
        scanner.finish(&mut observations);
        assert_eq!(observations.len(), 4);
    }
}

#[test]
fn headless_streams_go_by_plain_lines() {
    let log = b"starting\nready\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nTypeError: boom\nnext boom\n";
    assert_eq!(found("boom", log), [(2, 9), (6, 94)], "the traceback belongs to the line before it");
    let java = b"a boom\n\tat x.y(Z.java:1)\nb boom\n";
    assert_eq!(found("boom", java), [(1, 0), (3, 25)]);
}

#[test]
fn every_line_is_a_record_without_multiline() {
    let config = ScannerConfig { multiline: false, ..ScannerConfig::default() };
    let mut scanner = make::scanner(make::looks_for("boom"), config);
    let mut out = Vec::new();
    scanner.push(b"INFO: boom\n  boom\nboom", &mut out);
    assert_eq!(scanner.position(), (18, 3), "complete lines are complete records");
    scanner.finish(&mut out);
    assert_eq!(make::places(&make::matches(out)).iter().map(|place| place.1).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn bounds_cut_and_count() {
    let config = ScannerConfig { max_record_lines: 3, ..ScannerConfig::default() };
    let mut scanner = make::scanner(make::looks_for("boom"), config);
    let mut out = Vec::new();
    scanner.push(b"INFO: boom 1\n a\n b\n boom c\n d\nINFO: boom 2\n", &mut out);
    scanner.finish(&mut out);
    let found = make::matches(out);
    assert_eq!(make::places(&found).iter().map(|place| place.1).collect::<Vec<_>>(), [1, 4, 6]);
    assert!(!found[0].record.body.contains("boom c"), "the record ends at its bound");
    assert_eq!(scanner.take_tally().cut_records, 1);
}

#[test]
fn an_overlong_line_is_matched_in_part_and_counted() {
    let config = ScannerConfig { max_line_bytes: 1000, ..ScannerConfig::default() };
    let mut scanner = make::scanner(make::looks_for("boom"), config);
    let mut out = Vec::new();
    scanner.push(b"INFO: boom early ", &mut out);
    for _ in 0..1000 {
        scanner.push(&[b'x'; 1000], &mut out);
    }
    scanner.push(b"boom late\nINFO: boom behind it\n", &mut out);
    scanner.finish(&mut out);
    let found = make::matches(out);
    assert_eq!(
        make::places(&found).iter().map(|place| (place.1, place.2)).collect::<Vec<_>>(),
        [(1, 0), (2, 1_000_027)]
    );
    let tally = scanner.take_tally();
    assert_eq!((tally.bytes, tally.overlong_bytes), (1_000_027 + 21, 1_000_026 - 1000));
    assert_eq!(scanner.position(), (1_000_048, 3));
}

#[test]
fn nothing_is_complete_before_the_next_record_begins() {
    let mut scanner = make::scanner(make::looks_for("boom"), ScannerConfig::default());
    let mut out = Vec::new();
    assert!(!scanner.has_unflushed());
    scanner.push(b"INFO: a\nINFO: boom\n  more", &mut out);
    assert!(out.is_empty() && scanner.has_unflushed());
    assert_eq!(scanner.position(), (8, 2), "always the start of a record");
    assert_eq!(scanner.take_tally(), Tally { bytes: 8, lines: 1, ..Tally::default() });

    scanner.flush(&mut out);
    assert_eq!(make::places(&make::matches(out.split_off(0))), [("sought".to_owned(), 2, 8)]);
    assert!(!scanner.has_unflushed());
    assert_eq!(scanner.position(), (8, 2), "flushed is not completed");
    assert_eq!(scanner.take_tally(), Tally::default());
    scanner.flush(&mut out);
    assert!(out.is_empty(), "once only");

    scanner.push(b" to come\nINFO: b\n", &mut out);
    let again = make::matches(out.split_off(0));
    assert_eq!(make::places(&again), [("sought".to_owned(), 2, 8)], "the whole record, with the same origin");
    assert!(again[0].record.body.ends_with("more to come"));
    scanner.finish(&mut out);
    let work = [("sought".into(), Work { bytes: 26, over_budget: 0 })].into();
    assert_eq!(scanner.take_tally(), Tally { bytes: 34, lines: 3, decoded: 1, no_time: 1, work, ..Tally::default() });
    assert_eq!(scanner.position(), (42, 5));
}

#[test]
fn a_scanner_goes_on_from_a_stored_position() {
    let log = b"INFO: a\nINFO: boom\nINFO: c\n";
    let matcher = make::matcher(make::looks_for("boom"));
    let mut scanner = relapse::matcher::scanner::Scanner::new(matcher, ScannerConfig::default(), "f".into(), 8, 2);
    let mut out = Vec::new();
    scanner.push(&log[8..], &mut out);
    assert_eq!(make::places(&make::matches(out)), [("sought".to_owned(), 2, 8)]);
}

#[test]
fn pending_bytes_are_judged_by_the_new_matcher() {
    let mut scanner = make::scanner(make::looks_for("boom"), ScannerConfig::default());
    let mut out = Vec::new();
    scanner.push(b"INFO: bang\n", &mut out);
    scanner.flush(&mut out);
    scanner.set_matcher(make::matcher(make::looks_for("bang")));
    assert!(scanner.has_unflushed());
    scanner.flush(&mut out);
    assert_eq!(make::matches(out).len(), 1);
}

#[test]
fn a_record_without_a_time_inherits_the_nearest_earlier_one() {
    let times = |log: &[u8]| {
        let config = ScannerConfig { max_record_lines: 1, ..ScannerConfig::default() };
        let mut scanner = make::scanner(make::looks_for("boom"), config);
        let mut out = Vec::new();
        scanner.push(log, &mut out);
        scanner.finish(&mut out);
        let time = |found: relapse::matcher::Match| {
            (found.record.time.map(|time| time.as_second() % 60), found.record.time_inherited)
        };
        make::matches(out).into_iter().map(time).collect::<Vec<_>>()
    };
    let log = b"2025-09-08 10:00:01 a\n2025-09-08 10:00:02 b\nINFO: c\nboom\n2025-09-08 10:00:03 boom\n";
    assert_eq!(times(log), [(Some(2), true), (Some(3), false)]);
    assert_eq!(times(b"INFO: a\nboom\n"), [(None, false)]);
    let far = [&b"2025-09-08 10:00:01 a\n"[..], &b"INFO: filler, and no time\n".repeat(4000), b"boom\n"].concat();
    assert_eq!(times(&far), [(None, false)], "beyond 64 KiB nothing is inherited");
    let near = [&b"2025-09-08 10:00:01 a\n"[..], &b"INFO: filler, and no time\n".repeat(2000), b"boom\n"].concat();
    assert_eq!(times(&near), [(Some(1), true)]);
}

#[test]
fn only_what_cannot_go_on_is_whole() {
    let judged = |input: &[u8]| {
        let (mut scanner, mut out) = (make::scanner(make::looks_for("refused"), ScannerConfig::default()), Vec::new());
        scanner.push(input, &mut out);
        scanner.flush_whole(&mut out);
        make::matches(out).len()
    };
    assert_eq!(judged(b"{\"message\":\"refused\"}\n"), 1);
    assert_eq!(judged(b"{\"message\":\"refused\"} \r\n"), 1);
    for goes_on in [
        &b"{\"message\":\"refused\"}"[..],
        b"{\"message\":\"refused\",\n",
        b"{\n\"message\":\"refused\"}\n",
        b"2025-09-08 10:00:00 refused {}\n",
        b"{\"message\":\"refused\"}\nTraceback\n",
    ] {
        assert_eq!(judged(goes_on), 0, "{}", goes_on.escape_ascii());
    }
}

/// A stream that ends forgets its bytes, and still says how late it was: else the end of every file would be taken for its last write.
#[test]
fn what_is_finished_tells_its_time() {
    let mut scanner = make::scanner(make::looks_for("refused"), ScannerConfig::default());
    scanner.push(b"2025-09-08 10:00:00 one\n2025-09-08 10:00:01 two\n", &mut Vec::new());
    assert_eq!(scanner.take_tally().last_time, Some("2025-09-08T10:00:00Z".parse().unwrap()));
    scanner.finish(&mut Vec::new());
    let tally = scanner.take_tally();
    assert_eq!((tally.lines, tally.last_time), (1, Some("2025-09-08T10:00:01Z".parse().unwrap())));
}

#[test]
fn near_misses_are_counted_in_scope_only() {
    let near = |id: &str, service: &str| {
        let tests = vec![make::body(make::contains(&["supervisor failed"])), make::body(make::contains(&["x"]))];
        let mut signature = make::signature(id, tests);
        signature.scope = vec![("service.name".to_owned(), vec![service.to_owned()])];
        signature
    };
    let mut scanner = make::scanner(vec![near("here", "shop"), near("elsewhere", "cart")], ScannerConfig::default());
    let mut out = Vec::new();
    scanner.push(b"{\"service.name\":\"shop\",\"message\":\"supervisor failed\"}\n", &mut out);
    scanner.finish(&mut out);
    let counted = scanner.take_tally().near_misses;
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), [("here".into(), 1)]);
    assert!(scanner.take_tally().near_misses.is_empty());
}

#[test]
fn odd_bytes_are_counted_and_lost_nowhere() {
    let mut scanner = make::scanner(make::looks_for("boom"), ScannerConfig::default());
    let mut out = Vec::new();
    let log = b"INFO: boom \xff\n{\"message\":\"boom\n\0\0\0\0\nINFO: \0 boom\n\r\n";
    scanner.push(log, &mut out);
    scanner.finish(&mut out);
    let tally = scanner.take_tally();
    assert_eq!((tally.bytes, tally.lines), (log.len() as u64, 5));
    assert_eq!((tally.decoded, tally.invalid_utf8, tally.broken_json), (3, 1, 1));
    assert_eq!(make::matches(out).len(), 3);
}

#[test]
fn a_signature_searches_the_beginning_of_a_record_that_exceeds_its_budget_and_the_others_go_on() {
    let huge = r"(?:[a-y]{2}x?){1500}z";
    let matcher = Arc::new(make::matcher(vec![
        make::signature("huge", vec![make::body(make::re(&[huge, "tail-mark"]))]),
        make::signature("small", vec![make::body(make::re(&["tail-mark"]))]),
    ]));
    let scan = |filler: usize| {
        let mut scanner = Scanner::new(Arc::clone(&matcher), ScannerConfig::default(), "x".into(), 0, 1);
        let mut out = Vec::new();
        scanner.push(format!("ERROR {} tail-mark\n", "1".repeat(filler)).as_bytes(), &mut out);
        scanner.finish(&mut out);
        let ids = out.iter().filter_map(|observation| match observation {
            Observation::Match(found) => Some((found.signature.id.to_string(), found.record.body.len())),
            Observation::Sighting(_) => None,
        });
        let work = scanner.take_tally().work;
        (ids.collect::<Vec<_>>(), ["huge", "small"].map(|id| work.get(id).map_or(0, |work| work.over_budget)))
    };
    let (found, over_budget) = scan(100);
    assert_eq!((found.len(), over_budget), (2, [0, 0]), "both match where it is short enough");
    let (found, over_budget) = scan(60_000);
    assert_eq!(found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["small"]);
    assert!(found.iter().all(|(_, len)| *len > 60_000), "the whole record is told");
    assert_eq!(over_budget, [1, 0]);
}
