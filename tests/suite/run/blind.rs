//! Quiet is not healthy: a signature whose services are not heard says so, everywhere.

use std::process::Command;

use serde_json::Value;

use super::sidecar::Home;
use super::sidecar::Sidecar;
use crate::peers;

const BLIND: &str = "relapse_signature_blind{signature=\"numbered-failure\"}";

fn line(service: &str, number: usize) -> String {
    let second = number % 60;
    format!(
        "{{\"time\":\"2025-10-01T08:00:{second:02}Z\",\"severity\":\"INFO\",\"service\":\"{service}\",\"version\":\"1.0\",\"message\":\"calm\"}}\n"
    )
}

/// Writes lines until the metric is `value`.
async fn becomes(sidecar: &Sidecar, value: f64, mut write: impl FnMut(usize)) {
    for number in 0..300 {
        if (sidecar.metric(BLIND).await - value).abs() < 0.1 {
            return;
        }
        write(number);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("never {value}: {}", sidecar.text("/api/v1/blind").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_whose_services_are_silent_is_blind() {
    let home = Home::of("", super::sidecar::CATALOG);
    std::fs::write(home.path("relapse.yaml"), "blind_after: 2s\n").unwrap();
    let sidecar = home.start(&["--config", "relapse.yaml"]).await;
    becomes(&sidecar, 1.0, |number| home.append("app.log", line("web", number))).await;
    let blind: Value = serde_json::from_str(&sidecar.text("/api/v1/blind").await).unwrap();
    assert_eq!((&blind[0]["signature"], &blind[0]["services"][0]), (&"numbered-failure".into(), &"api".into()));
    let server = sidecar.url("");
    let status = Command::new(env!("CARGO_BIN_EXE_relapse")).args(["status", "--server", &server]).output().unwrap();
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(said.contains("numbered-failure: api, last heard: never"), "{said}");
    assert!(home.said("stderr").contains("blind: no record"), "{}", home.said("stderr"));
    // Negative control: the service speaks.
    becomes(&sidecar, 0.0, |number| home.append("app.log", line("api", number))).await;
    peers::eventually("an empty list", || async { (sidecar.text("/api/v1/blind").await == "[]").then_some(()) }).await;
    assert!(home.said("stderr").contains("records come again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_name_nobody_may_be_anybodys() {
    let home = Home::of("", super::sidecar::CATALOG);
    std::fs::write(home.path("relapse.yaml"), "blind_after: 2s\n").unwrap();
    let sidecar = home.start(&["--config", "relapse.yaml"]).await;
    becomes(&sidecar, 1.0, |_| ()).await;
    becomes(&sidecar, 0.0, |_| home.append("app.log", "2025-10-01 08:00:00,000 - app - INFO - calm\n")).await;
    becomes(&sidecar, 1.0, |_| ()).await;
}
