//! Cloud Audit entries of deployments → declared deployments. Receives one exported entry as JSON, gives what was deployed: a revision
//! that Cloud Run created or reports as ready, a rollout of a Kubernetes workload. The audit log is the one ledger of deployments that
//! arrives on the same way as the logs.

use jiff::Timestamp;
use serde_json::Value;

use crate::model::command::Deploy;

/// What every audit entry holds.
const MARK: &[u8] = b"cloudaudit.googleapis.com";
/// What Cloud Run says of a revision that takes requests.
const READY: &str = "Ready condition status changed to True for Revision ";
const SUCCEEDED: &str = "Deploying revision succeeded";
/// Calls of Cloud Run that create a revision, without their prefix.
const CALLS: [&str; 4] = ["ReplaceService", "CreateService", "UpdateService", "ReplaceInternalService"];
/// Labels of a pod that name its service, strongest first.
const NAMES: [&str; 2] = ["app.kubernetes.io/name", "app"];
/// Labels of a pod that name its release, strongest first.
const VERSIONS: [&str; 2] = ["app.kubernetes.io/version", "version"];

/// The deployment that `entry` tells of; `None` where it tells of none, or of one that failed.
pub fn deploy(entry: &[u8]) -> Option<Deploy> {
    memchr::memmem::find(entry, MARK)?;
    let entry: Value = serde_json::from_slice(entry).ok()?;
    let payload = entry.get("protoPayload")?;
    let at =
        ["timestamp", "receiveTimestamp"].iter().find_map(|key| text(&entry, &[key])?.parse::<Timestamp>().ok())?;
    let failed = payload.pointer("/status/code").and_then(Value::as_i64).is_some_and(|code| code != 0);
    let tried = text(payload, &["request", "dryRun"]).is_some_and(|way| !way.is_empty());
    if failed || tried {
        return None;
    }
    let (service, release) =
        ready(&entry, payload).or_else(|| created(&entry, payload)).or_else(|| rollout(payload))?;
    Some(Deploy { service, environment: None, release, at })
}

/// A revision that is ready.
fn ready(entry: &Value, payload: &Value) -> Option<(String, String)> {
    let said = text(payload, &["status", "message"])?;
    let revision = said.split_once(READY)?.1.split([' ', '.']).next().filter(|name| !name.is_empty())?;
    let service = label(entry, "service_name")?;
    said.contains(SUCCEEDED).then(|| (service, revision.to_owned()))
}

/// A revision that a call has created.
fn created(entry: &Value, payload: &Value) -> Option<(String, String)> {
    let method = text(payload, &["methodName"])?;
    if !CALLS.contains(&method.rsplit('.').next()?) || text(payload, &["serviceName"])? != "run.googleapis.com" {
        return None;
    }
    let response = payload.get("response")?;
    let revision = text(response, &["status", "latestCreatedRevisionName"])
        .or_else(|| text(response, &["latestCreatedRevision"])?.rsplit('/').next())
        .filter(|name| !name.is_empty())?;
    let named = || text(response, &["metadata", "name"]).map(str::to_owned);
    Some((label(entry, "service_name").or_else(named)?, revision.to_owned()))
}

/// A Kubernetes workload with another template.
fn rollout(payload: &Value) -> Option<(String, String)> {
    let mut method = text(payload, &["methodName"])?.strip_prefix("io.k8s.apps.v1.")?.split('.');
    let is_workload = matches!(method.next()?, "deployments" | "statefulsets" | "daemonsets");
    let is_write = matches!(method.next()?, "create" | "update" | "patch") && method.next().is_none();
    let workload = payload.get("response").filter(|_| is_workload && is_write)?;
    // What leaves the specification as it is rolls nothing out.
    let generation = workload.pointer("/metadata/generation").and_then(Value::as_i64);
    let observed = workload.pointer("/status/observedGeneration").and_then(Value::as_i64);
    if generation.is_some() && generation == observed {
        return None;
    }
    let template = workload.pointer("/spec/template")?;
    let labelled = |names: &[&str]| names.iter().find_map(|name| text(template, &["metadata", "labels", name]));
    let service = labelled(&NAMES).or_else(|| text(workload, &["metadata", "name"]))?;
    let image = template.pointer("/spec/containers/0/image").and_then(Value::as_str);
    let release = labelled(&VERSIONS).or_else(|| tag(image?))?;
    Some((service.to_owned(), release.to_owned()))
}

