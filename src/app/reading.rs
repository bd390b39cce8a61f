//! Reads and scans the inputs of `scan`, one input at a time here or several by several threads. Receives readers, gives them back with
//! what they found. An input's observations come in its own order, whoever read them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::mem;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::thread;
use std::thread::Scope;

use crate::app::scan::Input;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::scanner::Tally;
use crate::matcher::streams::FileScanner;

/// Bytes read at a time: together with what the scanner keeps they stay in a core's own cache.
const BLOCK: usize = 128 * 1024;
/// Bytes after which a reader comes back even with nothing found, so that progress is seen.
const TURN: u64 = 8 * 1024 * 1024;

/// Bytes of an input that the matcher is calibrated on, at most; a small catalog is content with fewer.
const SAMPLE: u64 = 2 * 1024 * 1024;
/// Calibrating costs about as much as scanning so many bytes a signature: shorter inputs do without.
const WORTH: u64 = 8 * 1024;

/// One input and its scanner.
pub(super) struct Reader {
    bytes: Box<dyn Read + Send>,
    scanner: FileScanner,
    block: Vec<u8>,
    read: u64,
    sample: Vec<u8>,
    calibration: Option<Arc<Calibration>>,
}

/// A matcher planned anew on what the inputs hold, made once, beside the reading. It finds the same in less time.
pub(super) struct Calibration {
    from: Arc<Matcher>,
    begun: AtomicBool,
    done: OnceLock<Arc<Matcher>>,
}

impl Calibration {
    pub(super) fn new(from: &Arc<Matcher>) -> Arc<Self> {
        Arc::new(Self { from: Arc::clone(from), begun: AtomicBool::new(false), done: OnceLock::new() })
    }

    fn is_worth(&self, read: u64) -> bool {
        read > self.sample() + WORTH * self.signatures() && !self.begun.load(Ordering::Relaxed)
    }

    fn signatures(&self) -> u64 {
        self.from.signatures().len() as u64
    }

    /// Bytes to calibrate on.
    fn sample(&self) -> u64 {
        (SAMPLE / 16 + WORTH * self.signatures()).min(SAMPLE)
    }

    fn begin(self: &Arc<Self>, sample: Vec<u8>) {
        if self.begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let own = Arc::clone(self);
        // Without a thread the first plan stays.
        let _ = thread::Builder::new().name("calibrate".to_owned()).spawn(move || {
            let _ = own.done.set(Arc::new(own.from.calibrated(&sample)));
        });
    }
}

/// What one turn of a reader gave.
#[derive(Default)]
pub(super) struct Filled {
    /// In the order of the input.
    pub(super) found: Vec<Observation>,
    /// Bytes read.
    pub(super) bytes: u64,
    /// The reader, unless the input has ended.
    pub(super) reader: Option<Box<Reader>>,
    /// The end of the input.
    pub(super) ended: Option<End>,
}

/// How an input ended.
pub(super) struct End {
    /// What went through.
    pub(super) tally: Tally,
    /// Why it could not be read to its end.
    pub(super) failure: Option<io::Error>,
}

impl Reader {
    pub(super) fn new(input: Input, calibration: &Arc<Calibration>, config: &ScannerConfig) -> Self {
        let mut config = config.clone();
        config.decode.written = Some(input.undated);
        let scanner = FileScanner::new(Arc::clone(&calibration.from), config, input.name, 0, 1);
        let calibration = Some(Arc::clone(calibration));
        Self { bytes: input.bytes, scanner, block: vec![0; BLOCK], read: 0, sample: Vec::new(), calibration }
    }

