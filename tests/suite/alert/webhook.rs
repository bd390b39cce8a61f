//! Webhooks: every notice arrives at least once and under the same id, or lies there as a dead letter.

use std::fs;
use std::sync::Arc;

use relapse::alert::client::Client;
use relapse::alert::client::Target;
use relapse::alert::config::TimeoutConfig;
use relapse::alert::sink::Outcome;
use relapse::model::alert::NoticeKind;
use relapse::outgoing::guard::GuardedResolver;

use super::desk::Desk;
use super::desk::Memory;
use super::desk::State;
use super::desk::sinks;
use super::desk::webhook;
use super::receiver::Answer;
use super::receiver::OK;
use super::receiver::Receiver;
use crate::store::sample::at;
use crate::store::sample::notice;

fn owing(ids: &[&str]) -> Arc<Memory> {
    let memory = Memory::default();
    for id in ids {
        memory.owe(notice(id, "A", NoticeKind::Page));
    }
    Arc::new(memory)
}

fn desk(receiver: &Receiver, ids: &[&str]) -> Desk {
    Desk::start(sinks(&webhook(&receiver.url())).remove(0), owing(ids))
}

fn all_settled(memory: &Memory) -> bool {
    memory.states().iter().all(|state| *state != State::Owed)
}

#[tokio::test]
async fn a_notice_arrives_with_everything_a_receiver_needs() {
    let receiver = Receiver::start(vec![], OK).await;
    let desk = desk(&receiver, &["n1"]);
    desk.until(all_settled).await;
    let request = &receiver.requests()[0];
    assert!(request.head.starts_with("POST /hook HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("idempotency-key"), Some("n1"));
    assert_eq!(request.header("user-agent"), Some(concat!("relapse/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.body["version"], "relapse/v1");
    assert_eq!(request.body["kind"], "page");
    assert_eq!(request.body["signature"], "A");
    assert_eq!(request.body["fix"]["release"], "1.42.0");
    assert!(request.body["text"].as_str().unwrap().starts_with("RELAPSED A "));
    assert_eq!(desk.stats.counts().delivered, 1);
    desk.stop().await;
}

#[tokio::test]
async fn what_may_pass_is_tried_again_under_the_same_id() {
    let passing = vec![
        Answer::Reply("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"),
        Answer::Reply("HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"),
        Answer::Close,
        Answer::Hang,
        Answer::Reply("HTTP/1.1 301 Moved\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n"),
        Answer::Endless("HTTP/1.1 503 Busy\r\ncontent-type: text/plain\r\n\r\n"),
        Answer::Reply("this is not HTTP\r\n\r\n"),
    ];
    let failures = passing.len();
    let receiver = Receiver::start(passing, OK).await;
    let desk = desk(&receiver, &["n1"]);
    desk.until(all_settled).await;
    assert_eq!(desk.outbox.states(), [State::Delivered]);
    assert_eq!(receiver.ids(), vec!["n1"; failures + 1]);
    assert!(receiver.requests().iter().all(|request| request.header("idempotency-key") == Some("n1")));
    let counts = desk.stats.counts();
    assert_eq!((counts.delivered, counts.failed, counts.dead, counts.failing), (1, failures as u64, 0, false));
    let row = desk.outbox.row(1);
    assert_eq!(row.attempts as usize, failures);
    assert!(row.errors[0].contains("answered 500"), "{:?}", row.errors);
    assert!(row.errors.iter().all(|error| !error.contains("/hook") && error.len() < 600), "{:?}", row.errors);
    desk.stop().await;
}

#[tokio::test]
async fn a_refusal_is_a_dead_letter_and_the_next_one_is_delivered() {
    let refusal = "HTTP/1.1 400 Bad Request\r\ncontent-length: 32\r\n\r\nno \x1b[31mfield, token=abcdef12345";
    let receiver = Receiver::start(vec![Answer::Reply(refusal)], OK).await;
    let desk = desk(&receiver, &["n1", "n2"]);
    desk.until(all_settled).await;
    let State::Dead(reason) = &desk.outbox.states()[0] else { panic!("{:?}", desk.outbox.states()) };
    assert!(reason.contains("answered 400: no field, token=[REDACTED]"), "{reason}");
    assert_eq!(desk.outbox.states()[1], State::Delivered);
    assert_eq!((desk.stats.counts().dead, receiver.ids()), (1, vec!["n1".to_owned(), "n2".to_owned()]));
    desk.stop().await;
}

#[tokio::test]
async fn one_notice_a_receiver_chokes_on_does_not_hold_up_the_rest() {
    let broken = Answer::Reply("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n");
    let receiver = Receiver::start(vec![broken.clone(), OK, OK, broken.clone()], broken).await;
    let desk = desk(&receiver, &["n1", "n2", "n3"]);
    desk.elapsed.store(0, std::sync::atomic::Ordering::SeqCst);
    desk.until(|memory| memory.states()[1..].iter().all(|state| *state == State::Delivered)).await;
    desk.stop().await;
}

#[tokio::test]
async fn an_endless_reply_to_an_accepted_notice_is_not_waited_for() {
    let receiver = Receiver::start(vec![], Answer::Endless("HTTP/1.1 200 OK\r\n\r\n")).await;
    let desk = desk(&receiver, &["n1", "n2"]);
    desk.until(all_settled).await;
    assert_eq!(receiver.ids(), ["n1", "n2"]);
    desk.stop().await;
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let busy = Answer::Reply("HTTP/1.1 429 Too Many Requests\r\nretry-after: 900\r\ncontent-length: 0\r\n\r\n");
    let receiver = Receiver::start(vec![busy], OK).await;
    let desk = desk(&receiver, &["n1"]);
    desk.until(|memory| memory.row(1).attempts == 1).await;
    assert!(desk.outbox.row(1).due >= at(900), "{}", desk.outbox.row(1).due);
    desk.wake.notify_one();
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(receiver.ids().len(), 1, "a wake-up does not shorten the pause");
    desk.stop().await;
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_sent_again() {
    let receiver = Receiver::start(vec![], OK).await;
    let memory = owing(&["n1"]);
    memory.broken.store(5, std::sync::atomic::Ordering::SeqCst);
    let desk = Desk::start(sinks(&webhook(&receiver.url())).remove(0), memory);
    desk.until(all_settled).await;
    assert_eq!(receiver.ids(), ["n1"], "the disk was full, the receiver was told once");
    desk.stop().await;
}

#[tokio::test]
async fn stopping_makes_one_more_attempt_and_never_hangs() {
    let receiver = Receiver::start(vec![], OK).await;
    let late = desk(&receiver, &[]);
    late.until(|_| true).await;
    late.outbox.owe(notice("n1", "A", NoticeKind::Page));
    let outbox = Arc::clone(&late.outbox);
    late.stop().await;
    assert_eq!(outbox.states(), [State::Delivered], "committed while stopping, delivered before the end");

    let hanging = Receiver::start(vec![], Answer::Hang).await;
    let held = desk(&hanging, &["n2"]);
    let outbox = Arc::clone(&held.outbox);
    held.stop().await;
    assert_eq!(outbox.states(), [State::Owed], "still owed after the restart");
}

#[tokio::test]
async fn a_slow_sink_does_not_delay_another() {
    let (slow, quick) = (Receiver::start(vec![], Answer::Hang).await, Receiver::start(vec![], OK).await);
    let held = desk(&slow, &["n1"]);
    let free = desk(&quick, &["n1", "n2", "n3"]);
    free.until(all_settled).await;
    assert_eq!(held.outbox.states(), [State::Owed]);
    free.stop().await;
    held.stop().await;
}

#[tokio::test]
async fn a_token_comes_from_its_file_and_is_shown_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    fs::write(&file, "s3cr3t-token\n").unwrap();
    let receiver = Receiver::start(vec![], OK).await;
    let mut config = webhook(&receiver.url());
    config.webhooks[0].bearer_token_file = Some(file);
    let sink = sinks(&config).remove(0);
    assert!(!format!("{sink:?} {config:?}").contains("s3cr3t"));
    let desk = Desk::start(sink, owing(&["n1"]));
    desk.until(all_settled).await;
    assert_eq!(receiver.requests()[0].header("authorization"), Some("Bearer s3cr3t-token"));
    desk.stop().await;
}

#[tokio::test]
async fn a_name_that_resolves_to_a_forbidden_address_is_not_sent_to() {
    let receiver = Receiver::start(vec![], OK).await;
    let url = format!("http://localhost:{}/hook", receiver.address.port()).parse().unwrap();
    let target = Target { url, bearer_token_file: None };
    let post = async |resolver: GuardedResolver| {
        let client = Client::new(TimeoutConfig::default(), resolver).unwrap();
        client.post(&target, b"{}".to_vec(), None, at(0)).await
    };
    let refused = post(GuardedResolver::forbidding(|address| address.is_loopback())).await;
    let Outcome::Retry { error, .. } = refused else { panic!("{refused:?}") };
    let chain = format!("{error:?}");
    assert!(chain.contains("Forbidden"), "{chain}");
    assert_eq!(receiver.requests().len(), 0);
    // The same name with nothing forbidden on loopback: it was the guard.
    assert!(matches!(post(GuardedResolver::new()).await, Outcome::Accepted));
    assert_eq!(receiver.requests().len(), 1);
}
