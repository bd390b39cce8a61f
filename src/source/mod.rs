//! Where records come from: files, standard input, OTLP, Pub/Sub, systemd's journal, syslog. Each source is a function of the same signature
//! (configuration, context, output, stop) and gives batches of observations together with what is owed for them once they are
//! committed: the position they bring the source to, or the answer that a sender waits for.
//!
//! Sources are blocking code: run each on a thread of its own (`spawn_blocking`). A full output makes them wait (or send the sender
//! away), so files and senders are the buffer; a closed output or a cancelled stop ends them.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::listen::bind::BindError;
use crate::listen::tls::TlsError;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::scanner::Tally;
use crate::model::command::Deploy;
use crate::model::position::Position;
use crate::source::file::FileConfig;
use crate::source::file::discover::PatternError;
use crate::source::journald::JournaldConfig;
use crate::source::otlp::OtlpConfig;
use crate::source::otlp::TokenError;
use crate::source::pubsub::PubsubConfig;
use crate::source::status::StatusHandle;
use crate::source::stdin::StdinConfig;
use crate::source::syslog::SyslogConfig;
use crate::source::syslog::listen::ListenError;
use crate::telemetry::labels::SourceKind;

pub mod file;
pub mod journald;
pub mod message;
pub mod otlp;
pub mod parts;
pub mod probe;
pub mod pubsub;
pub mod receive;
pub mod status;
pub mod stdin;
pub mod stream;
pub mod syslog;

/// Which source, and how it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceConfig {
    /// Log files, followed.
    File(FileConfig),
    /// Standard input, until it ends.
    Stdin(StdinConfig),
    /// Logs and traces that services send.
    Otlp(OtlpConfig),
    /// A Pub/Sub subscription, pulled or pushed.
    Pubsub(PubsubConfig),
    /// systemd's journal.
    Journald(JournaldConfig),
    /// A syslog listener.
    Syslog(SyslogConfig),
}

impl SourceConfig {
    /// What the source is called in labels and checks.
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::File(_) => SourceKind::File,
            Self::Stdin(_) => SourceKind::Stdin,
            Self::Otlp(_) => SourceKind::Otlp,
            Self::Pubsub(_) => SourceKind::Pubsub,
            Self::Journald(_) => SourceKind::Journald,
            Self::Syslog(_) => SourceKind::Syslog,
        }
    }

    /// Which of several sources of its kind it is; empty for kinds of which there is one.
    pub fn name(&self) -> &str {
        match self {
            Self::File(_) | Self::Stdin(_) | Self::Otlp(_) | Self::Journald(_) | Self::Syslog(_) => "",
            Self::Pubsub(config) => config.subscription.as_str(),
        }
    }
}

/// What every source is given.
#[derive(Debug, Clone)]
pub struct SourceContext {
    /// The matcher in force; a new one is taken over at the next read.
    pub matcher: watch::Receiver<Arc<Matcher>>,
    /// Limits and habits of the scanners.
    pub scanner: ScannerConfig,
    /// Positions stored by an earlier run.
    pub positions: Vec<Position>,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// Where the source shows how it is doing.
    pub status: StatusHandle,
    /// Where the program writes: no file in it is followed.
    pub own_directories: Vec<PathBuf>,
}

/// What a source hands over: commit all of it, or none.
#[derive(Debug)]
pub struct Batch {
    /// Which source.
    pub kind: SourceKind,
    /// In the order of the stream; empty when only the position moved.
    pub observations: Vec<Observation>,
    /// Everything before it is judged once this batch is committed; `None` for sources that cannot be read again.
    pub position: Option<Position>,
    /// When the bytes were read.
    pub read_at: Timestamp,
    /// When they had been written at the latest: event time of records that state none.
    pub written: Timestamp,
    /// Path of the file, `<stdin>`, address of a listener.
    pub source: Arc<str>,
    /// What went through since the last batch of this stream.
    pub tally: Tally,
    /// What makes event ids of this batch unique.
    pub event_scope: EventScope,
    /// The stream is gone for good: its stored position may be forgotten with this batch.
    pub closed: bool,
    /// Deployments that the source itself tells of (audit entries), in their order.
    pub deploys: Vec<Deploy>,
    /// Whoever sent this waits until it is stored.
    pub sender: Option<Waiting>,
}

