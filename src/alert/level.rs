//! The round of a sink that is told the level: everything that fires, and for five minutes everything that has stopped.
//!
//! Notices are owed to it as to any other sink: one is delivered once a POST that carries its alert was accepted. So a page that
//! fired and ended while Alertmanager was away is still told, late.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use tracing::warn;

use crate::alert::alertmanager::Alert;
use crate::alert::alertmanager::Alertmanager;
use crate::alert::outbox::OutboxError;
use crate::alert::outbox::Owed;
use crate::alert::retry;
use crate::alert::sink::DeliveryError;
use crate::alert::sink::Outcome;
use crate::alert::sink::SinkKind;
use crate::alert::sink::describe;
use crate::alert::worker::Desk;
use crate::alert::worker::Entry;
use crate::alert::worker::Pause;
use crate::model::alert::Notice;
use crate::model::alert::NoticeKind;
use crate::model::incident::TrackKey;

/// How long a resolved alert is told.
const TELL_RESOLVED: SignedDuration = SignedDuration::from_mins(5);
/// Alerts in one POST.
const BATCH: usize = 100;
/// Owed notices looked at in one round.
const OWED: usize = 1_000;

/// One alert to send and the owed notices it settles.
#[derive(Debug)]
struct Item {
    alert: Alert,
    fires: bool,
    owed: Vec<i64>,
}

/// Tells everything once; the next round comes after the interval, or at once when something changes.
pub(in crate::alert) async fn round(desk: &mut Desk) -> Pause {
    let SinkKind::Alertmanager(sink) = &desk.sink.kind else { return Pause::Idle(Duration::from_mins(1)) };
    let sink = sink.clone();
    match tell(desk, &sink).await {
        Ok(None) => Pause::Idle(retry::unsigned(sink.resend)),
        Ok(Some(pause)) => Pause::Failing(pause),
        Err(error) => desk.lose(&error),
    }
}

async fn tell(desk: &mut Desk, sink: &Alertmanager) -> Result<Option<Duration>, OutboxError> {
    let mut owed = desk.due(OWED).await?;
    for old in owed.extract_if(.., |owed| desk.is_too_old(owed)).collect::<Vec<_>>() {
        let reason = describe(&DeliveryError::TooOld(old.attempts));
        desk.note(Entry::Dead(old.id, reason)).await?;
    }
    let now = desk.now();
    let since = now.checked_sub(TELL_RESOLVED).unwrap_or(now);
    let (active, resolved) =
        desk.ask(move |outbox| Ok((outbox.active_alerts()?, outbox.recent_resolved(since)?))).await?;
    let (items, moot) = plan(sink, &active, &resolved, &owed, now);
    for id in moot {
        desk.note(Entry::Delivered(id)).await?;
    }
    for batch in items.chunks(BATCH) {
        let alerts: Vec<Alert> = batch.iter().map(|item| item.alert.clone()).collect();
        match sink.send(&alerts, now).await {
            Outcome::Accepted => accepted(desk, batch).await?,
            Outcome::Refused(error) if is_about_content(&error) => {
                if let Some(pause) = one_by_one(desk, sink, batch, &error).await? {
                    return Ok(Some(pause));
                }
            }
            Outcome::Refused(error) => return failed(desk, &items, None, &error).await.map(Some),
            Outcome::Retry { after, error } => return failed(desk, &items, after, &error).await.map(Some),
        }
    }
    Ok(None)
}

