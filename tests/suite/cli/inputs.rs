//! What `scan` and `explain` take, and what `run` takes from the environment.

use std::io::Write;

use serde_json::Value;

use super::BROKEN;
use super::Desk;
use super::SIGNATURE;

fn matches(desk: &Desk, arguments: &[&str]) -> (i32, Vec<Value>, String) {
    let said = desk.relapse(&[&["scan", "--catalog", "catalog.yaml", "--format", "jsonl"], arguments].concat());
    let found = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (said.code, found, said.err)
}

#[test]
fn one_bad_file_does_not_keep_the_others_from_being_read() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path().join("logs")).unwrap();
    desk.write("packed.log", *b"BZh9");
    desk.write("damaged.gz", [0x1f, 0x8b, 8, 0, 0, 0]);
    for (bad, why) in [
        ("missing.log", "failed to read missing.log: No such file"),
        ("logs", "failed to read logs: it is a directory; name its files, as in 'logs/*.log'"),
        ("packed.log", "failed to read packed.log: it is compressed; pipe it in: bzcat packed.log | relapse scan"),
        ("damaged.gz", "failed to read damaged.gz: "),
        ("x*.log", "no file matches `x*.log`"),
    ] {
        let (code, found, said) = matches(&desk, &[bad, "calm.log"]);
        assert_eq!((code, found.len()), (5, 0), "{bad}");
        assert!(said.contains(why), "{bad}: {said}");
        let (code, found, _) = matches(&desk, &[bad, "broken.log"]);
        assert_eq!((code, found.len()), (1, 1), "{bad}: a regression is told whatever else happened");
    }
}

/// A counter in a name is an order only where somebody says so.
#[test]
fn the_configuration_of_the_sidecar_decides_here_too() {
    let desk = Desk::new();
    desk.write("fixed.yaml", SIGNATURE.replace("00Z }", "00Z, release: blue42 }"));
    desk.write(
        "relapse.yaml",
        "catalog: [fixed.yaml]\nresource: { service: api, release: green43 }\n\
         incident: { services: { api: { order: { ordinal: '(\\d+)$' } } } }\n",
    );
    let plain = ["--catalog", "fixed.yaml", "--service", "api", "--release", "green43"];
    let told = |command: &[&str], how: &[&str]| {
        let said = desk.relapse(&[command, how].concat());
        assert_eq!(said.err, "");
        (said.code, said.out)
    };
    for command in [&["scan", "broken.log"][..], &["explain", "--file", "broken.log"], &["replay", "broken.log"]] {
        let (_, out) = told(command, &plain);
        assert!(out.contains("unknown_release") && !out.contains("regression,"), "without it: {out}");
        let (code, out) = told(command, &["--config", "relapse.yaml"]);
        assert!(out.contains("regression") && !out.contains("unknown_release"), "{command:?}: {out}");
        assert_eq!(code, i32::from(command[0] != "explain"));
    }
    let (_, out) = told(&["scan", "broken.log"], &["--config", "relapse.yaml", "--release", "red41"]);
    assert!(out.contains("0 regressions in 1 match"), "a flag wins over the file: {out}");
}

#[test]
fn globs_that_no_shell_expanded_are_expanded() {
    let desk = Desk::new();
    desk.write("other.log", BROKEN);
    let (code, found, _) = matches(&desk, &["*.log"]);
    let files: Vec<_> = found.iter().map(|found| found["file"].as_str().unwrap()).collect();
    assert_eq!((code, files), (1, vec!["broken.log", "other.log"]));
    desk.write("[odd].log", BROKEN);
    assert_eq!(matches(&desk, &["[odd].log"]).1[0]["file"], "[odd].log", "a file of that name comes first");
}

#[test]
fn several_catalogs_and_files_do_not_get_mixed_up() {
    let desk = Desk::new();
    desk.write("second.yaml", SIGNATURE.replace("it-broke", "it-broke-too").replace("It broke", "It broke too"));
    let ids = |arguments: &[&str]| -> Vec<String> {
        let said = desk.relapse(&[&["scan", "--format", "jsonl"], arguments].concat());
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["signature"].as_str().unwrap().to_owned();
        said.out.lines().map(id).collect()
    };
    assert_eq!(ids(&["--catalog", "catalog.yaml", "broken.log"]), ["it-broke"], "FILE is no catalog");
    let both = ["it-broke", "it-broke-too"];
    assert_eq!(ids(&["--catalog", "catalog.yaml", "--catalog", "second.yaml", "broken.log"]), both);
    assert_eq!(ids(&["broken.log", "--catalog", "catalog.yaml", "second.yaml"]), both);
    assert_eq!(ids(&["--catalog=catalog.yaml,second.yaml", "broken.log"]), both);
}

