//! The tables, and the way from any older version to this one.
//!
//! Bodies are the model's JSON with a checksum beside them: `SQLite` finds a broken page, not a flipped bit inside a value.

use rusqlite::Connection;

/// Marks the file as ours (`rlps`).
pub(in crate::store) const APPLICATION_ID: i64 = 0x726c_7073;

/// One entry a version: the statements that lead from the version before to it. Never change an entry that was released;
/// a change of the stored model types needs a new one.
const MIGRATIONS: &[&str] = &[V1, V2];

const V1: &str = "
CREATE TABLE positions (
    file_id TEXT PRIMARY KEY,
    written INTEGER NOT NULL,
    body TEXT NOT NULL,
    sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX positions_written ON positions (written);
CREATE TABLE tracks (
    signature TEXT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    body TEXT NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (signature, service, environment)
) STRICT, WITHOUT ROWID;
CREATE TABLE live_releases (
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    release TEXT NOT NULL,
    last_seen INTEGER NOT NULL,
    body TEXT NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (service, environment, release)
) STRICT, WITHOUT ROWID;
CREATE INDEX live_releases_last_seen ON live_releases (last_seen);
CREATE TABLE events (
    id BLOB PRIMARY KEY,
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX events_time ON events (time);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL,
    notice_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    sum INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    since INTEGER NOT NULL,
    due INTEGER NOT NULL,
    settled INTEGER,
    error TEXT,
    UNIQUE (sink, notice_id, kind)
) STRICT;
CREATE INDEX outbox_due ON outbox (sink, state, due);
CREATE INDEX outbox_settled ON outbox (state, settled);
CREATE TABLE alerts (
    signature TEXT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    kind TEXT NOT NULL,
    resolved INTEGER,
    body TEXT NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (signature, service, environment, kind)
) STRICT, WITHOUT ROWID;
";

/// Open windows of correlations, and what is muted.
const V2: &str = "
CREATE TABLE windows (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mutes (
    id INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    sum INTEGER NOT NULL
) STRICT;
";

/// The version this program writes.
pub(in crate::store) fn current() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The version of an opened database; 0 for one that was never set up.
pub(in crate::store) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Whose database it is.
pub(in crate::store) fn application(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// Brings the database to the current version, one transaction a step.
pub(in crate::store) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let from = usize::try_from(version(connection)?).unwrap_or(0);
    for (step, statements) in MIGRATIONS.iter().enumerate().skip(from) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", i64::try_from(step + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

/// Whether every table and index is there as this version makes it.
pub(in crate::store) fn is_complete(connection: &Connection) -> rusqlite::Result<bool> {
    let mut model = Connection::open_in_memory()?;
    migrate(&mut model)?;
    Ok(statements(connection)? == statements(&model)?)
}

fn statements(connection: &Connection) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
