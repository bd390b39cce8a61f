//! Reads files to their end and judges what they hold, in the order of event time across files.

use std::collections::HashSet;
use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::sync::Arc;
use std::thread;

use jiff::Timestamp;

use crate::app::identity;
use crate::app::offline::Offline;
use crate::app::offline::Outcome;
use crate::app::offline::record_of;
use crate::app::reading::Calibration;
use crate::app::reading::Pool;
use crate::app::reading::Reader;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::scanner::Tally;
use crate::store::event::EventId;

/// A stream with fewer observations that wait for the judge is read on.
const AHEAD: usize = 64;

/// One file or standard input.
pub struct Input {
    /// As given, or `<stdin>`.
    pub name: Arc<str>,
    /// Its bytes.
    pub bytes: Box<dyn Read + Send>,
    /// Event time of records that state none and follow none that does: when the file was last written.
    pub undated: Timestamp,
    /// What a sidecar has counted in it already: left out.
    pub counted: Option<Counted>,
}

/// The occurrences of one file that were counted before.
#[derive(Debug, Clone)]
pub struct Counted {
    /// What event ids of the file are made of.
    pub stream: Arc<str>,
    /// How often the file began anew.
    pub generation: u64,
    /// The occurrences of every file.
    pub events: Arc<HashSet<EventId>>,
}

impl Counted {
    fn holds(&self, observation: &Observation) -> bool {
        let Observation::Match(found) = observation else { return false };
        self.events.contains(&identity::of(found, &self.stream, self.generation))
    }
}

/// Event times outside are left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
}

impl Span {
    /// Whether `time` lies in it.
    pub fn holds(&self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }
}

/// What hears of the scan's progress and findings.
pub trait Listener {
    /// So many more bytes were read.
    fn read(&mut self, bytes: u64);
    /// An observation was judged.
    fn judged(&mut self, outcome: Outcome) -> io::Result<()>;
    /// Bytes are waited for next: show what was judged so far.
    fn waits(&mut self) -> io::Result<()>;
}

/// A file that could not be read to its end; the others were.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {file}: {source}")]
pub struct ReadError {
    /// Which file.
    pub file: Arc<str>,
    /// Why.
    pub source: io::Error,
}

/// What the scan amounts to.
#[derive(Debug, Default)]
pub struct Totals {
    /// Of all files.
    pub tally: Tally,
    /// Files that could not be read to their end.
    pub failed: Vec<ReadError>,
}

/// What was read of one input and is not yet judged.
struct Stream {
    name: Arc<str>,
    undated: Timestamp,
    counted: Option<Counted>,
    queue: VecDeque<Observation>,
    /// Not here while it is being read, or after its end.
    reader: Option<Box<Reader>>,
    ended: bool,
    tally: Tally,
    failure: Option<io::Error>,
}

/// Reads every input to its end. The streams are merged by event time, so that a deploy seen in one file counts for the
/// failures in another. Several files are read by several threads, ahead of the judge: what comes out is the same in the same order.
pub fn scan(
    inputs: Vec<Input>,
    matcher: &Arc<Matcher>,
    config: &ScannerConfig,
    (judge, span): (&mut Offline, Span),
    listener: &mut dyn Listener,
) -> io::Result<Totals> {
    let calibration = Calibration::new(matcher);
    let mut streams: Vec<Stream> = inputs
        .into_iter()
        .map(|input| Stream {
            name: Arc::clone(&input.name),
            undated: input.undated,
            counted: input.counted.clone(),
            queue: VecDeque::new(),
            reader: Some(Box::new(Reader::new(input, &calibration, config))),
            ended: false,
            tally: Tally::default(),
            failure: None,
        })
        .collect();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(streams.len());
    thread::scope(|scope| {
        let pool = Pool::new(scope, threads);
        merge(&mut streams, &pool, (judge, span), listener)
    })?;
    let mut totals = Totals::default();
    for stream in streams {
        if let Some(time) = stream.tally.last_time {
            listener.judged(judge.passed(&stream.name, time))?;
        }
        totals.tally += stream.tally;
        totals.failed.extend(stream.failure.map(|source| ReadError { file: stream.name, source }));
    }
    listener.judged(judge.finish())?;
    Ok(totals)
}

/// Judges what the streams hold, the earliest first.
fn merge(
    streams: &mut [Stream],
    pool: &Pool,
    (judge, span): (&mut Offline, Span),
    listener: &mut dyn Listener,
) -> io::Result<()> {
    loop {
        for (number, stream) in streams.iter_mut().enumerate() {
            if stream.queue.len() < AHEAD
                && (pool.is_threaded() || stream.queue.is_empty())
                && let Some(reader) = stream.reader.take()
            {
                if stream.queue.is_empty() {
                    listener.waits()?;
                }
                pool.fill(number, reader);
            }
        }
        while streams.iter().any(|stream| stream.queue.is_empty() && !stream.ended) {
            let Some((number, filled)) = pool.filled() else { break };
            listener.read(filled.bytes);
            let Some(stream) = streams.get_mut(number) else { break };
            stream.queue.extend(filled.found);
            stream.ended = filled.ended.is_some();
            stream.reader = filled.reader;
            if let Some(end) = filled.ended {
                (stream.tally, stream.failure) = (end.tally, end.failure);
            } else if stream.queue.is_empty()
                && let Some(reader) = stream.reader.take()
            {
                listener.waits()?;
                pool.fill(number, reader);
            }
        }
        let next = streams.iter_mut().filter(|stream| !stream.queue.is_empty()).min_by_key(|stream| stream.next_time());
        let Some(stream) = next else { return Ok(()) };
        let Some(observation) = stream.queue.pop_front() else { return Ok(()) };
        let time = record_of(&observation).time.unwrap_or(stream.undated);
        if span.holds(time) && !stream.counted.as_ref().is_some_and(|counted| counted.holds(&observation)) {
            listener.judged(judge.observe(&observation, stream.undated))?;
        }
    }
}

impl Stream {
    fn next_time(&self) -> Timestamp {
        let stated = self.queue.front().and_then(|observation| record_of(observation).time);
        stated.unwrap_or(self.undated)
    }
}
