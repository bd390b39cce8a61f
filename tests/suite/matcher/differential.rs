//! The scanner agrees with the naive reference on random catalogs and hostile logs, however the log is cut into blocks.

use std::sync::Arc;

use proptest::prelude::*;
use relapse::catalog::detection::Condition;
use relapse::catalog::detection::ExceptionField;
use relapse::catalog::detection::Link;
use relapse::catalog::detection::LinkTest;
use relapse::catalog::detection::Predicate;
use relapse::catalog::detection::Test;
use relapse::catalog::signature::Catalog;
use relapse::catalog::signature::Signature;
use relapse::matcher::Matcher;
use relapse::matcher::Observation;
use relapse::matcher::scanner::Scanner;
use relapse::matcher::scanner::ScannerConfig;
use relapse::matcher::scanner::Tally;

use crate::matcher::make;
use crate::matcher::naive;

const TEXTS: &[&str] = &[
    "timeout",
    "Kernel panic",
    "\u{212a}ernel panic",
    "got an unexpected keyword argument 'ctx'",
    "skip",
    "\u{17f}kip",
    "a/b\\c",
    "<b>&amp;",
    "\u{fc}ber",
    "TypeError: boom",
    "boom",
    "12345",
    "say \"hi\" now",
    "tab\there",
    "x",
    "Error",
    "Connection pool exhausted for tenant",
    "deadline exceeded while waiting for a lease",
    "QX1234-8599",
    "QX12\u{663}4-8599",
    "E142",
    "12/345/67 ab",
    "at 0x12ab85cd:87,",
];
/// The first of [`PATTERNS`] have no literal.
const OPEN_PATTERNS: usize = 4;
const PATTERNS: &[&str] = &[
    r"\d{5}",
    "^x$",
    "[ab]/[bc]",
    "(?i)kernel|x",
    "time(out|d)",
    "(?i)kernel",
    "(?i)SKIP",
    "TypeError: b.+m",
    r"unexpected\s+keyword",
    "argument '(?P<name>[a-z]+)'",
    "(?s)boom.*skip",
    "hi\" now",
    "(?:timeout|panic){2}",
    // These have no literal either, but a run of byte classes.
    r"\bQX\d{4}-85\d{2}\b",
    r"\bE1\d{2}\b",
    r"\d\d/\d{3}/\d\d [a-z]",
    r"\b0x[0-9a-f]{4}85[0-9a-f]{2}:8",
];

fn patterns(open: bool) -> &'static [&'static str] {
    if open { PATTERNS } else { &PATTERNS[OPEN_PATTERNS..] }
}

fn text() -> impl Strategy<Value = String> {
    let one = prop_oneof![8 => prop::sample::select(TEXTS).prop_map(str::to_owned), 1 => "[ -~]{0,12}"];
    prop::collection::vec(one, 1..4).prop_map(|texts| texts.join(" "))
}

fn predicate(open: bool) -> impl Strategy<Value = Predicate> {
    let literals = || {
        let literal = (prop::sample::select(TEXTS), any::<bool>());
        let one = literal.prop_map(|(text, cased)| {
            let mut literal = make::literal(text);
            literal.cased = cased;
            literal
        });
        prop::collection::vec(one, 1..3)
    };
    prop_oneof![
        4 => literals().prop_map(Predicate::Contains),
        1 => literals().prop_map(Predicate::Equals),
        1 => literals().prop_map(Predicate::StartsWith),
        1 => literals().prop_map(Predicate::EndsWith),
        4 => prop::collection::vec(prop::sample::select(patterns(open)), 1..3).prop_map(|sources| make::re(&sources)),
        u32::from(open) => any::<bool>().prop_map(Predicate::Exists),
    ]
}

/// `open` tests may be such that no literal can stand for them; a catalog without these never looks at every record.
fn test(open: bool) -> impl Strategy<Value = Test> {
    let modifiers = (prop::bool::weighted(if open { 0.15 } else { 0.0 }), prop::bool::weighted(0.3));
    let field = (0..3, predicate(open), modifiers).prop_map(|(field, predicate, (negated, all))| {
        let mut test = match field {
            0 => make::body(predicate),
            _ => make::attribute("detail", predicate),
        };
        if let Test::Field(test) = &mut test {
            (test.negated, test.all) = (negated, all);
        }
        test
    });
    let exception = (predicate(open), predicate(open), 0..3_usize).prop_map(|(kind, message, link)| {
        let link = [Link::Any, Link::Root, Link::Outermost][link];
        let kind = LinkTest::Field(make::asks(ExceptionField::Type, kind));
        let message = LinkTest::Field(make::asks(ExceptionField::Message, message));
        Test::Exception(link, if matches!(link, Link::Any) { vec![message] } else { vec![kind, message] })
    });
    let pattern = prop::sample::select(patterns(open)).prop_map(|source| Test::Pattern(make::pattern(source)));
    let leaf = prop_oneof![4 => field, 1 => exception, 2 => pattern];
    leaf.prop_recursive(2, 4, 3, |inner| {
        let many = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![many().prop_map(Test::All), many().prop_map(Test::Any)]
    })
}