/// The tag of an image, if it tells anything.
fn tag(image: &str) -> Option<&str> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    name.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty() && *tag != "latest")
}

fn label(entry: &Value, name: &str) -> Option<String> {
    text(entry, &["resource", "labels", name]).filter(|value| !value.is_empty()).map(str::to_owned)
}

fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(value, |value, key| value.get(key))?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(payload: &Value) -> Value {
        json!({
            "insertId": "a1",
            "logName": "projects/p/logs/cloudaudit.googleapis.com%2Fsystem_event",
            "protoPayload": payload,
            "resource": {"type": "cloud_run_revision", "labels": {"service_name": "api", "revision_name": "api-00734-fvm"}},
            "timestamp": "2025-09-08T08:46:00.122Z",
        })
    }

    fn told(entry: &Value) -> Option<String> {
        let told = deploy(entry.to_string().as_bytes())?;
        assert_eq!(told.at.to_string(), "2025-09-08T08:46:00.122Z");
        Some(format!("{} {}", told.service, told.release))
    }

    fn is(entry: &Value, wanted: &str) {
        assert_eq!(told(entry).as_deref(), Some(wanted));
    }

    #[test]
    fn a_ready_revision_is_a_deployment() {
        let said =
            |message: &str| run(&json!({"methodName": "/Services.ReplaceService", "status": {"message": message}}));
        let ready = "Ready condition status changed to True for Revision api-00734-fvm with message: Deploying revision succeeded in 8.03s.";
        is(&said(ready), "api api-00734-fvm");
        // Negative controls: the service became ready, a revision did not.
        assert_eq!(told(&said("Ready condition status changed to True for Service api.")), None);
        assert_eq!(told(&said(&ready.replace("True", "False"))), None);
        assert_eq!(
            told(&json!({"textPayload": ready, "timestamp": "2025-09-08T08:46:00Z"})),
            None,
            "somebody wrote it"
        );
    }

    #[test]
    fn a_created_revision_is_a_deployment_unless_it_was_refused() {
        let call = |method: &str, more: Value| {
            let mut payload = json!({
                "serviceName": "run.googleapis.com",
                "methodName": method,
                "response": {"metadata": {"name": "api"}, "status": {"latestCreatedRevisionName": "api-00735-abc"}},
            });
            payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            run(&payload)
        };
        let replace = "google.cloud.run.v1.Services.ReplaceService";
        is(&call(replace, json!({})), "api api-00735-abc");
        assert_eq!(told(&call(replace, json!({"status": {"code": 7, "message": "denied"}}))), None);
        assert_eq!(told(&call(replace, json!({"request": {"dryRun": "all"}}))), None);
        assert_eq!(told(&call("google.cloud.run.v1.Services.GetService", json!({}))), None);
        let second =
            json!({"response": {"latestCreatedRevision": "projects/p/locations/l/services/api/revisions/api-00736-x"}});
        is(&call("google.cloud.run.v2.Services.UpdateService", second), "api api-00736-x");
    }

    #[test]
    fn a_rollout_of_a_workload_is_a_deployment() {
        let patch = |method: &str, labels: Value, image: &str, observed: i64| {
            run(&json!({
                "serviceName": "k8s.io",
                "methodName": method,
                "response": {
                    "metadata": {"name": "checkout", "generation": 8},
                    "spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": [{"image": image}]}}},
                    "status": {"observedGeneration": observed},
                },
            }))
        };
        let (method, image) =
            ("io.k8s.apps.v1.deployments.patch", "europe-docker.pkg.dev:443/p/r/checkout:1.42.0@sha256:00");
        is(&patch(method, json!({}), image, 7), "checkout 1.42.0");
        let labels = json!({"app.kubernetes.io/name": "shop", "app.kubernetes.io/version": "1.43.0"});
        is(&patch(method, labels, image, 7), "shop 1.43.0");
        assert_eq!(told(&patch(method, json!({}), image, 8)), None, "an annotation rolls nothing out");
        assert_eq!(told(&patch(method, json!({}), "checkout:latest", 7)), None, "no release is known");
        assert_eq!(told(&patch("io.k8s.apps.v1.deployments.status.update", json!({}), image, 7)), None);
    }
}
