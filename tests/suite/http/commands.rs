//! Commands over HTTP: what a client is told, what it may not leave open, and what a web page may not do.

use std::sync::Arc;
use std::sync::Mutex;

use jiff::SignedDuration;
use jiff::Timestamp;
use relapse::http::guard::Hosts;
use relapse::http::orders::Answer;
use relapse::http::orders::Orders;
use relapse::model::command::Command;
use relapse::model::command::Deploy;
use relapse::model::command::Deployed;
use relapse::model::command::Receipt;
use relapse::model::command::Refusal;
use relapse::model::command::Selector;
use relapse::model::incident::TrackKey;
use relapse::model::view::ReleaseView;
use reqwest::RequestBuilder;
use serde_json::Value;
use serde_json::json;

use super::Running;
use relapse::http::bind::HttpConfig;
use relapse::http::shared::Shared;
use relapse::telemetry::metrics::Metrics;

const NOW: &str = "2025-10-01T08:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn key() -> TrackKey {
    TrackKey { signature: Arc::from("boom"), service: Arc::from("api"), environment: Arc::from("prod") }
}

/// A server whose pipeline answers every command with `answer`, and what it was told.
struct Told {
    server: Running,
    commands: Arc<Mutex<Vec<Command>>>,
}

impl Told {
    async fn start(answer: Answer) -> Self {
        Self::start_named(answer, Hosts::default()).await
    }

    async fn start_named(answer: Answer, hosts: Hosts) -> Self {
        let (orders, mut received) = Orders::new(now);
        let shared = Shared::new(Arc::new(Metrics::new().unwrap())).taking(orders).named(hosts);
        let mut server = Running::serve(shared).await;
        let commands: Arc<Mutex<Vec<Command>>> = Arc::default();
        let told = Arc::clone(&commands);
        server.task.spawn(async move {
            while let Some(order) = received.recv().await {
                told.lock().unwrap().push(order.command);
                drop(order.reply.send(answer.clone()));
            }
            Ok(())
        });
        Self { server, commands }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/api/v1/{path}", self.server.address)
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        reqwest::Client::new().post(self.url(path)).json(body)
    }

    fn commands(&self) -> Vec<Command> {
        self.commands.lock().unwrap().clone()
    }
}

