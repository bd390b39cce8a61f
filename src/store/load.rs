//! What is read back at start: positions, tracks, live releases, and whether an occurrence is known.

use std::collections::HashSet;

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use serde::de::DeserializeOwned;

use crate::model::alert::Notice;
use crate::model::command::Mute;
use crate::model::correlation::OpenWindow;
use crate::model::incident::LiveRelease;
use crate::model::incident::Track;
use crate::model::position::Position;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::event::EventId;
use crate::store::row::Body;
use crate::store::row::Read;

pub(in crate::store) const POSITIONS: &str = "SELECT body, sum, '' FROM positions ORDER BY file_id";
pub(in crate::store) const TRACKS: &str = "SELECT body, sum, '' FROM tracks ORDER BY signature, service, environment";
pub(in crate::store) const LIVE_RELEASES: &str =
    "SELECT body, sum, '' FROM live_releases ORDER BY service, environment, release";
pub(in crate::store) const WINDOWS: &str = "SELECT body, sum, '' FROM windows ORDER BY id";
const MUTES: &str = "SELECT body, sum, '' FROM mutes ORDER BY id";
const OUTBOX: &str = "SELECT body, sum, sink FROM outbox";
const ALERTS: &str = "SELECT body, sum, kind FROM alerts";

impl Store {
    /// Every read position, by file id.
    pub fn positions(&self) -> Result<Vec<Position>, StoreError> {
        self.with(|writer| bodies(&writer.connection, POSITIONS))
    }

    /// Every track, by key.
    pub fn tracks(&self) -> Result<Vec<Track>, StoreError> {
        self.with(|writer| bodies(&writer.connection, TRACKS))
    }

    /// Every open window of a correlation.
    pub fn windows(&self) -> Result<Vec<OpenWindow>, StoreError> {
        self.with(|writer| bodies(&writer.connection, WINDOWS))
    }

    /// What is muted, in the order in which it was said.
    pub fn mutes(&self) -> Result<Vec<Mute>, StoreError> {
        self.with(|writer| mutes(&writer.connection))
    }

    /// Every release remembered, by service, environment and name.
    pub fn live_releases(&self) -> Result<Vec<LiveRelease>, StoreError> {
        self.with(|writer| bodies(&writer.connection, LIVE_RELEASES))
    }
}

/// Reads every value of a statement that yields body, checksum and place.
pub(in crate::store) fn bodies<T: DeserializeOwned>(connection: &Connection, statement: &str) -> Read<Vec<T>> {
    let mut statement = connection.prepare_cached(statement)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let place: String = row.get(2)?;
        let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        found.push(Body::read(text, row.get(1)?, &place)?);
    }
    Ok(found)
}

/// Reads every value once: a damaged one is found at start, where it can be dealt with.
pub(in crate::store) fn verify(connection: &Connection) -> Read<()> {
    bodies::<Position>(connection, POSITIONS)?;
    bodies::<Track>(connection, TRACKS)?;
    bodies::<LiveRelease>(connection, LIVE_RELEASES)?;
    bodies::<OpenWindow>(connection, WINDOWS)?;
    mutes(connection)?;
    bodies::<Notice>(connection, OUTBOX)?;
    bodies::<Notice>(connection, ALERTS)?;
    Ok(())
}

/// Whether the id is unknown.
pub(in crate::store) fn is_new(connection: &Connection, event: &EventId) -> Read<bool> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM events WHERE id = ?1")?;
    let found: Option<i64> = statement.query_row([event.0.as_slice()], |row| row.get(0)).optional()?;
    Ok(found.is_none())
}

/// What is muted. A database that was only read (`replay`) may be older than mutes.
pub(in crate::store) fn mutes(connection: &Connection) -> Read<Vec<Mute>> {
    if connection.table_exists(None, "mutes")? { bodies(connection, MUTES) } else { Ok(Vec::new()) }
}

/// Every occurrence remembered.
pub(in crate::store) fn events(connection: &Connection) -> Read<HashSet<EventId>> {
    let mut statement = connection.prepare("SELECT id FROM events")?;
    let mut rows = statement.query([])?;
    let mut found = HashSet::new();
    while let Some(row) = rows.next()? {
        found.insert(EventId(row.get(0)?));
    }
    Ok(found)
}

/// Rows in `events`.
pub(in crate::store) fn count_events(connection: &Connection) -> rusqlite::Result<u64> {
    let count: i64 = connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}
