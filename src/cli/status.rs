//! `relapse status`: what a running sidecar knows: every track, the worst first, and every live release.

use std::io;
use std::io::Write;

use anyhow::Context;
use comfy_table::ContentArrangement;
use comfy_table::Table;
use comfy_table::presets;
use jiff::Timestamp;
use serde_json::Value;

use crate::app::clock;
use crate::cli::Exit;
use crate::cli::server;
use crate::cli::server::ServerArgs;
use crate::model::incident::TrackState;
use crate::model::view::BlindView;
use crate::model::view::IncidentView;
use crate::model::view::ReleaseView;
use crate::telemetry::inert::inert;

/// Version of the JSON output: fields are added, never renamed or removed, within one version.
const SCHEMA: &str = "relapse.status/v1";

/// Arguments of `relapse status`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Tables for people
    Human,
    /// One JSON object, stable
    Json,
}

/// Asks and prints.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (incidents, deploys, blind) = match ask(&args.server) {
        Ok(answers) => answers,
        Err(failure) => return server::fail(&failure),
    };
    let mut out = anstream::stdout().lock();
    match args.format {
        Format::Json => {
            let status =
                serde_json::json!({ "schema": SCHEMA, "incidents": incidents, "deploys": deploys, "blind": blind });
            serde_json::to_writer(&mut out, &status)?;
            writeln!(out)?;
        }
        Format::Human => {
            let advice = "failed to read the answer; is the sidecar of this version of relapse?";
            let incidents = serde_json::from_value(incidents).context(advice)?;
            let releases: Vec<ReleaseView> = serde_json::from_value(deploys).context(advice)?;
            let blind: Vec<BlindView> = serde_json::from_value(blind).context(advice)?;
            print(&mut out, incidents, &releases, clock::now())?;
            print_blind(&mut out, &blind)?;
        }
    }
    Ok(Exit::Ok)
}

fn ask(server: &ServerArgs) -> Result<(Value, Value, Value), server::Failure> {
    Ok((server.get("incidents")?, server.get("deploys")?, server.get("blind")?))
}

/// What stays away because nobody is heard.
fn print_blind(out: &mut dyn Write, blind: &[BlindView]) -> io::Result<()> {
    if blind.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nblind (no record comes that they could match in):")?;
    for signature in blind {
        let scope: Vec<&str> = signature.services.iter().chain(&signature.environments).map(String::as_str).collect();
        let scope = if scope.is_empty() { "any service".to_owned() } else { scope.join(", ") };
        let last = signature.last_heard.map_or("never since relapse started".to_owned(), |last| minute(Some(last)));
        writeln!(out, "  {}: {}, last heard: {last}", inert(&signature.signature), inert(&scope))?;
    }
    Ok(())
}

fn print(
    out: &mut dyn Write,
    mut incidents: Vec<IncidentView>,
    releases: &[ReleaseView],
    now: Timestamp,
) -> io::Result<()> {
    if incidents.is_empty() {
        writeln!(out, "nothing of the catalog has been found yet")?;
    } else {
        incidents.sort_by_key(|incident| rank(incident.state));
        let header =
            ["state", "signature", "service / environment", "verdict", "count", "last seen", "episode", "note"];
        let rows = incidents.iter().map(|incident| {
            [
                incident.state.as_str().to_owned(),
                incident.signature.clone(),
                format!("{} / {}", incident.service, incident.environment),
                incident.verdict.map_or("-", |verdict| verdict.as_str()).to_owned(),
                incident.occurrences.to_string(),
                minute(incident.last_seen),
                episode(incident),
                notes(incident, now),
            ]
        });
        writeln!(out, "{}", table(header, rows))?;
    }
    if !releases.is_empty() {
        let header = [
            "live release",
            "service / environment",
            "",
            "first seen",
            "last seen",
            "declared",
            "instances",
            "has the fixes",
        ];
        let rows = releases.iter().map(|live| {
            [
                live.release.clone(),
                format!("{} / {}", live.service, live.environment),
                if live.current { "current" } else { "" }.to_owned(),
                minute(live.first_seen),
                minute(live.last_seen),
                minute(live.declared_at),
                if live.instances == 0 { "-".to_owned() } else { live.instances.to_string() },
                live.contains_fix.map_or("-", |contains| if contains { "yes" } else { "no" }).to_owned(),
            ]
        });
        writeln!(out, "\n{}", table(header, rows))?;
    }
    Ok(())
}

/// The states that need someone first.
fn rank(state: TrackState) -> u8 {
    match state {
        TrackState::Relapsed => 0,
        TrackState::Suspect => 1,
        TrackState::Quiet => 2,
        TrackState::RollingOut => 3,
        TrackState::FixPending => 4,
        TrackState::Open => 5,
        TrackState::Fixed => 6,
        TrackState::Retired => 7,
    }
}

fn episode(incident: &IncidentView) -> String {
    let Some(episode) = &incident.episode else { return "-".to_owned() };
    format!("{} since {}", episode.kind.as_str(), minute(Some(episode.opened_at)))
}

/// The overlays.
fn notes(incident: &IncidentView, now: Timestamp) -> String {
    let since = |what: &str, time: Option<Timestamp>| time.map(|time| format!("{what} since {}", minute(Some(time))));
    let notes = [
        incident.muted_until.filter(|until| *until > now).map(|until| format!("muted until {}", minute(Some(until)))),
        incident.acknowledged_by.as_ref().map(|by| format!("acknowledged by {by}")),
        since("flapping", incident.flapping_since),
        since("stale", incident.stale_since),
        since("fix can never be judged", incident.unsatisfiable_since),
    ];
    notes.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Names come from logs: they must not move the cursor.
fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    for row in rows {
        table.add_row(row.map(|cell| inert(&cell).into_owned()));
    }
    table
}

/// `2025-10-01 08:47Z`: enough for a table.
fn minute(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%MZ").to_string())
}
