//! Cuts a protobuf export request into resources, scopes and records, and finds a record's time, without decoding the records: the
//! numbers of OTLP's stable messages are known, everything else is passed over.

use std::ops::Range;

use crate::decode::otlp::Group;
use crate::decode::otlp::MAX_RECORDS;
use crate::decode::otlp::Malformed;
use crate::decode::otlp::Parcel;
use crate::decode::otlp::Scope;
use crate::decode::otlp::Signal;

/// `Export*ServiceRequest.resource_logs` and `.resource_spans`; of what they hold: the resource, and the scope.
const FIRST: usize = 1;
/// `ResourceLogs.scope_logs`, `ScopeLogs.log_records`, and the same of spans.
const SECOND: usize = 2;

/// One field of a message.
struct Field<'a> {
    number: usize,
    value: Value<'a>,
}

enum Value<'a> {
    /// Where a text, bytes or a message stands.
    Bytes(Range<usize>),
    /// The eight bytes of a fixed number.
    Fixed(&'a [u8]),
    /// Passed over.
    Other,
}

/// The fields of the message at `rest` of `body`.
struct Fields<'a> {
    body: &'a [u8],
    rest: Range<usize>,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.rest.start;
        let field = self.field();
        field.map(Some).ok_or(Malformed::Protobuf { at })
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => self.varint().map(|_| Value::Other)?,
            1 => Value::Fixed(self.body.get(self.take(8)?)?),
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some(Field { number: key >> 3, value })
    }

    fn varint(&mut self) -> Option<usize> {
        let bytes = self.body.get(self.rest.clone())?;
        // Nearly every number is short.
        if let Some(byte) = bytes.first().filter(|byte| **byte < 0x80) {
            self.rest.start += 1;
            return Some(usize::from(*byte));
        }
        let mut left = bytes;
        let number = prost::decode_length_delimiter(&mut left).ok()?;
        self.rest.start += bytes.len() - left.len();
        Some(number)
    }

    fn take(&mut self, len: usize) -> Option<Range<usize>> {
        let end = self.rest.start.checked_add(len).filter(|end| *end <= self.rest.end)?;
        let taken = self.rest.start..end;
        self.rest.start = end;
        Some(taken)
    }
}

/// Tells each text, bytes or message among the fields at `part` with its number.
fn walk(
    body: &[u8],
    part: Range<usize>,
    tell: &mut dyn FnMut(usize, Range<usize>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut fields = Fields { body, rest: part };
    while let Some(field) = fields.next()? {
        if let Value::Bytes(range) = field.value {
            tell(field.number, range)?;
        }
    }
    Ok(())
}

/// The parts of a request.
pub(super) fn parcel(body: &[u8]) -> Result<Parcel, Malformed> {
    let mut parcel = Parcel::default();
    let mut records = 0;
    walk(body, 0..body.len(), &mut |number, part| {
        if number == FIRST {
            parcel.groups.push(group(body, part, &mut records)?);
        }
        bounded(parcel.groups.len())
    })?;
    Ok(parcel)
}

fn bounded(count: usize) -> Result<(), Malformed> {
    if count > MAX_RECORDS { Err(Malformed::TooMany) } else { Ok(()) }
}

fn group(body: &[u8], part: Range<usize>, records: &mut usize) -> Result<Group, Malformed> {
    let mut group = Group::default();
    walk(body, part, &mut |number, part| {
        match number {
            FIRST => group.resource = part,
            SECOND => group.scopes.push(scope(body, part, records)?),
            _ => {}
        }
        bounded(group.scopes.len())
    })?;
    Ok(group)
}

fn scope(body: &[u8], part: Range<usize>, records: &mut usize) -> Result<Scope, Malformed> {
    let mut scope = Scope::default();
    walk(body, part, &mut |number, part| {
        match number {
            FIRST => scope.scope = part,
            SECOND => {
                *records += 1;
                scope.records.push(part);
            }
            _ => {}
        }
        bounded(*records)
    })?;
    Ok(scope)
}

/// Nanoseconds of a log record (its own time, else when it was observed) or of a span (its end, else its start); 0 for none.
pub(super) fn time(record: &[u8], signal: Signal) -> u64 {
    let (own, other) = match signal {
        Signal::Logs => (1, 11),
        Signal::Traces => (8, 7),
    };
    let (mut nanos, mut instead) = (0, 0);
    let mut fields = Fields { body: record, rest: 0..record.len() };
    while let Ok(Some(field)) = fields.next() {
        let Value::Fixed(bytes) = field.value else { continue };
        let number = <[u8; 8]>::try_from(bytes).map_or(0, u64::from_le_bytes);
        if field.number == own {
            nanos = number;
        } else if field.number == other {
            instead = number;
        }
        if nanos != 0 {
            return nanos;
        }
    }
    instead
}
