//! What a sender cannot do: bombs, floods, slowness, wrong words. Each refusal says so in the sender's own format, and relapse goes on.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::ArrayValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message as _;
use relapse::source::NotStored;
use relapse::source::receive::server::Bounds;
use serde_json::Value as Json;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::make;
use super::rig;
use super::rig::Alone;
use super::rig::GZIP;
use super::rig::JSON;
use super::rig::PROTOBUF;
use super::rig::Receiver;
use crate::run::sidecar::Home;

const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
/// Memory that relapse promises to stay within, in KiB.
const PROMISED: u64 = 128 * 1024;

/// What is sent, and the status of the answer.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Vec<u8>, u16);

/// `google.rpc.Status`, as far as senders look.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn failure(number: u64) -> Vec<u8> {
    make::logs(make::api(), vec![make::log(make::NANOS + number, &format!("numbered failure {number}"))])
        .encode_to_vec()
}

/// N1: compressed bombs and wrong lengths.
#[tokio::test]
async fn bombs_and_broken_bodies_are_refused_in_the_format_of_the_request() {
    let home = Home::new();
    let receiver = Receiver::start(&home, &[]).await;
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    let within_size = gzip(&vec![b' '; 12 * 1024 * 1024]);
    let good = gzip(&failure(1));
    let cases: [Case<'_>; 10] = [
        ("a bomb", &[PROTOBUF, GZIP], bomb.clone(), 413),
        ("a bomb of JSON", &[JSON, GZIP], bomb.clone(), 413),
        ("small enough, compressed more than 100 times", &[PROTOBUF, GZIP], within_size, 413),
        ("big on the wire", &[PROTOBUF], vec![b'x'; 5 * 1024 * 1024], 413),
        ("cut off", &[PROTOBUF, GZIP], good[..good.len() - 9].to_vec(), 400),
        ("rubbish behind it", &[PROTOBUF, GZIP], [&good[..], b"rubbish"].concat(), 400),
        ("not compressed at all", &[PROTOBUF, GZIP], failure(1), 400),
        ("two layers", &[PROTOBUF, ("content-encoding", "gzip, gzip")], gzip(&good), 415),
        ("two layers, one named", &[PROTOBUF, GZIP], gzip(&good), 400),
        ("an encoding that nobody asks for", &[PROTOBUF, ("content-encoding", "br")], good.clone(), 415),
    ];
    for (what, headers, body, expected) in cases {
        let answer = receiver.answer("/v1/logs", headers, body).await;
        assert_eq!(answer.status(), expected, "{what}");
        assert_eq!(answer.headers()["content-type"], headers[0].1, "{what}");
        let body = answer.bytes().await.unwrap();
        let (code, message) = if headers[0] == JSON {
            let status: Json = serde_json::from_slice(&body).unwrap();
            (status["code"].as_i64().unwrap(), status["message"].as_str().unwrap().to_owned())
        } else {
            let status = Status::decode(body).unwrap();
            (i64::from(status.code), status.message)
        };
        assert_eq!(code, if expected == 413 { 8 } else { 3 }, "{what}");
        assert!(!message.is_empty(), "{what}");
    }
    let (status, headers) = rig::call(receiver.address(), LOGS, &bomb, true).await;
    assert_eq!((status, headers.get("grpc-status-details-bin")), (8, None), "never again: {headers:?}");
    let (status, _) = rig::call(receiver.address(), LOGS, &vec![0; 5 * 1024 * 1024], false).await;
    assert_eq!(status, 8, "big on the wire");
    assert_eq!(rig::call(receiver.address(), LOGS, &good[..20], true).await.0, 13, "cut off");
    assert_eq!(rig::call(receiver.address(), LOGS, b"\x0a\xff", false).await.0, 3, "no message");

    assert_eq!(receiver.post("/v1/logs", &[PROTOBUF, GZIP], good.clone()).await.0, 200, "the control");
    assert_eq!(rig::call(receiver.address(), LOGS, &gzip(&failure(2)), true).await.0, 0, "the control");
    assert_eq!(receiver.sidecar.occurrences().await, 2);
    assert!(receiver.peak() < PROMISED, "{} KiB", receiver.peak());
    receiver.await_requests("too_large", 6.0).await;
    receiver.await_requests("malformed", 7.0).await;
    receiver.await_requests("taken", 2.0).await;
}

