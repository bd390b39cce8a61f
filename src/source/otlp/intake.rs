//! Requests → batches: what may match is decoded and judged, of everything else only who wrote it and when. Then the pipeline: a request
//! is answered once what it held is stored.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::decode::otlp::Encoding;
use crate::decode::otlp::MAX_RECORD_BYTES;
use crate::decode::otlp::Malformed;
use crate::decode::otlp::Parcel;
use crate::decode::otlp::Reader;
use crate::decode::otlp::Signal;
use crate::decode::otlp::Source;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::Sighting;
use crate::matcher::request::Call;
use crate::matcher::request::Form;
use crate::matcher::request::Framing;
use crate::matcher::request::Living;
use crate::matcher::request::Screen;
use crate::matcher::scanner::Tally;
use crate::model::record::Origin;
use crate::model::record::Record;
use crate::model::record::Resource;
use crate::source::Batch;
use crate::source::EventScope;
use crate::source::SourceContext;
use crate::source::Waiting;
use crate::source::otlp::reply::Taken;
use crate::source::receive::pipeline;
use crate::source::receive::refusal::Refusal;
use crate::source::status::StatusHandle;
use crate::telemetry::labels::SourceKind;

/// Smaller requests are judged where they arrive.
const SMALL: usize = 64 * 1024;
/// Streams told apart; what else comes goes by one name.
const MAX_NAMES: usize = 4_096;
/// What streams are called.
const NAME: &str = "otlp";

/// Judges requests; shared by all connections.
#[derive(Debug, Clone)]
pub struct Intake {
    judge: Judge,
    status: StatusHandle,
    output: mpsc::Sender<Batch>,
    now: fn() -> Timestamp,
}

/// Judges requests without a pipeline.
#[derive(Debug, Clone)]
pub struct Judge {
    matcher: watch::Receiver<Arc<Matcher>>,
    defaults: Arc<Resource>,
    living: Arc<Mutex<Living>>,
    names: Arc<Mutex<HashSet<Arc<str>>>>,
}

/// What one stream has in one request.
#[derive(Debug, Default)]
pub struct Judged {
    /// Matches, and who was alive; in the order of the request.
    pub observations: Vec<Observation>,
    /// What went through.
    pub tally: Tally,
}

impl Intake {
    /// Judges by what `context` holds, and hands over to `output`.
    pub fn new(context: SourceContext, output: mpsc::Sender<Batch>) -> Self {
        let judge = Judge::new(context.matcher, context.scanner.decode.defaults);
        Self { judge, status: context.status, output, now: context.now }
    }

    /// Where the source shows how it is doing.
    pub fn status(&self) -> &StatusHandle {
        &self.status
    }

    /// Judges one request and waits until it is stored.
    pub async fn take(&self, body: Bytes, signal: Signal, encoding: Encoding) -> Result<Taken, Refusal> {
        let judge = self.judge.clone();
        let judged = if body.len() < SMALL {
            judge.judge(&body, signal, encoding)
        } else {
            let judged = tokio::task::spawn_blocking(move || judge.judge(&body, signal, encoding)).await;
            judged.map_err(|error| Refusal::Unavailable(format!("judging failed: {error}")))?
        };
        let streams = judged.map_err(|malformed| match malformed {
            Malformed::TooMany => Refusal::TooLarge(malformed.to_string()),
            malformed => Refusal::Malformed(malformed.to_string()),
        })?;
        let rejected = streams.values().map(|judged| judged.tally.cut_records).sum();
        self.hand_over(streams).await?;
        Ok(Taken { rejected })
    }

    async fn hand_over(&self, streams: BTreeMap<Arc<str>, Judged>) -> Result<(), Refusal> {
        let now = (self.now)();
        let mut streams = streams.into_iter().peekable();
        while let Some((source, Judged { observations, tally })) = streams.next() {
            // Batches are judged in order: once the last one is stored, all are.
            let (sender, answer) = if streams.peek().is_none() { some(Waiting::new()) } else { (None, None) };
            pipeline::room(&self.output).await?.send(Batch {
                kind: SourceKind::Otlp,
                observations,
                position: None,
                read_at: now,
                written: now,
                source,
                tally,
                event_scope: EventScope { stream: NAME.into(), generation: 0 },
                closed: false,
                deploys: Vec::new(),
                sender,
            });
            if let Some(answer) = answer {
                pipeline::stored(answer).await?;
            }
        }
        Ok(())
    }
}

fn some<A, B>((left, right): (A, B)) -> (Option<A>, Option<B>) {
    (Some(left), Some(right))
}

impl Judge {
    /// By the matcher in force; `defaults` fill what resources leave open.
    pub fn new(matcher: watch::Receiver<Arc<Matcher>>, defaults: Resource) -> Self {
        Self { matcher, defaults: Arc::new(defaults), living: Arc::default(), names: Arc::default() }
    }

