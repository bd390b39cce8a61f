//! What a state directory remembers, read without changing it, whether a relapse runs on it or not.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OpenFlags;

use crate::model::command::Mute;
use crate::model::correlation::OpenWindow;
use crate::model::incident::LiveRelease;
use crate::model::incident::Track;
use crate::model::position::Position;
use crate::store::error::StoreError;
use crate::store::event::EventId;
use crate::store::load;
use crate::store::recover;
use crate::store::recover::DATABASE;
use crate::store::row::Read;

/// The memory of a judge at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Every track, by key.
    pub tracks: Vec<Track>,
    /// Every release remembered.
    pub live_releases: Vec<LiveRelease>,
    /// Every open window of a correlation.
    pub windows: Vec<OpenWindow>,
    /// What is muted.
    pub mutes: Vec<Mute>,
    /// Every read position.
    pub positions: Vec<Position>,
    /// Every occurrence that was counted and is remembered.
    pub events: HashSet<EventId>,
}

/// Reads the state in `dir` as of its last commit.
pub fn read(dir: &Path) -> Result<Snapshot, StoreError> {
    let path = dir.join(DATABASE);
    if !path.is_file() {
        return Err(StoreError::Missing { dir: dir.to_owned() });
    }
    let mut connection = open(&path).map_err(|error| StoreError::database(dir, error))?;
    let damage = recover::header(&connection).map_err(|error| StoreError::database(dir, error))?;
    if let Some(damage) = damage {
        return Err(StoreError::Unusable { dir: dir.to_owned(), damage });
    }
    content(&mut connection).map_err(|fault| fault.at(dir))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match path.to_str() {
        Some(name) => Connection::open_with_flags(uri(name), flags)?,
        None => Connection::open_with_flags(path, flags)?,
    };
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// Without a write-ahead log nobody has the database open and all of it is in the one file: then `SQLite` is told so, and makes no
/// companion files, for which the directory may not even be writable.
fn uri(path: &str) -> String {
    let written: String = path
        .chars()
        .map(|c| if matches!(c, '%' | '?' | '#') { format!("%{:02x}", u32::from(c)) } else { c.to_string() })
        .collect();
    let at_rest = !Path::new(&format!("{path}-wal")).exists();
    format!("file:{written}?mode=ro{}", if at_rest { "&immutable=1" } else { "" })
}

/// In one transaction: all of it is of the same moment.
fn content(connection: &mut Connection) -> Read<Snapshot> {
    let transaction = connection.transaction()?;
    Ok(Snapshot {
        tracks: load::bodies(&transaction, load::TRACKS)?,
        live_releases: load::bodies(&transaction, load::LIVE_RELEASES)?,
        windows: load::bodies(&transaction, load::WINDOWS)?,
        mutes: load::mutes(&transaction)?,
        positions: load::bodies(&transaction, load::POSITIONS)?,
        events: load::events(&transaction)?,
    })
}