/// What to send, and which owed notices have nothing left to tell.
fn plan(
    sink: &Alertmanager,
    active: &[Notice],
    resolved: &[Notice],
    owed: &[Owed],
    now: Timestamp,
) -> (Vec<Item>, Vec<i64>) {
    let mut items: BTreeMap<(TrackKey, bool), Item> = BTreeMap::new();
    let firing = |notice: &Notice| Item { alert: sink.firing(notice, now), fires: true, owed: Vec::new() };
    for alert in active {
        items.insert(identity(alert), firing(alert));
    }
    for alert in resolved {
        let over = || Item { alert: Alertmanager::resolved(alert, now), fires: false, owed: Vec::new() };
        items.entry(identity(alert)).or_insert_with(over);
    }
    let mut moot = Vec::new();
    for owed in owed {
        let identity = identity(&owed.notice);
        let upgraded = !identity.1 && items.get(&(identity.0.clone(), true)).is_some_and(|page| page.fires);
        match (items.get_mut(&identity), owed.notice.kind) {
            (Some(item), NoticeKind::Resolved) => item.owed.push(owed.id),
            (Some(item), _) if item.fires => item.owed.push(owed.id),
            // What nobody was told of needs no all-clear, and news of an alert that is over is none.
            (None, NoticeKind::Resolved) | (_, NoticeKind::Update) => moot.push(owed.id),
            // The page that took the place of this suspicion says it all.
            (_, NoticeKind::Warning) if upgraded => moot.push(owed.id),
            // It came and went unheard. It fires now, once; the next round resolves it.
            (_, _) => {
                let mut late = firing(&owed.notice);
                let before = items.remove(&identity).map(|item| item.owed).unwrap_or_default();
                late.owed = before;
                late.owed.push(owed.id);
                items.insert(identity, late);
            }
        }
    }
    (items.into_values().collect(), moot)
}

/// An alert's identity: the track, and whether it is a page.
fn identity(notice: &Notice) -> (TrackKey, bool) {
    let page = match notice.kind {
        NoticeKind::Page | NoticeKind::Update => true,
        NoticeKind::Warning => false,
        NoticeKind::Resolved => notice.episode.is_some(),
    };
    (notice.key.clone(), page)
}

/// 400, 413 and 422 are about what was sent; any other refusal would be the same for every alert.
fn is_about_content(error: &DeliveryError) -> bool {
    matches!(error, DeliveryError::Status { status: 400 | 413 | 422, .. } | DeliveryError::Encode(_))
}

async fn accepted(desk: &mut Desk, batch: &[Item]) -> Result<(), OutboxError> {
    desk.succeed();
    for id in batch.iter().flat_map(|item| &item.owed) {
        desk.note(Entry::Delivered(*id)).await?;
    }
    Ok(())
}

/// Alertmanager stores the valid alerts of a batch it refuses, and does not say which: sent one by one, the bad one shows itself.
async fn one_by_one(
    desk: &mut Desk,
    sink: &Alertmanager,
    batch: &[Item],
    error: &DeliveryError,
) -> Result<Option<Duration>, OutboxError> {
    warn!(sink = desk.sink.name(), reason = describe(error), alerts = batch.len(), "Alertmanager refused a batch");
    for item in batch {
        let now = desk.now();
        match sink.send(std::slice::from_ref(&item.alert), now).await {
            Outcome::Accepted => accepted(desk, std::slice::from_ref(item)).await?,
            Outcome::Refused(error) => {
                let reason = describe(&error);
                warn!(sink = desk.sink.name(), reason, "Alertmanager refused an alert");
                for id in &item.owed {
                    desk.note(Entry::Dead(*id, reason.clone())).await?;
                }
            }
            Outcome::Retry { after, error } => {
                return failed(desk, std::slice::from_ref(item), after, &error).await.map(Some);
            }
        }
    }
    Ok(None)
}

/// Nothing is postponed but by the pause of the whole sink: the level is told as one. The attempts are counted all the same.
async fn failed(
    desk: &mut Desk,
    items: &[Item],
    after: Option<Duration>,
    error: &DeliveryError,
) -> Result<Duration, OutboxError> {
    let reason = describe(error);
    let pause = desk.fail(after, &reason);
    for id in items.iter().flat_map(|item| &item.owed) {
        desk.note(Entry::Postponed(*id, desk.now(), reason.clone())).await?;
    }
    Ok(pause)
}
