//! What comes out of a file does not depend on how its bytes were cut, and a stream gives what it gives alone, whatever stands between
//! its lines. `PROPTEST_CASES=10000` runs the full number of cases.

use std::sync::Arc;

use proptest::prelude::*;
use relapse::catalog::signature::Catalog;
use relapse::matcher::Matcher;
use relapse::matcher::scanner::ScannerConfig;
use relapse::matcher::streams::FileScanner;
use relapse::model::record::Record;

/// Every record of `input`, pushed in blocks that end at `cuts`; in the order of the file.
fn scanned(input: &[u8], cuts: &[usize]) -> Vec<Record> {
    let matcher = Arc::new(Matcher::new(&Catalog::default()));
    let config = ScannerConfig { every_record: true, release_watch: false, ..ScannerConfig::default() };
    let mut scanner = FileScanner::new(matcher, config, "x.log".into(), 0, 1);
    let mut found = Vec::new();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).chain([0, input.len()]).collect();
    cuts.sort_unstable();
    for block in cuts.windows(2) {
        scanner.push(&input[block[0]..block[1]], &mut found);
    }
    scanner.finish(&mut found);
    let tally = scanner.take_tally();
    assert_eq!(tally.bytes, input.len() as u64, "every byte is accounted for");
    let mut records: Vec<Record> = found.iter().map(|observation| Record::clone(observation.record())).collect();
    records.sort_by_key(|record| record.origin.offset);
    records
}

/// Lines of one program: records with and without tracebacks.
fn program() -> impl Strategy<Value = Vec<String>> {
    let message = "[a-z]{1,6}( [a-z0-9]{1,6}){0,3}";
    let record = (message, any::<bool>(), "[A-Z][a-z]{2,6}Error").prop_map(|(message, failed, kind)| {
        let mut lines = vec![format!("2025-09-08 08:47:01,122 - app - ERROR - {message}")];
        if failed {
            lines.push("Traceback (most recent call last):".to_owned());
            lines.push("  File \"/app/a.py\", line 3, in f".to_owned());
            lines.push("    g()".to_owned());
            lines.push(format!("{kind}: {message}"));
        }
        lines
    });
    let odd = prop_oneof![
        Just(vec![String::new()]),
        Just(vec!["{\"severity\":\"ERROR\",\"message\":\"j\"}".to_owned()]),
        Just(vec!["{\"cut".to_owned()]),
        Just(vec!["INFO:     up".to_owned(), "    indented".to_owned()]),
        Just(vec!["größe".to_owned()]),
    ];
    proptest::collection::vec(prop_oneof![4 => record, 1 => odd], 1..5).prop_map(|records| records.concat())
}

/// How the lines of several programs stand in one file.
#[derive(Debug, Clone, Copy)]
enum Form {
    Plain,
    Cri,
    CriParts,
    Docker,
    Collected,
    Compose,
    Syslog,
    Utf16,
}

const INTERLEAVED: [Form; 6] = [Form::Cri, Form::CriParts, Form::Docker, Form::Collected, Form::Compose, Form::Syslog];

/// One line of program `who`.
fn written(form: Form, who: usize, line: &str) -> String {
    let time = "2025-09-08T08:47:01.122456789Z";
    let stream = ["stdout", "stderr"][who % 2];
    match form {
        Form::Plain | Form::Utf16 => format!("{line}\n"),
        Form::Cri => format!("{time} {stream} F {line}\n"),
        Form::CriParts => {
            let half = (0..=line.len() / 2).rev().find(|at| line.is_char_boundary(*at)).unwrap();
            format!("{time} {stream} P {}\n{time} {stream} F {}\n", &line[..half], &line[half..])
        }
        Form::Docker => {
            let object = serde_json::json!({ "log": format!("{line}\n"), "stream": stream, "time": time });
            format!("{object}\n")
        }
        Form::Collected => {
            let pod = serde_json::json!({ "pod_name": format!("web-{who}"), "container_name": "app" });
            let row =
                serde_json::json!({ "date": 1_757_321_221.122, "log": line, "stream": stream, "kubernetes": pod });
            format!("{row}\n")
        }
        Form::Compose => format!("web-{}  | {line}\n", who + 1),
        Form::Syslog => format!("Sep  8 08:47:01 host app[{}]: {line}\n", who + 10),
    }
}

