//! What a kill or a power cut leaves behind: the log of writes cut off anywhere. Whole batches survive, in order, and nothing else.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use relapse::model::alert::NoticeKind;
use relapse::store::Store;
use relapse::store::commit::Commit;
use relapse::store::event::EventId;

use super::open;
use super::sample::at;
use super::sample::notice;
use super::sample::position;
use super::sample::track;

const BATCHES: u64 = 12;

fn batch(number: u64) -> Commit {
    Commit {
        now: at(number.cast_signed()),
        positions: vec![position("8:1", number * 100)],
        tracks: vec![track("A", "s", number)],
        events: vec![(EventId::in_file("8:1", 0, number, "A"), at(number.cast_signed()))],
        notices: vec![notice(&format!("n{number}"), "A", NoticeKind::Page)],
        ..Commit::default()
    }
}

/// How many batches the state in `dir` holds, after checking that each of them is whole.
fn whole_batches(dir: &Path) -> u64 {
    let store = open(dir);
    let tracks = store.tracks().unwrap();
    let count = tracks.first().map_or(0, |track| track.occurrences);
    let position = store.positions().unwrap().first().map_or(0, |position| position.offset);
    assert_eq!(position, count * 100);
    assert_eq!(store.due("web", at(1000), 100).unwrap().len() as u64, count);
    for number in 1..=BATCHES {
        let known = !store.is_new(&EventId::in_file("8:1", 0, number, "A")).unwrap();
        assert_eq!(known, number <= count);
    }
    count
}

fn written() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.register_sinks(&["web"]);
    for number in 1..=BATCHES {
        store.commit(&batch(number)).unwrap();
    }
    (dir, store)
}

/// The files as a machine that lost power would find them.
fn cut_copy(from: &Path, keep: usize) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(from.join("relapse.db"), copy.path().join("relapse.db")).unwrap();
    let log = fs::read(from.join("relapse.db-wal")).unwrap();
    fs::write(copy.path().join("relapse.db-wal"), &log[..keep.min(log.len())]).unwrap();
    copy
}

#[test]
fn nothing_committed_is_lost_without_a_goodbye() {
    let (dir, store) = written();
    let copy = cut_copy(dir.path(), usize::MAX);
    assert_eq!(whole_batches(copy.path()), BATCHES);
    drop(store);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_cut_anywhere_holds_whole_batches(cuts in prop::collection::vec(any::<prop::sample::Index>(), 2)) {
        let (dir, store) = written();
        let length = fs::metadata(dir.path().join("relapse.db-wal")).unwrap().len();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(usize::try_from(length).unwrap())).collect();
        places.sort_unstable();
        let counts: Vec<u64> = places.iter().map(|place| whole_batches(cut_copy(dir.path(), *place).path())).collect();
        prop_assert!(counts.is_sorted(), "{places:?} kept {counts:?}");
        drop(store);
    }
}