fn signature(open: bool) -> impl Strategy<Value = Signature> {
    (prop::collection::vec(test(open), 1..4), 0..4, any::<bool>()).prop_map(|(tests, shape, scoped)| {
        let each: Vec<Condition> = (0..tests.len()).map(Condition::Selection).collect();
        let condition = match shape {
            0 | 1 => Condition::All(each),
            2 => Condition::Any(each),
            _ => {
                let (first, rest) = each.split_first().unwrap();
                Condition::All(vec![first.clone(), Condition::Not(Box::new(Condition::Any(rest.to_vec())))])
            }
        };
        let mut signature = make::with_detection("one", make::detection(tests, condition));
        if scoped {
            signature.scope = vec![("service.name".to_owned(), vec!["shop".to_owned()])];
        }
        signature
    })
}

fn catalog() -> impl Strategy<Value = Catalog> {
    let signatures = any::<bool>().prop_flat_map(|open| prop::collection::vec(signature(open), 1..6));
    signatures.prop_map(|signatures| {
        let named = signatures
            .into_iter()
            .enumerate()
            .map(|(index, signature)| Signature { id: format!("sig-{index}").into(), ..signature });
        make::catalog(named.collect())
    })
}

/// Escapes one character of a JSON line as some encoder would, or interrupts a text as terminals and faults do.
fn disturbed(line: &[u8], how: usize, at: usize) -> Vec<u8> {
    let at = at % (line.len() + 1);
    let (before, after) = line.split_at(at);
    let json = line.first() == Some(&b'{');
    let inserted: &[u8] = match how {
        0 => b"\x1b[31m",
        1 => b"\x1b]0;t\x07",
        2 => b"\xff",
        3 => b"\0",
        4 => b"\x1b",
        5 => b"\x1b[4",
        6 | 8..=11 if json && after.first().is_some_and(u8::is_ascii_alphanumeric) && before.last() != Some(&b'\\') => {
            let escape = format!("\\u{:04x}", after[0]);
            return [before, escape.as_bytes(), &after[1..]].concat();
        }
        7 if json => b"\\u001b[1m",
        12 | 13 if json => {
            return String::from_utf8_lossy(line).replace('/', r"\/").replace('\u{663}', r"\u0663").into_bytes();
        }
        _ => b"",
    };
    [before, inserted, after].concat()
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let plain = text().prop_map(String::into_bytes);
    let header = text().prop_map(|text| format!("2025-09-08 10:00:00 ERROR {text}").into_bytes());
    let json = (text(), text(), 0..3).prop_map(|(message, detail, service)| {
        let mut fields = serde_json::json!({"message": message, "detail": detail});
        match service {
            0 => fields["service.name"] = "shop".into(),
            1 => fields["service.name"] = "other".into(),
            _ => {}
        }
        fields.to_string().into_bytes()
    });
    // Texts between the keys of a release, on lines that say the same again and again.
    let released = (prop::sample::select(&TEXTS[..4]), 0..2, any::<bool>()).prop_map(|(message, release, last)| {
        let (front, back) = if last { (message, "x") } else { ("x", message) };
        let text = format!(
            r#"{{"message":"{front}","service.name":"shop","detail":"deadline exceeded while waiting for a lease","service.version":"{release}","note":"{back}"}}"#
        );
        text.into_bytes()
    });
    let frame = text().prop_map(|text| format!("    {text}").into_bytes());
    let fixed: &[&str] = &["", "Traceback (most recent call last):", "INFO:", "\tat a.b(C.java:1)", "Caused by: x"];
    let fixed = prop::sample::select(fixed).prop_map(|text| text.as_bytes().to_vec());
    let long = text().prop_map(|text| text.repeat(20).into_bytes());
    let one = prop_oneof![4 => plain, 4 => header, 4 => json, 3 => released, 2 => frame, 2 => fixed, 1 => long];
    (one, 0..24_usize, any::<usize>(), prop::bool::weighted(0.1)).prop_map(|(line, how, at, returns)| {
        let mut line = disturbed(&line, how, at);
        line.retain(|byte| *byte != b'\n');
        line.extend(if returns { &b"\r\n"[..] } else { b"\n" });
        line
    })
}

/// Bytes that a failing case prints readably.
struct Log(Vec<u8>);

impl std::fmt::Debug for Log {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "b\"{}\"", self.0.escape_ascii())
    }
}

fn log() -> impl Strategy<Value = Log> {
    (prop::collection::vec(line(), 0..24), any::<bool>()).prop_map(|(lines, ended)| {
        let mut log = lines.concat();
        if !ended {
            log.pop();
        }
        Log(log)
    })
}

