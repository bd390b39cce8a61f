//! A sender that gets no answer sends again: nothing is lost, nothing counts twice, whenever relapse dies.

use std::net::SocketAddr;
use std::time::Duration;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message as _;
use reqwest::Client;

use super::make;
use super::rig::PROTOBUF;
use super::rig::Receiver;
use crate::peers;
use crate::run::sidecar::Home;

/// Kills in a normal run; `RELAPSE_TEST_KILLS` asks for more.
const KILLS: usize = 20;
/// Records of one request.
const BATCH: usize = 20;

fn request(number: usize) -> Vec<u8> {
    let records = (0..BATCH).map(|at| {
        let failure = number * BATCH + at;
        // Two failures share each moment: they are two.
        make::log(make::NANOS + (failure / 2) as u64, &format!("numbered failure {failure}"))
    });
    make::logs(make::api(), records.collect()).encode_to_vec()
}

/// Sends one request after the other, each until it is taken; gives how many there were, and how many tries it took.
async fn send(address: SocketAddr, mut stop: tokio::sync::watch::Receiver<bool>) -> (usize, usize) {
    let client = Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
    let (mut number, mut tries) = (0, 0);
    while !*stop.borrow_and_update() {
        loop {
            tries += 1;
            let url = format!("http://{address}/v1/logs");
            let sent = client.post(url).header(PROTOBUF.0, PROTOBUF.1).body(request(number)).send().await;
            match sent {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => assert_eq!(answer.status(), 503, "only what is temporary is answered"),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        number += 1;
    }
    (number, tries)
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_between_requests_and_answers_loses_and_repeats_nothing() {
    let kills = std::env::var("RELAPSE_TEST_KILLS").ok().map_or(KILLS, |kills| kills.parse().unwrap());
    let home = Home::new();
    let address = peers::free_address();
    let (done, stop) = tokio::sync::watch::channel(false);
    let sender = tokio::spawn(send(address, stop));
    for kill in 0..kills {
        let receiver = Receiver::start_at(&home, address, &[]).await;
        // Different moments of a request: nothing depends on how long it is.
        tokio::time::sleep(Duration::from_millis(50 + (kill as u64 * 37) % 450)).await;
        receiver.sidecar.kill();
    }
    let receiver = Receiver::start_at(&home, address, &[]).await;
    done.send(true).unwrap();
    let (requests, tries) = sender.await.unwrap();
    assert!(tries > requests, "some requests were sent twice, or nothing was tried: {tries} of {requests}");
    assert_eq!(receiver.sidecar.occurrences().await, (requests * BATCH) as u64, "{requests} requests in {tries} tries");
    println!("{kills} kills: {requests} requests, {tries} tries, {} records: 0 lost, 0 double", requests * BATCH);
}

#[tokio::test]
async fn what_is_sent_again_counts_once_and_what_only_looks_alike_twice() {
    let home = Home::new();
    let receiver = Receiver::start(&home, &[]).await;
    let uid = |uid: &str, nanos: u64| LogRecord {
        attributes: vec![make::attribute("log.record.uid", make::text(uid))],
        ..make::log(nanos, "numbered failure 1")
    };
    let send =
        |logs: Vec<LogRecord>| receiver.post("/v1/logs", &[PROTOBUF], make::logs(make::api(), logs).encode_to_vec());
    let one = make::log(make::NANOS, "numbered failure 1");
    for (logs, occurrences, why) in [
        (vec![one.clone()], 1, "news"),
        (vec![one.clone()], 1, "sent again"),
        (vec![make::log(make::NANOS, "numbered failure 2")], 2, "the same time, another text"),
        (vec![make::log(make::NANOS + 1, "numbered failure 1")], 3, "the same text, another time"),
        (vec![one.clone(), make::log(make::NANOS, "numbered failure 3")], 4, "one known and one new"),
        (vec![uid("a", make::NANOS)], 5, "named"),
        (vec![uid("a", make::NANOS), uid("b", make::NANOS)], 6, "the same text and time, another name"),
    ] {
        assert_eq!(send(logs).await.0, 200);
        assert_eq!(receiver.sidecar.occurrences().await, occurrences, "{why}");
    }
    receiver.sidecar.kill();
    let receiver = Receiver::start(&home, &[]).await;
    receiver.post("/v1/logs", &[PROTOBUF], make::logs(make::api(), vec![one]).encode_to_vec()).await;
    assert_eq!(receiver.sidecar.occurrences().await, 6, "known after a kill, too");
}

/// The log of a raise came before relapse died, its span after.
#[tokio::test]
async fn a_raise_told_before_and_after_a_kill_is_one() {
    let home = Home::new();
    let receiver = Receiver::start(&home, &[]).await;
    let raise = |message: &str| {
        let attributes = vec![
            make::attribute("exception.type", make::text("ValueError")),
            make::attribute("exception.message", make::text(message)),
        ];
        let (trace_id, span_id) = (vec![0x5a; 16], vec![0x3f; 8]);
        let log = LogRecord { attributes, trace_id, span_id, ..make::log(make::NANOS, "checkout failed") };
        make::logs(make::api(), vec![log]).encode_to_vec()
    };
    let span = |message: &str| {
        make::traces(make::api(), vec![make::failed_span(make::NANOS, "ValueError", message)]).encode_to_vec()
    };
    receiver.post("/v1/logs", &[PROTOBUF], raise("numbered failure 1")).await;
    assert_eq!(receiver.sidecar.occurrences().await, 1);
    receiver.sidecar.kill();
    let receiver = Receiver::start(&home, &[]).await;
    receiver.post("/v1/traces", &[PROTOBUF], span("numbered failure 1")).await;
    assert_eq!(
        receiver.sidecar.occurrences().await,
        1,
        "event and status of the span tell of the raise that was logged"
    );
    receiver.post("/v1/traces", &[PROTOBUF], span("numbered failure 2")).await;
    assert_eq!(receiver.sidecar.occurrences().await, 2, "the control: another raise");
}
