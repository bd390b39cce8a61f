//! What runtimes, collectors and exports put around the lines of services: found out from a file's first lines, and taken off.
//!
//! Receives the bytes of one file in blocks, gives the lines of each stream in it (standard output and error, each container, each
//! writer of a system log), joined where they came in parts, with the place each has in the file. A line that is not of the file's
//! form goes through as it is: nothing is dropped. What comes out does not depend on how the bytes were cut.

use memchr::memchr_iter;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::decode::LineClass;
use crate::decode::line;
use crate::decode::prefix;

mod collected;
mod container;
mod encoding;
mod otlp;
mod platform;
mod pretty;
mod split;
mod stamped;

pub use encoding::Encoding;
pub use encoding::Place;
pub(in crate::decode) use encoding::latin1;
pub use split::Part;

/// Lines looked at before a file is taken for plain.
const MAX_LINES: usize = 32;
/// Bytes looked at before a file is taken for plain.
const MAX_HEAD: usize = 16 * 1024;
/// The first line of Docker's json-file may be as long as this.
const MAX_FIRST: usize = 256 * 1024;

/// The form of a file's lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As the service wrote them.
    #[default]
    Plain,
    /// Kubernetes' `time stream P|F text`.
    Cri,
    /// Docker's json-file.
    Docker,
    /// `web-1  | text` or `[pod/web/app] text`: the lines of several containers take turns.
    Labelled,
    /// A header before every line, the rows of a traceback too (syslog, `docker logs -t`).
    Stamped,
    /// JSON objects over several lines, or in an array.
    JsonObjects,
    /// OTLP requests as JSON lines.
    Otlp,
    /// One JSON object a line of a container's output, as fluent-bit, fluentd, Filebeat and Vector write them.
    Collected,
    /// Exported Cloud Logging entries, one a line.
    LogEntries,
}

impl Form {
    /// What `explain` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Cri => "CRI",
            Self::Docker => "Docker json-file",
            Self::Labelled => "labelled by container",
            Self::Stamped => "a header on every line",
            Self::JsonObjects => "JSON objects over several lines",
            Self::Otlp => "OTLP/JSON lines",
            Self::Collected => "JSON rows of a collector",
            Self::LogEntries => "Cloud Logging entries",
        }
    }

    /// The form that the lines of `head`, in UTF-8, show; `None` when more of them are needed. `ended`: no more will come.
    pub fn of(head: &[u8], ended: bool) -> Option<Self> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let whole = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = if ended { head } else { head.get(..whole).unwrap_or_default() };
        let unended = head.len() - lines.len() > MAX_FIRST;
        let lines = if unended { head } else { lines };
        let mut seen: Vec<&[u8]> = Vec::new();
        for text in lines.split_inclusive(|byte| *byte == b'\n').take(MAX_LINES) {
            let text = text.trim_ascii_end();
            seen.push(text);
            if let Some(form) = Self::of_line(text, &seen) {
                return Some(form);
            }
        }
        let enough = ended || unended || seen.len() >= MAX_LINES || lines.len() >= MAX_HEAD;
        enough.then_some(Self::Plain)
    }

    /// What one line tells; `None`: the next line decides.
    fn of_line(text: &[u8], seen: &[&[u8]]) -> Option<Self> {
        let form = if container::is_docker(text) {
            Self::Docker
        } else if container::is_cri(text) {
            Self::Cri
        } else if otlp::is_request(text) {
            Self::Otlp
        } else if split::is_entry(text) {
            Self::LogEntries
        } else if collected::is_row(text) {
            Self::Collected
        } else if stamped::is_of_a_platform(text) {
            Self::Stamped
        } else if text.first() != Some(&b' ') && prefix::prefix_len(text) > 0 {
            Self::Labelled
        } else if stamped::is_stamped(text) {
            Self::Stamped
        } else if pretty::begins(seen) == Some(true) {
            Self::JsonObjects
        } else if line::classify(text) == LineClass::Header {
            Self::Plain
        } else {
            return None;
        };
        Some(form)
    }
}

/// What hears of lines: the stream they belong to, their text, where they stood. A text may hold newlines.
pub type Emit<'a> = dyn FnMut(&[u8], &[u8], Place) + 'a;

