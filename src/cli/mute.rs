//! `relapse mute` and `relapse unmute`: what is found goes on being judged and counted; only its delivery rests.

use std::io;
use std::io::Write;

use reqwest::Method;
use serde_json::Value;

use crate::cli::Exit;
use crate::cli::server;
use crate::cli::server::ServerArgs;
use crate::telemetry::inert::inert;

/// Which tracks.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TrackArgs {
    /// Signature id
    signature: String,
    /// In this service only
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// In this environment only
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

impl TrackArgs {
    /// The request's part that names them.
    pub(super) fn selector(&self) -> Value {
        serde_json::json!({ "signature": self.signature, "service": self.service, "environment": self.environment })
    }
}

/// Arguments of `relapse mute`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("end").required(true))]
pub(super) struct Args {
    #[command(flatten)]
    tracks: TrackArgs,
    /// For how long, as in 90m, 2h or 3d
    #[arg(long = "for", value_name = "LENGTH", group = "end")]
    length: Option<String>,
    /// Until when (RFC 3339)
    #[arg(long, value_name = "TIME", group = "end")]
    until: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Arguments of `relapse unmute`.
#[derive(Debug, clap::Args)]
pub(super) struct UnmuteArgs {
    #[command(flatten)]
    tracks: TrackArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Mutes and says what.
pub(super) fn mute(args: &Args) -> anyhow::Result<Exit> {
    let mut body = args.tracks.selector();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("for".to_owned(), serde_json::json!(args.length));
        fields.insert("until".to_owned(), serde_json::json!(args.until));
    }
    match args.server.send(Method::POST, "mutes", Some(&body)) {
        Ok(done) => {
            let until = done.get("until").and_then(Value::as_str).unwrap_or("?");
            tell(&format!("muted until {until}"), &args.tracks, &done)
        }
        Err(failure) => server::fail(&failure),
    }
}

/// Unmutes and says what.
pub(super) fn unmute(args: &UnmuteArgs) -> anyhow::Result<Exit> {
    match args.server.send(Method::DELETE, "mutes", Some(&args.tracks.selector())) {
        Ok(done) => tell("delivered again", &args.tracks, &done),
        Err(failure) => server::fail(&failure),
    }
}

/// One line a track: what was done to which.
pub(super) fn tell(what: &str, named: &TrackArgs, done: &Value) -> anyhow::Result<Exit> {
    let mut out = anstream::stdout().lock();
    let tracks: Vec<_> = done.get("tracks").and_then(Value::as_array).into_iter().flatten().collect();
    for track in &tracks {
        line(&mut out, what, track)?;
    }
    if tracks.is_empty() {
        let place = |name: &Option<String>| name.clone().unwrap_or_else(|| "*".to_owned());
        let (service, environment) = (place(&named.service), place(&named.environment));
        let place = inert(&format!("{} in {service}/{environment}", named.signature)).into_owned();
        writeln!(out, "{}: {place}; not found there yet, it will hold when it is", inert(what))?;
    }
    Ok(Exit::Ok)
}

fn line(out: &mut dyn Write, what: &str, track: &Value) -> io::Result<()> {
    let text = |name: &str| inert(track.get(name).and_then(Value::as_str).unwrap_or("?")).into_owned();
    writeln!(out, "{}: {} in {}/{}", inert(what), text("signature"), text("service"), text("environment"))
}
