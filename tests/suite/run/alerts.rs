//! The alert's whole way: a real Alertmanager groups, notifies once, and resolves after calm; a webhook gets each notice once.

use super::sidecar::Home;
use super::sidecar::failure;
use crate::peers;
use crate::peers::Alertmanager;
use crate::peers::WebhookReceiver;

fn healthy(clock: &str) -> String {
    format!("2025-10-01 {clock},000 - app - INFO - all is well\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_notifies_once_and_resolves_after_calm() {
    let home = Home::new();
    let receiver = WebhookReceiver::start();
    let alertmanager = Alertmanager::start(&receiver.url("/am")).await;
    let url = alertmanager.url("");
    let sidecar = home.start(&["--alertmanager", url.trim_end_matches('/')]).await;
    for number in 0..50 {
        home.append("app.log", failure(number));
    }
    sidecar.await_occurrences(50).await;
    let firing = peers::eventually("the notification", || async { receiver.received().first().cloned() }).await;
    let body = firing.json();
    assert_eq!(body["status"], "firing");
    assert_eq!(body["alerts"].as_array().unwrap().len(), 1, "{body:#}");
    let labels = &body["alerts"][0]["labels"];
    assert_eq!(labels["signature"], "numbered-failure");
    assert_eq!(labels["service"], "api");
    assert_eq!(labels["environment"], "prod");
    assert_eq!(labels["severity"], "critical");

    // Calm: 20 minutes make it quiet, another hour makes it fixed; event time, so nobody has to wait.
    for clock in ["08:20:00", "08:21:00", "09:30:00", "09:31:00"] {
        home.append("app.log", healthy(clock));
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    peers::eventually("the state `fixed`", || async {
        (sidecar.incidents().await[0]["state"] == "fixed").then_some(())
    })
    .await;
    let resolved = peers::eventually("the resolution", || async { receiver.received().get(1).cloned() }).await;
    assert_eq!(resolved.json()["status"], "resolved");
    let statuses: Vec<_> = receiver.received().iter().map(|request| request.json()["status"].clone()).collect();
    assert_eq!(statuses, ["firing", "resolved"], "one notification each");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_gets_one_page_and_one_resolution() {
    let home = Home::new();
    let receiver = WebhookReceiver::start();
    let sidecar = home.start(&["--webhook", &receiver.url("/hook")]).await;
    for number in 0..500 {
        home.append("app.log", failure(number));
    }
    sidecar.await_occurrences(500).await;
    for clock in ["09:00:00", "09:01:00", "10:30:00", "10:31:00"] {
        home.append("app.log", healthy(clock));
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    peers::eventually("two notices", || async { (receiver.received().len() >= 2).then_some(()) }).await;
    let notices: Vec<_> = receiver.received().iter().map(peers::Received::json).collect();
    let kinds: Vec<_> = notices.iter().map(|notice| notice["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["page", "resolved"]);
    assert_eq!(notices[1]["occurrences"], 500, "the exact count: {:#}", notices[1]);
    assert!(home.said("stdout").contains("RELAPSED numbered-failure"), "{}", home.said("stdout"));
    assert!((sidecar.metric("relapse_notices_total{kind=\"page\"}").await - 1.0).abs() < f64::EPSILON);
    assert!((sidecar.metric("relapse_episodes_total{").await - 1.0).abs() < f64::EPSILON);
}
