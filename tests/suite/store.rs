//! Tests of `store`: what was committed is there again, whole batches only, whatever is found in the state directory.

mod crash;
mod model;
mod recovery;
pub(crate) mod sample;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::SignedDuration;
use relapse::model::alert::NoticeKind;
use relapse::store::Limits;
use relapse::store::Opened;
use relapse::store::Store;
use relapse::store::commit::Commit;
use relapse::store::error::StoreError;
use relapse::store::event::EventId;

use self::sample::at;
use self::sample::live;
use self::sample::notice;
use self::sample::position;
use self::sample::track;
use self::sample::window;

/// Opens what this test has just closed. Another test may be starting a process at this moment: until that runs its program it holds
/// a copy of every descriptor, and with it the lock.
pub(crate) fn reopen(dir: &Path) -> Opened {
    for _ in 0..1_000_000 {
        match Store::open(dir) {
            Err(StoreError::InUse { .. }) => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
    panic!("{} stays locked", dir.display());
}

/// Opens without any recovery being needed.
pub(crate) fn open(dir: &Path) -> Store {
    let opened = reopen(dir);
    assert_eq!(opened.recovered, None);
    opened.store
}

#[test]
fn what_was_committed_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("a/b");
    let event = EventId::in_file("8:1", 0, 42, "A");
    let batch = Commit {
        now: at(100),
        positions: vec![position("8:1", 42), position("8:2", 7)],
        tracks: vec![track("A", "checkout", 3)],
        live_releases: vec![live("checkout", "1.43.0", 50)],
        windows: vec![(window("A").key, Some(window("A"))), (window("B").key, Some(window("B")))],
        events: vec![(event, at(50))],
        notices: vec![notice("n1", "A", NoticeKind::Page)],
        ..Commit::default()
    };
    let store = open(&state);
    store.register_sinks(&["webhook", "stdout"]);
    assert!(store.is_new(&event).unwrap());
    store.commit(&batch).unwrap();
    drop(store);

    let store = open(&state);
    assert_eq!(store.positions().unwrap(), batch.positions);
    assert_eq!(store.tracks().unwrap(), batch.tracks);
    assert_eq!(store.live_releases().unwrap(), batch.live_releases);
    assert_eq!(store.windows().unwrap(), [window("A"), window("B")]);
    store.commit(&Commit { windows: vec![(window("A").key, None)], ..Commit::default() }).unwrap();
    assert_eq!(store.windows().unwrap(), [window("B")], "one that is over is forgotten");
    assert!(!store.is_new(&event).unwrap());
    assert!(store.is_new(&EventId::in_file("8:1", 0, 43, "A")).unwrap());
    assert_eq!(store.active_alerts().unwrap(), batch.notices);
    for sink in ["webhook", "stdout"] {
        let due = store.due(sink, at(100), 10).unwrap();
        assert_eq!(due.iter().map(|owed| (&owed.notice, owed.attempts)).collect::<Vec<_>>(), [(&batch.notices[0], 0)]);
    }
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(state.join("relapse.db")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_upsert_replaces_and_a_forgotten_file_goes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let commit = |batch: Commit| store.commit(&batch).unwrap();
    commit(Commit { now: at(1), positions: vec![position("8:1", 1), position("8:2", 1)], ..Commit::default() });
    commit(Commit { now: at(2), tracks: vec![track("A", "s", 1)], ..Commit::default() });
    commit(Commit {
        now: at(3),
        positions: vec![position("8:1", 9)],
        forgotten: vec!["8:2".to_owned()],
        tracks: vec![track("A", "s", 2)],
        ..Commit::default()
    });
    assert_eq!(store.positions().unwrap(), [position("8:1", 9)]);
    assert_eq!(store.tracks().unwrap(), [track("A", "s", 2)]);
}

#[test]
fn a_second_instance_is_refused_until_the_first_one_ends() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(&error, StoreError::InUse { pid: Some(pid), .. } if *pid == std::process::id()), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(dir.path().to_str().unwrap()) && text.contains("--state DIR"), "{text}");
    drop(first);
    open(dir.path());
}

