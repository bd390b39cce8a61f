//! `relapse replay`: what a sidecar would have made of these logs, as a timeline on event time: every state change, every notice.
//! The same logs give the same timeline, whenever and wherever it is run.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::app::clock;
use crate::app::offline::Happening;
use crate::app::offline::Moment;
use crate::app::offline::Offline;
use crate::app::offline::Outcome;
use crate::app::replay;
use crate::app::scan;
use crate::app::scan::Listener;
use crate::app::scan::Span;
use crate::catalog::problem::Problem;
use crate::cli::Exit;
use crate::cli::chain;
use crate::cli::exit;
use crate::cli::inputs;
use crate::cli::open;
use crate::cli::setting::Setting;
use crate::cli::setting::SettingArgs;
use crate::matcher::Matcher;
use crate::matcher::scanner::ScannerConfig;
use crate::model::alert::Notice;
use crate::model::alert::NoticeKind;
use crate::model::incident::TrackKey;
use crate::model::incident::TrackState;
use crate::model::verdict::Verdict;
use crate::model::verdict::VerdictCounts;
use crate::telemetry::inert::inert;

/// Version of the jsonl output: fields are added, never renamed or removed, within one version.
const SCHEMA: &str = "relapse.replay/v1";

/// Arguments of `relapse replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Log files, in any order; records are judged in the order of their times
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// Start from a copy of this state directory instead of from nothing; what it has counted in these very files is left out
    #[arg(long, value_name = "DIR")]
    from_state: Option<PathBuf>,
    /// Deployments, as for `relapse run --deploys`; each is declared when its time comes
    #[arg(long, value_name = "FILE", env = "RELAPSE_DEPLOYS")]
    deploys: Option<PathBuf>,
    #[command(flatten)]
    setting: SettingArgs,
    /// How to print the timeline
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One line an event, then a summary
    Human,
    /// One JSON object an event, then one a track; stable
    Jsonl,
}

/// Replays and prints.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Setting { loaded, decode, judging, deploys } = match args.setting.read()? {
        Ok(setting) => setting,
        Err(exit) => return Ok(exit),
    };
    let now = clock::now();
    let mut judge = Offline::new(&loaded.catalog, judging, now).with_defaults(&decode.defaults).once_each();
    let memory = args.from_state.as_deref().map(replay::memory).transpose().context("failed to start from a state")?;
    if let Some(memory) = &memory {
        judge = judge.with_memory(memory.tracks.clone(), memory.live_releases.clone(), memory.mutes.clone());
        judge = judge.with_windows(memory.windows.clone());
    }
    let mut failed = false;
    if let Some(path) = args.deploys.or(deploys) {
        let said = replay::deployments(&path).with_context(|| format!("failed to read {}", path.display()))?;
        for (line, problem) in said.bad {
            failed = true;
            writeln!(anstream::stderr(), "error: {}:{line}: {}", path.display(), inert(&problem))?;
        }
        judge = judge.with_deploys(said.declared, &decode.defaults);
    }
    let mut logs = args.logs;
    // Records of one moment are taken file by file: in whatever order the files are named.
    logs.sort();
    logs.dedup();
    let open::Opened { inputs, failed: unopened, .. } = open::open_all(&logs, now)?;
    let known = |input| memory.iter().fold(input, |input, memory| memory.without_counted(input));
    let inputs = inputs.into_iter().map(known).map(replay::line_by_line).collect();
    let matcher = Arc::new(Matcher::new(&loaded.catalog));
    let scanner = ScannerConfig { decode, ..ScannerConfig::default() };
    let mut timeline = Timeline { format: args.format, tracks: BTreeMap::new() };
    let read = scan::scan(inputs, &matcher, &scanner, (&mut judge, Span::default()), &mut timeline);
    let found = if timeline.regressed() { Exit::Findings } else { Exit::Ok };
    let totals = match read {
        Ok(totals) => totals,
        Err(error) => return exit::written(Err(error.into()), found),
    };
    for error in &totals.failed {
        failed = true;
        writeln!(anstream::stderr(), "error: {}", chain(error))?;
    }
    let exit = match (timeline.regressed(), failed || unopened, loaded.problems.iter().any(Problem::blocks)) {
        (true, ..) => Exit::Findings,
        (false, true, _) => Exit::Input,
        (false, false, true) => inputs::unusable(&loaded.problems),
        (false, false, false) => Exit::Ok,
    };
    exit::written(timeline.finish(&judge).map_err(Into::into), exit)
}

/// Prints as it goes, and remembers what the summary needs.
struct Timeline {
    format: Format,
    tracks: BTreeMap<TrackKey, Summary>,
}

/// One track in this replay.
#[derive(Debug, Default)]
struct Summary {
    verdicts: VerdictCounts,
    episodes: Vec<String>,
}

