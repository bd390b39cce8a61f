//! What collectors make of a container's output: one JSON object a line of it, with the line as `log` or `message` and where it came from
//! beside it (fluent-bit, fluentd and its Docker driver, Filebeat, Vector). The rows of a traceback are objects too.
//!
//! An object stays as it is where its text starts a record, and tells that record's time and pod; of one whose text continues a record
//! only the text goes on. So what reads the lines sees a record in JSON with the rest of its text behind it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::decode;
use crate::decode::LineClass;
use crate::decode::transport::Emit;
use crate::decode::transport::encoding::Place;

/// Streams remembered; the state of one more is begun anew.
const MAX_STREAMS: usize = 64;

/// One line of a container, as collectors send it.
#[derive(Debug, Deserialize)]
struct Row<'a> {
    #[serde(borrow, default)]
    log: Option<Field<'a>>,
    #[serde(borrow, default)]
    message: Option<Field<'a>>,
    #[serde(borrow, default, alias = "source")]
    stream: Option<Field<'a>>,
    #[serde(borrow, default)]
    kubernetes: Option<Kubernetes<'a>>,
    #[serde(borrow, default)]
    container_id: Option<Field<'a>>,
    /// fluent-bit's time.
    #[serde(default)]
    date: Option<IgnoredAny>,
    /// What a collector merged from the service's own object.
    #[serde(
        default,
        alias = "log.level",
        alias = "levelname",
        alias = "lvl",
        alias = "severity",
        alias = "severity_text",
        alias = "severityText",
        alias = "log.logger",
        alias = "logger",
        alias = "logger_name"
    )]
    level: Option<IgnoredAny>,
}

/// Who wrote a line, in the words of fluent-bit, fluentd and Vector, and of Filebeat.
#[derive(Debug, Default, Deserialize)]
struct Kubernetes<'a> {
    #[serde(borrow, default)]
    pod_name: Option<Field<'a>>,
    #[serde(borrow, default)]
    container_name: Option<Field<'a>>,
    #[serde(borrow, default)]
    pod: Option<Named<'a>>,
    #[serde(borrow, default)]
    container: Option<Named<'a>>,
}

#[derive(Debug, Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    name: Option<Field<'a>>,
}

/// A text; what is no text says nothing here.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Field<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(IgnoredAny),
}

impl Field<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }
}

fn text<'r>(field: Option<&'r Field<'_>>) -> &'r str {
    field.and_then(Field::text).unwrap_or_default()
}

impl<'a> Row<'a> {
    /// `None` for objects that a service wrote: they tell their level or logger, or not where they came from.
    fn of(line: &'a [u8]) -> Option<Self> {
        if !line.starts_with(b"{") {
            return None;
        }
        let row: Self = serde_json::from_slice(line).ok()?;
        let standard = matches!(text(row.stream.as_ref()), "stdout" | "stderr");
        let collected = standard || row.kubernetes.is_some();
        let has = |field: &Option<Field<'_>>| field.as_ref().and_then(Field::text).is_some();
        let is_row = (has(&row.log) && (collected || row.date.is_some())) || (has(&row.message) && collected);
        (is_row && row.level.is_none()).then_some(row)
    }

    /// What the service wrote.
    fn said(&self) -> &str {
        let said = self.log.as_ref().and_then(Field::text).unwrap_or_else(|| text(self.message.as_ref()));
        let said = said.strip_suffix('\n').unwrap_or(said);
        said.strip_suffix('\r').unwrap_or(said)
    }

    /// Pod, container and stream.
    fn key(&self) -> Vec<u8> {
        let none = Kubernetes::default();
        let from = self.kubernetes.as_ref().unwrap_or(&none);
        let named = |named: &'_ Option<Named<'_>>| named.as_ref().map(|named| text(named.name.as_ref()).to_owned());
        let words = [
            text(from.pod_name.as_ref()),
            &named(&from.pod).unwrap_or_default(),
            text(from.container_name.as_ref()),
            &named(&from.container).unwrap_or_default(),
            text(self.container_id.as_ref()),
            text(self.stream.as_ref()),
        ];
        words.join("\0").into_bytes()
    }
}

/// Whether `line` is one of a collector's.
pub(super) fn is_row(line: &[u8]) -> bool {
    Row::of(line).is_some()
}

/// What one stream is in the middle of.
#[derive(Debug)]
struct Stream {
    key: Vec<u8>,
    within: Within,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Nothing that could go on.
    #[default]
    Nothing,
    /// A record that began with a header: anything without one continues it.
    Headed,
    /// One without, which goes on with rows that can be nothing else.
    Headless,
    /// The same, behind a row that the exception follows.
    Traceback,
}

/// Takes the objects off rows.
#[derive(Debug, Default)]
pub(super) struct Collected {
    streams: Vec<Stream>,
}

impl Collected {
    /// One line; a line that is no row goes through as it is.
    pub(super) fn line(&mut self, line: &[u8], place: Place, emit: &mut Emit<'_>) {
        let Some(row) = Row::of(line) else { return emit(b"", line, place) };
        let key = row.key();
        let said = row.said().as_bytes();
        let continues = self.continues(&key, said);
        emit(&key, if continues { said } else { line }, place);
    }

    /// Takes note of a row of the stream `key`; says whether it continues the record before it.
    fn continues(&mut self, key: &[u8], said: &[u8]) -> bool {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.key == key) {
            let (within, continues) = stream.within.then(said);
            stream.within = within;
            return continues;
        }
        if self.streams.len() == MAX_STREAMS {
            self.streams.remove(0);
        }
        let (within, continues) = Within::Nothing.then(said);
        self.streams.push(Stream { key: key.to_vec(), within });
        continues
    }
}

impl Within {
    /// What comes behind a row that says `said`, and whether that row continues the record.
    fn then(self, said: &[u8]) -> (Self, bool) {
        // The collector joined the lines itself: the row is whole.
        if memchr::memchr(b'\n', said).is_some() {
            return (Self::Nothing, false);
        }
        let class = decode::classify(said);
        let open = self != Self::Nothing;
        let headless = if decode::expects_exception(class, said) { Self::Traceback } else { Self::Headless };
        match (class, self) {
            (LineClass::Header, _) => (Self::Headed, false),
            (_, Self::Headed) => (Self::Headed, true),
            (LineClass::Continuation, _) => (headless, open),
            (LineClass::Plain, within) => (Self::Headless, within == Self::Traceback),
        }
    }
}
