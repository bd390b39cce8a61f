//! Reads files to their end and judges what they hold, in the order of event time across files.

use std::collections::HashSet;
use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;

use crate::app::identity;
use crate::app::offline::Offline;
use crate::app::offline::Outcome;
use crate::app::offline::record_of;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::scanner::Tally;
use crate::matcher::streams::FileScanner;
use crate::store::event::EventId;

/// Bytes read at a time.
const BLOCK: usize = 256 * 1024;

/// One file or standard input.
pub struct Input {
    /// As given, or `<stdin>`.
    pub name: Arc<str>,
    /// Its bytes.
    pub bytes: Box<dyn Read>,
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

struct Stream {
    input: Input,
    scanner: FileScanner,
    queue: VecDeque<Observation>,
    ended: bool,
}

/// Reads every input to its end. The streams are merged by event time, so that a deploy seen in one file counts for the
/// failures in another; only one block a file is held in memory.
pub fn scan(
    inputs: Vec<Input>,
    matcher: &Arc<Matcher>,
    config: &ScannerConfig,
    (judge, span): (&mut Offline, Span),
    listener: &mut dyn Listener,
) -> io::Result<Totals> {
    let mut totals = Totals::default();
    let mut streams: Vec<Stream> = inputs
        .into_iter()
        .map(|input| Stream {
            scanner: {
                let mut config = config.clone();
                config.decode.written = Some(input.undated);
                FileScanner::new(matcher.clone(), config, input.name.clone(), 0, 1)
            },
            input,
            queue: VecDeque::new(),
            ended: false,
        })
        .collect();
    let mut block = vec![0; BLOCK];
    loop {
        for stream in streams.iter_mut().filter(|stream| stream.queue.is_empty() && !stream.ended) {
            listener.waits()?;
            if let Err(source) = stream.fill(&mut block, listener) {
                totals.failed.push(ReadError { file: stream.input.name.clone(), source });
            }
        }
        let next = streams.iter_mut().filter(|stream| !stream.queue.is_empty()).min_by_key(|stream| stream.next_time());
        let Some(stream) = next else { break };
        let Some(observation) = stream.queue.pop_front() else { break };
        let time = record_of(&observation).time.unwrap_or(stream.input.undated);
        if span.holds(time) && !stream.input.counted.as_ref().is_some_and(|counted| counted.holds(&observation)) {
            listener.judged(judge.observe(&observation, stream.input.undated))?;
        }
    }
    for stream in &mut streams {
        let tally = stream.scanner.take_tally();
        if let Some(time) = tally.last_time {
            listener.judged(judge.passed(&stream.input.name, time))?;
        }
        totals.tally += tally;
    }
    listener.judged(judge.finish())?;
    Ok(totals)
}

impl Stream {
    /// Reads until there is something to judge or nothing left to read.
    fn fill(&mut self, block: &mut [u8], listener: &mut dyn Listener) -> io::Result<()> {
        let mut found = Vec::new();
        while self.queue.is_empty() && !self.ended {
            let read = match self.input.bytes.read(block) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.ended = true;
                    self.scanner.finish(&mut found);
                    self.queue.extend(found);
                    return Err(error);
                }
            };
            if read == 0 {
                self.ended = true;
                self.scanner.finish(&mut found);
            } else {
                listener.read(read as u64);
                self.scanner.push(block.get(..read).unwrap_or_default(), &mut found);
            }
            self.queue.extend(found.drain(..));
        }
        Ok(())
    }

    fn next_time(&self) -> Timestamp {
        let stated = self.queue.front().and_then(|observation| record_of(observation).time);
        stated.unwrap_or(self.input.undated)
    }
}
