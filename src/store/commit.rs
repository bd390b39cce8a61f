//! One batch, one transaction: what was read, what it meant, and what is owed for it, all or nothing.

use jiff::SignedDuration;
use jiff::Timestamp;
use rusqlite::Transaction;
use rusqlite::TransactionBehavior;
use rusqlite::params;

use crate::model::alert::Notice;
use crate::model::command::Mute;
use crate::model::correlation::OpenWindow;
use crate::model::correlation::WindowKey;
use crate::model::incident::LiveRelease;
use crate::model::incident::Track;
use crate::model::position::Position;
use crate::store::Limits;
use crate::store::Store;
use crate::store::Writer;
use crate::store::alerts;
use crate::store::error::StoreError;
use crate::store::event::EventId;
use crate::store::outbox;
use crate::store::row::Body;
use crate::store::row::Read;
use crate::store::row::micros;

/// How often what has aged is looked for.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// What one batch leaves behind. Order inside a list does not matter, except that notices are owed in their order.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The moment of the commit (the clock's, not an event's): notices are owed from it on, and what has aged is pruned by it.
    pub now: Timestamp,
    /// Read positions that moved.
    pub positions: Vec<Position>,
    /// File ids of files that are gone for good.
    pub forgotten: Vec<String>,
    /// Tracks that changed.
    pub tracks: Vec<Track>,
    /// Live releases that changed.
    pub live_releases: Vec<LiveRelease>,
    /// Open windows of correlations that changed; `None` = it is over.
    pub windows: Vec<(WindowKey, Option<OpenWindow>)>,
    /// Occurrences judged in this batch, with their event time.
    pub events: Vec<(EventId, Timestamp)>,
    /// Transitions someone must hear of.
    pub notices: Vec<Notice>,
    /// What is muted now, if that changed: replaces what was.
    pub mutes: Option<Vec<Mute>>,
    /// Someone is told that this is stored, whatever it is.
    pub promised: bool,
}

impl Commit {
    /// Whether there is nothing to write.
    pub const fn is_empty(&self) -> bool {
        self.positions.is_empty()
            && self.forgotten.is_empty()
            && self.live_releases.is_empty()
            && self.windows.is_empty()
            && self.tracks.is_empty()
            && self.events.is_empty()
            && self.notices.is_empty()
            && self.mutes.is_none()
    }

    /// Whether losing this commit to a power cut would lose more than some reading: then the disk is waited for.
    const fn is_weighty(&self) -> bool {
        self.promised || !(self.tracks.is_empty() && self.events.is_empty() && self.notices.is_empty())
    }
}

impl Store {
    /// Writes the batch. On an error nothing of it was written; keep it and try again when [`StoreError::is_transient`].
    ///
    /// Committing a batch twice is harmless: events and notices are known by their ids, the rest is overwritten.
    pub fn commit(&self, batch: &Commit) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let limits = self.limits;
        self.with(|writer| write(writer, batch, limits))
    }
}

fn write(writer: &mut Writer, batch: &Commit, limits: Limits) -> Read<()> {
    make_durable(writer, batch.is_weighty())?;
    let prune = is_time_to_prune(writer.pruned_at, batch.now);
    let transaction = writer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    write_positions(&transaction, batch)?;
    write_tracks(&transaction, batch)?;
    write_live_releases(&transaction, batch)?;
    write_windows(&transaction, batch)?;
    write_mutes(&transaction, batch)?;
    let mut events = writer.events + write_events(&transaction, batch)?;
    for notice in &batch.notices {
        outbox::owe(&transaction, &writer.sinks, notice, batch.now)?;
        alerts::apply(&transaction, notice, batch.now)?;
    }
    events -= prune_events(&transaction, events, limits.events)?;
    if !batch.notices.is_empty() {
        outbox::bound(&transaction, &writer.sinks, limits, batch.now)?;
    }
    if prune {
        prune_places(&transaction, limits)?;
        outbox::prune(&transaction, &writer.sinks, limits, batch.now)?;
        alerts::prune(&transaction, batch.now)?;
    }
    transaction.commit()?;
    writer.events = events;
    if prune {
        writer.pruned_at = Some(batch.now);
    }
    Ok(())
}

/// `SQLite` takes this setting only between transactions.
fn make_durable(writer: &mut Writer, durable: bool) -> Read<()> {
    if writer.durable != Some(durable) {
        writer.connection.pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" })?;
        writer.durable = Some(durable);
    }
    Ok(())
}

/// A clock that was set back prunes at once and then counts from there.
fn is_time_to_prune(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now < last || now.duration_since(last) >= PRUNE_EVERY)
}