#[test]
fn standard_input_is_read_where_no_file_is_named() {
    let desk = Desk::new();
    for arguments in [
        &["scan", "--catalog", "catalog.yaml", "--format", "jsonl"][..],
        &["scan", "--catalog", "catalog.yaml", "--format", "jsonl", "-"],
    ] {
        let output = desk.command().args(arguments).write_stdin(BROKEN).output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((found["file"].as_str(), found["line"].as_u64()), (Some("<stdin>"), Some(1)));
    }
    let output = desk.command().args(["explain", "--catalog", "catalog.yaml"]).write_stdin(BROKEN).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("→ regression, by time"));
}

#[test]
fn since_and_until_leave_records_out() {
    let desk = Desk::new();
    let day = |day: u8| BROKEN.replace("2025-10-01", &format!("2025-10-{day:02}"));
    desk.write("days.log", (1..=5).map(day).collect::<String>());
    let days = |arguments: &[&str]| -> Vec<String> {
        let found = matches(&desk, &[&["days.log"], arguments].concat()).1;
        found.iter().map(|found| found["time"].as_str().unwrap()[8..10].to_owned()).collect()
    };
    assert_eq!(days(&[]), ["01", "02", "03", "04", "05"], "the control");
    assert_eq!(days(&["--since", "2025-10-04"]), ["04", "05"]);
    assert_eq!(days(&["--until", "2025-10-02"]), ["01", "02"], "a day counts to its end");
    assert_eq!(days(&["--since", "2025-10-02T08:47:02Z", "--until", "2025-10-04T08:47:01.122Z"]), ["03", "04"]);
    assert_eq!(days(&["--since", "2025-10-02T10:47:01+02:00", "--until", "2025-10-02T08:48"]), ["02"]);
    assert_eq!(days(&["--since", "1h"]), Vec::<String>::new());
}

#[test]
fn explain_takes_the_record_that_holds_a_line() {
    let desk = Desk::new();
    desk.write("app.log", format!("2025-10-01 08:00:00,000 - app - INFO - calm\n{BROKEN}Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    f()\nValueError: it broke again\n2025-10-01 09:00:00,000 - app - INFO - calm again\n"));
    let explain = |more: &[&str]| {
        desk.relapse(&[&["explain", "--catalog", "catalog.yaml", "--file", "app.log"], more].concat()).out
    };
    for line in ["2", "4", "6"] {
        assert!(explain(&["--line", line]).contains("ValueError: it broke again"), "{}", explain(&["--line", line]));
    }
    assert!(explain(&["--line", "7"]).contains("calm again"));
    assert!(explain(&[]).contains("record 2 of 3, from line 2"), "the first that matches: {}", explain(&[]));
}

