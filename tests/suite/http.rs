//! Tests of `http` over a real port: what scrapers, probes, people and strangers get.

mod commands;

use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use relapse::http::bind::HttpConfig;
use relapse::http::bind::bind;
use relapse::http::serve::serve;
use relapse::http::shared::Shared;
use relapse::listen::bind::BindError;
use relapse::model::incident::TrackState;
use relapse::model::verdict::Verdict;
use relapse::model::view::Check;
use relapse::model::view::IncidentView;
use relapse::telemetry::metrics::Metrics;
use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::peers;
use crate::telemetry::everything;

/// A server on a free port; it ends with the value.
struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    task: JoinSet<std::io::Result<()>>,
}

impl Running {
    async fn start(metrics: Metrics) -> Self {
        Self::serve(Shared::new(Arc::new(metrics))).await
    }

    async fn serve(shared: Shared) -> Self {
        let config = HttpConfig { listen: "127.0.0.1:0".to_owned(), ..HttpConfig::default() };
        let listener = bind(&config).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(shared);
        let stop = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(serve((listener, None), Arc::clone(&shared), stop.clone()));
        Self { address, shared, stop, task }
    }

    /// Status, content type and body.
    async fn ask(&self, method: Method, path: &str) -> (u16, String, String) {
        let request = reqwest::Client::new().request(method, format!("http://{}{path}", self.address));
        let answer = request.send().await.unwrap();
        let kind = answer.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
        (answer.status().as_u16(), kind, answer.text().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, String, String) {
        self.ask(Method::GET, path).await
    }
}

fn incident(signature: &str, environment: &str, state: TrackState) -> IncidentView {
    let at: Timestamp = "2025-09-08T08:47:01Z".parse().unwrap();
    IncidentView {
        signature: signature.to_owned(),
        title: "A title".to_owned(),
        service: "api".to_owned(),
        environment: environment.to_owned(),
        state,
        since: at,
        verdict: Some(Verdict::Regression),
        occurrences: 3,
        first_seen: Some(at),
        last_seen: Some(at),
        episode: None,
        episodes: 1,
        muted_until: None,
        acknowledged_by: None,
        flapping_since: None,
        stale_since: None,
        unsatisfiable_since: None,
        episode_kind: None,
    }
}

fn check(name: &str, reason: Option<&str>) -> Check {
    Check { name: name.to_owned(), state: reason.map_or(Ok(()), |reason| Err(reason.to_owned())), notes: Vec::new() }
}

#[tokio::test]
async fn metrics_are_a_text_exposition() {
    let server = Running::start(everything()).await;
    let (status, kind, body) = server.get("/metrics").await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let deterministic: Vec<&str> = body.lines().filter(|line| !line.contains("process_")).collect();
    insta::assert_snapshot!("metrics", deterministic.join("\n"));
}

#[tokio::test]
async fn promtool_accepts_the_exposition() {
    let server = Running::start(everything()).await;
    let (_, _, body) = server.get("/metrics").await;
    let lint = |text: &str| {
        let mut promtool = std::process::Command::new(peers::program(&["promtool"]))
            .args(["check", "metrics"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (fine, said) = lint(&body);
    assert!(fine && said.is_empty(), "{said}");
    let (fine, said) = lint("# TYPE relapse_matches counter\nrelapse_matches 1\n");
    assert!(!fine && said.contains("_total"), "the linter can fail: {said}");
}

#[tokio::test]
async fn readiness_names_what_fails() {
    let server = Running::start(Metrics::new().unwrap()).await;
    let (status, _, body) = server.get("/readyz").await;
    assert_eq!((status, body.as_str()), (503, "starting: nothing has been checked yet\nreadyz check failed\n"));

    server.shared.publish_checks(vec![check("catalog", None), check("source/app.log", None)]);
    assert_eq!(server.get("/readyz").await, (200, "text/plain; charset=utf-8".to_owned(), "ok\n".to_owned()));
    let (status, _, body) = server.get("/readyz?verbose").await;
    assert_eq!((status, body.as_str()), (200, "[+]catalog ok\n[+]source/app.log ok\nreadyz check passed\n"));

    server.shared.publish_check(check("source/app.log", Some("stuck for 61 s\n[+]forged ok")));
    let (status, _, body) = server.get("/readyz").await;
    assert_eq!(
        (status, body.as_str()),
        (503, "[+]catalog ok\n[-]source/app.log failed: stuck for 61 s\\n[+]forged ok\nreadyz check failed\n")
    );
    for path in ["/livez", "/healthz"] {
        assert_eq!(server.get(path).await.0, 200, "a failing source is no reason to restart the process");
    }
}

#[tokio::test]
async fn incidents_are_listed_and_filtered() {
    let server = Running::start(Metrics::new().unwrap()).await;
    assert_eq!(server.get("/api/v1/incidents").await, (200, "application/json".to_owned(), "[]".to_owned()));
    server.shared.publish_incidents(vec![
        incident("a", "prod", TrackState::Relapsed),
        incident("a", "uat", TrackState::Fixed),
        incident("b", "prod", TrackState::RollingOut),
    ]);
    let (_, _, body) = server.get("/api/v1/incidents?signature=a&state=relapsed").await;
    insta::assert_json_snapshot!(serde_json::from_str::<Value>(&body).unwrap(), @r#"
    [
      {
        "signature": "a",
        "title": "A title",
        "service": "api",
        "environment": "prod",
        "state": "relapsed",
        "since": "2025-09-08T08:47:01Z",
        "verdict": "regression",
        "occurrences": 3,
        "first_seen": "2025-09-08T08:47:01Z",
        "last_seen": "2025-09-08T08:47:01Z",
        "episode": null,
        "episodes": 1,
        "muted_until": null,
        "acknowledged_by": null,
        "flapping_since": null,
        "stale_since": null,
        "unsatisfiable_since": null,
        "episode_kind": null
      }
    ]
    "#);
    for (query, expected) in [
        ("", 3),
        ("?environment=prod", 2),
        ("?state=fixed&state=rolling_out", 2),
        ("?service=api", 3),
        ("?service=API", 0),
        ("?signature=", 0),
        ("?signature=a&environment=prod&service=api&state=fixed", 0),
    ] {
        let (status, _, body) = server.get(&format!("/api/v1/incidents{query}")).await;
        let listed: Vec<IncidentView> = serde_json::from_str(&body).unwrap();
        assert_eq!((status, listed.len()), (200, expected), "{query}");
    }
}

#[tokio::test]
async fn a_bad_query_gets_every_problem_and_help() {
    let server = Running::start(Metrics::new().unwrap()).await;
    let (status, kind, body) = server.get("/api/v1/incidents?enviroment=prod&state=relapse&colour=red").await;
    assert_eq!((status, kind.as_str()), (400, "application/json"));
    insta::assert_json_snapshot!(serde_json::from_str::<Value>(&body).unwrap(), @r#"
    {
      "error": {
        "message": "unknown filter `enviroment` (did you mean `environment`?); unknown state `relapse` (did you mean `relapsed`?); unknown filter `colour`",
        "help": "filters: signature, service, environment, state; states: open, fix_pending, rolling_out, fixed, suspect, relapsed, quiet, retired"
      }
    }
    "#);
    let (status, _, body) = server.get("/api/v1/incidents?state=%ff%00&%5B=1").await;
    assert_eq!(status, 400);
    assert!(serde_json::from_str::<Value>(&body).unwrap()["error"]["help"].is_string(), "{body}");
}

#[tokio::test]
async fn other_paths_and_methods_are_json_errors() {
    let server = Running::start(Metrics::new().unwrap()).await;
    let (status, kind, body) = server.get("/api/v1/incident/../../etc").await;
    assert_eq!((status, kind.as_str()), (404, "application/json"));
    insta::assert_snapshot!(body, @r#"{"error":{"message":"no such page","help":"GET / lists the pages there are"}}"#);
    let (status, kind, body) = server.ask(Method::POST, "/api/v1/incidents").await;
    assert_eq!((status, kind.as_str()), (405, "application/json"));
    insta::assert_snapshot!(body, @r#"{"error":{"message":"this page is not served by this method","help":"the header `Allow` names the methods there are; GET / lists the pages"}}"#);
    assert_eq!(server.ask(Method::HEAD, "/metrics").await.0, 200);
    let (status, kind, body) = server.get("/").await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    for link in body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_ne!(server.get(link).await.0, 404, "the index links to {link}");
    }
}

#[tokio::test]
async fn answers_cannot_be_taken_for_something_else() {
    let server = Running::start(Metrics::new().unwrap()).await;
    let mut hostile = incident("a", "prod", TrackState::Open);
    hostile.title = "<script>alert(1)</script>".to_owned();
    server.shared.publish_incidents(vec![hostile]);
    let answer = reqwest::get(format!("http://{}/api/v1/incidents", server.address)).await.unwrap();
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["content-security-policy"], "default-src 'none'");
}

#[tokio::test]
async fn bad_requests_do_not_hurt_the_next_one() {
    let server = Running::start(Metrics::new().unwrap()).await;
    let endless = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(2_000_000));
    for bytes in [&b"\0\xff\xfe garbage\r\n\r\n"[..], b"GET", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", endless.as_bytes()] {
        let (address, bytes) = (server.address, bytes.to_owned());
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            // The server may refuse before all of it is sent.
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        })
        .await
        .unwrap();
        // HTTP/2 greets whoever speaks it, before anything is asked.
        let greeting = answer.starts_with("\0\0");
        let refused = answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4");
        assert!(answer.is_empty() || greeting || refused, "{answer}");
    }
    let big = reqwest::Client::new()
        .post(format!("http://{}/metrics", server.address))
        .body(vec![b'x'; 1_000_000])
        .send()
        .await;
    assert!(big.is_err() || big.is_ok_and(|answer| answer.status() == 405));
    assert_eq!(server.get("/livez").await.0, 200);
}

#[tokio::test]
async fn it_stops_when_told_even_with_half_a_request_open() {
    let mut server = Running::start(Metrics::new().unwrap()).await;
    let mut half = TcpStream::connect(server.address).unwrap();
    half.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n").unwrap();
    assert_eq!(server.get("/livez").await.0, 200);
    server.stop.cancel();
    server.task.join_next().await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect_timeout(&server.address, Duration::from_secs(5)).is_err(), "the port is given back");
}

async fn refusal(listen: &str) -> String {
    let config = HttpConfig { listen: listen.to_owned(), ..HttpConfig::default() };
    bind(&config).await.unwrap_err().to_string()
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_named_with_a_way_out() {
    let server = Running::start(Metrics::new().unwrap()).await;
    let taken = refusal(&server.address.to_string()).await;
    assert_eq!(
        taken,
        format!(
            "listen on {}: the port is taken, perhaps by another relapse; stop that one or choose another port with --listen",
            server.address
        )
    );
    insta::assert_snapshot!(refusal("0.0.0.0:0").await, @"listen on 0.0.0.0:0: it is not a loopback address, and incidents would be readable without a password; listen on 127.0.0.1, or allow it with --allow-public or `http.allow_public: true`");
    insta::assert_snapshot!(refusal("9464").await, @"listen on `9464`: invalid socket address; give HOST:PORT, as in --listen 127.0.0.1:9464");
    let public = refusal("203.0.113.7:9464").await;
    assert!(public.starts_with("listen on 203.0.113.7:9464: it is not a loopback address"), "{public}");
    let public = HttpConfig { listen: "0.0.0.0:0".to_owned(), allow_public: true, tls: None };
    assert!(bind(&public).await.is_ok());
    let elsewhere = HttpConfig { listen: "203.0.113.7:9464".to_owned(), allow_public: true, tls: None };
    let error = bind(&elsewhere).await.unwrap_err();
    assert!(matches!(error, BindError::Refused { .. }), "{error}");
    let by_name = HttpConfig { listen: "localhost:0".to_owned(), ..HttpConfig::default() };
    assert!(bind(&by_name).await.is_ok());
}