fn bytes(form: Form, text: &str) -> Vec<u8> {
    match form {
        Form::Utf16 => std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
        _ => text.as_bytes().to_vec(),
    }
}

/// The lines of both programs, taking turns as `turns` says.
fn woven(form: Form, programs: &[Vec<String>; 2], turns: &[bool]) -> String {
    let mut rest = [programs[0].iter(), programs[1].iter()];
    let mut text = String::new();
    for turn in turns.iter().copied().chain(std::iter::repeat_n(false, programs[0].len())) {
        if let Some(line) = rest[usize::from(turn)].next() {
            text += &written(form, usize::from(turn), line);
        }
    }
    for line in rest[1].by_ref() {
        text += &written(form, 1, line);
    }
    text
}

fn alone(form: Form, who: usize, program: &[String]) -> String {
    program.iter().map(|line| written(form, who, line)).collect()
}

/// What a record says, without where it stood.
fn said(records: Vec<Record>) -> Vec<Record> {
    let mut said: Vec<Record> = records
        .into_iter()
        .map(|mut record| {
            record.origin = relapse::model::record::Origin::default();
            record
        })
        .collect();
    said.sort_by_cached_key(|record| format!("{record:?}"));
    said
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same_records(
        form in proptest::sample::select([&[Form::Plain, Form::Utf16][..], &INTERLEAVED].concat()),
        programs in [program(), program()],
        turns in proptest::collection::vec(any::<bool>(), 0..24),
        cuts in proptest::collection::vec(0_usize..4_000, 0..12),
    ) {
        let input = bytes(form, &woven(form, &programs, &turns));
        prop_assert_eq!(scanned(&input, &cuts), scanned(&input, &[]));
    }

    #[test]
    fn two_streams_give_what_each_gives_alone(
        form in proptest::sample::select(&INTERLEAVED[..]),
        programs in [program(), program()],
        turns in proptest::collection::vec(any::<bool>(), 0..40),
    ) {
        let together = said(scanned(woven(form, &programs, &turns).as_bytes(), &[]));
        let apart = programs.iter().enumerate().flat_map(|(who, program)| scanned(alone(form, who, program).as_bytes(), &[]));
        prop_assert_eq!(together, said(apart.collect()));
    }

    #[test]
    fn any_bytes_are_accounted_for_however_they_are_cut(
        parts in proptest::collection::vec(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..12),
            Just(b"{\"log\":\"x\\n\",\"stream\":\"stdout\",\"time\":\"2025-09-08T08:47:01Z\"}\n".to_vec()),
            Just(b"2025-09-08T08:47:01.122456789Z stderr P half".to_vec()),
            Just(b"2025-09-08T08:47:01.122456789Z stderr F rest\n".to_vec()),
            Just(b"[\n  {\n \"a\": 1".to_vec()), Just(b"}\n]\n".to_vec()), Just(b"\n".to_vec()),
            Just(b"Sep  8 08:47:01 host app[12]: Traceback (most recent call last):\n".to_vec()),
            Just(b"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{},{}]}]}]}\n".to_vec()),
        ], 0..12),
        cuts in proptest::collection::vec(0_usize..400, 0..8),
    ) {
        let input = parts.concat();
        prop_assert_eq!(scanned(&input, &cuts), scanned(&input, &[]));
    }
}

#[test]
fn a_position_is_never_behind_what_a_stream_still_needs() {
    let lines =
        ["stderr F ERROR:    failed", "stdout F INFO:     one", "stdout F INFO:     two", "stdout F INFO:     three"];
    let text = lines.map(|line| format!("2025-09-08T08:47:01.122456789Z {line}\n")).concat();
    let matcher = Arc::new(Matcher::new(&Catalog::default()));
    let mut scanner = FileScanner::new(matcher, ScannerConfig::default(), "x.log".into(), 100, 7);
    let mut found = Vec::new();
    scanner.push(text.as_bytes(), &mut found);
    assert_eq!(scanner.position(), (100, 7), "the first record of standard error may still go on");
    scanner.finish(&mut found);
    assert_eq!(scanner.position(), (100 + text.len() as u64, 7 + lines.len() as u64));
}
