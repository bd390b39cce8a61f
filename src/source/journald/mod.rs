//! systemd's journal, through `journalctl`: it is begun after the stored cursor, and begun anew when it ends. What the journal knows
//! of an entry completes the record: unit, process, severity, time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::matcher::Observation;
use crate::model::position::Position;
use crate::source::Batch;
use crate::source::Control;
use crate::source::EventScope;
use crate::source::OutputClosed;
use crate::source::SourceContext;
use crate::source::SourceError;
use crate::source::file::StartFrom;
use crate::source::journald::entry::Entry;
use crate::source::journald::lanes::Lanes;
use crate::source::journald::process::Journalctl;
use crate::source::reloads;
use crate::source::status::Problem;
use crate::telemetry::labels::SourceKind;

mod entry;
mod lanes;
mod process;

/// After how long without an entry the last records are judged although they may go on.
const IDLE: Duration = Duration::from_millis(100);
/// Entries judged together at most.
const MAX_BATCH: usize = 1_000;
/// A position without observations is reported at most so often.
const POSITION_EVERY: SignedDuration = SignedDuration::from_secs(1);
/// The pauses before `journalctl` is begun anew.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// The journal, and what of it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JournaldConfig {
    /// Units to read (`api.service`, globs too). Default: all.
    pub units: Vec<String>,
    /// A directory of journal files. Default: the journal of this host. For journals that are mounted from elsewhere.
    pub directory: Option<PathBuf>,
    /// Where to begin without a stored position. Default `start`. `end` is for those who do not want old entries judged.
    pub from: StartFrom,
}

impl JournaldConfig {
    /// What it is called in positions and texts.
    pub fn name(&self) -> String {
        self.directory.as_ref().map_or_else(|| "system".to_owned(), |directory| directory.display().to_string())
    }
}

/// What would be read, in words, or why nothing can be.
pub fn look_at(config: &JournaldConfig) -> Result<String, String> {
    let latest = process::latest(config).map_err(|error| format!("journalctl cannot be started: {error}"))??;
    let latest = Entry::parse(&latest).and_then(|entry| entry.time);
    Ok(latest.map_or_else(
        || "no entry yet".to_owned(),
        |time| format!("entries of {}, the latest of {time}", config.name()),
    ))
}

/// Follows the journal until the output is closed or `stop` is cancelled. Blocks.
pub fn run(
    config: &JournaldConfig,
    context: SourceContext,
    output: &mpsc::Sender<Batch>,
    stop: &CancellationToken,
) -> Result<(), SourceError> {
    let name: Arc<str> = Arc::from(format!("journald:{}", config.name()));
    let stored = context.positions.iter().find(|position| position.file_id == *name);
    let matcher = Arc::clone(&context.matcher.borrow());
    let control = Control { now: context.now, status: context.status, stop: stop.clone() };
    let mut follower = Follower {
        config,
        output,
        cursor: stored.map(|position| position.cursor.clone()).filter(|cursor| !cursor.is_empty()),
        lanes: Lanes::new(matcher, context.scanner, Arc::clone(&name)),
        sent_at: (control.now)(),
        judged: None,
        name,
        control,
    };
    let mut reload = reloads(context.matcher);
    follower.control.status.update(|status| status.running = true);
    // A closed output is how a pipeline that ends says so.
    let _closed =
        follower.follow(&mut || reload().inspect(|_| tracing::debug!("the journal is judged by a new catalog")));
    follower.control.status.update(|status| status.running = false);
    Ok(())
}

struct Follower<'a> {
    config: &'a JournaldConfig,
    output: &'a mpsc::Sender<Batch>,
    control: Control,
    name: Arc<str>,
    lanes: Lanes,
    /// The latest entry read.
    cursor: Option<String>,
    /// The entry up to which everything is judged, until that is reported.
    judged: Option<String>,
    sent_at: Timestamp,
}