#[derive(Debug)]
enum State {
    Plain,
    Cri(container::Parts),
    Docker(container::Parts),
    Labelled,
    Stamped(stamped::Stamped),
    Objects(pretty::Objects, split::Splits),
    Otlp,
    Collected(collected::Collected),
    Entries(split::Splits),
}

/// Takes off what is around the lines of one file.
#[derive(Debug)]
pub struct Transport {
    lines: encoding::Lines,
    state: State,
}

impl Transport {
    /// Begins at `start`, which must be the beginning of a line; of a longer line than `max_line` bytes only these are taken.
    pub fn new(form: Form, encoding: Encoding, start: Place, max_line: usize) -> Self {
        let state = match form {
            Form::Plain => State::Plain,
            Form::Cri => State::Cri(container::Parts::default()),
            Form::Docker => State::Docker(container::Parts::default()),
            Form::Labelled => State::Labelled,
            Form::Stamped => State::Stamped(stamped::Stamped::default()),
            Form::JsonObjects => State::Objects(pretty::Objects::default(), split::Splits::default()),
            Form::Otlp => State::Otlp,
            Form::Collected => State::Collected(collected::Collected::default()),
            Form::LogEntries => State::Entries(split::Splits::default()),
        };
        Self { lines: encoding::Lines::new(encoding, start, max_line), state }
    }

    /// Appends bytes and tells every line they complete.
    pub fn push(&mut self, block: &[u8], emit: &mut Emit<'_>) {
        let state = &mut self.state;
        self.lines.push(block, &mut |text, place| state.line(text, place, emit));
    }

    /// The file has ended: tells what was waiting for more.
    pub fn finish(&mut self, emit: &mut Emit<'_>) {
        let state = &mut self.state;
        self.lines.finish(&mut |text, place| state.line(text, place, emit));
        state.finish(emit);
    }

    /// Where the first line begins of which not everything was told.
    pub fn pending(&self) -> Place {
        let next = self.lines.next();
        self.state.pending().into_iter().chain([next]).min_by_key(|place| place.offset).unwrap_or(next)
    }

    /// Takes the number of bytes that were left out of overlong lines.
    pub fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.lines.left_out)
    }
}

impl State {
    fn line(&mut self, text: &[u8], place: Place, emit: &mut Emit<'_>) {
        match self {
            Self::Plain => emit(b"", text, place),
            Self::Cri(parts) => parts.cri(text, place, emit),
            Self::Docker(parts) => parts.docker(text, place, emit),
            Self::Labelled => {
                let label = text.get(..prefix::prefix_len(text)).unwrap_or_default();
                emit(label.trim_ascii_end(), text, place);
            }
            Self::Stamped(stamped) => stamped.line(text, place, emit),
            Self::Objects(objects, splits) => {
                objects.line(text, place, &mut |_, text, place| splits.line(text, place, emit));
            }
            Self::Otlp => otlp::line(text, place, emit),
            Self::Collected(collected) => collected.line(text, place, emit),
            Self::Entries(splits) => splits.line(text, place, emit),
        }
    }

    fn finish(&mut self, emit: &mut Emit<'_>) {
        match self {
            Self::Cri(parts) | Self::Docker(parts) => parts.finish(emit),
            Self::Objects(objects, splits) => {
                objects.finish(&mut |_, text, place| splits.line(text, place, emit));
                splits.finish(emit);
            }
            Self::Entries(splits) => splits.finish(emit),
            Self::Collected(collected) => collected.finish(emit),
            Self::Plain | Self::Labelled | Self::Stamped(_) | Self::Otlp => {}
        }
    }

    fn pending(&self) -> Option<Place> {
        match self {
            Self::Cri(parts) | Self::Docker(parts) => parts.pending(),
            Self::Objects(objects, splits) => {
                objects.pending().into_iter().chain(splits.pending()).min_by_key(|place| place.offset)
            }
            Self::Entries(splits) => splits.pending(),
            Self::Collected(collected) => collected.pending(),
            Self::Plain | Self::Labelled | Self::Stamped(_) | Self::Otlp => None,
        }
    }
}

/// Lines that a text holds.
pub fn lines_in(text: &[u8]) -> usize {
    memchr_iter(b'\n', text).count() + 1
}