fn write_positions(transaction: &Transaction<'_>, batch: &Commit) -> Read<()> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO positions (file_id, written, body, sum) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (file_id) DO UPDATE SET written = excluded.written, body = excluded.body, sum = excluded.sum",
    )?;
    for position in &batch.positions {
        let body = Body::of(position, "")?;
        upsert.execute(params![position.file_id, micros(batch.now), body.text, body.sum])?;
    }
    let mut delete = transaction.prepare_cached("DELETE FROM positions WHERE file_id = ?1")?;
    for file_id in &batch.forgotten {
        delete.execute([file_id])?;
    }
    Ok(())
}

fn write_tracks(transaction: &Transaction<'_>, batch: &Commit) -> Read<()> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO tracks (signature, service, environment, body, sum) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (signature, service, environment) DO UPDATE SET body = excluded.body, sum = excluded.sum",
    )?;
    for track in &batch.tracks {
        let body = Body::of(track, "")?;
        let key = &track.key;
        upsert.execute(params![&*key.signature, &*key.service, &*key.environment, body.text, body.sum])?;
    }
    Ok(())
}

fn write_mutes(transaction: &Transaction<'_>, batch: &Commit) -> Read<()> {
    let Some(mutes) = &batch.mutes else { return Ok(()) };
    transaction.execute("DELETE FROM mutes", [])?;
    let mut insert = transaction.prepare_cached("INSERT INTO mutes (body, sum) VALUES (?1, ?2)")?;
    for mute in mutes {
        let body = Body::of(mute, "")?;
        insert.execute(params![body.text, body.sum])?;
    }
    Ok(())
}

fn write_live_releases(transaction: &Transaction<'_>, batch: &Commit) -> Read<()> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO live_releases (service, environment, release, last_seen, body, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (service, environment, release)
         DO UPDATE SET last_seen = excluded.last_seen, body = excluded.body, sum = excluded.sum",
    )?;
    for live in &batch.live_releases {
        let body = Body::of(live, "")?;
        let seen = micros(live.last_seen);
        upsert.execute(params![&*live.service, &*live.environment, live.release, seen, body.text, body.sum])?;
    }
    Ok(())
}

fn write_windows(transaction: &Transaction<'_>, batch: &Commit) -> Read<()> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO windows (id, body, sum) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET body = excluded.body, sum = excluded.sum",
    )?;
    let mut delete = transaction.prepare_cached("DELETE FROM windows WHERE id = ?1")?;
    for (key, window) in &batch.windows {
        let id = Body::of(key, "")?.text;
        match window {
            Some(window) => {
                let body = Body::of(window, "")?;
                upsert.execute(params![id, body.text, body.sum])?
            }
            None => delete.execute([id])?,
        };
    }
    Ok(())
}

/// Returns how many were new. An event from the future must not outlive all others: its time is capped.
fn write_events(transaction: &Transaction<'_>, batch: &Commit) -> Read<u64> {
    let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO events (id, time) VALUES (?1, ?2)")?;
    let mut new = 0;
    for (id, time) in &batch.events {
        new += insert.execute(params![id.0.as_slice(), micros(*time.min(&batch.now))])? as u64;
    }
    Ok(new)
}

/// Forgets the oldest occurrences by event time, some more than needed so that it happens rarely.
///
/// By event time and not by order of arrival: a log that is read again from its start would otherwise push out, one by one,
/// exactly the ids it is about to need.
fn prune_events(transaction: &Transaction<'_>, count: u64, limit: u64) -> Read<u64> {
    if count <= limit {
        return Ok(0);
    }
    let surplus = count - limit + limit / 20;
    let mut delete = transaction
        .prepare_cached("DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY time, id LIMIT ?1)")?;
    Ok(delete.execute([i64::try_from(surplus).unwrap_or(i64::MAX)])? as u64)
}

fn prune_places(transaction: &Transaction<'_>, limits: Limits) -> Read<()> {
    transaction.execute(
        "DELETE FROM positions WHERE file_id IN
         (SELECT file_id FROM positions ORDER BY written DESC, file_id LIMIT -1 OFFSET ?1)",
        [i64::try_from(limits.positions).unwrap_or(i64::MAX)],
    )?;
    transaction.execute(
        "DELETE FROM live_releases WHERE (service, environment, release) IN
         (SELECT service, environment, release FROM live_releases
          ORDER BY last_seen DESC, service, environment, release LIMIT -1 OFFSET ?1)",
        [i64::try_from(limits.live_releases).unwrap_or(i64::MAX)],
    )?;
    Ok(())
}
