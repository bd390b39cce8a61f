//! relapse watches itself: a run with an OpenTelemetry endpoint sends the spans of its pipeline, one without has no exporter at all.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use super::sidecar::Home;
use super::sidecar::Sidecar;
use super::sidecar::failure;
use crate::peers;
use crate::peers::WebhookReceiver;

/// Reads an `ExportTraceServiceRequest` with OpenTelemetry's own generated code.
const DECODE: &str = "
import sys
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
print(MessageToJson(ExportTraceServiceRequest.FromString(sys.stdin.buffer.read())))
";

fn decode(body: &[u8]) -> Value {
    let python =
        std::env::var("RELAPSE_TEST_PYTHON").expect("RELAPSE_TEST_PYTHON is not set; run scripts/test, which makes it");
    let mut child =
        Command::new(python).args(["-c", DECODE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "not an export request: {body:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `service.name` and span name of every span that was sent.
fn sent(receiver: &WebhookReceiver) -> BTreeSet<(String, String)> {
    let mut spans = BTreeSet::new();
    for request in receiver.received() {
        assert_eq!(request.path, "/v1/traces");
        let request = decode(&request.body);
        for resource in list(&request["resourceSpans"]) {
            let attributes = &resource["resource"]["attributes"];
            let service = list(attributes).find(|attribute| attribute["key"] == "service.name").unwrap();
            let service = service["value"]["stringValue"].as_str().unwrap();
            for span in list(&resource["scopeSpans"]).flat_map(|scope| list(&scope["spans"])) {
                spans.insert((service.to_owned(), span["name"].as_str().unwrap().to_owned()));
            }
        }
    }
    spans
}

/// A sidecar with these variables of OpenTelemetry and no other ones.
async fn start(home: &Home, variables: &[(&str, &str)]) -> Sidecar {
    let mut command = home.command();
    let inherited = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("OTEL_"));
    for name in inherited {
        command.env_remove(name);
    }
    command.args(["--logs", "app.log"]).envs(variables.iter().copied());
    home.spawn(command).await
}

/// Names of the exporter's threads in the process of `sidecar`.
fn exporters(sidecar: &Sidecar) -> Vec<String> {
    let tasks = Path::new("/proc").join(sidecar.id().to_string()).join("task");
    let names = std::fs::read_dir(tasks).unwrap().filter_map(|task| {
        // A thread may end while it is looked at.
        std::fs::read_to_string(task.unwrap().path().join("comm")).ok()
    });
    names.filter(|name| name.starts_with("OpenTelemetry")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pipeline_is_traced_where_an_endpoint_is_named() {
    let (home, receiver) = (Home::new(), WebhookReceiver::start());
    let endpoint = receiver.url("");
    let sidecar = start(&home, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await;
    home.append("app.log", failure(1));
    sidecar.await_occurrences(1).await;
    assert!(!exporters(&sidecar).is_empty(), "the exporter has a thread of its own");
    // What is held back is sent before the process ends.
    assert_eq!(sidecar.stop().await, Some(0));
    let sent = tokio::task::spawn_blocking(move || sent(&receiver)).await.unwrap();
    for span in ["relapse.batch", "relapse.judge", "relapse.commit"] {
        assert!(sent.contains(&("relapse".to_owned(), span.to_owned())), "no {span} in {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_there_is_no_exporter() {
    let (home, receiver) = (Home::new(), WebhookReceiver::start());
    let endpoint = receiver.url("");
    // Switched off by OpenTelemetry's own switch, and never switched on.
    for variables in [&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_SDK_DISABLED", "true")][..], &[]] {
        let sidecar = start(&home, variables).await;
        home.append("app.log", failure(1));
        peers::eventually("a match", || async { (sidecar.occurrences().await >= 1).then_some(()) }).await;
        assert_eq!(exporters(&sidecar), Vec::<String>::new());
        assert_eq!(sidecar.stop().await, Some(0));
    }
    assert!(receiver.received().is_empty());
}