#[test]
fn a_place_that_cannot_hold_state_is_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Store::open(&file), Err(StoreError::NotADirectory { .. })));
    let below = Store::open(&file.join("state")).unwrap_err();
    assert!(matches!(below, StoreError::Create { .. }), "{below:?}");
    // No rights help here, not even root's.
    let foreign = Store::open(Path::new("/proc/self")).unwrap_err();
    assert!(matches!(foreign, StoreError::NotWritable { .. }), "{foreign:?}");
    assert!(foreign.to_string().contains("--state DIR"), "{foreign}");
}

#[test]
fn a_notice_is_owed_until_it_is_settled() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let early = Commit { now: at(1), notices: vec![notice("n0", "A", NoticeKind::Page)], ..Commit::default() };
    store.commit(&early).unwrap();
    store.register_sinks(&["web"]);
    let notices = ["n1", "n2", "n3"].map(|id| notice(id, "A", NoticeKind::Page)).to_vec();
    let batch = Commit { now: at(10), notices, ..Commit::default() };
    store.commit(&batch).unwrap();
    store.commit(&batch).unwrap();

    let due = store.due("web", at(10), 10).unwrap();
    assert_eq!(due.iter().map(|owed| owed.notice.id.as_str()).collect::<Vec<_>>(), ["n1", "n2", "n3"]);
    store.delivered(due[0].id, at(11)).unwrap();
    store.postpone(due[1].id, at(60), "connection refused").unwrap();
    store.dead(due[2].id, at(12), "400 Bad Request").unwrap();

    assert_eq!(store.due("web", at(59), 10).unwrap(), []);
    assert_eq!(store.next_due("web", at(59)).unwrap(), Some(at(60)));
    let again = store.due("web", at(60), 10).unwrap();
    assert_eq!(again.iter().map(|owed| (owed.notice.id.as_str(), owed.attempts)).collect::<Vec<_>>(), [("n2", 1)]);
    let queues = store.queues().unwrap();
    assert_eq!((queues[0].owed, queues[0].delivered, queues[0].dead, queues[0].oldest), (1, 1, 1, Some(at(10))));
    let letters = store.dead_letters(10).unwrap();
    assert_eq!((letters[0].notice.id.as_str(), letters[0].error.as_str()), ("n3", "400 Bad Request"));
    // What is settled stays settled.
    store.delivered(due[2].id, at(13)).unwrap();
    assert_eq!(store.queues().unwrap()[0].dead, 1);
}

#[test]
fn a_clock_that_is_set_back_does_not_hold_a_notice_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.register_sinks(&["web"]);
    let batch = Commit { now: at(7200), notices: vec![notice("n1", "A", NoticeKind::Page)], ..Commit::default() };
    store.commit(&batch).unwrap();
    assert_eq!(store.due("web", at(3600), 10).unwrap().len(), 1);
    assert_eq!(store.next_due("web", at(3600)).unwrap(), Some(at(3600)));
}

#[test]
fn alerts_fire_are_upgraded_and_are_resolved() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let tell = |now: i64, kind: NoticeKind, episode: Option<&str>, id: &str| {
        let mut told = notice(id, "A", kind);
        told.episode = episode.map(str::to_owned);
        told.ends_at = (kind == NoticeKind::Resolved).then(|| at(now - 1));
        store.commit(&Commit { now: at(now), notices: vec![told], ..Commit::default() }).unwrap();
    };
    let active = || store.active_alerts().unwrap().into_iter().map(|alert| (alert.kind, alert.id)).collect::<Vec<_>>();
    tell(10, NoticeKind::Warning, None, "w");
    assert_eq!(active(), [(NoticeKind::Warning, "w".to_owned())]);
    tell(20, NoticeKind::Page, Some("e"), "p");
    assert_eq!(active(), [(NoticeKind::Page, "p".to_owned())], "the suspicion became the page");
    tell(30, NoticeKind::Resolved, None, "r0");
    assert_eq!(active().len(), 1, "the end of a warning does not end a page");
    tell(40, NoticeKind::Resolved, Some("e"), "r");
    assert_eq!(active(), []);
    let resolved = store.recent_resolved(at(40)).unwrap();
    assert_eq!(resolved.len(), 1);
    assert_eq!((resolved[0].kind, resolved[0].ends_at, resolved[0].id.as_str()), (NoticeKind::Page, Some(at(39)), "p"));
    assert_eq!(store.recent_resolved(at(20)).unwrap().len(), 2);

    tell(40 + 14 * 60, NoticeKind::Warning, None, "w2");
    assert_eq!(store.recent_resolved(at(40)).unwrap().len(), 1, "told for 15 minutes at least");
    tell(40 + 60 * 60, NoticeKind::Warning, None, "w3");
    assert_eq!(store.recent_resolved(at(0)).unwrap(), []);
    tell(41 + 60 * 60, NoticeKind::Page, Some("e2"), "p2");
    assert_eq!(active(), [(NoticeKind::Page, "p2".to_owned())]);
}

