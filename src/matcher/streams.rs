//! One file: finds out its form from its first lines, takes off what is around the lines of its services, and scans each stream in it
//! by itself. Blocks in, observations out, with the places the records have in the file. A plain file costs nothing extra.

use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::mem;
use std::sync::Arc;

use crate::decode::OwnHeader;
use crate::decode::transport;
use crate::decode::transport::Encoding;
use crate::decode::transport::Form;
use crate::decode::transport::Place;
use crate::decode::transport::Transport;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::scanner::Scanner;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::scanner::Tally;

/// A push is worked off in pieces of this size.
const BLOCK: usize = 256 * 1024;
/// Streams kept apart; the one that was quiet longest ends when one more comes.
const MAX_LANES: usize = 64;
/// A stream that is quiet while so many bytes of others go by has ended its record: a position must not wait for it forever.
const MAX_QUIET: u64 = 4 << 20;
/// How often that is looked at.
const QUIET_STEP: u64 = 1 << 20;

/// The state of one file.
#[derive(Debug)]
pub struct FileScanner {
    matcher: Arc<Matcher>,
    config: ScannerConfig,
    file: Arc<str>,
    start: Place,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Too few bytes to tell the form.
    Undecided {
        head: Vec<u8>,
        unflushed: bool,
    },
    Plain(Box<Scanner>),
    Streams(Box<Streams>),
}

impl FileScanner {
    /// A scanner that begins at byte `offset`, line `line` (1-based) of `file`; both must be the start of a record, as
    /// [`FileScanner::position`] gives it.
    pub fn new(matcher: Arc<Matcher>, config: ScannerConfig, file: Arc<str>, offset: u64, line: u64) -> Self {
        let state = State::Undecided { head: Vec::new(), unflushed: false };
        Self { matcher, config, file, start: Place { offset, line }, state }
    }

    /// The form of the file, as soon as it is known.
    pub fn form(&self) -> Option<(Form, Encoding)> {
        match &self.state {
            State::Undecided { .. } => None,
            State::Plain(_) => Some((Form::Plain, Encoding::Utf8)),
            State::Streams(streams) => Some(streams.form),
        }
    }