async fn send(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

fn selector(service: Option<&str>) -> Selector {
    Selector { signature: Arc::from("boom"), service: service.map(Arc::from), environment: None }
}

#[tokio::test]
async fn a_deployment_is_answered_with_what_was_recorded() {
    let deployed = Deployed {
        service: Arc::from("api"),
        environment: Arc::from("prod"),
        release: "1.42.0".to_owned(),
        at: now(),
        changed: true,
        heard: false,
    };
    let told = Told::start(Ok(Receipt::Deployed(deployed))).await;
    let (status, body) = send(told.post("deploys", &json!({"service": "api", "release": " 1.42.0 "}))).await;
    assert_eq!(status, 200);
    insta::assert_json_snapshot!(body, @r#"
    {
      "service": "api",
      "environment": "prod",
      "release": "1.42.0",
      "at": "2025-10-01T08:00:00Z",
      "changed": true,
      "heard": false
    }
    "#);
    let whole = json!({"service": "api", "release": "1.42.0", "environment": "uat", "at": "2025-09-30T10:00:00+02:00"});
    assert_eq!(send(told.post("deploys", &whole)).await.0, 200);
    let deploy = |environment: Option<&str>, at: &str| {
        Command::Deploy(Deploy {
            service: "api".to_owned(),
            environment: environment.map(str::to_owned),
            release: "1.42.0".to_owned(),
            at: at.parse().unwrap(),
        })
    };
    assert_eq!(told.commands(), [deploy(None, NOW), deploy(Some("uat"), "2025-09-30T08:00:00Z")]);
}

#[tokio::test]
async fn mutes_end_and_acknowledgements_have_a_name() {
    let told = Told::start(Ok(Receipt::Tracks(vec![key()]))).await;
    let (status, body) = send(told.post("mutes", &json!({"signature": "boom", "for": "2h"}))).await;
    assert_eq!(status, 200);
    let tracks = json!([{"signature": "boom", "service": "api", "environment": "prod"}]);
    assert_eq!(body, json!({"until": "2025-10-01T10:00:00Z", "tracks": tracks}));
    let until = json!({"signature": "boom", "service": "api", "until": "2025-10-02T08:00:00Z", "environment": null});
    assert_eq!(send(told.post("mutes", &until)).await.0, 200);
    let unmute = reqwest::Client::new().delete(told.url("mutes")).json(&json!({"signature": "boom"}));
    assert_eq!(send(unmute).await, (200, json!({"until": null, "tracks": tracks})));
    let (status, body) = send(told.post("acknowledgements", &json!({"signature": "boom", "by": "ana"}))).await;
    assert_eq!((status, body), (200, json!({"by": "ana", "tracks": tracks})));
    let in_two_hours = now() + SignedDuration::from_hours(2);
    let tomorrow = now() + SignedDuration::from_hours(24);
    assert_eq!(
        told.commands(),
        [
            Command::Mute { tracks: selector(None), until: Some(in_two_hours) },
            Command::Mute { tracks: selector(Some("api")), until: Some(tomorrow) },
            Command::Mute { tracks: selector(None), until: None },
            Command::Acknowledge { tracks: selector(None), by: "ana".to_owned() },
        ]
    );
}

#[tokio::test]
async fn a_bad_body_gets_every_problem_and_changes_nothing() {
    let told = Told::start(Ok(Receipt::Tracks(vec![key()]))).await;
    let mut said = Vec::new();
    for (path, body) in [
        ("deploys", json!({"servise": "api", "release": 142, "colour": "red"})),
        ("deploys", json!({"service": "", "release": "x".repeat(257), "at": "yesterday"})),
        ("deploys", json!({"service": "a\u{1b}[2J", "release": "1"})),
        ("deploys", json!(["api", "1.42.0"])),
        ("mutes", json!({"signature": "boom"})),
        ("mutes", json!({"signature": "boom", "for": "2h", "until": "2026-01-01T00:00:00Z"})),
        ("mutes", json!({"signature": "boom", "for": "soon"})),
        ("mutes", json!({"signature": "boom", "for": "-2h"})),
        ("mutes", json!({"signature": "boom", "for": "3 years"})),
        ("mutes", json!({"signature": "boom", "for": "400d"})),
        ("mutes", json!({"signature": "boom", "until": "2025-09-01T00:00:00Z"})),
        ("mutes", json!({"signature": "boom", "untill": "2025-10-09T00:00:00Z"})),
        ("acknowledgements", json!({"signature": "boom"})),
        ("acknowledgements", json!({"by": {"name": "ana"}})),
    ] {
        let (status, answer) = send(told.post(path, &body)).await;
        assert_eq!(status, 400, "{path} {body}: {answer}");
        said.push(format!("{path}: {}", answer["error"]["message"].as_str().unwrap()));
    }
    for body in [&b"{"[..], b"", b"\xff\xfe", br#"{"service":"a","service":"b","release":"1"}"#] {
        let request = reqwest::Client::new().post(told.url("deploys")).header("content-type", "application/json");
        let (status, answer) = send(request.body(body.to_vec())).await;
        assert_eq!(status, 400, "{answer}");
        said.push(format!("deploys: {}", answer["error"]["message"].as_str().unwrap()));
    }
    insta::assert_snapshot!(said.join("\n"));
    assert_eq!(told.commands(), []);
    let (status, body) = send(told.post("deploys", &json!({"service": "x".repeat(5_000), "release": "1"}))).await;
    assert_eq!((status, body["error"]["help"].as_str()), (413, Some("a body has at most 4 KiB")));
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let found = vec![key(), TrackKey { environment: Arc::from("uat"), ..key() }];
    let known = ["boom-in-checkout", "boom-at-start", "other"].map(Arc::from).to_vec();
    let mut said = Vec::new();
    for (refusal, expected) in [
        (Refusal::UnknownSignature { known }, 404),
        (Refusal::UnknownSignature { known: vec![Arc::from("zzz")] }, 404),
        (Refusal::NoTrack { found }, 404),
        (Refusal::NoTrack { found: Vec::new() }, 404),
        (Refusal::NothingOpen, 409),
        (Refusal::NotStored { reason: "the disk is full".to_owned() }, 503),
        (Refusal::Late, 503),
        (Refusal::Closed, 503),
    ] {
        let told = Told::start(Err(refusal)).await;
        let body = json!({"signature": "boom", "service": "web", "by": "ana"});
        let answer = told.post("acknowledgements", &body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected);
        assert_eq!(answer.headers().contains_key("retry-after"), expected == 503);
        let body: Value = answer.json().await.unwrap();
        said.push(format!("{expected} {} | {}", body["error"]["message"], body["error"]["help"]));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[tokio::test]
async fn a_pipeline_that_has_ended_is_a_503_and_none_at_all_too() {
    let (orders, received) = Orders::new(now);
    drop(received);
    let metrics = || Arc::new(Metrics::new().unwrap());
    for shared in [Shared::new(metrics()).taking(orders), Shared::new(metrics())] {
        let server = Running::serve(shared).await;
        let url = format!("http://{}/api/v1/mutes", server.address);
        let request = reqwest::Client::new().post(url).json(&json!({"signature": "boom", "for": "2h"}));
        assert_eq!(send(request).await.0, 503);
    }
}

#[tokio::test]
async fn a_web_page_can_neither_change_nor_read_anything() {
    let told = Told::start(Ok(Receipt::Tracks(vec![key()]))).await;
    let mute = json!({"signature": "boom", "for": "2h"});
    let plain = || reqwest::Client::new().post(told.url("mutes")).body(mute.to_string());
    let json = || plain().header("content-type", "application/json; charset=utf-8");
    for (what, request, expected) in [
        ("a form", plain().header("content-type", "text/plain"), 415),
        ("another form", plain().header("content-type", "application/x-www-form-urlencoded"), 415),
        ("no type", plain(), 415),
        ("a page elsewhere", json().header("origin", "https://evil.example"), 403),
        ("a file or a sandbox", json().header("origin", "null"), 403),
        ("a page under a rebound name", json().header("host", "evil.example:9464"), 421),
        (
            "the same, with its origin",
            json().header("host", "evil.example").header("origin", "http://evil.example"),
            421,
        ),
        ("a page that hides its origin", json().header("sec-fetch-site", "cross-site"), 403),
    ] {
        let (status, body) = send(request).await;
        assert_eq!(status, expected, "{what}: {body}");
    }
    assert_eq!(told.commands(), []);
    let rebound = |path| reqwest::Client::new().get(told.url(path)).header("host", "evil.example");
    for path in ["incidents", "deploys"] {
        assert_eq!(rebound(path).send().await.unwrap().status(), 421);
    }
    // A browser asks before it sends JSON across sites; nothing in the answer may allow it.
    let asked = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, told.url("mutes"))
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    let answer = asked.send().await.unwrap();
    assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("access-control")), "{answer:?}");

    // With the defences' reasons gone the same requests pass: the tests above can fail.
    assert_eq!(send(json()).await.0, 200);
    assert_eq!(send(json().header("host", "localhost:9464")).await.0, 200);
    let public = Hosts::of(&HttpConfig { allow_public: true, ..HttpConfig::default() });
    let open = Told::start_named(Ok(Receipt::Tracks(vec![key()])), public).await;
    let named = open.post("mutes", &mute).header("host", "relapse.monitoring.svc");
    assert_eq!(send(named).await.0, 200);
    let page = open.post("mutes", &mute).header("origin", "http://relapse.monitoring.svc");
    assert_eq!(send(page).await.0, 403, "a public port is no reason to trust pages");
}

#[tokio::test]
async fn live_releases_are_listed_and_filtered() {
    let told = Told::start(Err(Refusal::Late)).await;
    let release = |service: &str, release: &str| ReleaseView {
        service: service.to_owned(),
        environment: "prod".to_owned(),
        release: release.to_owned(),
        current: release == "2",
        declared_at: None,
        first_seen: Some(now()),
        last_seen: Some(now()),
        instances: 3,
        contains_fix: Some(release != "1"),
    };
    told.server.shared.publish_releases(vec![release("api", "1"), release("api", "2"), release("web", "7")]);
    let get = |query: &str| send(reqwest::Client::new().get(told.url(&format!("deploys{query}"))));
    insta::assert_json_snapshot!(get("?service=api&release=2").await.1, @r#"
    [
      {
        "service": "api",
        "environment": "prod",
        "release": "2",
        "current": true,
        "declared_at": null,
        "first_seen": "2025-10-01T08:00:00Z",
        "last_seen": "2025-10-01T08:00:00Z",
        "instances": 3,
        "contains_fix": true
      }
    ]
    "#);
    assert_eq!(get("").await.1.as_array().unwrap().len(), 3);
    let (status, body) = get("?relase=2&state=fixed").await;
    assert_eq!(status, 400);
    insta::assert_json_snapshot!(body["error"], @r#"
    {
      "message": "unknown filter `relase` (did you mean `release`?); unknown filter `state`",
      "help": "filters: service, environment, release"
    }
    "#);
}
