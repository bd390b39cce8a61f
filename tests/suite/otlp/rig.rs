//! A sidecar that takes OTLP, and how to talk to it.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::Request;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use relapse::source::Batch;
use relapse::source::otlp;
use relapse::source::receive::server::Bounds;
use reqwest::Client;
use reqwest::StatusCode;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::peers;
use crate::run::sidecar;
use crate::run::sidecar::Home;
use crate::run::sidecar::Sidecar;

/// A sidecar and the address of its receiver.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) sidecar: Sidecar,
    address: SocketAddr,
    client: Client,
}

impl Receiver {
    /// With nothing to read but what is sent.
    pub(super) async fn start(home: &Home, arguments: &[&str]) -> Self {
        Self::start_at(home, peers::free_address(), arguments).await
    }

    pub(super) async fn start_at(home: &Home, address: SocketAddr, arguments: &[&str]) -> Self {
        let mut command = home.command();
        command.args(["--otlp", &address.to_string()]).args(arguments);
        Self { sidecar: home.spawn(command).await, address, client: Client::new() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The most memory the process ever held, in KiB.
    pub(super) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.sidecar.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Status and body of the answer.
    pub(super) async fn post(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> (StatusCode, Vec<u8>) {
        let answer = self.answer(path, headers, body).await;
        (answer.status(), answer.bytes().await.unwrap().to_vec())
    }

    pub(super) async fn answer(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> reqwest::Response {
        let mut request = self.client.post(self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// How many requests for logs ended so.
    pub(super) async fn requests(&self, outcome: &str) -> f64 {
        let series = format!("relapse_otlp_requests_total{{outcome=\"{outcome}\",signal=\"logs\"}}");
        self.sidecar.metric(&series).await
    }

    /// Waits until so many ended so: they are published once a second.
    pub(super) async fn await_requests(&self, outcome: &str, wanted: f64) {
        peers::eventually(&format!("{wanted} requests {outcome}"), || async {
            (self.requests(outcome).await >= wanted).then_some(())
        })
        .await;
    }
}

/// Protobuf, not compressed.
pub(crate) const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
pub(super) const JSON: (&str, &str) = ("content-type", "application/json");
pub(super) const GZIP: (&str, &str) = ("content-encoding", "gzip");

/// The receiver without a pipeline behind it: what it hands over stays with the test.
#[derive(Debug)]
pub(super) struct Alone {
    pub(super) address: SocketAddr,
    pub(super) batches: mpsc::Receiver<Batch>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Alone {
    /// `room`: batches that the pipeline would take before it is full.
    pub(super) async fn start(room: usize, bounds: Bounds) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let context = sidecar::context(|| Timestamp::UNIX_EPOCH);
        let (output, batches) = mpsc::channel(room);
        let stop = CancellationToken::new();
        let served = spawn(otlp::serve(listener, context, output, bounds, stop.clone()));
        Self { address, batches, stop, served }
    }

    /// Answers everything that is handed over.
    pub(super) fn answer_all(self) -> JoinHandle<()> {
        spawn(answer_all(self.batches))
    }

    /// Tells it to stop, and waits until it has.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.served.await.unwrap();
    }

    pub(super) async fn post(&self, body: Vec<u8>) -> reqwest::Response {
        post(self.address, body).await
    }
}

/// Says that every batch is stored.
pub(crate) async fn answer_all(mut batches: mpsc::Receiver<Batch>) {
    while let Some(batch) = batches.recv().await {
        if let Some(sender) = batch.sender {
            sender.answer(Ok(()));
        }
    }
}

pub(super) async fn post(address: SocketAddr, body: Vec<u8>) -> reqwest::Response {
    let url = format!("http://{address}/v1/logs");
    Client::new().post(url).header(PROTOBUF.0, PROTOBUF.1).body(body).send().await.unwrap()
}

/// One call over gRPC: its status, its headers and trailers together. `compressed`: the flag of the message.
pub(super) async fn call(address: SocketAddr, method: &str, message: &[u8], compressed: bool) -> (i32, HeaderMap) {
    call_over(tokio::net::TcpStream::connect(address).await.unwrap(), method, message, compressed).await
}

/// The same over any stream.
pub(crate) async fn call_over<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    method: &str,
    message: &[u8],
    compressed: bool,
) -> (i32, HeaderMap) {
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    spawn(connection);
    let mut body = vec![u8::from(compressed)];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    let request = Request::post(format!("http://127.0.0.1{method}"))
        .header("content-type", "application/grpc")
        .header("grpc-encoding", if compressed { "gzip" } else { "identity" })
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200, "gRPC tells its own status");
    let mut headers = answer.headers().clone();
    let collected = answer.into_body().collect().await.unwrap();
    headers.extend(collected.trailers().cloned().unwrap_or_default());
    let status = headers.get("grpc-status").unwrap().to_str().unwrap().parse().unwrap();
    (status, headers)
}

/// Runs beside the test.
#[expect(clippy::disallowed_methods, reason = "a test awaits what it spawns, or ends it with its runtime")]
pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}