    /// See [`Scanner::push`].
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Observation>) {
        match &mut self.state {
            State::Undecided { head, unflushed } => {
                head.extend_from_slice(bytes);
                *unflushed = !head.is_empty();
                self.decide(false, out);
            }
            State::Plain(scanner) => scanner.push(bytes, out),
            State::Streams(streams) => streams.push(bytes, (&self.matcher, &self.config, &self.file), out),
        }
    }

    /// See [`Scanner::read`]; `block` is where bytes go that are not scanned as they come, and says how many are read at most.
    pub fn read(&mut self, block: &mut [u8], reader: &mut dyn Read, out: &mut Vec<Observation>) -> io::Result<usize> {
        if let State::Plain(scanner) = &mut self.state {
            return scanner.read(block.len(), reader, out);
        }
        let read = reader.read(block)?;
        self.push(block.get(..read).unwrap_or_default(), out);
        Ok(read)
    }

    /// Decides on the form if the head tells it, and reads the head.
    fn decide(&mut self, ended: bool, out: &mut Vec<Observation>) {
        let State::Undecided { head, .. } = &mut self.state else { return };
        let known = (self.config.decode.encoding, self.config.decode.form);
        let Some(encoding) = known.0.or_else(|| Encoding::of(head)).or(ended.then_some(Encoding::Utf8)) else { return };
        let text = encoding.decode(head);
        let Some(form) = known.1.or_else(|| Form::of(&text, ended)) else { return };
        if form == Form::Plain && self.config.decode.header.is_none() && !text.starts_with(b"{") {
            self.config.decode.header = OwnHeader::learn(&text).map(Arc::new);
        }
        let head = mem::take(head);
        self.state = if (form, encoding) == (Form::Plain, Encoding::Utf8) {
            let Place { offset, line } = self.start;
            let (matcher, config) = (Arc::clone(&self.matcher), self.config.clone());
            State::Plain(Box::new(Scanner::new(matcher, config, Arc::clone(&self.file), offset, line)))
        } else {
            let transport = Transport::new(form, encoding, self.start, self.config.max_line_bytes.max(1));
            State::Streams(Box::new(Streams::new((form, encoding), transport, self.start)))
        };
        self.push(&head, out);
    }

    /// See [`Scanner::flush`]. A file whose form is not known is taken for what its first bytes look like.
    pub fn flush(&mut self, out: &mut Vec<Observation>) {
        if let State::Undecided { unflushed, head } = &mut self.state {
            *unflushed = false;
            // Half a line of a container's log may still become one; a whole line decides.
            if head.starts_with(b"{\"log\":") && !head.contains(&b'\n') {
                return;
            }
            self.decide(true, out);
        }
        match &mut self.state {
            State::Undecided { .. } => {}
            State::Plain(scanner) => scanner.flush(out),
            State::Streams(streams) => streams.flush(Scanner::flush, out),
        }
    }

    /// See [`Scanner::flush_whole`].
    pub fn flush_whole(&mut self, out: &mut Vec<Observation>) {
        match &mut self.state {
            State::Undecided { .. } => {}
            State::Plain(scanner) => scanner.flush_whole(out),
            State::Streams(streams) => streams.flush(Scanner::flush_whole, out),
        }
    }

    /// See [`Scanner::finish`].
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        self.decide(true, out);
        match &mut self.state {
            State::Undecided { .. } => {}
            State::Plain(scanner) => scanner.finish(out),
            State::Streams(streams) => streams.finish((&self.matcher, &self.config, &self.file), out),
        }
    }

    /// See [`Scanner::position`]: the first byte of the first record that any stream has not completed.
    pub fn position(&self) -> (u64, u64) {
        match &self.state {
            State::Undecided { .. } => (self.start.offset, self.start.line),
            State::Plain(scanner) => scanner.position(),
            State::Streams(streams) => {
                let Place { offset, line } = streams.position();
                (offset, line)
            }
        }
    }

    /// See [`Scanner::has_unflushed`].
    pub fn has_unflushed(&self) -> bool {
        match &self.state {
            State::Undecided { unflushed, .. } => *unflushed,
            State::Plain(scanner) => scanner.has_unflushed(),
            State::Streams(streams) => streams.lanes.iter().any(|lane| lane.scanner.has_unflushed()),
        }
    }

    /// See [`Scanner::take_tally`].
    pub fn take_tally(&mut self) -> Tally {
        match &mut self.state {
            State::Undecided { .. } => Tally::default(),
            State::Plain(scanner) => scanner.take_tally(),
            State::Streams(streams) => streams.take_tally(),
        }
    }

    /// See [`Scanner::set_matcher`].
    pub fn set_matcher(&mut self, matcher: Arc<Matcher>) {
        match &mut self.state {
            State::Undecided { .. } => {}
            State::Plain(scanner) => scanner.set_matcher(Arc::clone(&matcher)),
            State::Streams(streams) => {
                streams.lanes.iter_mut().for_each(|lane| lane.scanner.set_matcher(Arc::clone(&matcher)));
            }
        }
        self.matcher = matcher;
    }
}

/// What a new stream's scanner is made of.
type Make<'a> = (&'a Arc<Matcher>, &'a ScannerConfig, &'a Arc<str>);

/// The streams of a file.
#[derive(Debug)]
struct Streams {
    form: (Form, Encoding),
    transport: Transport,
    lanes: Vec<Lane>,
    /// What ended streams counted.
    tally: Tally,
    /// Where the last tally ended.
    counted: Place,
    /// When quiet streams are looked for next.
    next_look: u64,
}

/// One stream: its lines with nothing around them, and where each stood.
#[derive(Debug)]
struct Lane {
    key: Vec<u8>,
    scanner: Scanner,
    /// Lines not yet pushed.
    text: Vec<u8>,
    /// Places of the lines from number `first` of the stream on.
    places: VecDeque<Place>,
    first: u64,
    /// Where its last line stood.
    last: u64,
}

impl Streams {
    fn new(form: (Form, Encoding), transport: Transport, start: Place) -> Self {
        Self { form, transport, lanes: Vec::new(), tally: Tally::default(), counted: start, next_look: start.offset }
    }

    fn push(&mut self, bytes: &[u8], make: Make<'_>, out: &mut Vec<Observation>) {
        let mut found = Vec::new();
        for block in bytes.chunks(BLOCK) {
            let Self { transport, lanes, tally, next_look, .. } = self;
            transport.push(block, &mut |key, text, place| {
                route((lanes, tally, next_look), (key, text, place), make, &mut found);
            });
            self.lanes.iter_mut().for_each(|lane| lane.read(&mut found));
        }
        tell(found, out);
    }

    fn flush(&mut self, flush: fn(&mut Scanner, &mut Vec<Observation>), out: &mut Vec<Observation>) {
        let mut found = Vec::new();
        self.lanes.iter_mut().for_each(|lane| lane.flush(flush, &mut found));
        tell(found, out);
    }

    fn finish(&mut self, make: Make<'_>, out: &mut Vec<Observation>) {
        let mut found = Vec::new();
        let Self { transport, lanes, tally, next_look, .. } = self;
        transport
            .finish(&mut |key, text, place| route((lanes, tally, next_look), (key, text, place), make, &mut found));
        self.lanes.iter_mut().for_each(|lane| lane.finish(&mut found));
        tell(found, out);
    }

