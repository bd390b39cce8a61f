//! What people and CI tell a running sidecar, by the commands they use: it is judged by, it is stored, and it is answered.

use std::process::Command;
use std::process::Output;

use serde_json::Value;

use super::sidecar::Home;
use super::sidecar::Sidecar;
use crate::peers;
use crate::peers::WebhookReceiver;

/// A fix that travels with a release.
const CATALOG: &str = r#"
schema: relapse/v1
id: numbered-failure
title: A failure that carries a number
severity: critical
owner: test
scope: { service.name: api }
fixes: [{ at: 2025-09-08T12:00:00Z, release: 1.42.0 }]
detection: { pattern: 'numbered failure (?P<number>\d+)' }
tests:
  - { name: there, input: "numbered failure 1", expect: { count: 1 } }
  - { name: not there, input: "calm", expect: { verdict: none } }
"#;

pub(super) fn home() -> Home {
    let home = Home::new();
    std::fs::write(home.path("catalog.yaml"), CATALOG).unwrap();
    home
}

/// A record of `release` at a minute of the day after the fix.
fn record(clock: &str, release: &str, message: &str) -> String {
    format!(
        "{{\"timestamp\":\"2025-09-09T{clock}Z\",\"severity\":\"ERROR\",\"service.version\":\"{release}\",\"service.instance.id\":\"i-{release}\",\"message\":\"{message}\"}}\n"
    )
}

fn failure(clock: &str, release: &str) -> String {
    record(clock, release, "numbered failure 1")
}

/// Runs `relapse ARGUMENTS` against the sidecar.
fn relapse(sidecar: &Sidecar, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relapse"));
    let server = sidecar.url("");
    command.args(arguments).env("RELAPSE_SERVER", server.trim_end_matches('/')).env("USER", "ana");
    command.output().unwrap()
}

