//! Many files: few descriptors, little memory, few system calls.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use jiff::SignedDuration;
use jiff::Timestamp;
use relapse::source::file::discover::Discovery;

use super::rig::Rig;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:03}.log")).collect()
}

fn open_files(rig: &Rig) -> usize {
    let leads_here = |entry: fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|to| to.starts_with(rig.dir.path()));
    fs::read_dir("/proc/self/fd").unwrap().flatten().map(leads_here).filter(|here| *here).count()
}

#[test]
fn more_files_than_descriptors_lose_nothing() {
    const LIMIT: usize = 8;
    let mut rig = Rig::new(&["*.log"]);
    let names = names(40);
    rig.start_with(|tailer| tailer.with_descriptors(LIMIT));
    let mut expected = Vec::new();
    for round in 0..4 {
        for name in &names {
            rig.append(name, format!("{name} {round}\n"));
            expected.push(format!("{name} {round}"));
        }
        rig.tick_after(1);
        assert!(open_files(&rig) <= LIMIT, "{} are open", open_files(&rig));
    }
    // Renamed out of the pattern, with a last line, while closed.
    for name in &names[..10] {
        rig.append(name, "last\n");
        rig.rename(name, &format!("{name}.1"));
        rig.append(name, "first\n");
        expected.extend(["last".to_owned(), "first".to_owned()]);
    }
    rig.tick_after(1);
    expected.sort();
    assert_eq!(rig.store.sorted(), expected);
    assert_eq!(rig.status().totals.gaps, 0);
    let mut reports = rig.reports();
    reports.sort();
    assert_eq!(reports, expected, "and nothing twice");
}

#[test]
fn a_file_deleted_while_it_was_closed_is_a_possible_gap() {
    let mut rig = Rig::new(&["*.log"]);
    rig.start_with(|tailer| tailer.with_descriptors(1));
    rig.append("a.log", "one\n");
    rig.append("b.log", "two\n");
    rig.tick();
    fs::remove_file(rig.path("a.log")).unwrap();
    fs::remove_file(rig.path("b.log")).unwrap();
    rig.tick_after(1);
    assert_eq!(rig.store.sorted(), ["one", "two"]);
    assert_eq!(rig.status().totals.gaps, 1, "the open one was drained");
}

#[test]
fn quiet_files_rest_and_go_on() {
    let mut rig = Rig::new(&["*.log"]);
    let names = names(200);
    let mut expected = Vec::new();
    for round in 0..3 {
        for name in &names {
            rig.append(name, format!("{name} {round}\nhalf "));
            expected.push(format!("{}{name} {round}", if round == 0 { "" } else { "half " }));
        }
        rig.tick_after(2);
        rig.tick_after(100);
    }
    for name in &names {
        expected.push("half ".to_owned());
        rig.append(name, "");
    }
    rig.tick_after(2);
    expected.sort();
    assert_eq!(rig.store.sorted(), expected, "pending halves included");
}

/// Sets the time at which a directory was changed to long ago.
fn settle(directory: PathBuf) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(240_000);
    fs::File::open(directory).unwrap().set_modified(long_ago).unwrap();
}

/// The time of the latest change of a directory.
fn changed(directory: PathBuf) -> Timestamp {
    fs::metadata(directory).unwrap().modified().unwrap().try_into().unwrap()
}

/// As long as no directory changes, the names found before stand; a change is seen by the directory's time.
#[test]
fn directories_are_listed_again_only_when_they_change() {
    let rig = Rig::new(&["x"]);
    fs::create_dir(rig.path("logs")).unwrap();
    rig.append("logs/app.log", "");
    let include =
        [format!("{}/logs/*.log", rig.dir.path().display()), rig.path("absent/app.log").display().to_string()];
    let discovery = Discovery::new(&include, &[]).unwrap();
    let now = changed(rig.path("logs")) + SignedDuration::from_secs(1);
    assert!(!discovery.scan().is_current(now), "changed a moment ago: it may change again unseen");
    settle(rig.path("logs"));
    settle(rig.path(""));
    let found = discovery.scan();
    assert!(found.is_current(now));
    rig.append("logs/app.log", "one\n");
    assert!(found.is_current(now), "content is no name");
    rig.append("logs/new.log", "");
    assert!(!found.is_current(now));
    settle(rig.path("logs"));
    let found = discovery.scan();
    assert!(found.is_current(now));
    fs::create_dir(rig.path("absent")).unwrap();
    assert!(!found.is_current(now), "a directory that was not there is");
}

#[test]
fn a_look_that_leaves_names_alone_misses_no_rotation() {
    let mut rig = Rig::new(&["logs/*.log"]);
    fs::create_dir(rig.path("logs")).unwrap();
    rig.append("logs/app.log", "one\n");
    rig.now = changed(rig.path("logs"));
    settle(rig.path("logs"));
    settle(rig.path(""));
    rig.tick();
    rig.append("logs/app.log", "two\n");
    rig.tick();
    rig.rename("logs/app.log", "logs/app.log.1");
    rig.append("logs/app.log", "three\n");
    rig.append("logs/other.log", "four\n");
    rig.tick();
    rig.append("logs/app.log.1", "late\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two", "three", "four", "late"]);
}