    fn position(&self) -> Place {
        let pending = self.lanes.iter().filter_map(Lane::pending);
        pending.chain([self.transport.pending()]).min_by_key(|place| place.offset).unwrap_or(self.counted)
    }

    fn take_tally(&mut self) -> Tally {
        let mut tally = mem::take(&mut self.tally);
        for lane in &mut self.lanes {
            tally += lane.scanner.take_tally();
        }
        let end = self.position();
        tally.bytes = end.offset.saturating_sub(self.counted.offset);
        tally.lines = end.line.saturating_sub(self.counted.line);
        tally.overlong_bytes += self.transport.take_left_out();
        self.counted = end;
        tally
    }
}

/// In the order of the file, whichever stream they came from.
fn tell(mut found: Vec<Observation>, out: &mut Vec<Observation>) {
    found.sort_by_key(|observation| observation.record().origin.offset);
    out.append(&mut found);
}

/// Hands a line to its stream.
fn route(
    (lanes, tally, next_look): (&mut Vec<Lane>, &mut Tally, &mut u64),
    (key, text, place): (&[u8], &[u8], Place),
    (matcher, config, file): Make<'_>,
    found: &mut Vec<Observation>,
) {
    if place.offset >= *next_look {
        *next_look = place.offset - place.offset % QUIET_STEP + QUIET_STEP;
        for lane in lanes.iter_mut().filter(|lane| place.offset > lane.last + MAX_QUIET) {
            lane.finish(found);
        }
    }
    let at = lanes.iter().position(|lane| lane.key == key).unwrap_or_else(|| {
        if lanes.len() >= MAX_LANES
            && let Some(quiet) = (0..lanes.len()).min_by_key(|at| lanes.get(*at).map_or(0, |lane| lane.last))
        {
            let mut lane = lanes.remove(quiet);
            lane.finish(found);
            *tally += lane.scanner.take_tally();
        }
        let scanner = Scanner::new(Arc::clone(matcher), config.clone(), Arc::clone(file), 0, 1);
        let (key, text, places) = (key.to_vec(), Vec::new(), VecDeque::new());
        lanes.push(Lane { key, scanner, text, places, first: 1, last: place.offset });
        lanes.len() - 1
    });
    if let Some(lane) = lanes.get_mut(at) {
        lane.line(text, place);
    }
}

impl Lane {
    fn line(&mut self, text: &[u8], place: Place) {
        self.text.extend_from_slice(text);
        self.text.push(b'\n');
        self.places.extend(std::iter::repeat_n(place, transport::lines_in(text)));
        self.last = place.offset;
    }

    /// Pushes the lines that were handed over.
    fn read(&mut self, found: &mut Vec<Observation>) {
        if self.text.is_empty() {
            return;
        }
        let from = found.len();
        self.scanner.push(&self.text, found);
        self.text.clear();
        self.place(found, from);
        let (_, line) = self.scanner.position();
        self.places.drain(..usize::try_from(line - self.first).unwrap_or(0).min(self.places.len()));
        self.first = line;
    }

    fn flush(&mut self, flush: fn(&mut Scanner, &mut Vec<Observation>), found: &mut Vec<Observation>) {
        let from = found.len();
        flush(&mut self.scanner, found);
        self.place(found, from);
    }

    fn finish(&mut self, found: &mut Vec<Observation>) {
        self.read(found);
        let from = found.len();
        self.scanner.finish(found);
        self.place(found, from);
        self.places.clear();
        self.first = self.scanner.position().1;
    }

    /// Where the first line stands that is not completed.
    fn pending(&self) -> Option<Place> {
        let (_, line) = self.scanner.position();
        self.places.get(usize::try_from(line.checked_sub(self.first)?).ok()?).copied()
    }

    /// Gives the observations from `from` on the places they have in the file.
    fn place(&self, found: &mut [Observation], from: usize) {
        let of = |line: u64| {
            let at = usize::try_from(line.saturating_sub(self.first)).unwrap_or(usize::MAX);
            self.places.get(at).or_else(|| self.places.back()).copied()
        };
        for observation in found.iter_mut().skip(from) {
            if let Observation::Match(matched) = observation {
                matched.matched_line = of(matched.matched_line).map_or(matched.matched_line, |place| place.line);
            }
            let record = observation.record_mut();
            if let Some(Place { offset, line }) = of(record.origin.line) {
                let record = Arc::make_mut(record);
                (record.origin.offset, record.origin.line) = (offset, line);
            }
        }
    }
}
