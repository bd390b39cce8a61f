//! Standard input until it ends. It cannot be read again, so it has no position: event ids are unique to the run.

use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::matcher::Observation;
use crate::matcher::streams::FileScanner;
use crate::source::Batch;
use crate::source::Control;
use crate::source::Emit;
use crate::source::EventScope;
use crate::source::OutputClosed;
use crate::source::Reload;
use crate::source::SourceContext;
use crate::source::SourceError;
use crate::source::reloads;
use crate::source::status::FileStatus;
use crate::source::status::Problem;
use crate::source::stream::RecordStream;
use crate::telemetry::labels::SourceKind;

/// What standard input is called.
pub const NAME: &str = "<stdin>";
const BLOCK: usize = 256 * 1024;
/// Blocks read ahead of the pipeline.
const AHEAD: usize = 2;
/// How often a waiting source looks whether it shall stop.
const STOP_CHECK: Duration = Duration::from_millis(250);

/// Standard input, and how it is read.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StdinConfig {
    /// After how long without new bytes the last record is judged although it may go on. Default `100ms`. Longer for programs that
    /// write one traceback in several pieces.
    #[schemars(with = "String")]
    pub idle_flush: SignedDuration,
}

impl Default for StdinConfig {
    fn default() -> Self {
        Self { idle_flush: SignedDuration::from_millis(100) }
    }
}

/// Reads standard input until it ends, the output is closed or `stop` is cancelled. Blocks.
pub fn run(
    config: &StdinConfig,
    context: SourceContext,
    output: &mpsc::Sender<Batch>,
    stop: &CancellationToken,
) -> Result<(), SourceError> {
    let matcher = Arc::clone(&context.matcher.borrow());
    let scanner = FileScanner::new(matcher, context.scanner, Arc::from(NAME), 0, 1);
    let mut emit = |batch| output.blocking_send(batch).map_err(|_| OutputClosed);
    let control = Control { now: context.now, status: context.status, stop: stop.clone() };
    Intake::new(config, control, scanner).follow(io::stdin(), &mut reloads(context.matcher), &mut emit)
}

/// What the reader thread hands over.
type Block = io::Result<Vec<u8>>;

fn read(mut input: impl Read, blocks: &SyncSender<Block>) {
    let mut buffer = vec![0; BLOCK];
    loop {
        let block = match input.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => Ok(buffer.get(..count).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = block.is_err();
        if blocks.send(block).is_err() || failed {
            return;
        }
    }
}

/// Reads an input to its end, block by block, on the calling thread.
#[derive(Debug)]
pub struct Intake<S> {
    stream: S,
    scope: EventScope,
    idle: Duration,
    control: Control,
}

impl<S: RecordStream> Intake<S> {
    /// An intake that pushes into `stream`.
    pub fn new(config: &StdinConfig, control: Control, stream: S) -> Self {
        let started = (control.now)().as_nanosecond();
        let scope = EventScope { stream: format!("stdin-{started}").into(), generation: 0 };
        Self { stream, scope, idle: config.idle_flush.unsigned_abs(), control }
    }

    /// Reads `input` until it ends, the output is closed or the sign to stop is given. Blocks.
    pub fn follow(
        mut self,
        input: impl Read + Send + 'static,
        reload: &mut Reload<'_>,
        emit: &mut Emit<'_>,
    ) -> Result<(), SourceError> {
        let (blocks, incoming) = sync_channel(AHEAD);
        // Not joined: a read that waits for input cannot be interrupted, and must not hold up the end of the program.
        let reader = std::thread::Builder::new().name("stdin".to_owned());
        reader.spawn(move || read(input, &blocks)).map_err(SourceError::Thread)?;

        let last_read = (self.control.now)();
        self.control.status.update(|status| {
            status.kind = "stdin";
            status.running = true;
            status.files = vec![FileStatus { path: Arc::from(NAME), offset: 0, size: 0, last_read, draining: false }];
        });
        // A closed output is how a pipeline that ends says so.
        let _closed = self.pump(&incoming, reload, emit);
        self.control.status.update(|status| {
            status.running = false;
            status.files.clear();
        });
        Ok(())
    }

    fn pump(
        &mut self,
        incoming: &Receiver<Block>,
        reload: &mut Reload<'_>,
        emit: &mut Emit<'_>,
    ) -> Result<(), OutputClosed> {
        let mut found = Vec::new();
        while !self.control.stop.is_cancelled() {
            if let Some(matcher) = reload() {
                self.stream.set_matcher(matcher);
            }
            let timeout = if self.stream.has_unflushed() { self.idle.min(STOP_CHECK) } else { STOP_CHECK };
            match incoming.recv_timeout(timeout) {
                Ok(Ok(block)) => {
                    self.note(block.len() as u64);
                    self.stream.push(&block, &mut found);
                }
                Ok(Err(error)) => self.fail(&error),
                Err(RecvTimeoutError::Timeout) => {
                    self.note(0);
                    if self.stream.has_unflushed() {
                        self.stream.flush(&mut found);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.stream.finish(&mut found);
                    return self.emit(&mut found, emit);
                }
            }
            self.emit(&mut found, emit)?;
        }
        self.stream.flush(&mut found);
        self.emit(&mut found, emit)
    }

    fn emit(&mut self, found: &mut Vec<Observation>, emit: &mut Emit<'_>) -> Result<(), OutputClosed> {
        let tally = self.stream.take_tally();
        if found.is_empty() && tally.bytes == 0 {
            return Ok(());
        }
        let now = (self.control.now)();
        emit(Batch {
            kind: SourceKind::Stdin,
            observations: std::mem::take(found),
            position: None,
            read_at: now,
            written: now,
            source: Arc::from(NAME),
            tally,
            event_scope: self.scope.clone(),
            closed: false,
            deploys: Vec::new(),
            sender: None,
        })
    }

    fn note(&self, bytes: u64) {
        let now = (self.control.now)();
        self.control.status.update(|status| {
            status.last_poll = Some(now);
            status.totals.bytes_read += bytes;
            for file in &mut status.files {
                file.offset += bytes;
                file.size += bytes;
                if bytes > 0 {
                    file.last_read = now;
                }
            }
        });
    }

    fn fail(&self, error: &io::Error) {
        tracing::warn!(%error, "standard input cannot be read");
        let since = (self.control.now)();
        self.control.status.update(|status| {
            status.totals.unreadable += 1;
            status.problems = vec![Problem { path: NAME.to_owned(), reason: error.to_string(), since }];
        });
    }
}
