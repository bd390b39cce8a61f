//! A replay tells what a live sidecar told: the same verdicts, the same episodes, however and how often it is run.

use std::collections::BTreeMap;
use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;

use super::commands::home;
use super::sidecar::Home;
use crate::peers;

/// A record of one instance; minutes count from 08:00 on the day after the fix.
fn record(minute: u32, (release, instance): (&str, &str), message: &str) -> String {
    let clock = format!("{:02}:{:02}:00", 8 + minute / 60, minute % 60);
    format!(
        "{{\"timestamp\":\"2025-09-09T{clock}Z\",\"severity\":\"ERROR\",\"service.version\":\"{release}\",\"service.instance.id\":\"{instance}\",\"message\":\"{message}\"}}\n"
    )
}

/// Everything that matters: an old build, a rollout, a relapse, calm, a second relapse, another release, a rollback.
fn story() -> Vec<(u32, &'static str, &'static str, &'static str)> {
    let boom = "numbered failure 1";
    vec![
        (0, "1.41.0", "a", boom),
        (5, "1.42.0", "a", "calm"),
        (10, "1.41.0", "b", boom),
        (40, "1.41.0", "b", boom),
        (41, "1.42.0", "b", "calm"),
        (120, "1.42.0", "a", boom),
        (121, "1.43.0", "b", boom),
        (122, "1.43.0", "b", boom),
        (140, "1.43.0", "a", "calm"),
        (150, "1.43.0", "a", boom),
        (170, "1.43.0", "a", "calm"),
        (240, "1.43.0", "a", "calm"),
        (300, "1.43.0", "b", boom),
        (420, "1.43.0", "a", "calm"),
        (500, "1.43.0", "a", "calm"),
        (510, "1.41.0", "a", "calm"),
        (511, "1.41.0", "b", "calm"),
        (520, "1.41.0", "a", boom),
    ]
}

fn lines(story: &[(u32, &str, &str, &str)]) -> Vec<String> {
    story.iter().map(|(minute, release, instance, message)| record(*minute, (release, instance), message)).collect()
}

