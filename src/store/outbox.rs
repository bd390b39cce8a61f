//! The outbox: one row per notice and sink, owed until the sink accepts it or it becomes a dead letter everyone can see.

use jiff::SignedDuration;
use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::params;

use crate::model::alert::Notice;
use crate::model::alert::NoticeKind;
use crate::store::Limits;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::Body;
use crate::store::row::Read;
use crate::store::row::micros;
use crate::store::row::time;

/// How long a delivered notice is remembered, and how long one waits for a sink that is not configured any more.
const KEEP: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Longest stored reason for a failed attempt, in bytes.
const MAX_ERROR: usize = 500;

/// Values of `state`; an owed row has 0.
const DELIVERED: i64 = 1;
const DEAD: i64 = 2;

/// One notice owed to one sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Owed {
    /// Row id, for [`Store::delivered`], [`Store::postpone`] and [`Store::dead`].
    pub id: i64,
    /// What to deliver.
    pub notice: Notice,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Since when it is owed.
    pub since: Timestamp,
}

/// What one sink's queue looks like; rows of sinks that are no longer configured are listed too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueCounts {
    /// Queue name.
    pub sink: String,
    /// Notices not yet accepted.
    pub owed: u64,
    /// Notices accepted in the last seven days.
    pub delivered: u64,
    /// Dead letters kept.
    pub dead: u64,
    /// Since when the oldest owed notice waits.
    pub oldest: Option<Timestamp>,
}

/// A notice that was given up.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// Queue name.
    pub sink: String,
    /// What was not delivered.
    pub notice: Notice,
    /// When it was given up.
    pub at: Timestamp,
    /// Why.
    pub error: String,
}

impl Store {
    /// Names the queues that get every notice from now on. A queue that is new gets nothing older; one that was known before
    /// keeps what it is owed.
    pub fn register_sinks(&self, names: &[&str]) {
        let mut sinks: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        sinks.sort_unstable();
        sinks.dedup();
        // Nothing can fail here: it is the lock alone that is needed.
        let _ = self.with(|writer| {
            writer.sinks = sinks;
            Ok(())
        });
    }

    /// What `sink` should be given now, longest due first (a postponed one comes after those that were never tried), at most `limit`.
    pub fn due(&self, sink: &str, now: Timestamp, limit: usize) -> Result<Vec<Owed>, StoreError> {
        self.with(|writer| read_due(&writer.connection, sink, now, limit))
    }

    /// When the next notice of `sink` is due (it may be overdue); `None` when nothing is owed.
    pub fn next_due(&self, sink: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.with(|writer| {
            let mut statement = writer.connection.prepare_cached(
                "SELECT min(CASE WHEN since > ?2 THEN ?2 ELSE due END) FROM outbox WHERE sink = ?1 AND state = 0",
            )?;
            let due: Option<i64> = statement.query_row(params![sink, micros(now)], |row| row.get(0))?;
            due.map(time).transpose()
        })
    }

    /// The sink accepted it.
    pub fn delivered(&self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        self.with(|writer| settle(&writer.connection, id, DELIVERED, now, None))
    }

    /// The attempt failed; try again at `next`.
    pub fn postpone(&self, id: i64, next: Timestamp, error: &str) -> Result<(), StoreError> {
        self.with(|writer| {
            let mut statement = writer.connection.prepare_cached(
                "UPDATE outbox SET attempts = attempts + 1, due = ?2, error = ?3 WHERE id = ?1 AND state = 0",
            )?;
            statement.execute(params![id, micros(next), bounded(error)])?;
            Ok(())
        })
    }

    /// The sink will never accept it: keep it as a dead letter.
    pub fn dead(&self, id: i64, now: Timestamp, error: &str) -> Result<(), StoreError> {
        self.with(|writer| settle(&writer.connection, id, DEAD, now, Some(error)))
    }

    /// The queues, by name.
    pub fn queues(&self) -> Result<Vec<QueueCounts>, StoreError> {
        self.with(|writer| {
            let mut statement = writer.connection.prepare_cached(
                "SELECT sink, sum(state = 0), sum(state = 1), sum(state = 2), min(CASE WHEN state = 0 THEN since END)
                 FROM outbox GROUP BY sink ORDER BY sink",
            )?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let count = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
                let oldest = row.get::<_, Option<i64>>(4)?.map(time).transpose()?;
                let (owed, delivered, dead) = (count(1)?, count(2)?, count(3)?);
                found.push(QueueCounts { sink: row.get(0)?, owed, delivered, dead, oldest });
            }
            Ok(found)
        })
    }

    /// The newest dead letters, newest first, at most `limit`.
    pub fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.with(|writer| {
            let mut statement = writer.connection.prepare_cached(
                "SELECT sink, body, sum, settled, error FROM outbox WHERE state = 2 ORDER BY settled DESC, id DESC LIMIT ?1",
            )?;
            let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let sink: String = row.get(0)?;
                let text: String = row.get(1)?;
                let notice = Body::read(&text, row.get(2)?, &sink)?;
                let error: Option<String> = row.get(4)?;
                found.push(DeadLetter { sink, notice, at: time(row.get(3)?)?, error: error.unwrap_or_default() });
            }
            Ok(found)
        })
    }
}