#[test]
fn the_state_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { events: 100, positions: 10, live_releases: 5, dead_letters: 2, owed_per_sink: 3 };
    let store = Store::open_with(dir.path(), limits).unwrap().store;
    store.register_sinks(&["web"]);
    for round in 0_u64..30 {
        let now = at(round.cast_signed() * 3600);
        store
            .commit(&Commit {
                now,
                positions: vec![position(&format!("8:{round}"), 1)],
                live_releases: vec![live("s", &format!("1.{round}"), round.cast_signed())],
                events: (0..20).map(|n| (EventId::in_file("f", round, n, "A"), now)).collect(),
                notices: vec![notice(&format!("n{round}"), "A", NoticeKind::Page)],
                ..Commit::default()
            })
            .unwrap();
    }
    assert!(store.positions().unwrap().len() <= 10);
    assert!(store.live_releases().unwrap().iter().any(|live| live.release == "1.29"));
    assert!(store.live_releases().unwrap().len() <= 5);
    let kept = (0..30).flat_map(|round| (0..20).map(move |n| EventId::in_file("f", round, n, "A")));
    assert!(kept.filter(|id| !store.is_new(id).unwrap()).count() <= 100);
    assert!(!store.is_new(&EventId::in_file("f", 29, 19, "A")).unwrap(), "the newest are kept");
    let queues = store.queues().unwrap();
    assert_eq!((queues[0].owed, queues[0].dead), (3, 2), "beyond the limit: dead letters, and few of them");
}

#[test]
fn an_old_log_read_twice_does_not_push_out_what_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_with(dir.path(), Limits { events: 100, ..Limits::default() }).unwrap().store;
    let events: Vec<_> = (0..150).map(|n| (EventId::in_file("f", 0, n, "A"), at(n.cast_signed()))).collect();
    let mut known = 0;
    for reading in 0..2 {
        for event in &events {
            if reading == 1 && !store.is_new(&event.0).unwrap() {
                known += 1;
            }
            store.commit(&Commit { now: at(1000), events: vec![*event], ..Commit::default() }).unwrap();
        }
    }
    assert!(known >= 95, "{known} of 100 were known");
}

#[test]
fn what_was_delivered_is_forgotten_after_a_week() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.register_sinks(&["web", "gone"]);
    let tell = |now, id: &str| {
        let notices = vec![notice(id, "A", NoticeKind::Page)];
        store.commit(&Commit { now, notices, ..Commit::default() }).unwrap();
    };
    tell(at(0), "n1");
    let owed = store.due("web", at(0), 1).unwrap();
    store.delivered(owed[0].id, at(0)).unwrap();
    store.register_sinks(&["web"]);
    let week = SignedDuration::from_hours(24 * 7);
    tell(at(0) + week - SignedDuration::from_mins(1), "n2");
    assert_eq!(store.queues().unwrap().iter().map(|queue| queue.delivered).sum::<u64>(), 1);
    tell(at(0) + week + SignedDuration::from_hours(1), "n3");
    let queues = store.queues().unwrap();
    assert_eq!(queues.iter().map(|queue| queue.delivered).sum::<u64>(), 0);
    let gone = &store.dead_letters(10).unwrap()[0];
    assert_eq!((gone.sink.as_str(), gone.error.as_str()), ("gone", "the sink is no longer configured"));
}
