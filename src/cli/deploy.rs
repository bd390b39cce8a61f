//! `relapse deploy`: tells a running sidecar that a release was deployed.

use std::io::Write;

use jiff::Timestamp;
use reqwest::Method;

use crate::cli::Exit;
use crate::cli::server;
use crate::cli::server::ServerArgs;
use crate::telemetry::inert::inert;

/// Arguments of `relapse deploy`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `service.name`, as the logs spell it
    service: String,
    /// `service.version`, as the logs spell it
    release: String,
    /// `deployment.environment.name` [default: the sidecar's own]
    #[arg(long, value_name = "NAME", env = "RELAPSE_ENVIRONMENT")]
    environment: Option<String>,
    /// When it was deployed (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Declares and says what was recorded.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let body = serde_json::json!({
        "service": args.service,
        "release": args.release,
        "environment": args.environment,
        "at": args.at,
    });
    let recorded = match args.server.send(Method::POST, "deploys", Some(&body)) {
        Ok(recorded) => recorded,
        Err(failure) => return server::fail(&failure),
    };
    let text = |name: &str| inert(recorded.get(name).and_then(|value| value.as_str()).unwrap_or("?")).into_owned();
    let is = |name: &str| recorded.get(name).and_then(serde_json::Value::as_bool).unwrap_or(true);
    let (service, environment) = (text("service"), text("environment"));
    let said = if is("changed") { "declared" } else { "known already" };
    writeln!(anstream::stdout(), "{said}: {service} {} in {environment} at {}", text("release"), text("at"))?;
    if !is("heard") {
        writeln!(
            anstream::stderr(),
            "note: nothing has been heard of {service} in {environment} yet; `relapse status` shows the names the logs use"
        )?;
    }
    Ok(Exit::Ok)
}