fn config() -> impl Strategy<Value = ScannerConfig> {
    let bounds = (prop::bool::weighted(0.8), 1..6_usize, 40..400_usize, 20..200_usize, any::<bool>(), any::<bool>());
    bounds.prop_map(|(multiline, lines, bytes, line, wide, release_watch)| {
        let default = ScannerConfig { multiline, release_watch, ..ScannerConfig::default() };
        let narrow =
            ScannerConfig { max_record_lines: lines, max_record_bytes: bytes, max_line_bytes: line, ..default.clone() };
        if wide { default } else { narrow }
    })
}

fn places(observations: &[Observation]) -> naive::Found {
    let of = |observation: &Observation| match observation {
        Observation::Match(found) => {
            let origin = &found.record.origin;
            Some((found.signature.id.to_string(), origin.line, origin.offset))
        }
        Observation::Sighting(_) => None,
    };
    observations.iter().filter_map(of).collect()
}

/// Without sightings: how often a known release is told again follows the blocks.
fn matches(observations: Vec<Observation>) -> Vec<Observation> {
    observations.into_iter().filter(|observation| matches!(observation, Observation::Match(_))).collect()
}

fn scan<'a>(
    matcher: &Arc<Matcher>,
    config: &ScannerConfig,
    blocks: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Observation>, Tally) {
    let mut scanner = Scanner::new(Arc::clone(matcher), config.clone(), "x".into(), 0, 1);
    let mut out = Vec::new();
    for block in blocks {
        scanner.push(block, &mut out);
    }
    scanner.finish(&mut out);
    (matches(out), scanner.take_tally())
}

/// Whether what is decoded follows from the log alone. The release watch decodes what is due in a block, and a literal that stands in a raw
/// line only because a control sequence ends inside it (`ESC[4u` in front of `nexpected`) is looked into or passed over, as the lines beside
/// it make it worth.
fn decodes_the_same(config: &ScannerConfig, log: &[u8]) -> bool {
    let controls = log.iter().any(|byte| matches!(byte, 0x1b | 0x9b)) || log.windows(5).any(|text| text == b"u001b");
    !config.release_watch && !controls
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(500), ..default }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_scanner_agrees_with_the_naive_reference(catalog in catalog(), Log(log) in log(), config in config()) {
        let matcher = Arc::new(Matcher::new(&catalog));
        let (out, tally) = scan(&matcher, &config, std::iter::once(log.as_slice()));
        let (expected, cut) = naive::scan(&catalog, &log, &config);
        prop_assert_eq!(places(&out), expected);
        prop_assert_eq!(tally.bytes, log.len() as u64);
        prop_assert!(tally.cut_records >= cut);
        prop_assert_eq!(tally.lines, log.split_inclusive(|byte| *byte == b'\n').count() as u64);
    }

    #[test]
    fn any_chunking_gives_the_same(
        catalog in catalog(),
        Log(log) in log(),
        config in config(),
        sizes in prop::collection::vec(1..90_usize, 1..8),
    ) {
        let matcher = Arc::new(Matcher::new(&catalog));
        let (whole, whole_tally) = scan(&matcher, &config, std::iter::once(log.as_slice()));
        let mut rest = log.as_slice();
        let mut sizes = sizes.iter().cycle();
        let blocks = std::iter::from_fn(|| {
            let (block, after) = rest.split_at_checked(*sizes.next()?).unwrap_or((rest, &[]));
            rest = after;
            (!block.is_empty()).then_some(block)
        });
        let (cut, cut_tally) = scan(&matcher, &config, blocks);
        prop_assert_eq!(format!("{whole:?}"), format!("{cut:?}"), "records, times, lines and captures too");
        prop_assert_eq!(
            (whole_tally.bytes, whole_tally.overlong_bytes, whole_tally.lines),
            (cut_tally.bytes, cut_tally.overlong_bytes, cut_tally.lines)
        );
        if decodes_the_same(&config, &log) {
            prop_assert_eq!(whole_tally, cut_tally);
        }
    }
}

proptest! {
    // Each case decodes hundreds of records more than once.
    #![proptest_config(ProptestConfig { cases: cases().cases / 10, ..cases() })]

    /// Long enough that the search goes on where it stopped, more than once.
    #[test]
    fn a_calibrated_matcher_finds_the_same_in_a_long_log(
        catalog in catalog(),
        Log(log) in log(),
        sample in log(),
        size in 0..40_000_usize,
    ) {
        let config = ScannerConfig::default();
        let mut long = Vec::new();
        while !log.is_empty() && long.len() < size {
            long.extend(&log);
            long.push(b'\n');
        }
        let matcher = Matcher::new(&catalog);
        let calibrated = Arc::new(matcher.calibrated(&sample.0));
        let (found, tally) = scan(&Arc::new(matcher), &config, long.chunks(40_000));
        let (expected, _) = naive::scan(&catalog, &long, &config);
        prop_assert_eq!(places(&found), expected);
        let (again, again_tally) = scan(&calibrated, &config, long.chunks(7_000));
        prop_assert_eq!(places(&found), places(&again));
        prop_assert_eq!((tally.bytes, tally.lines), (again_tally.bytes, again_tally.lines));
    }
}