/// Exit code, standard output and standard error.
fn told(sidecar: &Sidecar, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = tokio::task::block_in_place(|| relapse(sidecar, arguments));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A counter's value, which is whole.
async fn counted(sidecar: &Sidecar, series: &str) -> String {
    format!("{:.0}", sidecar.metric(series).await)
}

async fn incident(sidecar: &Sidecar) -> Value {
    sidecar.incidents().await.into_iter().next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_deployments_decide_between_rollout_rollback_and_stale_build() {
    let home = home();
    let sidecar = home.start(&[]).await;
    home.append("app.log", failure("08:00:00", "1.41.0"));
    sidecar.await_occurrences(1).await;
    assert_eq!(incident(&sidecar).await["verdict"], "awaiting_deploy");
    assert_eq!(incident(&sidecar).await["state"], "fix_pending");

    let deploy = ["deploy", "api", "1.42.0", "--environment", "prod", "--at", "2025-09-09T08:10:00Z"];
    let (code, out, err) = told(&sidecar, &deploy);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out, "declared: api 1.42.0 in prod at 2025-09-09T08:10:00Z\n");
    assert_eq!(incident(&sidecar).await["state"], "rolling_out", "the answer comes after the state has changed");
    assert!(told(&sidecar, &deploy).1.starts_with("known already: api 1.42.0"));

    home.append("app.log", failure("08:20:00", "1.41.0"));
    sidecar.await_occurrences(2).await;
    assert_eq!(incident(&sidecar).await["verdict"], "rollout");
    home.append("app.log", failure("08:50:00", "1.41.0"));
    sidecar.await_occurrences(3).await;
    assert_eq!(incident(&sidecar).await["verdict"], "stale_build");
    assert_eq!(incident(&sidecar).await["state"], "fixed");

    let back = ["deploy", "api", "1.41.0", "--environment", "prod", "--at", "2025-09-09T09:00:00Z"];
    assert_eq!(told(&sidecar, &back).0, Some(0));
    home.append("app.log", failure("09:01:00", "1.41.0"));
    sidecar.await_occurrences(4).await;
    let relapsed = incident(&sidecar).await;
    assert_eq!((&relapsed["verdict"], &relapsed["state"]), (&"rollback".into(), &"relapsed".into()), "{relapsed:#}");
    assert_eq!(relapsed["episode_kind"], "rollback");

    // kill -9: what was answered survives, and telling it again is no news.
    sidecar.kill();
    let sidecar = home.start(&[]).await;
    assert!(told(&sidecar, &back).1.starts_with("known already: api 1.41.0"));
    let text = sidecar.text("/api/v1/deploys?service=api").await;
    let releases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let current: Vec<_> = releases.iter().filter(|live| live["current"] == true).collect();
    assert_eq!(current.len(), 1, "{releases:#?}");
    assert_eq!(current[0]["release"], "1.41.0");
    assert_eq!(current[0]["declared_at"], "2025-09-09T09:00:00Z");
    let unheard = releases.iter().find(|live| live["release"] == "1.42.0").unwrap();
    assert_eq!((&unheard["last_seen"], &unheard["instances"]), (&Value::Null, &0.into()));
    let (_, out, err) = told(&sidecar, &["deploy", "ap", "1.42.0"]);
    assert!(out.starts_with("declared: ap 1.42.0 in prod at 20"), "the sidecar's own environment: {out}");
    assert!(err.starts_with("note: nothing has been heard of ap in prod yet"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn muting_holds_back_the_delivery_and_nothing_else() {
    let home = home();
    let receiver = WebhookReceiver::start();
    let hook = receiver.url("/hook");
    let sidecar = home.start(&["--webhook", &hook]).await;
    home.append("app.log", failure("08:00:00", "1.41.0"));
    sidecar.await_occurrences(1).await;
    let (code, out, _) = told(&sidecar, &["mute", "numbered-failure", "--for", "2h"]);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("muted until 20") && out.ends_with(": numbered-failure in api/prod\n"), "{out}");

    sidecar.kill();
    let sidecar = home.start(&["--webhook", &hook]).await;
    home.append("app.log", failure("08:30:00", "1.42.0"));
    sidecar.await_occurrences(2).await;
    let muted = incident(&sidecar).await;
    assert_eq!(muted["state"], "relapsed", "judged all the same");
    assert!(muted["muted_until"].is_string(), "it survives a restart: {muted:#}");
    let state = "relapse_incident_state{environment=\"prod\",service=\"api\",signature=\"numbered-failure\",state=\"relapsed\"}";
    assert_eq!(counted(&sidecar, state).await, "1");
    assert_eq!(counted(&sidecar, "relapse_suppressed_total{reason=\"muted\"}").await, "1");

    let (_, out, _) = told(&sidecar, &["unmute", "numbered-failure", "--service", "api"]);
    assert_eq!(out, "delivered again: numbered-failure in api/prod\n");
    home.append("app.log", failure("08:31:00", "1.43.0"));
    let news = peers::eventually("the news", || async { receiver.received().first().cloned() }).await;
    assert_eq!(news.json()["kind"], "update", "the page was held back, the next news was not: {:#}", news.json());
    assert_eq!(receiver.received().len(), 1);

    let (_, out, _) = told(&sidecar, &["ack", "numbered-failure"]);
    assert_eq!(out, "acknowledged by ana: numbered-failure in api/prod\n");
    home.append("app.log", failure("08:32:00", "1.44.0"));
    sidecar.await_occurrences(4).await;
    assert_eq!(incident(&sidecar).await["acknowledged_by"], "ana");
    assert_eq!(counted(&sidecar, "relapse_suppressed_total{reason=\"muted\"}").await, "2");
    assert_eq!(receiver.received().len(), 1, "another release is no news to whoever works on it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_holds_for_what_is_found_later() {
    let home = home();
    let receiver = WebhookReceiver::start();
    let hook = receiver.url("/hook");
    let sidecar = home.start(&["--webhook", &hook]).await;
    let (code, out, _) = told(&sidecar, &["mute", "numbered-failure", "--for", "2h"]);
    assert_eq!(code, Some(0));
    assert!(out.ends_with(": numbered-failure in */*; not found there yet, it will hold when it is\n"), "{out}");
    let (_, out, _) = told(&sidecar, &["unmute", "numbered-failure", "--environment", "uat"]);
    assert!(out.starts_with("delivered again: numbered-failure in */uat; "), "{out}");

    sidecar.kill();
    let sidecar = home.start(&["--webhook", &hook]).await;
    home.append("app.log", failure("08:30:00", "1.42.0"));
    let elsewhere = "{\"deployment.environment.name\":\"uat\",\"service.name\":\"api\",\"service.version\":\"1.42.0\",\
                     \"timestamp\":\"2025-09-09T08:31:00Z\",\"message\":\"numbered failure 2\"}\n";
    home.append("app.log", elsewhere);
    sidecar.await_occurrences(2).await;
    let news = peers::eventually("the news", || async { receiver.received().first().cloned() }).await;
    assert_eq!((&news.json()["kind"], &news.json()["environment"]), (&"page".into(), &"uat".into()));
    assert_eq!(counted(&sidecar, "relapse_suppressed_total{reason=\"muted\"}").await, "1");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_obeyed_says_why_and_what_to_do() {
    let home = home();
    let sidecar = home.start(&[]).await;
    let track = "numbered-failure";
    let mut said = Vec::new();
    for arguments in [
        &["mute", "numbered-failures", "--for", "2h"][..],
        &["mute", track, "--for", "soon"],
        &["mute", track],
        &["deploy", "api", ""],
    ] {
        let (code, out, err) = told(&sidecar, arguments);
        assert_eq!(out, "");
        said.push(format!("{arguments:?} → {}\n{err}", code.unwrap()));
    }
    home.append("app.log", failure("08:00:00", "1.41.0"));
    sidecar.await_occurrences(1).await;
    for arguments in [&["ack", track][..], &["ack", track, "--environment", "uat"]] {
        let (code, _, err) = told(&sidecar, arguments);
        said.push(format!("{arguments:?} → {}\n{err}", code.unwrap()));
    }
    let nobody = peers::free_address().to_string();
    let (code, _, err) = told(&sidecar, &["status", "--server", &nobody]);
    said.push(format!("nobody there → {}\n{}", code.unwrap(), err.replace(&nobody, "ADDRESS")));
    insta::assert_snapshot!(said.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_every_track_and_every_live_release() {
    let home = home();
    let sidecar = home.start(&[]).await;
    let (code, out, _) = told(&sidecar, &["status"]);
    assert_eq!((code, out.as_str()), (Some(0), "nothing of the catalog has been found yet\n"));
    home.append("app.log", failure("08:30:00", "1.42.0"));
    sidecar.await_occurrences(1).await;
    told(&sidecar, &["deploy", "api", "1.43.0", "--at", "2025-09-09T08:40:00Z"]);
    told(&sidecar, &["ack", "numbered-failure", "--by", "li\u{1b}[2Ju"]);
    told(&sidecar, &["ack", "numbered-failure", "--by", "li"]);
    told(&sidecar, &["mute", "numbered-failure", "--for", "2h"]);
    let (_, out, _) = told(&sidecar, &["status"]);
    let muted = regex::Regex::new(r"muted until \S+ \S+Z").unwrap();
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(muted.replace(&lines.join("\n"), "muted until TIME"));
    let (_, out, _) = told(&sidecar, &["status", "--format", "json"]);
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status["schema"], "relapse.status/v1");
    assert_eq!(status["incidents"][0]["acknowledged_by"], "li");
    assert_eq!(status["deploys"][1]["release"], "1.43.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_file_is_followed_and_its_bad_lines_are_said_once() {
    let home = home();
    let line = |release: &str, clock: &str| {
        format!(
            "{{\"service\":\"api\",\"release\":\"{release}\",\"environment\":\"prod\",\"at\":\"2025-09-09T{clock}Z\"}}\n"
        )
    };
    let first = format!("{}not a deployment\n{{\"service\":\"api\",\"release\":\"9\"}}\n", line("1.41.0", "07:00:00"));
    let sidecar = home.start(&["--deploys", "deploys.jsonl"]).await;
    home.append("deploys.jsonl", &first);
    let outcome = |outcome: &'static str| format!("relapse_deploys_total{{outcome=\"{outcome}\"}}");
    let reached = async |sidecar: &Sidecar, name: &'static str, wanted: f64| {
        peers::eventually(name, || async { (sidecar.metric(&outcome(name)).await >= wanted).then_some(()) }).await;
    };
    reached(&sidecar, "invalid", 2.0).await;
    reached(&sidecar, "declared", 1.0).await;
    home.append("deploys.jsonl", line("1.42.0", "08:10:00"));
    reached(&sidecar, "declared", 2.0).await;
    home.append("app.log", failure("08:20:00", "1.41.0"));
    sidecar.await_occurrences(1).await;
    assert_eq!(incident(&sidecar).await["verdict"], "rollout");
    assert_eq!(counted(&sidecar, &outcome("invalid")).await, "2");
    let said = home.said("stderr");
    assert_eq!(said.matches("is no deployment").count(), 2, "{said}");
    assert!(said.contains("\"line\":2") && said.contains("\"line\":3") && said.contains("`at` is missing"), "{said}");

    let releases = sidecar.text("/api/v1/deploys").await;
    assert_eq!(sidecar.stop().await, Some(0));
    let sidecar = home.start(&["--deploys", "deploys.jsonl"]).await;
    reached(&sidecar, "unchanged", 2.0).await;
    assert_eq!(counted(&sidecar, &outcome("declared")).await, "0", "the same deployments are no news");
    assert_eq!(sidecar.text("/api/v1/deploys").await, releases);
}