    /// What is in one request, by stream.
    pub fn judge(
        &self,
        body: &[u8],
        signal: Signal,
        encoding: Encoding,
    ) -> Result<BTreeMap<Arc<str>, Judged>, Malformed> {
        let parcel = Parcel::of(body, signal, encoding)?;
        let form = if encoding == Encoding::Protobuf { Form::Protobuf } else { Form::Text };
        let matcher = Arc::clone(&self.matcher.borrow());
        let reader = Reader::new(body, signal, encoding);
        let mut screen = Screen::new(&matcher, body, form, &reader);
        let mut streams: BTreeMap<Arc<str>, Judged> = BTreeMap::new();
        self.living().begin();
        for group in &parcel.groups {
            for scope in &group.scopes {
                screen.begin(&group.resource, &scope.scope);
                let source = reader.source(&group.resource, &scope.scope).with_defaults(&self.defaults);
                let name = self.name(source.resource());
                let judged = streams.entry(Arc::clone(&name)).or_default();
                let mut scoped = Scoped { judge: self, screen: &mut screen, reader, source, name, judged };
                scoped.records(&scope.records, reader.bytes(&group.resource));
            }
        }
        // What is around the parts is counted with the first: all bytes add up to what came.
        let told: u64 = streams.values().map(|judged| judged.tally.bytes).sum();
        if let Some(first) = streams.values_mut().next() {
            first.tally.bytes += (body.len() as u64).saturating_sub(told);
        }
        Ok(streams)
    }

    fn living(&self) -> std::sync::MutexGuard<'_, Living> {
        self.living.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the stream of a resource is called: time passes, and processes are counted, for each by itself.
    fn name(&self, resource: &Resource) -> Arc<str> {
        let mut name = NAME.to_owned();
        for part in [&resource.service, &resource.environment, &resource.instance] {
            name.push('/');
            name.push_str(part.as_deref().unwrap_or_default());
        }
        name.truncate(name.floor_char_boundary(512));
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name.as_str()) {
            return Arc::clone(known);
        }
        let name: Arc<str> = if names.len() < MAX_NAMES { name.into() } else { NAME.into() };
        names.insert(Arc::clone(&name));
        name
    }
}

impl Framing for Reader<'_> {
    fn is_name(&self, part: &Range<usize>, at: usize, of_record: bool) -> bool {
        Reader::is_name(self, part, at, of_record)
    }

    fn has_printed_body(&self, part: &Range<usize>) -> bool {
        Reader::has_printed_body(self, part)
    }
}

/// The records of one scope, while they are judged.
struct Scoped<'s, 'a> {
    judge: &'s Judge,
    screen: &'s mut Screen<'a>,
    reader: Reader<'a>,
    source: Source,
    name: Arc<str>,
    judged: &'s mut Judged,
}

impl Scoped<'_, '_> {
    fn records(&mut self, records: &[Range<usize>], resource: &[u8]) {
        // Everything before it is told.
        let mut quiet_from = 0;
        for (at, record) in records.iter().enumerate() {
            let tally = &mut self.judged.tally;
            tally.lines += 1;
            tally.bytes += record.len() as u64;
            if record.len() > MAX_RECORD_BYTES {
                tally.overlong_bytes += record.len() as u64;
                tally.cut_records += 1;
                continue;
            }
            let Some(call) = self.screen.call(record) else { continue };
            self.quiet(records.get(quiet_from..at).unwrap_or_default(), resource);
            let told = self.look(record, &call);
            quiet_from = if told { at + 1 } else { at };
        }
        self.quiet(records.get(quiet_from..).unwrap_or_default(), resource);
        let last = records.last().and_then(|record| self.reader.time(record));
        self.judged.tally.last_time = self.judged.tally.last_time.max(last);
    }

    /// Records of one resource that match nothing: tells some of them.
    fn quiet(&mut self, records: &[Range<usize>], resource: &[u8]) {
        let due = self.judge.living().due_of(resource, records.len());
        for record in due.into_iter().filter_map(|at| records.get(at)) {
            let sighted = self.reader.sighting(record, &self.source);
            self.sighted(Arc::new(sighted));
        }
    }

    /// Decodes and verifies; says whether anything was told of the record.
    fn look(&mut self, part: &Range<usize>, call: &Call) -> bool {
        let before = self.judged.observations.len();
        for decoded in self.reader.records(part, &self.source) {
            let tally = &mut self.judged.tally;
            tally.decoded += 1;
            tally.invalid_utf8 += u64::from(decoded.invalid_utf8);
            tally.no_time += u64::from(decoded.record.time.is_none());
            let record = Arc::new(self.placed(decoded.record));
            let matches = self.screen.matches(call, &record, &mut self.judged.tally);
            if matches.is_empty() && call.is_boot() {
                self.sighted(record);
            } else {
                self.judged.observations.extend(matches.into_iter().map(Observation::Match));
            }
        }
        let told = self.judged.observations.len() > before;
        if told {
            self.judge.living().matched();
        }
        told
    }

    fn placed(&self, record: Record) -> Record {
        let origin = Origin { file: Arc::clone(&self.name), line: 1, offset: 0 };
        Record { origin, ..record }
    }

    fn sighted(&mut self, record: Arc<Record>) {
        self.judged.observations.push(Observation::Sighting(Sighting { record }));
    }
}
