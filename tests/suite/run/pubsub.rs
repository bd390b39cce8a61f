//! Pub/Sub, pulled by real sidecars from Google's own emulator: every message is judged once, whatever is killed, and acknowledged
//! only then.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::sidecar::Home;
use super::sidecar::Sidecar;
use crate::peers;
use crate::peers::Emulator;
use crate::peers::WebhookReceiver;

/// A log entry as a sink of Cloud Logging exports it.
pub(crate) fn entry(number: usize) -> String {
    json!({
        "insertId": format!("entry-{number}"),
        "logName": "projects/test/logs/run.googleapis.com%2Fstderr",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "api", "revision_name": "api-00735-abc"}},
        "severity": "ERROR",
        "textPayload": format!("numbered failure {number}"),
        "timestamp": format!("2025-10-01T08:{:02}:{:02}.{:06}Z", number / 60 % 60, number % 60, number),
        "receiveTimestamp": "2025-10-01T09:00:00.123456789Z",
    })
    .to_string()
}

pub(crate) fn entries(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(entry).collect()
}

fn command(home: &Home, emulator: &Emulator, subscription: &str) -> Command {
    let source = format!("{{ subscription: {subscription} }}");
    command_with(home, emulator, &source)
}

fn command_with(home: &Home, emulator: &Emulator, source: &str) -> Command {
    std::fs::write(home.path("relapse.yaml"), format!("pubsub: [{source}]\n")).unwrap();
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]).env("PUBSUB_EMULATOR_HOST", emulator.host());
    command
}

async fn start(home: &Home, emulator: &Emulator, subscription: &str) -> Sidecar {
    home.spawn(command(home, emulator, subscription)).await
}