    /// Reads until there is something to judge or nothing left to read, or for one turn.
    fn fill(mut self: Box<Self>) -> Filled {
        let mut filled = Filled::default();
        while filled.found.is_empty() && filled.bytes < TURN {
            let failure = match self.read(&mut filled.found) {
                Ok(0) => None,
                Ok(read) => {
                    filled.bytes += read as u64;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Some(error),
            };
            self.scanner.finish(&mut filled.found);
            filled.ended = Some(End { tally: self.scanner.take_tally(), failure });
            return filled;
        }
        filled.reader = Some(self);
        filled
    }
}

impl Reader {
    fn read(&mut self, found: &mut Vec<Observation>) -> io::Result<usize> {
        if self.calibration.is_none() {
            return self.scanner.read(&mut self.block, &mut self.bytes, found);
        }
        let read = self.bytes.read(&mut self.block)?;
        self.calibrate(read);
        self.scanner.push(self.block.get(..read).unwrap_or_default(), found);
        Ok(read)
    }

    /// Keeps a sample of the first bytes, has the matcher calibrated on it, takes the new one when it is there.
    fn calibrate(&mut self, read: usize) {
        let Some(calibration) = &self.calibration else { return };
        self.read += read as u64;
        let wanted = usize::try_from(calibration.sample()).unwrap_or_default();
        let room = wanted.saturating_sub(self.sample.len());
        self.sample.extend_from_slice(self.block.get(..read.min(room)).unwrap_or_default());
        if calibration.is_worth(self.read) {
            calibration.begin(mem::take(&mut self.sample));
        }
        if let Some(matcher) = calibration.done.get() {
            self.scanner.set_matcher(Arc::clone(matcher));
            (self.calibration, self.sample) = (None, Vec::new());
        }
    }
}

/// A reader on its way, with the number of its stream.
type Job = (usize, Box<Reader>);

/// Tells of a reader that panicked: whoever waits for it would wait for ever.
struct Broken<'r> {
    number: usize,
    results: &'r Sender<(usize, Filled)>,
}

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let end = End { tally: Tally::default(), failure: Some(io::Error::other("the scanner panicked")) };
            // Nobody may be left to hear it.
            let _ = self.results.send((self.number, Filled { ended: Some(end), ..Filled::default() }));
        }
    }
}

/// Where readers take their turns.
pub(super) enum Pool {
    /// Here, when the result is asked for.
    Here(RefCell<VecDeque<Job>>),
    /// In threads that end with the sender.
    Threads(Sender<Job>, Receiver<(usize, Filled)>),
}

impl Pool {
    /// With so many threads; one is none.
    pub(super) fn new<'scope>(scope: &'scope Scope<'scope, '_>, threads: usize) -> Self {
        if threads < 2 {
            return Self::Here(RefCell::default());
        }
        let (jobs, queue) = mpsc::channel::<Job>();
        let (results, filled) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let (queue, results) = (Arc::clone(&queue), results.clone());
            scope.spawn(move || {
                loop {
                    let Ok(Ok((number, reader))) = queue.lock().map(|queue| queue.recv()) else { return };
                    let broken = Broken { number, results: &results };
                    let filled = reader.fill();
                    mem::drop(broken);
                    if results.send((number, filled)).is_err() {
                        return;
                    }
                }
            });
        }
        Self::Threads(jobs, filled)
    }

    /// Whether readers work while others are judged.
    pub(super) fn is_threaded(&self) -> bool {
        matches!(self, Self::Threads(..))
    }

    /// Lets a reader take its turn.
    pub(super) fn fill(&self, number: usize, reader: Box<Reader>) {
        match self {
            Self::Here(jobs) => jobs.borrow_mut().push_back((number, reader)),
            // The threads live as long as the pool.
            Self::Threads(jobs, _) => mem::drop(jobs.send((number, reader))),
        }
    }

    /// The next reader that has had its turn; `None` when none is on its way.
    pub(super) fn filled(&self) -> Option<(usize, Filled)> {
        match self {
            Self::Here(jobs) => jobs.borrow_mut().pop_front().map(|(number, reader)| (number, reader.fill())),
            Self::Threads(_, filled) => filled.recv().ok(),
        }
    }
}
