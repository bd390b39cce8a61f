//! What is running decides: stale bytecode, a process from before the fix, a restart after it, a start-up that fails.

use jiff::SignedDuration;
use jiff::Timestamp;

use super::service::Code;
use super::service::HANDLER;
use super::service::STARTUP;
use super::service::Server;
use super::watched::Watched;
use super::watched::fixed_at;
use super::watched::shipped;

const KEYWORD: &str = "websocket-manager-context-kwarg";

#[tokio::test(flavor = "multi_thread")]
async fn stale_bytecode_is_told_from_a_relapse_and_its_advice_helps() {
    let code = Code::lay_out(&[STARTUP], &[HANDLER]);
    let watched = Watched::start(&shipped()).await;
    let service = code.start(Server::Uvicorn, "dash", &watched.log()).await;
    for _ in 0..3 {
        service.message().await;
    }
    let track = watched.after(KEYWORD, 3).await;
    assert_eq!(track["verdict"], "stale_runtime", "{track:#}");
    assert_eq!(track["episodes"], 0, "{track:#}");
    assert_eq!(watched.pages(0).await, Vec::<String>::new());
    service.stop().await;

    // Negative control: with the bytecode gone the same sources run without fault.
    std::fs::remove_dir_all(code.path("netra_backend/app/websocket_core/__pycache__")).unwrap();
    let service = code.start(Server::Uvicorn, "dash", &watched.log()).await;
    service.message().await;
    service.stop().await;
    watched.after(KEYWORD, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_line_before_the_fix_is_an_old_build_and_one_after_it_a_regression() {
    let code = Code::lay_out(&[STARTUP], &[]);
    let now = now();
    let hours_ago = |hours: i64| now - SignedDuration::from_hours(hours);
    let watched = Watched::start(&fixed_at(hours_ago(4))).await;

    code.set_clock(hours_ago(6));
    let zombie = code.start(Server::Gunicorn, "dash", &watched.log()).await;
    let steps = [
        (hours_ago(5), "pre_fix"),
        (hours_ago(4) + SignedDuration::from_mins(10), "rollout"),
        (hours_ago(2), "stale_build"),
    ];
    for (occurred, (at, verdict)) in (1..).zip(steps) {
        code.set_clock(at);
        zombie.message().await;
        let track = watched.after(KEYWORD, occurred).await;
        assert_eq!(track["verdict"], verdict, "{track:#}");
        assert_eq!(track["episodes"], 0, "{track:#}");
    }
    zombie.stop().await;
    assert_eq!(watched.pages(0).await, Vec::<String>::new());

    code.set_clock(hours_ago(1));
    let restarted = code.start(Server::Gunicorn, "dash", &watched.log()).await;
    restarted.message().await;
    let track = watched.after(KEYWORD, 4).await;
    assert_eq!(track["verdict"], "regression", "{track:#}");
    assert_eq!(track["episode"]["occurrences"], 1, "{track:#}");
    assert_eq!(track["episode"]["evidence"]["basis"], "process_start", "{track:#}");
    assert_eq!(watched.pages(1).await, [KEYWORD]);
    restarted.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_start_pages_for_its_cause_and_never_for_its_symptoms() {
    let code = Code::lay_out(&[], &[]);
    let watched = Watched::start(&shipped()).await;
    let service = code.launch(Server::Uvicorn, "stdlib", &watched.log());
    for _ in 0..5 {
        assert_eq!(service.get("/health").await, 503);
    }
    let symptom = watched.after("backend-unavailable-503", 5).await;
    assert_eq!(symptom["verdict"], "known_open", "{symptom:#}");
    assert_eq!(symptom["episodes"], 0, "{symptom:#}");
    service.stop().await;
    let cause = watched.after("websocket-import-time-initialization", 2).await;
    assert_eq!(cause["episodes"], 1, "{cause:#}");
    assert_eq!(watched.pages(1).await, ["websocket-import-time-initialization"]);
}

#[expect(clippy::disallowed_methods, reason = "the age of a fix is counted from the moment the test runs")]
fn now() -> Timestamp {
    Timestamp::now()
}
