//! kill -9, restart, second instance: each match is counted once, each episode is told once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::sidecar::Home;
use super::sidecar::append;
use super::sidecar::failure;
use crate::peers::WebhookReceiver;

/// Numbered failures written while the sidecar is killed again and again.
const FAILURES: usize = 3_000;
const KILLS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_stream_loses_and_repeats_nothing() {
    let home = Home::new();
    let hook = WebhookReceiver::start();
    let url = hook.url("/hook");
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (path, done) = (home.path("app.log"), Arc::clone(&done));
        std::thread::spawn(move || {
            for number in 0..FAILURES {
                append(&path, failure(number).as_bytes());
                if number % 10 == 0 {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    for kill in 0..KILLS {
        let sidecar = home.start(&["--webhook", &url]).await;
        // Different moments of a batch: nothing depends on how long it is.
        tokio::time::sleep(Duration::from_millis(20 + 23 * kill as u64)).await;
        sidecar.kill();
    }
    writer.join().unwrap();
    assert!(done.load(Ordering::SeqCst));
    let sidecar = home.start(&["--webhook", &url]).await;
    sidecar.await_occurrences(FAILURES as u64).await;
    crate::peers::eventually("the page", || async { (!hook.received().is_empty()).then_some(()) }).await;
    assert_eq!(sidecar.stop().await, Some(0));

    let sidecar = home.start(&["--webhook", &url]).await;
    assert_eq!(sidecar.occurrences().await, FAILURES as u64, "a restart without news counts nothing again");
    let ids: std::collections::BTreeSet<String> =
        hook.received().iter().map(|request| request.json()["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1, "one episode, one page (the same one may be sent again after a kill): {ids:?}");
    assert_eq!(sidecar.incidents().await[0]["episodes"], 1);
    assert_eq!(sidecar.incidents().await[0]["state"], "relapsed");
}

/// Whoever pulls logs by the hour pulls some entries twice.
#[tokio::test]
async fn an_entry_that_its_sender_named_counts_once_in_however_many_files() {
    let entry = |id: &str, second: u32| {
        format!(
            "{{\"insertId\":\"{id}\",\"timestamp\":\"2025-10-01T08:00:{second:02}Z\",\"severity\":\"ERROR\",\"textPayload\":\"numbered failure 1\"}}\n"
        )
    };
    let home = Home::new();
    let sidecar = home.start(&["other.log"]).await;
    home.append("app.log", entry("a", 1) + &entry("b", 2) + &entry("b", 3));
    sidecar.await_occurrences(3).await;
    sidecar.kill();
    let sidecar = home.start(&["other.log"]).await;
    home.append("other.log", entry("b", 3) + &entry("a", 1) + &entry("c", 4) + &failure(1) + &failure(1));
    sidecar.await_occurrences(6).await;
    assert_eq!(sidecar.occurrences().await, 6, "only `c`, and lines that nobody named, are new");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_relapse"));
    command.args(["replay", "--catalog", "catalog.yaml", "--service", "api", "app.log", "other.log"]);
    let out = command.current_dir(home.path("")).output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&out).contains("6 regression"), "{}", String::from_utf8_lossy(&out));
}

#[tokio::test]
async fn a_second_instance_on_the_same_state_is_refused() {
    let home = Home::new();
    let first = home.start(&[]).await;
    let second = home.command().args(["--logs", "app.log", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(second.status.code(), Some(5));
    assert!(home.said("stderr").contains("--state"), "{}", home.said("stderr"));
    assert_eq!(first.stop().await, Some(0));
    // Negative control: with the first one gone the directory is free.
    assert_eq!(home.start(&[]).await.stop().await, Some(0));
}

#[tokio::test]
async fn sigterm_judges_what_was_read_and_ends_with_0() {
    let home = Home::new();
    let sidecar = home.start(&[]).await;
    home.append("app.log", failure(1));
    sidecar.await_occurrences(1).await;
    // The last line has no newline yet: it is judged, and not again when the rest of it comes.
    home.append("app.log", failure(2).trim_end());
    sidecar.await_occurrences(2).await;
    assert_eq!(sidecar.stop().await, Some(0));
    home.append("app.log", format!("\n{}", failure(3)));
    let sidecar = home.start(&[]).await;
    sidecar.await_occurrences(3).await;
    assert_eq!(sidecar.stop().await, Some(0));
    let sidecar = home.start(&[]).await;
    assert_eq!(sidecar.occurrences().await, 3);
}

/// Boot lines are read once: a zombie must be known as one after a restart and after a rotation, too.
#[tokio::test]
async fn a_zombie_stays_a_zombie_over_restart_and_rotation() {
    let home = Home::new();
    let boot = "[2025-09-08 05:00:00 +0000] [7] [INFO] Booting worker with pid: 7\n";
    home.append("app.log", format!("{boot}2025-09-08 05:00:01,000 - app - INFO - up\n"));
    let sidecar = home.start(&[]).await;
    home.append("app.log", failure(1));
    sidecar.await_occurrences(1).await;
    assert_eq!(sidecar.incidents().await[0]["verdict"], "stale_build");
    assert_eq!(sidecar.stop().await, Some(0));

    let sidecar = home.start(&[]).await;
    home.append("app.log", failure(2));
    sidecar.await_occurrences(2).await;
    assert_eq!(sidecar.incidents().await[0]["verdict"], "stale_build", "after a restart");

    std::fs::rename(home.path("app.log"), home.path("app.log.1")).unwrap();
    home.append("app.log", failure(3));
    sidecar.await_occurrences(3).await;
    assert_eq!(sidecar.incidents().await[0]["verdict"], "stale_build", "after a rotation");
    assert_eq!(sidecar.incidents().await[0]["episodes"], 0);
}