impl Listener for Timeline {
    fn waits(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn read(&mut self, _bytes: u64) {}

    fn judged(&mut self, outcome: Outcome) -> io::Result<()> {
        for finding in outcome.findings {
            let track = self.tracks.entry(finding.key).or_default();
            track.verdicts.add(finding.judgement.verdict);
        }
        if outcome.timeline.is_empty() {
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        for moment in outcome.timeline {
            if let Happening::Opened { key, episode, .. } = &moment.what {
                self.tracks.entry(key.clone()).or_default().episodes.push(episode.clone());
            }
            match self.format {
                Format::Human => human(&mut out, &moment)?,
                Format::Jsonl => writeln!(out, "{}", object(&moment))?,
            }
        }
        Ok(())
    }
}

impl Timeline {
    /// Whether anything came back.
    fn regressed(&self) -> bool {
        let is_return = |(verdict, _)| matches!(verdict, Verdict::Regression | Verdict::Rollback);
        self.tracks.values().any(|track| track.verdicts.iter().any(is_return))
    }

    /// Prints the summary.
    fn finish(&self, judge: &Offline) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.format == Format::Human && self.tracks.is_empty() {
            writeln!(out, "nothing of the catalog was found")?;
        } else if self.format == Format::Human {
            writeln!(out)?;
        }
        for (key, summary) in &self.tracks {
            let state = judge.engine().track(key).map(|track| track.state);
            match self.format {
                Format::Human => conclude(&mut out, key, state, summary)?,
                Format::Jsonl => {
                    let line = json!({
                        "schema": SCHEMA, "type": "track",
                        "signature": key.signature, "service": key.service, "environment": key.environment,
                        "state": state, "verdicts": summary.verdicts, "episodes": summary.episodes,
                    });
                    writeln!(out, "{line}")?;
                }
            }
        }
        Ok(())
    }
}

/// `api: fixed; 3 regression, 1 stale_build; episodes 0123…`.
fn conclude(out: &mut dyn Write, key: &TrackKey, state: Option<TrackState>, summary: &Summary) -> io::Result<()> {
    let verdicts: Vec<String> = summary.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let episodes = match summary.episodes.as_slice() {
        [] => String::new(),
        ids => format!("; episodes {}", ids.join(", ")),
    };
    let state = state.map_or("-", TrackState::as_str);
    writeln!(out, "{}: {state}; {}{episodes}", inert(&key.to_string()), verdicts.join(", "))
}

fn human(out: &mut dyn Write, moment: &Moment) -> io::Result<()> {
    let (what, text) = match &moment.what {
        Happening::Entered { key, from, to, since } => {
            let from = from.map_or("new", TrackState::as_str);
            // Timers are noticed with the next record.
            let due = if *since < moment.time { format!(" since {}", second(*since)) } else { String::new() };
            ("state", format!("{key}: {from} → {to}{due}"))
        }
        Happening::Opened { key, episode, kind } => ("episode", format!("{key}: {episode} ({})", kind.as_str())),
        Happening::Told(notice) => (name(notice.kind), told(notice)),
        Happening::Suppressed(key) => ("held back", format!("{key}: muted or acknowledged")),
        Happening::Deployed { service, environment, release } => {
            ("deploy", format!("{release} in {service}/{environment}"))
        }
    };
    writeln!(out, "{}  {what:<9}  {}", second(moment.time), inert(&text))
}

fn second(time: Timestamp) -> impl std::fmt::Display {
    time.strftime("%Y-%m-%d %H:%M:%SZ")
}

fn told(notice: &Notice) -> String {
    format!("{}: {}", notice.key, notice.why)
}

const fn name(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Page => "page",
        NoticeKind::Warning => "warning",
        NoticeKind::Update => "update",
        NoticeKind::Resolved => "resolved",
    }
}

/// One jsonl object.
fn object(moment: &Moment) -> Value {
    let about = |kind: &str, key: &TrackKey, more: Value| {
        let mut line = json!({
            "schema": SCHEMA, "type": kind, "time": moment.time,
            "signature": key.signature, "service": key.service, "environment": key.environment,
        });
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        line
    };
    match &moment.what {
        Happening::Entered { key, from, to, since } => {
            about("state", key, json!({ "from": from, "to": to, "since": since }))
        }
        Happening::Opened { key, episode, kind } => about("episode", key, json!({ "episode": episode, "kind": kind })),
        Happening::Told(notice) => about("notice", &notice.key, json!({ "kind": notice.kind, "notice": notice })),
        Happening::Suppressed(key) => about("suppressed", key, json!({})),
        Happening::Deployed { service, environment, release } => json!({
            "schema": SCHEMA, "type": "deploy", "time": moment.time,
            "service": service, "environment": environment, "release": release,
        }),
    }
}
