//! A sidecar that takes OTLP, and how to talk to it.

use std::net::SocketAddr;

use reqwest::Client;
use reqwest::StatusCode;

use crate::peers;
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
pub(super) const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
pub(super) const JSON: (&str, &str) = ("content-type", "application/json");
pub(super) const GZIP: (&str, &str) = ("content-encoding", "gzip");