/// N2: a million attributes, deep values, many records.
#[tokio::test]
async fn records_beyond_their_bound_are_left_out_and_the_sender_is_told() {
    let home = Home::new();
    let receiver = Receiver::start(&home, &[]).await;
    let flood = LogRecord {
        attributes: vec![make::attribute("a", AnyValue::default()); 1_000_000 / 8],
        ..make::log(make::NANOS, "numbered failure 1")
    };
    let overlong = LogRecord {
        attributes: vec![make::attribute("a", make::text("b")); 200_000],
        ..make::log(make::NANOS, "numbered failure 2")
    };
    let mut deep = make::text("x");
    for _ in 0..500 {
        deep = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![deep] })) };
    }
    let deep =
        LogRecord { attributes: vec![make::attribute("deep", deep)], ..make::log(make::NANOS, "numbered failure 3") };
    let logs = vec![flood, overlong, deep, make::log(make::NANOS, "numbered failure 4")];
    let (status, body) = receiver.post("/v1/logs", &[PROTOBUF], make::logs(make::api(), logs).encode_to_vec()).await;
    assert_eq!(status, 200);
    let partial = ExportLogsServiceResponse::decode(&*body).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_log_records, 1);
    assert!(partial.error_message.contains("bytes are not read"), "{}", partial.error_message);
    assert_eq!(receiver.sidecar.occurrences().await, 3, "all but the one that is too long");

    // Two bytes a record.
    let many = b"\x12\x00".repeat(200_000);
    let scope = [&[0x12], &*varint(many.len()), &many].concat();
    let request = [&[0x0a], &*varint(scope.len()), &scope].concat();
    let (status, body) = receiver.post("/v1/logs", &[PROTOBUF], request).await;
    assert_eq!(status, 413, "{}", Status::decode(&*body).unwrap().message);
    let (status, body) = receiver.post("/v1/logs", &[PROTOBUF], Vec::new()).await;
    assert_eq!((status.as_u16(), body.len()), (200, 0), "an empty request is taken, and nothing is said of it");
    let (status, body) = receiver.post("/v1/logs", &[JSON], b"{}".to_vec()).await;
    assert_eq!((status.as_u16(), &*body), (200, &b"{}"[..]));
    assert!(receiver.peak() < PROMISED, "{} KiB", receiver.peak());
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

/// N3: connections that never finish a request make room for those that do.
#[tokio::test]
async fn slow_and_silent_connections_end_and_a_sender_gets_through() {
    let bounds = Bounds {
        connections: 16,
        headers: Duration::from_millis(300),
        body: Duration::from_millis(300),
        ..Bounds::default()
    };
    let alone = Alone::start(8, bounds).await;
    let address = alone.address;
    let answers = alone.answer_all();
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let begun: &[u8] = match number % 4 {
            0 => b"",
            1 => b"POST /v1/logs HTTP/1.1\r\nhost: x\r\n",
            2 => b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 99\r\n\r\n\n",
            _ => b"PRI * HTTP/2.0\r\n",
        };
        stream.write_all(begun).await.unwrap();
        slow.push((number, stream));
    }
    assert_eq!(rig::post(address, failure(1)).await.status(), 200, "behind all of them");
    for (number, mut stream) in slow {
        let mut told = Vec::new();
        // The end may come as a reset.
        let _ = stream.read_to_end(&mut told).await;
        let told = String::from_utf8_lossy(&told);
        assert!(number % 4 != 2 || told.starts_with("HTTP/1.1 408"), "{number}: {told}");
    }
    answers.abort();
}

/// N6: a pipeline that takes nothing sends senders away, and they may come again.
#[tokio::test]
async fn a_full_receiver_says_when_to_come_again() {
    let mut alone = Alone::start(1, Bounds::default()).await;
    let address = alone.address;
    let first = rig::spawn(rig::post(address, failure(1)));
    while alone.batches.is_empty() {
        tokio::task::yield_now().await;
    }
    let refused = alone.post(failure(2)).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    assert_eq!(Status::decode(refused.bytes().await.unwrap()).unwrap().code, 14);
    let (status, headers) = rig::call(address, LOGS, &failure(2), false).await;
    assert_eq!(status, 14);
    assert!(headers.contains_key("grpc-status-details-bin"), "RetryInfo: {headers:?}");

    let batch = alone.batches.recv().await.unwrap();
    assert_eq!((batch.observations.len(), batch.tally.lines), (1, 1));
    assert!(!first.is_finished(), "no answer before it is stored");
    batch.sender.unwrap().answer(Ok(()));
    assert_eq!(first.await.unwrap().status(), 200);

    let unstored = rig::spawn(rig::post(address, failure(3)));
    let batch = alone.batches.recv().await.unwrap();
    batch.sender.unwrap().answer(Err(NotStored { reason: "the disk is full".to_owned() }));
    let refused = unstored.await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(Status::decode(refused.bytes().await.unwrap()).unwrap().message.contains("the disk is full"));

    let dropped = rig::spawn(rig::post(address, failure(4)));
    drop(alone.batches.recv().await.unwrap());
    assert_eq!(dropped.await.unwrap().status(), 503, "the pipeline ended with it");
    alone.stop().await;
}

