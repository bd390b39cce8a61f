//! What an occurrence is called, so that it counts once however often it is read: by the name its sender gave the entry or, without one,
//! by its place in its file; where there is no file, by what it says.

use jiff::Timestamp;

use crate::matcher::Match;
use crate::model::record::Record;
use crate::store::event::EventId;

/// Attributes that name an entry: Cloud Logging's, and OpenTelemetry's.
const NAMES: [&str; 2] = ["insertId", "log.record.uid"];

/// The id of a match in `generation` of `stream`.
pub(super) fn of(found: &Match, stream: &str, generation: u64) -> EventId {
    named(found)
        .unwrap_or_else(|| EventId::in_file(stream, generation, found.record.origin.offset, &found.signature.id))
}

/// The id of a match in a record that was sent, and may be sent again. A record without a time could be said at any time: it is known
/// by when it came, and counts again when it is sent again.
pub(super) fn of_sent(found: &Match, came: Timestamp) -> EventId {
    named(found).unwrap_or_else(|| {
        let record: &Record = &found.record;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let time = record.time.map_or_else(|| format!("came {came}"), |time| time.to_string());
        let ids = [
            text(&record.resource.service),
            text(&record.resource.instance),
            text(&record.trace_id),
            text(&record.span_id),
            time,
        ];
        let span = record.span.as_ref().map_or("", |span| span.name.as_str());
        let attributes = record.attributes.0.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
        let own = [span.as_bytes(), record.body.as_bytes()].into_iter().chain(attributes);
        let content: Vec<&[u8]> = ids.iter().map(String::as_bytes).chain(own).collect();
        EventId::of_content(&content, &found.signature.id)
    })
}

/// The id of a match in an entry that its sender has named: the same in every file it was pulled into. Cloud Logging takes two entries
/// for one only if their times are equal, too.
pub(super) fn named(found: &Match) -> Option<EventId> {
    let record: &Record = &found.record;
    let (source, name) = NAMES.iter().find_map(|key| Some((key, record.attributes.get(key)?)))?;
    let time = record.time.filter(|_| !record.time_inherited)?;
    let service = record.resource.service.as_deref().unwrap_or_default();
    (!name.is_empty()).then(|| EventId::named(&format!("{source} {service} {time}"), name, &found.signature.id))
}