impl Follower<'_> {
    fn follow(&mut self, reload: &mut crate::source::Reload<'_>) -> Result<(), OutputClosed> {
        let mut pause = FIRST_PAUSE;
        while !self.control.stop.is_cancelled() {
            match Journalctl::start(self.config, self.cursor.as_deref()) {
                Ok(mut journalctl) => {
                    let began = (self.control.now)();
                    let ended = self.read(&mut journalctl, reload);
                    let reason = journalctl.end();
                    ended?;
                    if (self.control.now)().duration_since(began) > LONGEST_PAUSE {
                        pause = FIRST_PAUSE;
                    }
                    if self.control.stop.is_cancelled() {
                        break;
                    }
                    if reason.contains("cursor") {
                        // What is read again is judged once.
                        self.cursor = None;
                    }
                    self.failed(&reason);
                }
                Err(error) => {
                    self.failed(&format!("journalctl cannot be started: {error}; install systemd, or read files"));
                }
            }
            self.rest(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let mut found = Vec::new();
        self.lanes.idle((self.control.now)(), &mut found);
        self.report(found, true)
    }

    /// Waits, as far as nobody stops it.
    fn rest(&self, pause: SignedDuration) {
        let until = (self.control.now)() + pause;
        while !self.control.stop.is_cancelled() && (self.control.now)() < until {
            std::thread::sleep(IDLE);
        }
    }

    fn failed(&self, reason: &str) {
        let since = (self.control.now)();
        tracing::warn!(source = %self.name, reason, "the journal cannot be read now; it is tried again");
        self.control.status.update(|status| {
            status.totals.restarts += 1;
            status.problems = vec![Problem { path: self.name.to_string(), reason: reason.to_owned(), since }];
        });
    }

    /// Reads until the subprocess ends or relapse stops.
    fn read(
        &mut self,
        journalctl: &mut Journalctl,
        reload: &mut crate::source::Reload<'_>,
    ) -> Result<(), OutputClosed> {
        while !self.control.stop.is_cancelled() {
            if let Some(matcher) = reload() {
                self.lanes.set_matcher(&matcher);
            }
            let mut found = Vec::new();
            match journalctl.lines.recv_timeout(IDLE) {
                Ok(line) => {
                    self.take(&line, &mut found);
                    for _ in 1..MAX_BATCH {
                        let Ok(line) = journalctl.lines.try_recv() else { break };
                        self.take(&line, &mut found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.lanes.idle((self.control.now)(), &mut found),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            let now = (self.control.now)();
            self.control.status.update(|status| {
                status.last_poll = Some(now);
                status.problems.clear();
            });
            self.report(found, false)?;
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8], found: &mut Vec<Observation>) {
        self.control.status.update(|status| status.totals.bytes_read += line.len() as u64);
        let Some(entry) = Entry::parse(line) else { return };
        self.cursor = Some(entry.cursor.clone());
        self.lanes.push(entry, (self.control.now)(), found);
    }

    /// Hands over observations at once, a mere position now and then.
    fn report(&mut self, observations: Vec<Observation>, last: bool) -> Result<(), OutputClosed> {
        let now = (self.control.now)();
        self.judged = self.lanes.take_cursor().or(self.judged.take());
        let due = last || now.duration_since(self.sent_at) >= POSITION_EVERY;
        if observations.is_empty() && !(due && self.judged.is_some()) {
            return Ok(());
        }
        self.sent_at = now;
        let position = self.judged.take().map(|cursor| Position {
            file_id: self.name.to_string(),
            path: self.name.to_string(),
            cursor,
            ..Position::default()
        });
        let batch = Batch {
            kind: SourceKind::Journald,
            observations,
            position,
            read_at: now,
            written: now,
            source: Arc::clone(&self.name),
            tally: self.lanes.take_tally(),
            event_scope: EventScope { stream: Arc::clone(&self.name), generation: 0 },
            closed: false,
            deploys: Vec::new(),
            sender: None,
        };
        self.output.blocking_send(batch).map_err(|_| OutputClosed)
    }
}
