//! Alertmanager: the level, again and again, and nothing that was owed is forgotten.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;
use relapse::alert::config::AlertmanagerConfig;
use relapse::alert::sink::BuildError;
use relapse::alert::sink::Sink;
use relapse::alert::sink::StdoutIs;
use relapse::model::alert::NoticeKind;
use serde_json::Value;

use super::desk::Desk;
use super::desk::Memory;
use super::desk::State;
use super::desk::alertmanagers;
use super::desk::quick;
use super::desk::sinks;
use super::receiver::Answer;
use super::receiver::OK;
use super::receiver::Receiver;
use crate::store::sample::at;
use crate::store::sample::notice;

const REFUSED: Answer = Answer::Reply("HTTP/1.1 400 Bad Request\r\ncontent-length: 12\r\n\r\ninvalid name");

fn desk(receiver: &Receiver, memory: Memory) -> Desk {
    let sink = sinks(&alertmanagers(&[&format!("http://{}/", receiver.address)])).remove(0);
    Desk::start(sink, Arc::new(memory))
}

fn firing(id: &str, signature: &str, kind: NoticeKind) -> Memory {
    let memory = Memory::default();
    memory.owe(notice(id, signature, kind));
    memory.active.lock().unwrap().push(notice(id, signature, kind));
    memory
}

