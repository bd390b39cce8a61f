//! What sources of messages share (Pub/Sub, pulled or pushed): messages in, observations out. A message is a record of its own, or
//! several; nothing in it continues what another message began.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::Digest;
use sha2::Sha256;

use crate::decode;
use crate::decode::LineClass;
use crate::decode::audit;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::scanner::Scanner;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::scanner::Tally;
use crate::model::command::Deploy;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says: an exported log entry or any other log text.
    pub data: Vec<u8>,
    /// What its sender calls it, however often it is delivered.
    pub id: String,
    /// When it was sent: the event time of records that state none.
    pub published: Timestamp,
}

/// What messages said.
#[derive(Debug, Default)]
pub struct Said {
    /// In the order of the messages. The offset of a record is made of the message's id: the same message gives the same one again.
    pub observations: Vec<Observation>,
    /// Deployments that the messages tell of.
    pub deploys: Vec<Deploy>,
    /// What went through.
    pub tally: Tally,
}

/// Reads messages of one stream.
#[derive(Debug)]
pub struct Reader {
    scanner: Scanner,
    /// Where the clocks are whose times name no zone.
    zone: Option<TimeZone>,
    text: Vec<u8>,
}

/// Where a message begins in what the scanner was given.
struct Begin<'m> {
    offset: u64,
    line: u64,
    message: &'m Message,
}

impl Reader {
    /// A reader of the messages of `name`.
    pub fn new(matcher: Arc<Matcher>, config: ScannerConfig, name: Arc<str>) -> Self {
        let zone = config.decode.zone.clone();
        Self { scanner: Scanner::new(matcher, config, name, 0, 1), zone, text: Vec::new() }
    }

    /// Replaces the matcher (reload).
    pub fn set_matcher(&mut self, matcher: Arc<Matcher>) {
        self.scanner.set_matcher(matcher);
    }

    /// Judges messages.
    pub fn read<'m>(&mut self, messages: impl IntoIterator<Item = &'m Message>) -> Said {
        let mut said = Said::default();
        let mut lines: Vec<Begin<'m>> = Vec::new();
        let mut last = None;
        for message in messages {
            let stated = decode::header_time(&message.data, self.zone.as_ref());
            last = last.max(Some(stated.unwrap_or(message.published)));
            said.deploys.extend(audit::deploy(&message.data));
            // Messages of one JSON line each are searched together; a text may be half a record, and is kept apart.
            let object = object(&message.data);
            if object.is_none() {
                self.judge(&mut lines, &mut said.observations);
            }
            let (offset, line) = self.next(&lines);
            lines.push(Begin { offset, line, message });
            self.text.extend_from_slice(object.as_deref().unwrap_or(&message.data).trim_ascii_end());
            self.text.push(b'\n');
            if object.is_none() {
                self.judge(&mut lines, &mut said.observations);
            }
        }
        self.judge(&mut lines, &mut said.observations);
        said.tally = Tally { last_time: last, ..self.scanner.take_tally() };
        said
    }

    /// Where the next message begins.
    fn next(&self, lines: &[Begin<'_>]) -> (u64, u64) {
        let (offset, line) = self.scanner.position();
        (offset + self.text.len() as u64, line + lines.len() as u64)
    }

    fn judge(&mut self, begins: &mut Vec<Begin<'_>>, out: &mut Vec<Observation>) {
        let from = out.len();
        self.scanner.push(&self.text, out);
        self.scanner.finish(out);
        self.text.clear();
        for observation in out.iter_mut().skip(from) {
            place(observation, begins);
        }
        begins.clear();
    }
}

/// Gives an observation the place it has in its message.
fn place(observation: &mut Observation, begins: &[Begin<'_>]) {
    let offset = observation.record().origin.offset;
    let at = begins.partition_point(|begin| begin.offset <= offset);
    let Some(begin) = at.checked_sub(1).and_then(|at| begins.get(at)) else { return };
    if let Observation::Match(found) = observation {
        found.matched_line = found.matched_line.saturating_sub(begin.line) + 1;
        // Messages come in any order: the one before says nothing of this one's stream.
        found.preceded_at = None;
    }
    let record = Arc::make_mut(observation.record_mut());
    record.origin.line = record.origin.line.saturating_sub(begin.line) + 1;
    record.origin.offset = number(&begin.message.id).wrapping_add(offset - begin.offset);
    if record.time.is_none() || record.time_inherited {
        (record.time, record.time_inherited) = (Some(begin.message.published), false);
    }
}

/// A number for a name, the same in every run.
pub(in crate::source) fn number(name: &str) -> u64 {
    Sha256::digest(name.as_bytes()).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A message that is one JSON object, and so one record by itself, on one line.
fn object(data: &[u8]) -> Option<Cow<'_, [u8]>> {
    let data = data.trim_ascii();
    if !data.starts_with(b"{") {
        return None;
    }
    if memchr::memchr2(b'\n', b'\r', data).is_none() {
        return (decode::classify(data) == LineClass::Header).then_some(Cow::Borrowed(data));
    }
    let value: serde_json::Value = serde_json::from_slice(data).ok()?;
    Some(Cow::Owned(value.to_string().into_bytes()))
}