/// A sender that is answered once its batch is stored.
#[derive(Debug)]
pub struct Waiting(oneshot::Sender<Result<(), NotStored>>);

/// The batch was judged and could not be stored: send it again later, what was judged counts once.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct NotStored {
    /// Why, for people.
    pub reason: String,
}

impl Waiting {
    /// Both ends.
    pub fn new() -> (Self, oneshot::Receiver<Result<(), NotStored>>) {
        let (sender, answer) = oneshot::channel();
        (Self(sender), answer)
    }

    /// Answers; whoever waited may have gone.
    pub fn answer(self, stored: Result<(), NotStored>) {
        drop(self.0.send(stored));
    }
}

/// Names one incarnation of one stream. Event id = hash of the scope, the record's byte offset and the signature: the same bytes
/// read again give the same id, other bytes never do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventScope {
    /// [`Position::file_id`]; for streams without positions a name that no other run shares.
    pub stream: Arc<str>,
    /// [`Position::generation`]; 0 for streams without positions.
    pub generation: u64,
}

/// The receiver of the batches is gone: the source ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the pipeline no longer takes batches")]
pub struct OutputClosed;

/// What a running source looks at besides its input.
#[derive(Debug, Clone)]
pub struct Control {
    /// The clock.
    pub now: fn() -> Timestamp,
    /// Where the source shows how it is doing.
    pub status: StatusHandle,
    /// The sign to end.
    pub stop: CancellationToken,
}

/// Gives the new matcher after a reload, once.
pub type Reload<'a> = dyn FnMut() -> Option<Arc<Matcher>> + 'a;

/// What tells a source of reloads.
fn reloads(mut matcher: watch::Receiver<Arc<Matcher>>) -> impl FnMut() -> Option<Arc<Matcher>> {
    move || matcher.has_changed().unwrap_or(false).then(|| Arc::clone(&matcher.borrow_and_update()))
}

/// Takes batches; waits when the pipeline is full.
pub type Emit<'a> = dyn FnMut(Batch) -> Result<(), OutputClosed> + 'a;

/// Why a source could not start. (What goes wrong later is a state, shown in its status, and is retried.)
#[derive(Debug, Error)]
pub enum SourceError {
    /// A pattern of a file source.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A thread could not be started.
    #[error("start a thread to read standard input; raise the limit of processes (`ulimit -u`)")]
    Thread(#[source] std::io::Error),
    /// A socket of the syslog listener.
    #[error(transparent)]
    Syslog(#[from] ListenError),
    /// An address to listen on.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// A certificate and its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The token that senders must show.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Network sources need Tokio.
    #[error("no Tokio runtime is there; this is a defect of relapse, please report it")]
    Runtime(#[source] tokio::runtime::TryCurrentError),
    /// What fetches the keys of those who push.
    #[cfg(feature = "gcp")]
    #[error(transparent)]
    Keys(#[from] pubsub::push::keys::ClientError),
    /// Built without the feature.
    #[error("this relapse is built without Pub/Sub; build it with `--features gcp`")]
    NoPubsub,
}

/// Reads one source until it ends, the output is closed or `stop` is cancelled. Blocks.
pub fn run(
    config: &SourceConfig,
    context: SourceContext,
    output: &mpsc::Sender<Batch>,
    stop: &CancellationToken,
) -> Result<(), SourceError> {
    match config {
        SourceConfig::File(config) => file::run(config, context, output, stop),
        SourceConfig::Stdin(config) => stdin::run(config, context, output, stop),
        SourceConfig::Otlp(config) => otlp::run(config, context, output, stop),
        SourceConfig::Pubsub(config) => pubsub::run(config, context, output, stop),
        SourceConfig::Journald(config) => journald::run(config, context, output, stop),
        SourceConfig::Syslog(config) => syslog::run(config, context, output, stop),
    }
}
