//! `relapse ack`: says who works on an open episode; until it closes nothing more is told of it.

use reqwest::Method;

use crate::cli::Exit;
use crate::cli::mute;
use crate::cli::mute::TrackArgs;
use crate::cli::server;
use crate::cli::server::ServerArgs;

/// Arguments of `relapse ack`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    tracks: TrackArgs,
    /// Who works on it [default: $USER]
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true)]
    by: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Acknowledges and says what.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut body = args.tracks.selector();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("by".to_owned(), serde_json::json!(args.by));
    }
    match args.server.send(Method::POST, "acknowledgements", Some(&body)) {
        Ok(done) => mute::tell(&format!("acknowledged by {}", args.by), &args.tracks, &done),
        Err(failure) => server::fail(&failure),
    }
}