/// Publishes a hundred messages of one entry, and others that only look like it: thirteen, in one episode.
pub(crate) async fn deliver_again(emulator: &Emulator, sidecar: &Sidecar) {
    emulator.publish(&vec![entry(1); 100]).await;
    emulator.publish(&entries(2..12)).await;
    emulator.publish(&vec!["2025-10-01 08:30:00,000 - app - ERROR - numbered failure 12".to_owned(); 2]).await;
    sidecar.await_occurrences(13).await;
    peers::eventually("every line", || async {
        (sidecar.metric("relapse_source_lines_total{source_kind=\"pubsub\"}").await >= 112.0).then_some(())
    })
    .await;
    assert_eq!(sidecar.occurrences().await, 13, "two messages that nobody named are two");
    let incident = &sidecar.incidents().await[0];
    assert_eq!((&incident["state"], &incident["episodes"]), (&json!("relapsed"), &json!(1)), "{incident}");
    assert_eq!(incident["episode"]["releases"][0], "api-00735-abc", "{incident}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_again_counts_once_and_pages_once() {
    let emulator = Emulator::start().await;
    let subscription = emulator.subscription("again").await;
    let (home, hook) = (Home::new(), WebhookReceiver::start());
    let mut command = command(&home, &emulator, &subscription);
    command.args(["--webhook", &hook.url("/hook")]);
    let sidecar = home.spawn(command).await;
    deliver_again(&emulator, &sidecar).await;
    peers::eventually("the page", || async { (!hook.received().is_empty()).then_some(()) }).await;
    let ready = sidecar.text("/readyz?verbose").await;
    assert!(ready.contains("[+]source/pubsub/projects/test/subscriptions/again ok"), "{ready}");
    assert_eq!(sidecar.stop().await, Some(0));
    assert_eq!(hook.received().len(), 1);
    assert_eq!(emulator.left(&subscription).await, 0, "everything was acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_and_repeats_no_message() {
    let emulator = Emulator::start().await;
    let subscription = emulator.subscription("killed").await;
    let home = Home::new();
    // Few on their way at once: the emulator goes on sending to streams that are dead, a lease at a time.
    let source = format!("{{ subscription: {subscription}, max_outstanding_messages: 3 }}");
    let start = || home.spawn(command_with(&home, &emulator, &source));
    for kill in 0..2 {
        let sidecar = start().await;
        emulator.publish(&entries(kill * 100..(kill + 1) * 100)).await;
        sidecar.await_occurrences(kill as u64 * 100 + 20).await;
        sidecar.kill();
    }
    let sidecar = start().await;
    // What was on its way to a killed one comes again when its lease is over.
    for _ in 0..8 {
        if sidecar.occurrences().await < 200 {
            tokio::time::timeout(Duration::from_secs(25), sidecar.await_occurrences(200)).await.unwrap_or_default();
        }
    }
    assert_eq!(sidecar.occurrences().await, 200);
    assert_eq!(sidecar.stop().await, Some(0));
    let sidecar = start().await;
    assert_eq!(sidecar.occurrences().await, 200);
    assert_eq!(sidecar.incidents().await[0]["episodes"], 1);
    sidecar.kill();
    // What was judged before a kill and not acknowledged came once more, and was acknowledged then.
    assert_eq!(emulator.left(&subscription).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_a_subscription() {
    let emulator = Emulator::start().await;
    let subscription = emulator.subscription("shared").await;
    let homes = [Home::new(), Home::new()];
    let mut replicas = Vec::new();
    for home in &homes {
        replicas.push(start(home, &emulator, &subscription).await);
    }
    for round in 0..10 {
        emulator.publish(&entries(round * 100..(round + 1) * 100)).await;
    }
    let judged = || async {
        let mut judged = Vec::new();
        for replica in &replicas {
            judged.push(replica.occurrences().await);
        }
        judged
    };
    let judged = peers::eventually("every message", || async {
        Some(judged().await).filter(|judged| judged.iter().sum::<u64>() >= 1_000)
    })
    .await;
    assert_eq!(judged.iter().sum::<u64>(), 1_000, "{judged:?}");
    assert!(judged.iter().all(|judged| *judged > 0), "both had some: {judged:?}");
    for replica in replicas {
        assert_eq!(replica.stop().await, Some(0));
    }
    assert_eq!(emulator.left(&subscription).await, 0);
}

/// The fixed release is live by what Cloud Run said of it; before that its absence is no relapse.
#[tokio::test(flavor = "multi_thread")]
async fn deployments_come_with_the_logs() {
    let emulator = Emulator::start().await;
    let subscription = emulator.subscription("deploys").await;
    let home = Home::new();
    let sidecar = start(&home, &emulator, &subscription).await;
    let ready = "Ready condition status changed to True for Revision api-00735-abc with message: Deploying revision succeeded in 5.73s.";
    let deployed = json!({
        "insertId": "d1",
        "logName": "projects/test/logs/cloudaudit.googleapis.com%2Fsystem_event",
        "protoPayload": {"methodName": "/Services.ReplaceService", "serviceName": "run.googleapis.com", "status": {"message": ready}},
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "api", "revision_name": "api-00735-abc"}},
        "timestamp": "2025-10-01T08:00:00Z",
    });
    emulator.publish(&[deployed.to_string()]).await;
    let deploy = peers::eventually("the deployment", || async {
        let deploys: serde_json::Value = serde_json::from_str(&sidecar.text("/api/v1/deploys").await).unwrap();
        deploys.as_array().and_then(|deploys| deploys.first()).cloned()
    })
    .await;
    assert_eq!((&deploy["release"], &deploy["current"]), (&json!("api-00735-abc"), &json!(true)), "{deploy}");
    assert_eq!(deploy["declared_at"], "2025-10-01T08:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_pulled_is_said_and_tried_again() {
    let emulator = Emulator::start().await;
    let (home, name) = (Home::new(), "projects/test/subscriptions/later");
    let mut child = command(&home, &emulator, name).spawn().unwrap();
    peers::eventually("the complaint", || async { home.said("stderr").contains("NOT_FOUND").then_some(()) }).await;
    assert!(home.said("stderr").contains("create the subscription"), "{}", home.said("stderr"));
    emulator.subscription("later").await;
    emulator.publish(&entries(0..1)).await;
    peers::eventually("the page", || async { home.said("stdout").contains("RELAPSED").then_some(()) }).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_would_be_pulled() {
    let emulator = Emulator::start().await;
    emulator.subscription("seen").await;
    let home = Home::new();
    let sources = ["seen", "missing"].map(|name| format!("{{ subscription: projects/test/subscriptions/{name} }}"));
    std::fs::write(home.path("relapse.yaml"), format!("pubsub: [{}]\n", sources.join(", "))).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_relapse"))
        .args(["check", "catalog.yaml", "--config", "relapse.yaml", "--connect"])
        .env("PUBSUB_EMULATOR_HOST", emulator.host())
        .current_dir(home.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("pubsub/projects/test/subscriptions/seen\n  messages of projects/test/topics/logs\n"),
        "{said}"
    );
    assert!(said.contains("error: NOT_FOUND") && said.contains("create the subscription"), "{said}");
    assert_eq!(output.status.code(), Some(5), "{said}");
}

/// TLS to somebody who speaks none: neither a panic of its library nor an end.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_is_no_pubsub_is_waited_for() {
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = deaf.local_addr().unwrap();
    let home = Home::new();
    std::fs::write(home.path("relapse.yaml"), "pubsub: [{ subscription: projects/p/subscriptions/s }]\n").unwrap();
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]).env("PUBSUB_EMULATOR_HOST", format!("https://{address}"));
    let mut child = command.spawn().unwrap();
    for _ in 0..3 {
        drop(deaf.accept().await.unwrap());
    }
    drop(deaf);
    peers::eventually("the complaint", || async { home.said("stderr").contains("cannot be reached").then_some(()) })
        .await;
    assert!(!home.said("stderr").contains("panicked"), "{}", home.said("stderr"));
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}
