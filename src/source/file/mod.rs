//! Follows log files: finds them, knows them again after a restart or a rename, reads what is appended.
//!
//! [`tail::Tailer`] decides and reads, driven by explicit ticks with the time as argument; [`run`] is the loop around it that waits
//! for the file system ([`watch`]) or the poll interval, whichever is first.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::matcher::streams::FileScanner;
use crate::source::Batch;
use crate::source::Control;
use crate::source::Emit;
use crate::source::OutputClosed;
use crate::source::Reload;
use crate::source::SourceContext;
use crate::source::SourceError;
use crate::source::file::access::Own;
use crate::source::file::discover::Discovery;
use crate::source::file::tail::Tailer;
use crate::source::file::watch::Hints;
use crate::source::file::watch::Watch;
use crate::source::reloads;
use crate::source::stream::RecordStream;

pub mod access;
mod attach;
mod bytes;
mod copy;
mod descriptors;
pub mod discover;
mod faults;
pub mod identity;
mod known;
mod look;
mod probe;
mod reader;
mod report;
mod rest;
mod sibling;
mod start;
pub mod tail;
pub mod watch;

pub use probe::look_at;

/// How often a waiting source looks whether it shall stop.
const STOP_CHECK: SignedDuration = SignedDuration::from_millis(250);
/// The first hint is followed at once, further ones at this distance, so that a busy writer wakes the source at most so often.
const COALESCE: SignedDuration = SignedDuration::from_millis(1);

/// Log files, and how they are followed.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// Paths and globs (`*`, `?`, `[a-z]`, `{a,b}`, `**` for any depth). A path that does not exist is waited for. Everyone sets this.
    pub include: Vec<String>,
    /// Globs to leave out: with a `/` against the whole path, without against the file name. Default: none. For those whose glob also
    /// catches foreign files.
    pub exclude: Vec<String>,
    /// Where a file without stored position is begun when relapse starts. Default `start`. `end` is for those who do not want old
    /// lines judged; files that appear later are always read from their start.
    pub from: StartFrom,
    /// How often files are looked at when the file system gives no hint, and new files are looked for. Default `1s`. Longer saves CPU on
    /// tens of thousands of files or slow network file systems.
    #[schemars(with = "String")]
    pub poll_interval: SignedDuration,
    /// After how long without new bytes the last record is judged although it may go on. Default `100ms`. Longer for programs that
    /// write one traceback in several pieces.
    #[schemars(with = "String")]
    pub idle_flush: SignedDuration,
    /// The same for a last line that has no newline yet. Default `1s`.
    #[schemars(with = "String")]
    pub partial_flush: SignedDuration,
    /// How long a renamed file is kept open after its last byte, for late writes. Default `5m`. Longer for programs that keep writing to
    /// the old file after a rotation.
    #[schemars(with = "String")]
    pub rotate_wait: SignedDuration,
    /// The same for a deleted file. Default `10s`; its disk space is not freed before.
    #[schemars(with = "String")]
    pub delete_wait: SignedDuration,
}

impl Default for FileConfig {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            from: StartFrom::default(),
            poll_interval: SignedDuration::from_secs(1),
            idle_flush: SignedDuration::from_millis(100),
            partial_flush: SignedDuration::from_secs(1),
            rotate_wait: SignedDuration::from_mins(5),
            delete_wait: SignedDuration::from_secs(10),
        }
    }
}

/// Where a file without stored position is begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartFrom {
    /// At its first byte.
    #[default]
    Start,
    /// After its last complete line.
    End,
}

/// Follows files until the output is closed or `stop` is cancelled. Blocks.
pub fn run(
    config: &FileConfig,
    context: SourceContext,
    output: &mpsc::Sender<Batch>,
    stop: &CancellationToken,
) -> Result<(), SourceError> {
    let SourceContext { matcher, scanner, positions, now, status, own_directories } = context;
    let discovery = Discovery::new(&config.include, &config.exclude)?;
    let current = matcher.clone();
    let open = move |path: Arc<str>, offset, line| {
        let matcher = Arc::clone(&current.borrow());
        FileScanner::new(matcher, scanner.clone(), path, offset, line)
    };
    let mut tailer = Tailer::new(config.clone(), discovery, positions, open)
        .refusing(Own::of_this_process(&own_directories))
        .with_descriptors(descriptors::budget());
    let control = Control { now, status, stop: stop.clone() };
    let mut emit = |batch| output.blocking_send(batch).map_err(|_| OutputClosed);
    // A closed output is how a pipeline that ends says so.
    let _closed = follow(&mut tailer, &control, &mut reloads(matcher), &mut emit);
    Ok(())
}

/// Drives a tailer until the output is closed or the sign to stop is given. Blocks.
pub fn follow<S: RecordStream>(
    tailer: &mut Tailer<S>,
    control: &Control,
    reload: &mut Reload<'_>,
    emit: &mut Emit<'_>,
) -> Result<(), OutputClosed> {
    let outcome = drive(tailer, control, reload, emit);
    tailer.publish((control.now)(), &control.status);
    control.status.update(|status| status.running = false);
    outcome
}

fn drive<S: RecordStream>(
    tailer: &mut Tailer<S>,
    control: &Control,
    reload: &mut Reload<'_>,
    emit: &mut Emit<'_>,
) -> Result<(), OutputClosed> {
    let Control { now, status, stop } = control;
    let interval = tailer.config.poll_interval;
    let hints = Hints::default();
    let mut watch = Watch::start(&hints);
    let mut next_poll = now();
    // Hints may ask for a look at everything at any rate; looks take at most a fifth of the time.
    let (mut look, mut not_before) = (false, next_poll);
    let mut woken = Timestamp::MIN;
    while !stop.is_cancelled() {
        if let Some(matcher) = reload() {
            tailer.set_matcher(&matcher);
        }
        let at = now();
        let pending = hints.take();
        look |= pending.all;
        // A clock set back must not stop the polls.
        if (look && at >= not_before) || at >= next_poll || next_poll > at + interval {
            look = false;
            tailer.poll(at, emit)?;
            watch.sync(&tailer.directories());
            tailer.publish(at, status);
            next_poll = at + interval;
            not_before = next_poll.min(at + now().duration_since(at).max(SignedDuration::ZERO) * 5);
        } else {
            tailer.touched(&pending.paths);
        }
        let more = tailer.read_round(at, emit)?;
        tailer.flush_idle(now(), emit)?;
        if !more {
            let latest = if look { not_before } else { next_poll };
            wait(&hints, tailer.next_due(latest), woken, *now);
            woken = now();
        }
    }
    tailer.stop(now(), emit)
}

/// Waits for a hint, until `due`, or until it is time to look for the stop sign; `woken` is when it last did.
fn wait(hints: &Hints, due: Timestamp, woken: Timestamp, now: fn() -> Timestamp) {
    let span = due.duration_since(now()).clamp(SignedDuration::ZERO, STOP_CHECK);
    if hints.wait(span.unsigned_abs()) {
        let early = COALESCE - now().duration_since(woken).clamp(SignedDuration::ZERO, COALESCE);
        std::thread::sleep(early.unsigned_abs());
    }
}

/// Paths that hints named.
pub type Touched = std::collections::HashSet<PathBuf>;