/// A row committed "later than now" means that the clock was set back: it must not wait until the clock is there again.
fn read_due(connection: &Connection, sink: &str, now: Timestamp, limit: usize) -> Read<Vec<Owed>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, body, sum, attempts, since FROM outbox
         WHERE sink = ?1 AND state = 0 AND (due <= ?2 OR since > ?2) ORDER BY due, id LIMIT ?3",
    )?;
    let mut rows = statement.query(params![sink, micros(now), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(1)?;
        let notice = Body::read(&text, row.get(2)?, sink)?;
        found.push(Owed { id: row.get(0)?, notice, attempts: row.get(3)?, since: time(row.get(4)?)? });
    }
    Ok(found)
}

fn settle(connection: &Connection, id: i64, state: i64, now: Timestamp, error: Option<&str>) -> Read<()> {
    let mut statement = connection
        .prepare_cached("UPDATE outbox SET state = ?2, settled = ?3, error = ?4 WHERE id = ?1 AND state = 0")?;
    statement.execute(params![id, state, micros(now), error.map(bounded)])?;
    Ok(())
}

fn bounded(error: &str) -> &str {
    error.get(..error.floor_char_boundary(MAX_ERROR)).unwrap_or(error)
}

/// Owes a notice to every sink; one that is owed, delivered or dead already is not owed again.
pub(in crate::store) fn owe(connection: &Connection, sinks: &[String], notice: &Notice, now: Timestamp) -> Read<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO outbox (sink, notice_id, kind, body, sum, since, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    )?;
    for sink in sinks {
        let body = Body::of(notice, sink)?;
        insert.execute(params![sink, notice.id, kind_name(notice.kind), body.text, body.sum, micros(now)])?;
    }
    Ok(())
}

/// Keeps each queue within its limit: the oldest notices beyond it become dead letters.
pub(in crate::store) fn bound(connection: &Connection, sinks: &[String], limits: Limits, now: Timestamp) -> Read<()> {
    for sink in sinks {
        let newest_surplus: Option<i64> = connection
            .prepare_cached("SELECT id FROM outbox WHERE sink = ?1 AND state = 0 ORDER BY id DESC LIMIT 1 OFFSET ?2")?
            .query_row(params![sink, i64::try_from(limits.owed_per_sink).unwrap_or(i64::MAX)], |row| row.get(0))
            .optional()?;
        if let Some(id) = newest_surplus {
            connection
                .prepare_cached(
                    "UPDATE outbox SET state = 2, settled = ?3, error = 'more notices are owed than the queue may hold'
                     WHERE sink = ?1 AND state = 0 AND id <= ?2",
                )?
                .execute(params![sink, id, micros(now)])?;
        }
    }
    Ok(())
}

/// Forgets what was delivered long ago, gives up what nobody will fetch, keeps the newest dead letters.
pub(in crate::store) fn prune(connection: &Connection, sinks: &[String], limits: Limits, now: Timestamp) -> Read<()> {
    let Ok(horizon) = now.checked_sub(KEEP) else { return Ok(()) };
    connection.execute("DELETE FROM outbox WHERE state = 1 AND settled < ?1", [micros(horizon)])?;
    let mut abandoned = connection
        .prepare_cached("SELECT DISTINCT sink FROM outbox WHERE state = 0 AND since < ?1")?
        .query_map([micros(horizon)], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    abandoned.retain(|sink| !sinks.contains(sink));
    for sink in abandoned {
        connection.execute(
            "UPDATE outbox SET state = 2, settled = ?3, error = 'the sink is no longer configured'
             WHERE sink = ?1 AND state = 0 AND since < ?2",
            params![sink, micros(horizon), micros(now)],
        )?;
    }
    connection.execute(
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state = 2 ORDER BY settled DESC, id DESC LIMIT -1 OFFSET ?1)",
        [i64::try_from(limits.dead_letters).unwrap_or(i64::MAX)],
    )?;
    Ok(())
}

/// The kind as it stands in a key column.
pub(in crate::store) const fn kind_name(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Page => "page",
        NoticeKind::Warning => "warning",
        NoticeKind::Update => "update",
        NoticeKind::Resolved => "resolved",
    }
}
