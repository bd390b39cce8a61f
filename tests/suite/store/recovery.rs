//! Whatever lies where the database should be: relapse starts, says so, and never half-believes it.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use relapse::model::alert::NoticeKind;
use relapse::store::commit::Commit;
use relapse::store::recover::Damage;
use rusqlite::Connection;

use super::open;
use super::reopen;
use super::sample::at;
use super::sample::live;
use super::sample::notice;
use super::sample::position;
use super::sample::track;

fn filled(dir: &Path) {
    let store = open(dir);
    store.register_sinks(&["web"]);
    store
        .commit(&Commit {
            now: at(1),
            positions: (0..50).map(|n| position(&format!("8:{n}"), n)).collect(),
            tracks: (0..20).map(|n| track(&format!("S{n}"), "s", n)).collect(),
            live_releases: vec![live("s", "1.0", 1)],
            notices: vec![notice("n1", "S1", NoticeKind::Page)],
            ..Commit::default()
        })
        .unwrap();
}

/// Opens what was damaged, expects it to be moved aside unchanged and an empty state in its place.
fn moved_aside(dir: &Path) -> Damage {
    let before = fs::read(dir.join("relapse.db")).unwrap_or_default();
    let opened = reopen(dir);
    let recovered = opened.recovered.expect("the damage was not noticed");
    assert!(opened.store.tracks().unwrap().is_empty());
    if !before.is_empty() {
        assert_eq!(fs::read(&recovered.moved_to).unwrap(), before, "kept for whoever wants to look at it");
    }
    opened.store.commit(&Commit { now: at(2), tracks: vec![track("A", "s", 1)], ..Commit::default() }).unwrap();
    drop(opened.store);
    assert_eq!(open(dir).tracks().unwrap().len(), 1, "and the next start is an ordinary one");
    recovered.reason
}

#[test]
fn an_unusable_database_is_moved_aside() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil); 6] = [
        ("empty", |db| fs::write(db, "").unwrap()),
        ("NULs", |db| fs::write(db, vec![0; 8192]).unwrap()),
        ("text", |db| fs::write(db, "this is not a database, whoever wrote it").unwrap()),
        ("truncated in a page", |db| {
            let bytes = fs::read(db).unwrap();
            fs::write(db, &bytes[..bytes.len() / 2 + 100]).unwrap();
        }),
        ("truncated in the header", |db| {
            let bytes = fs::read(db).unwrap();
            fs::write(db, &bytes[..60]).unwrap();
        }),
        ("a zeroed page", |db| {
            let mut bytes = fs::read(db).unwrap();
            bytes[8192..12288].fill(0);
            fs::write(db, bytes).unwrap();
        }),
    ];
    for (name, spoil) in cases {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        spoil(&dir.path().join("relapse.db"));
        let reason = moved_aside(dir.path());
        assert!(!reason.to_string().is_empty(), "{name}");
    }
}

#[test]
fn a_database_of_the_future_or_of_another_program_is_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let sql = |text: &str| Connection::open(dir.path().join("relapse.db")).unwrap().execute_batch(text).unwrap();
    sql("PRAGMA user_version = 99");
    assert!(matches!(moved_aside(dir.path()), Damage::Future(99, _)));
    sql("PRAGMA application_id = 5");
    assert_eq!(moved_aside(dir.path()), Damage::Foreign);
    sql("DROP TABLE events");
    assert_eq!(moved_aside(dir.path()), Damage::Schema);
    sql("UPDATE tracks SET body = replace(body, '\"episodes\":1', '\"episodes\":9')");
    assert_eq!(moved_aside(dir.path()), Damage::Value);
    // The newest are kept, the oldest makes room.
    let aside = |n: u32| dir.path().join(format!("relapse.db.corrupt-{n}")).exists();
    assert_eq!([aside(1), aside(2), aside(3), aside(4)], [false, true, true, true]);
}

#[test]
fn an_orphaned_log_is_not_replayed_into_a_new_database() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&Commit { now: at(1), tracks: vec![track("A", "s", 1)], ..Commit::default() }).unwrap();
    fs::copy(dir.path().join("relapse.db-wal"), other.path().join("relapse.db-wal")).unwrap();
    assert_eq!(moved_aside(other.path()), Damage::Orphaned);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// A flipped bit is found, or did not matter: a wrong value is never believed.
    #[test]
    fn a_flipped_bit_is_found_or_harmless(place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let path = dir.path().join("relapse.db");
        let mut bytes = fs::read(&path).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
        let opened = reopen(dir.path());
        if opened.recovered.is_none() {
            let store = opened.store;
            let healthy = tempfile::tempdir().unwrap();
            filled(healthy.path());
            let expected = open(healthy.path());
            prop_assert_eq!(store.positions().unwrap(), expected.positions().unwrap());
            prop_assert_eq!(store.tracks().unwrap(), expected.tracks().unwrap());
            prop_assert_eq!(store.live_releases().unwrap(), expected.live_releases().unwrap());
            prop_assert_eq!(store.active_alerts().unwrap(), expected.active_alerts().unwrap());
        }
    }
}