#[test]
fn every_flag_has_its_variable() {
    let desk = Desk::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let failing = |variables: &[(&str, &str)]| {
        let output = desk.command().arg("run").envs(variables.iter().copied()).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(failing(&[]).contains("no logs to read"), "the control");
    assert!(failing(&[("RELAPSE_CONFIG", "no.yaml")]).contains("no.yaml"));
    assert!(failing(&[("RELAPSE_LOGS", "a.log,[")]).contains("read the pattern `[`"));
    assert!(failing(&[("RELAPSE_LOGS", "x"), ("RELAPSE_CATALOG", "no.yaml")]).contains("no.yaml"));
    assert!(failing(&[("RELAPSE_WEBHOOK", "ftp://x")]).contains("scheme `ftp`"));
    assert!(failing(&[("RELAPSE_ALERTMANAGER", "http://a,ftp://x")]).contains("scheme `ftp`"));
    let base = [("RELAPSE_LOGS", "x.log"), ("RELAPSE_STATE", "kept-here"), ("RELAPSE_LISTEN", taken.as_str())];
    assert!(failing(&base).contains("the port is taken"));
    assert!(desk.path().join("kept-here").exists());
    let public = [base[0], base[1], ("RELAPSE_LISTEN", "203.0.113.1:1")];
    assert!(failing(&public).contains("not a loopback address"));
    for yes in ["1", "true", "yes"] {
        assert!(
            !failing(&[&public[..], &[("RELAPSE_ALLOW_PUBLIC", yes)]].concat()).contains("not a loopback"),
            "{yes}"
        );
    }
    assert!(failing(&[&public[..], &[("RELAPSE_ALLOW_PUBLIC", "0")]].concat()).contains("not a loopback"));
}

#[test]
fn the_static_resource_is_taken_from_variables_too() {
    let desk = Desk::new();
    let mut scan = desk.command();
    scan.args(["scan", "--format", "jsonl", "broken.log"]).env("RELAPSE_CATALOG", "catalog.yaml");
    scan.envs([("RELAPSE_SERVICE", "api"), ("RELAPSE_ENVIRONMENT", "prod"), ("RELAPSE_RELEASE", "2.5.0")]);
    let found: Value = serde_json::from_slice(&scan.output().unwrap().stdout).unwrap();
    let names = ["service", "environment", "release"].map(|name| found[name].as_str().unwrap().to_owned());
    assert_eq!(names, ["api", "prod", "2.5.0"]);
    scan.args(["--service", "flag"]);
    let found: Value = serde_json::from_slice(&scan.output().unwrap().stdout).unwrap();
    assert_eq!(found["service"], "flag", "a flag wins over its variable");
}

#[test]
fn bytes_that_are_no_text_are_no_error() {
    let desk = Desk::new();
    let mut odd = std::fs::File::create(desk.path().join("odd.log")).unwrap();
    odd.write_all(b"\xff\xfe\0\n{\"message\": \"it broke again").unwrap();
    odd.write_all(b"\n2025-10-01 08:47:01,122 - app - ERROR - it broke \xc3again\0 it broke again\n").unwrap();
    drop(odd);
    let (code, found, said) = matches(&desk, &["odd.log"]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn packed_files_are_read_like_plain_ones() {
    let desk = Desk::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(BROKEN.as_bytes()).unwrap();
    desk.write("app.log.gz", gzip.finish().unwrap());
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    desk.write("app.log.zst", ruzstd::encoding::compress_to_vec(BROKEN.as_bytes(), level));
    let (_, plain, _) = matches(&desk, &["broken.log"]);
    for packed in ["app.log.gz", "app.log.zst"] {
        let (code, found, said) = matches(&desk, &[packed]);
        assert_eq!((code, found.len()), (1, plain.len()), "{packed}: {said}");
        assert_eq!((&found[0]["line"], &found[0]["offset"]), (&plain[0]["line"], &plain[0]["offset"]), "{packed}");
    }
}

#[test]
fn many_files_are_merged_by_event_time_whoever_reads_them() {
    let desk = Desk::new();
    let mut names = Vec::new();
    for file in 0..7 {
        let lines = (0..600).map(|at| {
            let (minute, second) = (at * 7 / 60 % 60, (at * 7 + file) % 60);
            format!(
                "2025-10-01 {:02}:{minute:02}:{second:02} ERROR {}\n",
                10 + at * 7 / 3600,
                BROKEN.lines().last().unwrap()
            )
        });
        let name = format!("part-{file}.log");
        desk.write(&name, lines.collect::<String>());
        names.push(name);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_, first, said) = matches(&desk, &names);
    assert_eq!(first.len(), 7 * 600, "{said}");
    for _ in 0..3 {
        assert_eq!(matches(&desk, &names).1, first, "threads decide nothing");
    }
    for name in names {
        let own = first.iter().filter(|found| found["file"] == name && found["verdict"] == first[0]["verdict"]);
        assert!(own.map(|found| found["line"].as_u64()).is_sorted(), "{name} in its own order");
    }
}

#[test]
fn the_cost_of_a_catalog_is_told() {
    let desk = Desk::new();
    let said = desk.relapse(&["check", "--cost", "broken.log", "catalog.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("candidates/MB") && said.out.contains("bytes looked at"), "{}", said.out);
    let json = desk.relapse(&["check", "--cost", "broken.log", "--format", "json", "catalog.yaml"]).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["cost"][0]["literals"][0].is_string(), "{json}");
    assert_eq!(desk.relapse(&["check", "--cost", "missing.log", "catalog.yaml"]).code, 5);
}