fn all_delivered(memory: &Memory) -> bool {
    memory.states().iter().all(|state| *state == State::Delivered)
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_firing_alert_carries_its_identity_and_its_facts() {
    let receiver = Receiver::start(vec![], OK).await;
    let desk = desk(&receiver, firing("n1", "A", NoticeKind::Page));
    desk.until(all_delivered).await;
    let request = &receiver.requests()[0];
    assert!(request.head.starts_with("POST /api/v2/alerts HTTP/1.1"), "{}", request.head);
    let alert = &request.body[0];
    insta::assert_json_snapshot!(alert, { ".endsAt" => "[now + 5 intervals]" });
    assert!(time(&alert["endsAt"]) >= at(300), "outlives a restart of relapse");
    desk.stop().await;
}

#[tokio::test]
async fn it_is_said_again_after_the_interval_and_at_once_on_a_change() {
    let receiver = Receiver::start(vec![], OK).await;
    let desk = desk(&receiver, firing("n1", "A", NoticeKind::Page));
    desk.until(all_delivered).await;
    let warning = notice("n2", "B", NoticeKind::Warning);
    desk.outbox.active.lock().unwrap().push(warning.clone());
    desk.outbox.owe(warning);
    desk.wake.notify_one();
    desk.until(all_delivered).await;
    let last = receiver.requests().last().unwrap().body.clone();
    let names: Vec<&str> =
        last.as_array().unwrap().iter().map(|a| a["labels"]["alertname"].as_str().unwrap()).collect();
    assert_eq!(names, ["RelapseIncidentReturned", "RelapseSuspect"], "everything that fires, not only what is new");
    desk.stop().await;
}

#[tokio::test]
async fn without_any_change_it_is_said_again() {
    let receiver = Receiver::start(vec![], OK).await;
    let mut config = alertmanagers(&[&format!("http://{}/", receiver.address)]);
    config.alertmanager.resend_interval = SignedDuration::from_secs(1);
    let desk = Desk::start(sinks(&config).remove(0), Arc::new(firing("n1", "A", NoticeKind::Page)));
    desk.until(|_| receiver.requests().len() >= 3).await;
    assert!(receiver.requests().iter().all(|request| request.body[0]["labels"]["signature"] == "A"));
    desk.stop().await;
}

#[tokio::test]
async fn what_has_ended_is_said_with_its_end_and_never_in_the_future() {
    let receiver = Receiver::start(vec![], OK).await;
    let memory = Memory::default();
    memory.owe(notice("r1", "A", NoticeKind::Resolved));
    let mut over = notice("n1", "A", NoticeKind::Page);
    over.ends_at = Some(at(1_000_000));
    memory.resolved.lock().unwrap().push(over);
    let desk = desk(&receiver, memory);
    desk.until(all_delivered).await;
    let alert = receiver.requests()[0].body[0].clone();
    assert_eq!(alert["labels"]["alertname"], "RelapseIncidentReturned");
    assert!(time(&alert["startsAt"]) <= time(&alert["endsAt"]) && time(&alert["endsAt"]) < at(1_000), "{alert}");
    desk.stop().await;
}

#[tokio::test]
async fn a_page_that_came_and_went_unheard_is_told_late() {
    let receiver = Receiver::start(vec![], OK).await;
    let memory = Memory::default();
    memory.owe(notice("n1", "A", NoticeKind::Page));
    memory.owe(notice("r1", "A", NoticeKind::Resolved));
    let mut over = notice("n1", "A", NoticeKind::Page);
    over.ends_at = Some(at(0));
    memory.resolved.lock().unwrap().push(over);
    let desk = desk(&receiver, memory);
    desk.until(all_delivered).await;
    let first = receiver.requests()[0].body.clone();
    assert_eq!(first.as_array().unwrap().len(), 1, "one alert has one state");
    assert!(time(&first[0]["endsAt"]) >= at(300), "it fires first: {first}");
    desk.stop().await;
}

#[tokio::test]
async fn a_suspicion_that_was_confirmed_meanwhile_is_not_a_second_alert() {
    let receiver = Receiver::start(vec![], OK).await;
    let memory = firing("n2", "A", NoticeKind::Page);
    memory.owe(notice("n1", "A", NoticeKind::Warning));
    memory.resolved.lock().unwrap().push(notice("n1", "A", NoticeKind::Warning));
    let desk = desk(&receiver, memory);
    desk.until(all_delivered).await;
    let sent = receiver.requests()[0].body.clone();
    let names: Vec<&str> =
        sent.as_array().unwrap().iter().map(|a| a["labels"]["alertname"].as_str().unwrap()).collect();
    let fires: Vec<bool> = sent.as_array().unwrap().iter().map(|a| time(&a["endsAt"]) >= at(300)).collect();
    assert_eq!((names, fires), (vec!["RelapseSuspect", "RelapseIncidentReturned"], vec![false, true]));
    desk.stop().await;
}

#[tokio::test]
async fn one_alert_that_is_refused_does_not_take_the_others_with_it() {
    let receiver = Receiver::start(vec![REFUSED, OK, REFUSED], OK).await;
    let memory = firing("n1", "A", NoticeKind::Page);
    memory.owe(notice("n2", "B", NoticeKind::Page));
    memory.active.lock().unwrap().push(notice("n2", "B", NoticeKind::Page));
    let desk = desk(&receiver, memory);
    desk.until(|memory| !memory.states().contains(&State::Owed)).await;
    let states = desk.outbox.states();
    assert_eq!(states[0], State::Delivered);
    assert!(matches!(&states[1], State::Dead(reason) if reason.contains("answered 400: invalid name")), "{states:?}");
    let sizes: Vec<usize> = receiver.requests().iter().map(|request| request.body.as_array().unwrap().len()).collect();
    assert_eq!(sizes, [2, 1, 1], "the batch was sent once");
    desk.stop().await;
}

#[tokio::test]
async fn each_member_has_a_queue_of_its_own() {
    let alive = Receiver::start(vec![], OK).await;
    let wrong_path = Answer::Reply("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let lost = Receiver::start(vec![], wrong_path).await;
    let urls =
        [format!("http://{}", alive.address), format!("http://{}", lost.address), "http://127.0.0.1:9".to_owned()];
    let sinks = sinks(&alertmanagers(&urls.each_ref().map(String::as_str)));
    let names: Vec<&str> = sinks.iter().map(Sink::name).collect();
    assert!(names.iter().all(|name| name.starts_with("alertmanager/127.0.0.1:")), "{names:?}");
    let mut desks = sinks.into_iter().map(|sink| Desk::start(sink, Arc::new(firing("n1", "A", NoticeKind::Page))));
    let (first, second, third) = (desks.next().unwrap(), desks.next().unwrap(), desks.next().unwrap());
    first.until(all_delivered).await;
    for failing in [&second, &third] {
        failing.until(|memory| memory.row(1).attempts >= 2).await;
        assert_eq!(failing.outbox.states(), [State::Owed], "a dead member or a wrong path kills no notice");
        assert!(failing.stats.counts().failing);
    }
    for desk in [first, second, third] {
        desk.stop().await;
    }
}

#[test]
fn an_interval_that_lets_alerts_lapse_is_refused() {
    for seconds in [0, 61, -5] {
        let mut config = quick();
        config.alertmanager =
            AlertmanagerConfig { resend_interval: SignedDuration::from_secs(seconds), ..AlertmanagerConfig::default() };
        let stdout = StdoutIs { writer: Box::new(std::io::sink()), terminal: false, color: false };
        let error = Sink::build(&config, stdout).unwrap_err();
        assert!(matches!(error, BuildError::ResendInterval(_)), "{error}");
    }
}
