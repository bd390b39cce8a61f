//! What is firing now: the level behind the edges, for sinks that must be told again and again (Alertmanager).
//!
//! A page or a warning fires; the notice that resolves it ends it. A page ends the warning of the same track: a suspicion that is
//! confirmed is the same alert upgraded, not a second one.

use jiff::SignedDuration;
use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::params;

use crate::model::alert::Notice;
use crate::model::alert::NoticeKind;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::load;
use crate::store::outbox::kind_name;
use crate::store::row::Body;
use crate::store::row::Read;
use crate::store::row::micros;

/// How long a resolved alert is kept; longer than any sink goes on telling it.
const KEEP_RESOLVED: SignedDuration = SignedDuration::from_mins(30);

impl Store {
    /// Alerts that fire: the latest page or warning of each track and kind.
    pub fn active_alerts(&self) -> Result<Vec<Notice>, StoreError> {
        const FIRING: &str = "SELECT body, sum, kind FROM alerts WHERE resolved IS NULL
                              ORDER BY signature, service, environment, kind";
        self.with(|writer| load::bodies(&writer.connection, FIRING))
    }

    /// Alerts resolved at `since` or later by the clock: the page or warning as it last fired, with `ends_at` set and the
    /// resolving notice's `why`.
    pub fn recent_resolved(&self, since: Timestamp) -> Result<Vec<Notice>, StoreError> {
        self.with(|writer| {
            let mut statement = writer.connection.prepare_cached(
                "SELECT body, sum, kind FROM alerts WHERE resolved >= ?1 ORDER BY signature, service, environment, kind",
            )?;
            let mut rows = statement.query([micros(since)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let (text, kind): (String, String) = (row.get(0)?, row.get(2)?);
                found.push(Body::read(&text, row.get(1)?, &kind)?);
            }
            Ok(found)
        })
    }
}

/// Applies one notice to the alerts, inside its commit.
pub(in crate::store) fn apply(connection: &Connection, notice: &Notice, now: Timestamp) -> Read<()> {
    match notice.kind {
        NoticeKind::Page => {
            resolve(connection, notice, NoticeKind::Warning, now)?;
            fire(connection, notice)
        }
        NoticeKind::Warning => fire(connection, notice),
        NoticeKind::Update => refresh(connection, notice),
        NoticeKind::Resolved if notice.episode.is_some() => resolve(connection, notice, NoticeKind::Page, now),
        NoticeKind::Resolved => resolve(connection, notice, NoticeKind::Warning, now),
    }
}

fn fire(connection: &Connection, notice: &Notice) -> Read<()> {
    put(connection, notice, None)
}

/// News of a page that fires: its facts are replaced, it stays the same alert.
fn refresh(connection: &Connection, notice: &Notice) -> Read<()> {
    let page = Notice { kind: NoticeKind::Page, ..notice.clone() };
    let key = &page.key;
    let fires = connection
        .prepare_cached(
            "SELECT 1 FROM alerts
             WHERE signature = ?1 AND service = ?2 AND environment = ?3 AND kind = ?4 AND resolved IS NULL",
        )?
        .exists(params![&*key.signature, &*key.service, &*key.environment, kind_name(page.kind)])?;
    if fires { fire(connection, &page) } else { Ok(()) }
}

fn resolve(connection: &Connection, by: &Notice, kind: NoticeKind, now: Timestamp) -> Read<()> {
    let key = &by.key;
    let found: Option<(String, i64)> = connection
        .prepare_cached(
            "SELECT body, sum FROM alerts
             WHERE signature = ?1 AND service = ?2 AND environment = ?3 AND kind = ?4 AND resolved IS NULL",
        )?
        .query_row(params![&*key.signature, &*key.service, &*key.environment, kind_name(kind)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((text, sum)) = found else { return Ok(()) };
    let mut alert: Notice = Body::read(&text, sum, kind_name(kind))?;
    alert.ends_at = Some(by.ends_at.unwrap_or(by.starts_at));
    alert.why.clone_from(&by.why);
    alert.occurrences = alert.occurrences.max(by.occurrences);
    put(connection, &alert, Some(now))
}

fn put(connection: &Connection, alert: &Notice, resolved: Option<Timestamp>) -> Read<()> {
    let kind = kind_name(alert.kind);
    let body = Body::of(alert, kind)?;
    let key = &alert.key;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO alerts (signature, service, environment, kind, resolved, body, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            &*key.signature,
            &*key.service,
            &*key.environment,
            kind,
            resolved.map(micros),
            body.text,
            body.sum
        ])?;
    Ok(())
}

/// Forgets alerts that everyone has been told are over.
pub(in crate::store) fn prune(connection: &Connection, now: Timestamp) -> Read<()> {
    if let Ok(horizon) = now.checked_sub(KEEP_RESOLVED) {
        connection.execute("DELETE FROM alerts WHERE resolved < ?1", [micros(horizon)])?;
    }
    Ok(())
}
