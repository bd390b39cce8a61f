//! Asks a running sidecar: one request, its JSON answer or what went wrong and what to do about it.

use std::error::Error as _;
use std::io::Write;
use std::time::Duration;

use reqwest::Method;
use reqwest::StatusCode;
use reqwest::redirect;
use serde_json::Value;

use crate::cli::Exit;
use crate::telemetry::inert::inert;

/// Longer than the sidecar takes to say that it is busy.
const PATIENCE: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(5);

/// Which sidecar.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ServerArgs {
    /// Address of the running sidecar
    #[arg(long, value_name = "URL", env = "RELAPSE_SERVER", default_value = "http://127.0.0.1:9464")]
    server: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nobody listens, or not in time.
    #[error(
        "no relapse answers at {url} ({reason}); start one with `relapse run`, or name its address with --server URL or RELAPSE_SERVER"
    )]
    Unreachable {
        /// What was asked.
        url: String,
        /// The system's words.
        reason: String,
    },
    /// The sidecar refuses.
    #[error("{said}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its words.
        said: String,
    },
    /// Somebody else answers.
    #[error(
        "{url} answers {status}, but not as relapse does; name the address of the sidecar with --server URL or RELAPSE_SERVER"
    )]
    Stranger {
        /// What was asked.
        url: String,
        /// The status.
        status: StatusCode,
    },
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Self::Refused { status: StatusCode::NOT_FOUND | StatusCode::CONFLICT, .. } => Exit::Findings,
            Self::Refused { status, .. } if status.is_client_error() => Exit::Usage,
            Self::Refused { .. } | Self::Unreachable { .. } | Self::Stranger { .. } => Exit::Input,
        }
    }
}

/// Prints the failure, and gives the code the command ends with.
pub(super) fn fail(failure: &Failure) -> anyhow::Result<Exit> {
    writeln!(anstream::stderr(), "error: {}", inert(&failure.to_string()))?;
    Ok(failure.exit())
}

impl ServerArgs {
    /// The address without a slash at its end.
    pub(super) fn base(&self) -> String {
        let trimmed = self.server.trim().trim_end_matches('/');
        if trimmed.contains("://") { trimmed.to_owned() } else { format!("http://{trimmed}") }
    }

    /// GET `path` of the API.
    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None)
    }

    /// Sends a request to `path` of the API.
    pub(super) fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let url = format!("{}/api/v1/{path}", self.base());
        let unreachable = |reason: String| Failure::Unreachable { url: self.base(), reason };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unreachable(error.to_string()))?;
        runtime.block_on(async {
            let client = reqwest::Client::builder()
                .user_agent(concat!("relapse/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT)
                .timeout(PATIENCE)
                .redirect(redirect::Policy::none())
                // The sidecar is near; a proxy for the way out of the house is no way to it.
                .no_proxy()
                .build()
                .map_err(|error| unreachable(innermost(&error)))?;
            let mut request = client.request(method, &url);
            if let Some(body) = body {
                request = request.json(body);
            }
            let response = request.send().await.map_err(|error| unreachable(innermost(&error)))?;
            let status = response.status();
            let answer = response.json::<Value>().await;
            judge(status, answer.ok()).unwrap_or(Err(Failure::Stranger { url, status }))
        })
    }
}

/// `None` when the answer is not one of relapse's.
fn judge(status: StatusCode, answer: Option<Value>) -> Option<Result<Value, Failure>> {
    let answer = answer?;
    if status.is_success() {
        return Some(Ok(answer));
    }
    let text = |name: &str| Some(answer.get("error")?.get(name)?.as_str()?.to_owned());
    let (message, help) = (text("message")?, text("help")?);
    // What is wrong with an argument needs no page about requests.
    let said = if status == StatusCode::BAD_REQUEST { message } else { format!("{message}; {help}") };
    Some(Err(Failure::Refused { status, said }))
}

/// The cause at the bottom: "connection refused" says more than "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    if let Some(first) = error.source() {
        cause = first;
        while let Some(next) = cause.source() {
            cause = next;
        }
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relapse_is_taken_for_relapse() {
        let refusal = serde_json::json!({ "error": { "message": "no such page", "help": "GET / lists them" } });
        let failure = judge(StatusCode::NOT_FOUND, Some(refusal)).unwrap().unwrap_err();
        assert_eq!((failure.to_string().as_str(), failure.exit()), ("no such page; GET / lists them", Exit::Findings));
        assert!(judge(StatusCode::NOT_FOUND, None).is_none());
        assert!(judge(StatusCode::BAD_GATEWAY, Some(serde_json::json!({ "error": "x" }))).is_none());
        assert!(judge(StatusCode::OK, Some(serde_json::json!([]))).unwrap().is_ok());
    }

    #[test]
    fn an_address_may_be_short() {
        for given in ["127.0.0.1:1", "http://127.0.0.1:1/", " 127.0.0.1:1"] {
            assert_eq!(ServerArgs { server: given.to_owned() }.base(), "http://127.0.0.1:1");
        }
    }
}