/// Exit code and standard output.
fn replay(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relapse"));
    command.args(["replay", "--catalog", "catalog.yaml", "--service", "api", "--environment", "prod"]);
    let output = command.args(arguments).current_dir(home.path("")).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn objects(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Episode ids in their order, and the counts by verdict.
fn judged(out: &str) -> (Vec<String>, BTreeMap<String, u64>) {
    let objects = objects(out);
    let tracks: Vec<_> = objects.iter().filter(|object| object["type"] == "track").collect();
    assert_eq!(tracks.len(), 1, "{out}");
    serde_json::from_value::<(Vec<String>, BTreeMap<String, u64>)>(serde_json::json!([
        tracks[0]["episodes"],
        tracks[0]["verdicts"]
    ]))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_judges_as_the_sidecar_did() {
    let home = home();
    home.append("app.log", "");
    let sidecar = home.start(&[]).await;
    let mut live = Vec::new();
    let mut seen = 0;
    // Line by line, as a log grows: the sidecar gets as many batches.
    for line in lines(&story()) {
        home.append("app.log", &line);
        seen += u64::from(line.contains("numbered failure"));
        sidecar.await_occurrences(seen).await;
        peers::eventually("rest", || async { (sidecar.metric("relapse_source_lag_bytes").await == 0.0).then_some(()) })
            .await;
        if let Some(id) = sidecar.incidents().await[0]["episode"]["id"].as_str()
            && live.last().is_none_or(|last| last != id)
        {
            live.push(id.to_owned());
        }
    }
    let metrics = sidecar.text("/metrics").await;
    let counted = metrics.lines().filter(|line| line.starts_with("relapse_matches_total{") && !line.ends_with(" 0"));
    let verdicts: BTreeMap<String, u64> = counted
        .map(|line| {
            let verdict = line.split("verdict=\"").nth(1).unwrap().split('"').next().unwrap();
            (verdict.to_owned(), line.rsplit(' ').next().unwrap().parse().unwrap())
        })
        .collect();
    let (code, out) = replay(&home, &["app.log", "--format", "jsonl"]);
    assert_eq!(code, Some(1), "it came back");
    let (episodes, replayed) = judged(&out);
    assert_eq!(episodes.len(), 3, "{out}");
    assert_eq!((&episodes, &replayed), (&live, &verdicts));
    assert_eq!(replay(&home, &["app.log", "--format", "jsonl"]).1, out, "twice is the same");

    // Split over files that are named in any order: nothing changes either.
    let all = lines(&story());
    for (index, line) in all.iter().enumerate() {
        home.append(if index % 2 == 0 { "even.log" } else { "odd.log" }, line);
    }
    let split = replay(&home, &["even.log", "odd.log", "--format", "jsonl"]).1;
    assert_eq!(judged(&split), (episodes, replayed));
    assert_eq!(replay(&home, &["odd.log", "even.log", "--format", "jsonl"]).1, split);
}

#[test]
fn the_timeline_is_for_people() {
    let home = home();
    std::fs::write(home.path("app.log"), lines(&story()).concat()).unwrap();
    let deploy = r#"{"service":"api","release":"1.41.0","at":"2025-09-09T16:29:00Z"}"#;
    std::fs::write(home.path("deploys.jsonl"), format!("{deploy}\n{}", deploy.replace("16:29", "23:00"))).unwrap();
    let (code, out) = replay(&home, &["app.log", "--deploys", "deploys.jsonl"]);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(out);
    std::fs::write(home.path("calm.log"), record(1, ("1.42.0", "a"), "calm")).unwrap();
    assert_eq!(replay(&home, &["calm.log"]), (Some(0), "nothing of the catalog was found\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_from_a_state_that_it_does_not_touch() {
    let home = home();
    let all = lines(&story());
    let (before, after) = all.split_at(7);
    std::fs::write(home.path("app.log"), before.concat()).unwrap();
    let sidecar = home.start(&[]).await;
    sidecar.await_occurrences(5).await;
    std::fs::write(home.path("after.log"), after.concat()).unwrap();
    std::fs::write(home.path("all.log"), all.concat()).unwrap();
    let whole = judged(&replay(&home, &["all.log", "--format", "jsonl"]).1);
    let from_state = ["after.log", "--format", "jsonl", "--from-state", "state"];

    let running = replay(&home, &from_state).1;
    let (episodes, _) = judged(&running);
    assert_eq!(episodes, whole.0[1..], "the first episode was open already");
    assert_eq!(sidecar.stop().await, Some(0));
    let files = |home: &Home| -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(home.path("state")).unwrap().map(Result::unwrap);
        entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
    };
    let untouched = files(&home);
    assert_eq!(replay(&home, &from_state).1, running, "whether it runs or not");
    assert_eq!(files(&home), untouched);

    // The very file that it followed, gone on: only what is new counts.
    let counts = |out: &str| judged(out).1;
    home.append("app.log", after.concat());
    let gone_on = replay(&home, &["app.log", "--format", "jsonl", "--from-state", "state"]).1;
    assert_eq!(counts(&gone_on), counts(&running));
    std::fs::copy(home.path("app.log"), home.path("copy.log")).unwrap();
    let copied = replay(&home, &["copy.log", "--format", "jsonl", "--from-state", "state"]).1;
    assert_ne!(counts(&copied), counts(&running), "another file of the same text has been counted nowhere");

    let mut command = Command::new(env!("CARGO_BIN_EXE_relapse"));
    command.args(["replay", "after.log", "--from-state", "nowhere"]).current_dir(home.path(""));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("nowhere") && said.contains("--state"), "{said}");
    assert!(!home.path("nowhere").exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Records of the same moment in another order open the same episodes, where it is clear what runs (one release an instance) and that
    /// it runs (records between the moments).
    #[test]
    fn the_order_of_equal_times_changes_no_episode(
        minutes in proptest::collection::vec((1u32..20, 0usize..3, any::<bool>()), 2..40),
        order in any::<prop::sample::Index>(),
    ) {
        let home = home();
        let mut records: Vec<(u32, String)> = minutes
            .iter()
            .map(|(slot, instance, fails)| {
                let message = if *fails { "numbered failure 1" } else { "calm" };
                (*slot, record(slot * 20, [("1.42.0", "a"), ("1.43.0", "b"), ("1.41.0", "c")][*instance], message))
            })
            .collect();
        records.extend((0..20).map(|slot| (slot, record(slot * 20 + 17, ("1.42.0", "a"), "calm"))));
        let time_of = |line: &str| line.get(..40).map(str::to_owned);
        records.sort_by_key(|(_, line)| time_of(line));
        let mut other = records.clone();
        let turn = order.index(other.len());
        other.rotate_left(turn);
        other.sort_by_key(|(_, line)| time_of(line));
        let episodes = |records: &[(u32, String)]| {
            std::fs::write(home.path("app.log"), records.iter().map(|(_, line)| line.as_str()).collect::<String>()).unwrap();
            let out = replay(&home, &["app.log", "--format", "jsonl"]).1;
            let mut ids: Vec<String> = objects(&out)
                .iter()
                .filter(|object| object["type"] == "episode")
                .map(|object| object["episode"].as_str().unwrap().to_owned())
                .collect();
            ids.sort();
            ids
        };
        prop_assert_eq!(episodes(&records), episodes(&other));
    }
}
