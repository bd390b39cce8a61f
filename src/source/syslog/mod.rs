//! A syslog listener (RFC 3164 and 5424) on Unix sockets, TCP and UDP. Syslog has no acknowledgement: what is on its way when relapse
//! is killed is lost. A full pipeline makes it wait, and TCP senders with it.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::decode::transport::Form;
use crate::matcher::scanner::Tally;
use crate::matcher::streams::FileScanner;
use crate::source::Batch;
use crate::source::EventScope;
use crate::source::OutputClosed;
use crate::source::SourceContext;
use crate::source::SourceError;
use crate::source::message::Message;
use crate::source::message::Reader;
use crate::source::reloads;
use crate::source::status::Problem;
use crate::source::syslog::listen::Address;
use crate::telemetry::labels::SourceKind;

pub mod frame;
pub mod listen;

const NAME: &str = "syslog";
/// After how long without a message the last records are judged although they may go on.
const IDLE: Duration = Duration::from_millis(100);
/// Messages judged together at most.
const MAX_BATCH: usize = 1_000;

/// Where syslog is received.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    /// `unix:/run/relapse.sock`, `tcp:127.0.0.1:5514`, `udp:127.0.0.1:5514`.
    #[schemars(with = "Vec<String>")]
    pub listen: Vec<Address>,
    /// Listen on addresses that are not loopback. Whoever reaches them can write logs. Default: no.
    #[serde(default)]
    pub allow_public: bool,
    /// After how long without a byte a connection is closed. Default `1h`.
    #[serde(default = "idle_timeout")]
    #[schemars(with = "String")]
    pub idle_timeout: SignedDuration,
}

fn idle_timeout() -> SignedDuration {
    SignedDuration::from_hours(1)
}

/// Receives until the output is closed or `stop` is cancelled. Blocks; must be called on a blocking thread of a Tokio runtime.
pub fn run(
    config: &SyslogConfig,
    context: SourceContext,
    output: &mpsc::Sender<Batch>,
    stop: &CancellationToken,
) -> Result<(), SourceError> {
    let runtime = tokio::runtime::Handle::try_current().map_err(SourceError::Runtime)?;
    runtime.block_on(receive(config, context, output, stop))
}

async fn receive(
    config: &SyslogConfig,
    context: SourceContext,
    output: &mpsc::Sender<Batch>,
    stop: &CancellationToken,
) -> Result<(), SourceError> {
    let (sender, mut incoming) = mpsc::channel(MAX_BATCH);
    let mut listeners = listen::bind(config, &sender).await?;
    drop(sender);
    let (status, now, name) = (context.status.clone(), context.now, Arc::<str>::from(NAME));
    let matcher = Arc::clone(&context.matcher.borrow());
    let mut scanner = context.scanner.clone();
    scanner.decode.form = Some(Form::Stamped);
    let stream = format!("{NAME}-{}", now().as_nanosecond());
    let mut judge = Judge {
        rows: FileScanner::new(Arc::clone(&matcher), scanner, Arc::clone(&name), 0, 1),
        texts: Reader::new(matcher, context.scanner, Arc::clone(&name)),
        scope: EventScope { stream: stream.into(), generation: 0 },
        number: 0,
        now,
        name,
    };
    let mut reload = reloads(context.matcher);
    status.update(|status| (status.running, status.last_poll) = (true, Some(now())));
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut ticks = tokio::time::interval(IDLE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        let idle = tokio::select! {
            () = stop.cancelled() => break,
            _ = incoming.recv_many(&mut messages, MAX_BATCH), if !incoming.is_closed() => false,
            _ = ticks.tick() => true,
            Some(ended) = listeners.join_next() => {
                if let Ok(Some(problem)) = ended {
                    let problem = Problem { path: NAME.to_owned(), reason: problem, since: now() };
                    status.update(|status| status.problems = vec![problem]);
                }
                continue;
            }
        };
        if let Some(matcher) = reload() {
            judge.rows.set_matcher(Arc::clone(&matcher));
            judge.texts.set_matcher(matcher);
        }
        if !listeners.is_empty() {
            status.update(|status| status.last_poll = Some(now()));
        }
        if judge.hand_over(&mut messages, idle, output).await.is_err() {
            break;
        }
    }
    incoming.close();
    while incoming.recv_many(&mut messages, MAX_BATCH).await > 0 {}
    // A closed output is how a pipeline that ends says so.
    let _closed = judge.hand_over(&mut messages, true, output).await;
    status.update(|status| status.running = false);
    Ok(())
}

/// Messages → batches.
struct Judge {
    /// Messages of one line: a row of a traceback comes in a message of its own.
    rows: FileScanner,
    /// Messages of several lines, each a record.
    texts: Reader,
    scope: EventScope,
    /// Messages so far.
    number: u64,
    now: fn() -> jiff::Timestamp,
    name: Arc<str>,
}

impl Judge {
    async fn hand_over(
        &mut self,
        messages: &mut Vec<Vec<u8>>,
        idle: bool,
        output: &mpsc::Sender<Batch>,
    ) -> Result<(), OutputClosed> {
        let now = (self.now)();
        let (mut found, mut tally) = (Vec::new(), Tally::default());
        for message in messages.drain(..) {
            self.number += 1;
            if message.contains(&b'\n') {
                let id = format!("{}#{}", self.scope.stream, self.number);
                let said = self.texts.read([&Message { data: message, id, published: now }]);
                found.extend(said.observations);
                tally += said.tally;
            } else {
                self.rows.push(&message, &mut found);
                self.rows.push(b"\n", &mut found);
            }
        }
        if idle && self.rows.has_unflushed() {
            self.rows.flush(&mut found);
        }
        tally += self.rows.take_tally();
        if found.is_empty() && tally.bytes == 0 {
            return Ok(());
        }
        let batch = Batch {
            kind: SourceKind::Syslog,
            observations: found,
            position: None,
            read_at: now,
            written: now,
            source: Arc::clone(&self.name),
            tally,
            event_scope: self.scope.clone(),
            closed: false,
            deploys: Vec::new(),
            sender: None,
        };
        output.send(batch).await.map_err(|_| OutputClosed)
    }
}
