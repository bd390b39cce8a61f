//! Random batches and restarts against a map in memory.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use proptest::prelude::*;
use relapse::model::alert::NoticeKind;
use relapse::model::incident::LiveRelease;
use relapse::model::incident::Track;
use relapse::model::position::Position;
use relapse::store::Store;
use relapse::store::commit::Commit;
use relapse::store::event::EventId;

use super::open;
use super::sample::at;
use super::sample::live;
use super::sample::notice;
use super::sample::position;
use super::sample::track;

#[derive(Debug, Clone)]
enum Step {
    Position(u8, u64),
    Forget(u8),
    Track(u8, u64),
    Live(u8, i64),
    Event(u64),
    Notice(u8),
    Deliver,
    Commit,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u8..5, 0_u64..1000).prop_map(|(file, offset)| Step::Position(file, offset)),
        (0_u8..5).prop_map(Step::Forget),
        (0_u8..4, 0_u64..1000).prop_map(|(signature, count)| Step::Track(signature, count)),
        (0_u8..4, 0_i64..1000).prop_map(|(release, seen)| Step::Live(release, seen)),
        (0_u64..30).prop_map(Step::Event),
        (0_u8..20).prop_map(Step::Notice),
        Just(Step::Deliver),
        Just(Step::Commit),
        Just(Step::Restart),
    ]
}

#[derive(Debug, Default)]
struct Model {
    positions: BTreeMap<String, Position>,
    tracks: BTreeMap<String, Track>,
    live: BTreeMap<String, LiveRelease>,
    events: BTreeSet<u64>,
    told: BTreeSet<String>,
    owed: BTreeSet<String>,
}

impl Model {
    /// Adds the step to the batch at hand; the model only learns of it when the batch is committed.
    fn stage(batch: &mut Commit, step: &Step) {
        match step {
            Step::Position(file, offset) => batch.positions.push(position(&file.to_string(), *offset)),
            Step::Forget(file) => batch.forgotten.push(file.to_string()),
            Step::Track(signature, count) => batch.tracks.push(track(&signature.to_string(), "s", *count)),
            Step::Live(release, seen) => batch.live_releases.push(live("s", &release.to_string(), *seen)),
            Step::Event(number) => batch.events.push((EventId::in_file("f", 0, *number, "A"), at(0))),
            Step::Notice(number) => {
                batch.notices.push(notice(&number.to_string(), &number.to_string(), NoticeKind::Page));
            }
            Step::Deliver | Step::Commit | Step::Restart => {}
        }
    }

    fn learn(&mut self, batch: &Commit) {
        self.positions.extend(batch.positions.iter().map(|position| (position.file_id.clone(), position.clone())));
        for file in &batch.forgotten {
            self.positions.remove(file);
        }
        self.tracks.extend(batch.tracks.iter().map(|track| (track.key.signature.to_string(), track.clone())));
        self.live.extend(batch.live_releases.iter().map(|live| (live.release.clone(), live.clone())));
        let number = |id: &EventId| (0..30).find(|number| EventId::in_file("f", 0, *number, "A") == *id);
        self.events.extend(batch.events.iter().filter_map(|(id, _)| number(id)));
        for notice in &batch.notices {
            if self.told.insert(notice.id.clone()) {
                self.owed.insert(notice.id.clone());
            }
        }
    }

    fn check(&self, store: &Store) {
        assert_eq!(store.positions().unwrap(), self.positions.values().cloned().collect::<Vec<_>>());
        assert_eq!(store.tracks().unwrap(), self.tracks.values().cloned().collect::<Vec<_>>());
        assert_eq!(store.live_releases().unwrap(), self.live.values().cloned().collect::<Vec<_>>());
        for number in 0..30 {
            assert_eq!(store.is_new(&EventId::in_file("f", 0, number, "A")).unwrap(), !self.events.contains(&number));
        }
        let owed: BTreeSet<String> =
            store.due("web", at(10), 100).unwrap().into_iter().map(|owed| owed.notice.id).collect();
        assert_eq!(owed, self.owed);
        let firing: BTreeSet<String> = store.active_alerts().unwrap().into_iter().map(|alert| alert.id).collect();
        assert_eq!(firing, self.told);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn commits_and_restarts_agree_with_a_map(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        store.register_sinks(&["web"]);
        let mut model = Model::default();
        let mut batch = Commit { now: at(5), ..Commit::default() };
        for step in &steps {
            match step {
                Step::Commit => {
                    store.commit(&batch).unwrap();
                    model.learn(&batch);
                    batch = Commit { now: at(5), ..Commit::default() };
                }
                Step::Deliver => {
                    for owed in store.due("web", at(10), 1).unwrap() {
                        store.delivered(owed.id, at(10)).unwrap();
                        model.owed.remove(&owed.notice.id);
                    }
                }
                Step::Restart => {
                    drop(store);
                    store = open(dir.path());
                    store.register_sinks(&["web"]);
                    batch = Commit { now: at(5), ..Commit::default() };
                    model.check(&store);
                }
                other => Model::stage(&mut batch, other),
            }
        }
        drop(store);
        model.check(&open(dir.path()));
    }
}
