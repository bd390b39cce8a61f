//! The release watch: what healthy records say about releases, without decoding every one of them.

use relapse::matcher::Observation;
use relapse::matcher::scanner::ScannerConfig;

use crate::matcher::make;

fn healthy(release: &str, number: usize) -> String {
    format!("{{\"message\":\"fine {number}\",\"service.name\":\"shop\",\"service.version\":\"{release}\"}}\n")
}

/// `S release line` for a sighting, `M line` for a match.
fn told(out: Vec<Observation>) -> Vec<String> {
    let word = |observation| match observation {
        Observation::Match(found) => format!("M {}", found.record.origin.line),
        Observation::Sighting(seen) => {
            format!("S {} {}", seen.record.resource.release.as_deref().unwrap_or("-"), seen.record.origin.line)
        }
    };
    out.into_iter().map(word).collect()
}

fn watch(blocks: &[&str], release_watch: bool) -> (Vec<String>, u64) {
    let config = ScannerConfig { release_watch, ..ScannerConfig::default() };
    let mut scanner = make::scanner(make::looks_for("boom"), config);
    let mut out = Vec::new();
    for block in blocks {
        scanner.push(block.as_bytes(), &mut out);
    }
    scanner.finish(&mut out);
    (told(out), scanner.take_tally().decoded)
}

#[test]
fn only_a_change_is_reported_and_decoded() {
    let log: String = (0..1000).map(|number| healthy(if number < 500 { "1.0" } else { "1.1" }, number)).collect();
    let (told, decoded) = watch(&[&log], true);
    assert!(told.contains(&"S 1.0 1".to_owned()) && told.contains(&"S 1.1 501".to_owned()), "{told:?}");
    // The end of the stream is a region of its own: the last line is told once more.
    assert_eq!(told.last().map(String::as_str), Some("S 1.1 1000"));
    assert!(decoded < 25, "{decoded} of 1000 lines: {told:?}");
    assert_eq!(watch(&[&log], false), (Vec::new(), 0));
}

#[test]
fn a_known_release_is_told_again_once_a_block() {
    let block: String = (0..10).map(|number| healthy("1.0", number)).collect();
    let (told, _) = watch(&[&block, &block], true);
    assert_eq!(told, ["S 1.0 1", "S 1.0 2", "S 1.0 3", "S 1.0 4", "S 1.0 8", "S 1.0 10", "S 1.0 16", "S 1.0 20"]);
}

#[test]
fn what_stands_between_the_keys_of_a_known_release_is_matched() {
    let line = |note: &str| {
        format!(r#"{{"message":"{note}","service.name":"shop","detail":"boom","service.version":"1.0"}}"#) + "\n"
    };
    let both = vec![make::body(make::contains(&["end"])), make::attribute("detail", make::contains(&["boom"]))];
    let log = line("fine").repeat(20) + &line("end") + &line("fine");
    let found = make::scan(vec![make::signature("sought", both)], log.as_bytes());
    assert_eq!(make::places(&found).first().map(|place| place.1), Some(21));
}

/// Where every line names its release at one place the keys are not searched for: what differs is heard all the same.
#[test]
fn in_a_steady_stream_a_change_is_heard_at_its_line() {
    let mut lines: Vec<String> = (0..4000).map(|number| healthy("1.0", number)).collect();
    lines[2500] = healthy("1.1", 0);
    lines[2600] = healthy("1.2", 0).replace("service.version", "version");
    lines[2700] = "INFO: no release\n".to_owned();
    lines[2800] = "INFO: boom\n".to_owned();
    lines[2900] = healthy("1.0", 7).replace('}', r#","env":"uat"}"#);
    let log = lines.concat();
    let (whole, decoded) = watch(&[&log], true);
    // Blocks after the first are steady.
    let blocks: Vec<&str> = log.split_inclusive('\n').collect();
    let blocks: Vec<String> = blocks.chunks(700).map(<[_]>::concat).collect();
    let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
    let (cut, _) = watch(&blocks, true);
    for told in ["S 1.1 2501", "S 1.2 2601", "M 2801", "S 1.0 2901"] {
        assert!(whole.contains(&told.to_owned()), "{told}: {whole:?}");
        assert!(cut.contains(&told.to_owned()), "{told}: {cut:?}");
    }
    assert!(decoded < 60, "{decoded}");
}

#[test]
fn sightings_and_matches_come_in_the_order_of_the_stream() {
    let log = [
        healthy("1.0", 1),
        "INFO: boom\n".to_owned(),
        healthy("1.1", 2),
        healthy("1.1", 3),
        "INFO: x\nINFO: boom\n".to_owned(),
    ];
    assert_eq!(watch(&[&log.concat()], true).0, ["S 1.0 1", "M 2", "S 1.1 3", "S 1.1 4", "M 6"]);
}

#[test]
fn a_match_is_a_sighting_too() {
    let log = healthy("1.0", 1).replace("fine", "boom") + &healthy("1.0", 2) + "INFO: end\n";
    assert_eq!(watch(&[&log], true).0, ["M 1", "S 1.0 2"], "and whoever is alive after it is told");
}

#[test]
fn whoever_is_alive_between_two_failures_is_told() {
    let failing = |number| healthy("1.0", number).replace("fine", "boom");
    let calm: String = (0..500).map(|number| healthy(["1.0", "1.1"][number % 2], number)).collect();
    let log = calm.clone() + &failing(1) + &healthy("1.1", 2) + &failing(3) + &healthy("1.1", 4) + "INFO: end\n";
    let told = watch(&[&log], true).0;
    assert!(told.ends_with(&["M 501", "S 1.1 502", "M 503", "S 1.1 504"].map(str::to_owned)), "{told:?}");
}

#[test]
fn boot_lines_are_always_told() {
    let boot = relapse::decode::boot::BOOT_LITERALS[0];
    let log = format!("INFO:     {boot}17]\nINFO: x\nINFO:     {boot}18]\nINFO: y\n");
    assert_eq!(watch(&[&log], true).0, ["S - 1", "S - 3"]);
    assert_eq!(watch(&[&log], false).0, [""; 0]);
}

#[test]
fn a_literal_inside_a_watched_key_is_not_lost() {
    let signature = make::signature("sig", vec![make::attribute("x.version", make::contains(&["e.version\" pair"]))]);
    let mut scanner = make::scanner(vec![signature], ScannerConfig::default());
    let mut out = Vec::new();
    scanner.push(b"{\"service.version\":\"1\",\"x.version\":\"service.version\\\" pair\"}\n", &mut out);
    scanner.finish(&mut out);
    assert_eq!(told(out), ["M 1"]);
}
