//! A changed catalog is taken over whole; a bad one changes nothing and is visible.

use super::sidecar::CATALOG;
use super::sidecar::Home;
use super::sidecar::Sidecar;
use super::sidecar::failure;
use crate::peers;

const SUCCESSFUL: &str = "relapse_catalog_last_reload_successful ";

async fn await_metric(sidecar: &Sidecar, series: &str, wanted: f64) {
    peers::eventually(&format!("{series}= {wanted}"), || async {
        ((sidecar.metric(series).await - wanted).abs() < f64::EPSILON).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_signature_counts_without_a_restart_and_a_removed_one_resolves() {
    let home = Home::new();
    let sidecar = home.start(&[]).await;
    home.append("app.log", failure(1));
    sidecar.await_occurrences(1).await;
    let second = CATALOG.replace("numbered-failure", "other-failure").replace("A failure", "Another failure");
    let both = format!("{CATALOG}\n---\n{}", second.replace("numbered failure", "other trouble"));
    std::fs::write(home.path("catalog.yaml"), &both).unwrap();
    await_metric(&sidecar, "relapse_catalog_signatures ", 2.0).await;
    home.append("app.log", failure(2).replace("numbered failure", "other trouble"));
    home.append("app.log", failure(3));
    sidecar.await_occurrences(3).await;
    assert_eq!(sidecar.incidents().await.len(), 2);

    let only_second = both.split_once("\n---\n").unwrap().1;
    std::fs::write(home.path("catalog.yaml"), only_second).unwrap();
    peers::eventually("retirement", || async {
        let incidents = sidecar.incidents().await;
        incidents.iter().any(|one| one["signature"] == "numbered-failure" && one["state"] == "retired").then_some(())
    })
    .await;
    peers::eventually("the resolution", || async {
        home.said("stdout").contains("RESOLVED numbered-failure").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_catalog_changes_nothing_and_is_visible() {
    let home = Home::new();
    let sidecar = home.start(&[]).await;
    await_metric(&sidecar, SUCCESSFUL, 1.0).await;
    std::fs::write(home.path("catalog.yaml"), CATALOG.replace("severity:", "severty:")).unwrap();
    await_metric(&sidecar, SUCCESSFUL, 0.0).await;
    assert!(home.said("stderr").contains("severty"), "{}", home.said("stderr"));
    home.append("app.log", failure(1));
    sidecar.await_occurrences(1).await;
    std::fs::write(home.path("catalog.yaml"), CATALOG).unwrap();
    sidecar.signal("-HUP");
    await_metric(&sidecar, SUCCESSFUL, 1.0).await;
    assert_eq!(sidecar.occurrences().await, 1);
}
