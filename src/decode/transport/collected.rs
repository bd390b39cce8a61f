//! What collectors make of a container's output: one JSON object a line of it, with the line as `log` or `message` and where it came from
//! beside it (fluent-bit, fluentd and its Docker driver, Filebeat, Vector). The rows of a traceback are objects too.
//!
//! An object stays as it is where its text starts a record, and tells that record's time and pod; of one whose text continues a record
//! only the text goes on. So what reads the lines sees a record in JSON with the rest of its text behind it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Map;
use serde_json::Value;

use crate::decode;
use crate::decode::LineClass;
use crate::decode::transport::Emit;
use crate::decode::transport::encoding::Place;

/// Streams remembered; the state of one more is begun anew.
const MAX_STREAMS: usize = 64;
/// A joined line is cut at so many bytes.
const MAX_JOINED: usize = 4 << 20;

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
    /// Filebeat's own words.
    #[serde(default, rename = "@metadata")]
    metadata: Option<IgnoredAny>,
    /// Vector's own words, and where it read.
    #[serde(borrow, default)]
    source_type: Option<Field<'a>>,
    #[serde(borrow, default)]
    file: Option<Field<'a>>,
    #[serde(borrow, default)]
    appname: Option<Field<'a>>,
    #[serde(borrow, default)]
    procid: Option<Field<'a>>,
    /// Parts of a long line: the container runtime's mark, and Docker's.
    #[serde(borrow, default)]
    logtag: Option<Field<'a>>,
    #[serde(borrow, default)]
    partial_message: Option<Field<'a>>,
    #[serde(borrow, default)]
    partial_last: Option<Field<'a>>,
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
    /// Filebeat's `log` says which file it read.
    Read(#[serde(borrow)] Read<'a>),
    Other(IgnoredAny),
}

#[derive(Debug, Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    file: Path<'a>,
}

#[derive(Debug, Deserialize)]
struct Path<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
}

impl Field<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Read(_) | Self::Other(_) => None,
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
        let sent = text(row.source_type.as_ref());
        let collected = standard || row.kubernetes.is_some() || row.metadata.is_some() || !sent.is_empty();
        let has = |field: &Option<Field<'_>>| field.as_ref().and_then(Field::text).is_some();
        let is_row = (has(&row.log) && (collected || row.date.is_some())) || (has(&row.message) && collected);
        // The level of a system log is that of its transport.
        (is_row && (row.level.is_none() || sent == "syslog")).then_some(row)
    }

    /// What the service wrote.
    fn said(&self) -> &str {
        let said = self.log.as_ref().and_then(Field::text).unwrap_or_else(|| text(self.message.as_ref()));
        let said = said.strip_suffix('\n').unwrap_or(said);
        said.strip_suffix('\r').unwrap_or(said)
    }

    /// Whether more of the line follows in another row.
    fn is_part(&self) -> bool {
        let part = text(self.logtag.as_ref()) == "P" || text(self.partial_message.as_ref()) == "true";
        part && text(self.partial_last.as_ref()) != "true"
    }

    /// File, writer, pod, container and stream.
    fn key(&self) -> Vec<u8> {
        let none = Kubernetes::default();
        let from = self.kubernetes.as_ref().unwrap_or(&none);
        let named = |named: &'_ Option<Named<'_>>| named.as_ref().map(|named| text(named.name.as_ref()).to_owned());
        let read = match &self.log {
            Some(Field::Read(read)) => &*read.file.path,
            _ => text(self.file.as_ref()),
        };
        let words = [
            read,
            text(self.appname.as_ref()),
            text(self.procid.as_ref()),
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

/// What a stream of texts without headers of their collector is in the middle of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
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

/// A line of which more rows are to come.
#[derive(Debug)]
struct Open {
    key: Vec<u8>,
    /// Its first row.
    first: Vec<u8>,
    said: String,
    place: Place,
}

impl Open {
    /// The first row with the text of all.
    fn whole(&self) -> Vec<u8> {
        let object = serde_json::from_slice::<Map<String, Value>>(&self.first);
        let Ok(mut object) = object else { return self.first.clone() };
        object.retain(|key, _| key != "logtag" && !key.starts_with("partial_"));
        let name = if object.get("log").is_some_and(Value::is_string) { "log" } else { "message" };
        object.insert(name.to_owned(), Value::from(self.said.as_str()));
        serde_json::to_vec(&object).unwrap_or_else(|_| self.first.clone())
    }
}

/// Takes the objects off rows.
#[derive(Debug, Default)]
pub(super) struct Collected {
    streams: Vec<Stream>,
    open: Vec<Open>,
}

impl Collected {
    /// One line; a line that is no row goes through as it is.
    pub(super) fn line(&mut self, line: &[u8], place: Place, emit: &mut Emit<'_>) {
        let Some(row) = Row::of(line) else { return emit(b"", line, place) };
        let key = row.key();
        let known = self.open.iter().position(|open| open.key == key);
        if let Some(open) = known.and_then(|at| self.open.get_mut(at)) {
            let room = MAX_JOINED.saturating_sub(open.said.len());
            let said = row.said();
            open.said.push_str(said.get(..said.floor_char_boundary(room)).unwrap_or_default());
        } else if row.is_part() {
            let said = row.said().to_owned();
            self.open.push(Open { key, first: line.to_vec(), said, place });
            return;
        }
        let Some(at) = known else { return self.row(&key, (line, row.said().as_bytes()), place, emit) };
        if !row.is_part() {
            let open = self.open.remove(at);
            self.row(&open.key, (&open.whole(), open.said.as_bytes()), open.place, emit);
        }
    }

    /// Where the oldest unended line begins.
    pub(super) fn pending(&self) -> Option<Place> {
        self.open.iter().map(|open| open.place).min_by_key(|place| place.offset)
    }

    /// Nothing more comes: what is open is all there is.
    pub(super) fn finish(&mut self, emit: &mut Emit<'_>) {
        for open in std::mem::take(&mut self.open) {
            self.row(&open.key, (&open.whole(), open.said.as_bytes()), open.place, emit);
        }
    }

    fn row(&mut self, key: &[u8], (line, said): (&[u8], &[u8]), place: Place, emit: &mut Emit<'_>) {
        let continues = self.continues(key, said);
        emit(key, if continues { said } else { line }, place);
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
    pub(super) fn then(self, said: &[u8]) -> (Self, bool) {
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