/// Bodies of all requests together are bounded: who comes too many is told so at once.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_bodies_at_once_are_sent_away() {
    let mut alone = Alone::start(64, Bounds::default()).await;
    let address = alone.address;
    let big =
        make::logs(make::resource(&[]), vec![make::log(make::NANOS, &"calm ".repeat(100_000)); 8]).encode_to_vec();
    let held: Vec<_> = (0..15).map(|_| rig::spawn(rig::post(address, big.clone()))).collect();
    while alone.batches.len() < held.len() {
        tokio::task::yield_now().await;
    }
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(rig::spawn(rig::post(address, big.clone())));
    }
    let refused = loop {
        if let Some(at) = answers.iter().position(tokio::task::JoinHandle::is_finished) {
            break answers.swap_remove(at).await.unwrap();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (429, true));
    while let Ok(batch) = alone.batches.try_recv() {
        batch.sender.unwrap().answer(Ok(()));
    }
    for answer in held {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn wrong_words_are_answered_and_counted() {
    let home = Home::new();
    std::fs::write(home.path("token"), "s3cret-s3cret-s3cret\n").unwrap();
    std::fs::write(home.path("relapse.yaml"), "otlp: { bearer_token_file: token }\n").unwrap();
    let receiver = Receiver::start(&home, &["--config", "relapse.yaml"]).await;
    let token = ("authorization", "Bearer s3cret-s3cret-s3cret");
    let text = ("content-type", "text/plain");
    let origin = ("origin", "http://evil.example");
    for (what, path, headers, expected) in [
        ("no token", "/v1/logs", &[PROTOBUF][..], 401),
        ("another token", "/v1/logs", &[PROTOBUF, ("authorization", "Bearer s3cret")], 401),
        ("a web page", "/v1/logs", &[JSON, token, origin], 403),
        ("text", "/v1/logs", &[text, token], 415),
        ("no type", "/v1/logs", &[token], 415),
        ("metrics", "/v1/metrics", &[PROTOBUF, token], 404),
        ("the control", "/v1/logs", &[("content-type", "application/x-protobuf; charset=utf-8"), token], 200),
    ] {
        assert_eq!(receiver.post(path, headers, failure(1)).await.0, expected, "{what}");
    }
    let (status, body) = receiver.post("/v1/logs", &[JSON, token], b"{\"resourceLogs\":[{]}".to_vec()).await;
    assert_eq!(status, 400);
    let told: Json = serde_json::from_slice(&body).unwrap();
    assert!(told["message"].as_str().unwrap().contains("line 1 column"), "{told}");
    let get = reqwest::get(receiver.url("/v1/logs")).await.unwrap();
    assert_eq!(get.status(), 404);
    assert_eq!(rig::call(receiver.address(), LOGS, &failure(1), false).await.0, 16, "no token");
    let metrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    assert_eq!(rig::call(receiver.address(), metrics, b"", false).await.0, 12);
    receiver.await_requests("unauthorized", 4.0).await;
    let lines = receiver.sidecar.metric("relapse_source_lines_total{source_kind=\"otlp\"}").await;
    assert!((lines - 1.0).abs() < 0.5, "what is refused is not read: {lines}");
    assert!(receiver.sidecar.text("/readyz?verbose").await.contains("[+]source/otlp ok"));
}

/// A port that strangers could reach needs a token, or a word that it is meant.
#[test]
fn a_public_address_is_refused_at_the_start() {
    let home = Home::new();
    let refused = |arguments: &[&str]| {
        let output = home.command().args(arguments).stderr(std::process::Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = refused(&["--otlp", "0.0.0.0:0"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("anybody could send records") && said.contains("otlp.bearer_token_file"), "{said}");
    let (code, said) = refused(&["--otlp", "nonsense"]);
    assert!(code == Some(4) && said.contains("as in --otlp 127.0.0.1:4318"), "{code:?} {said}");
    std::fs::write(home.path("empty"), "\n").unwrap();
    std::fs::write(home.path("relapse.yaml"), "otlp: { bearer_token_file: empty }\n").unwrap();
    let (code, said) = refused(&["--config", "relapse.yaml"]);
    assert!(code == Some(4) && said.contains("is empty"), "{code:?} {said}");
}

/// What is under way when relapse stops is stored and answered; then nobody is let in.
#[tokio::test]
async fn a_stop_answers_what_is_under_way() {
    let mut alone = Alone::start(8, Bounds::default()).await;
    let address = alone.address;
    let under_way = rig::spawn(rig::post(address, failure(1)));
    let batch = alone.batches.recv().await.unwrap();
    let stopped = rig::spawn(alone.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    batch.sender.unwrap().answer(Ok(()));
    assert_eq!(under_way.await.unwrap().status(), 200);
    stopped.await.unwrap();
}
