//! OpenTelemetry's own SDKs send one raise in every way they have: it is one occurrence.

use std::path::PathBuf;
use std::process::Command;

use super::rig::Receiver;
use crate::run::sidecar::Home;

/// What the raise of `tests/otlp/send.*` is known by.
const CATALOG: &str = r"
schema: relapse/v1
id: unexpected-keyword
title: A keyword argument that nobody expects
severity: critical
owner: test
scope: { service.name: api }
fixes: [{ at: 2025-09-08T12:00:00Z }]
detection:
  raised: { exception: { type: TypeError, message|contains: got an unexpected keyword argument } }
  condition: raised
";

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/otlp").join(name)
}

async fn run(mut command: Command) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn python(receiver: &Receiver, protocol: &str, what: &str) {
    let python =
        std::env::var("RELAPSE_TEST_PYTHON").expect("RELAPSE_TEST_PYTHON is not set; run scripts/test, which makes it");
    let mut command = Command::new(python);
    command.arg(script("send.py")).args([protocol, &receiver.url(""), what]);
    run(command).await;
}

async fn javascript(receiver: &Receiver, what: &str) {
    let modules =
        std::env::var("RELAPSE_TEST_NODE").expect("RELAPSE_TEST_NODE is not set; run scripts/test, which makes it");
    let sender = PathBuf::from(modules).join("send.mjs");
    std::fs::copy(script("send.mjs"), &sender).unwrap();
    let mut command = Command::new("node");
    command.arg(sender).args([&receiver.url(""), what]);
    run(command).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_sends_a_raise_by_log_by_span_and_by_both_and_each_time_it_is_one() {
    let home = Home::of("other", CATALOG);
    let receiver = Receiver::start(&home, &[]).await;
    let mut sent = 0;
    for protocol in ["grpc", "http", "http-plain"] {
        for what in ["log", "span", "both"] {
            python(&receiver, protocol, what).await;
            sent += 1;
            // An answer means that it is stored: nothing is waited for.
            assert_eq!(receiver.sidecar.occurrences().await, sent, "{protocol} {what}");
        }
    }
    let incidents = receiver.sidecar.incidents().await;
    assert_eq!((&incidents[0]["service"], &incidents[0]["environment"]), (&"api".into(), &"prod".into()));
    let evidence = &incidents[0]["episode"]["evidence"];
    assert_eq!((&evidence["release"], &evidence["instance"]), (&"2.0.0".into(), &"pod-1".into()));
    let raised_at = evidence["raised_at"].as_str().unwrap();
    assert!(raised_at.contains("send.py") && raised_at.ends_with(" in create"), "{raised_at}");
    assert_eq!(receiver.sidecar.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_sends_json_in_chunks_and_each_raise_is_one() {
    let home = Home::of("other", CATALOG);
    let receiver = Receiver::start(&home, &[]).await;
    for (sent, what) in ["log", "span", "both"].into_iter().enumerate() {
        javascript(&receiver, what).await;
        assert_eq!(receiver.sidecar.occurrences().await, sent as u64 + 1, "{what}");
    }
    receiver.await_requests("taken", 2.0).await;
}
