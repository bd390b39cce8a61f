//! Cloud Logging parts an entry that is too long and marks the parts with `split {uid, index, totalSplits}`: they become one entry
//! again. An entry that waits for its parts in vain is told as it is.

use serde_json::Value;

use crate::decode::transport::Emit;
use crate::decode::transport::encoding::Place;

/// Entries that wait for parts at once; the oldest is told when one more comes.
const MAX_WAITING: usize = 16;
/// Bytes that wait at most.
const MAX_BYTES: usize = 4 << 20;
/// An entry waits for so many bytes of the file at most.
const MAX_DISTANCE: u64 = 8 << 20;

/// Whether `line` is an exported entry.
pub(super) fn is_entry(line: &[u8]) -> bool {
    let has = |key: &[u8]| memchr::memmem::find(line, key).is_some();
    line.starts_with(b"{") && has(b"\"insertId\"") && has(b"\"logName\"")
}

/// Entries of which parts are missing.
#[derive(Debug, Default)]
pub(super) struct Splits {
    waiting: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    uid: String,
    total: u64,
    parts: Vec<Part>,
    bytes: usize,
    place: Place,
}

/// One part of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What all parts of the entry have in common.
    pub uid: String,
    /// Which part, from 0.
    pub index: u64,
    /// How many there are.
    pub total: u64,
    entry: Value,
}

impl Splits {
    /// Where the first entry begins that waits.
    pub(super) fn pending(&self) -> Option<Place> {
        self.waiting.first().map(|entry| entry.place)
    }

    /// One entry.
    pub(super) fn line(&mut self, line: &[u8], place: Place, emit: &mut Emit<'_>) {
        while self.waiting.first().is_some_and(|entry| place.offset > entry.place.offset + MAX_DISTANCE) {
            self.tell(0, emit);
        }
        let Some(part) = Part::of(line) else { return emit(b"", line, place) };
        let at = self.waiting.iter().position(|entry| entry.uid == part.uid).unwrap_or_else(|| {
            if self.waiting.len() == MAX_WAITING {
                self.tell(0, emit);
            }
            let (uid, total) = (part.uid.clone(), part.total);
            self.waiting.push(Entry { uid, total, parts: Vec::new(), bytes: 0, place });
            self.waiting.len() - 1
        });
        let Some(entry) = self.waiting.get_mut(at) else { return };
        // The same part read twice is one part.
        if entry.parts.iter().all(|known| known.index != part.index) {
            entry.parts.push(part);
            entry.bytes += line.len();
        }
        if entry.parts.len() as u64 >= entry.total || entry.bytes > MAX_BYTES {
            self.tell(at, emit);
        }
    }

    fn tell(&mut self, at: usize, emit: &mut Emit<'_>) {
        let entry = self.waiting.remove(at);
        emit(b"", joined(entry.parts).to_string().as_bytes(), entry.place);
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, emit: &mut Emit<'_>) {
        while !self.waiting.is_empty() {
            self.tell(0, emit);
        }
    }
}

impl Part {
    /// The part that `line` is; `None` for whole entries and anything else.
    pub fn of(line: &[u8]) -> Option<Self> {
        memchr::memmem::find(line, b"\"totalSplits\"")?;
        let mut entry: Value = serde_json::from_slice(line).ok()?;
        let split = entry.as_object_mut()?.shift_remove("split")?;
        let number = |key: &str| match split.get(key) {
            Some(Value::String(text)) => text.parse().ok(),
            Some(number) => number.as_u64(),
            None => None,
        };
        let (index, total) = (number("index").unwrap_or(0), number("totalSplits")?);
        let uid = split.get("uid")?.as_str()?.to_owned();
        Some(Self { uid, index, total, entry })
    }

    /// The entry of `parts`, as one line. It is named by what the parts have in common: however many of them were there, it is one entry.
    pub fn join(parts: Vec<Self>) -> Vec<u8> {
        let uid = parts.first().map(|part| part.uid.clone());
        let mut whole = joined(parts);
        if let (Some(uid), Some(entry)) = (uid, whole.as_object_mut()) {
            entry.insert("insertId".to_owned(), Value::String(uid));
        }
        whole.to_string().into_bytes()
    }
}

/// The first part, with the text of all.
fn joined(mut parts: Vec<Part>) -> Value {
    parts.sort_by_key(|part| part.index);
    let mut parts = parts.into_iter().map(|part| part.entry);
    let mut whole = parts.next().unwrap_or_default();
    for part in parts {
        if let (Some(Value::String(text)), Some(more)) = (text_of(&mut whole), part_text(&part)) {
            text.push_str(more);
        }
    }
    whole
}

/// Where an entry has its text.
const TEXTS: [&str; 4] = ["/textPayload", "/jsonPayload/message", "/jsonPayload/msg", "/jsonPayload/exception"];

fn text_of(entry: &mut Value) -> Option<&mut Value> {
    let path = TEXTS.iter().find(|path| entry.pointer(path).is_some_and(Value::is_string))?;
    entry.pointer_mut(path)
}

fn part_text(entry: &Value) -> Option<&str> {
    TEXTS.iter().find_map(|path| entry.pointer(path)?.as_str())
}
