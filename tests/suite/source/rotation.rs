//! Files that are renamed, truncated, deleted and made anew while they are followed.

use std::fs;
use std::os::unix::fs::symlink;

use super::rig::Rig;
use super::rig::append;

#[test]
fn late_writes_to_a_renamed_file_are_read() {
    let mut rig = Rig::new(&["app.log"]);
    let mut old = rig.writer("app.log");
    append(&mut old, "one\n");
    rig.tick();
    append(&mut old, "before the rename\n");
    rig.rename("app.log", "app.log.1");
    append(&mut old, "after the rename\n");
    rig.append("app.log", "new\n");
    rig.tick();
    append(&mut old, "late\n");
    rig.tick_after(60);
    assert_eq!(rig.reports(), ["one", "before the rename", "after the rename", "new", "late"]);
    assert_eq!(rig.status().totals.rotations, 1);
    assert_eq!(rig.status().totals.gaps, 0);
}

#[test]
fn a_renamed_file_is_closed_after_a_quiet_while() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\nno newline");
    rig.tick();
    rig.rename("app.log", "app.log.1");
    rig.append("app.log", "new\n");
    rig.tick();
    assert_eq!(rig.status().files.len(), 2);
    rig.tick_after(299);
    assert_eq!(rig.status().files.len(), 2, "five minutes are not over");
    rig.tick_after(2);
    assert_eq!(rig.status().files.len(), 1);
    assert_eq!(rig.store.sorted(), ["new", "no newline", "one"]);
}

#[test]
fn a_rotated_name_inside_the_glob_is_the_same_file() {
    let mut rig = Rig::new(&["*.log*"]);
    for generation in 0..5 {
        rig.append("app.log", format!("line {generation}\n"));
        rig.tick_after(1);
        for number in (1..5).rev() {
            let _ = fs::rename(rig.path(&format!("app.log.{number}")), rig.path(&format!("app.log.{}", number + 1)));
        }
        rig.rename("app.log", "app.log.1");
        rig.tick_after(1);
    }
    rig.tick_after(1000);
    assert_eq!(rig.reports(), ["line 0", "line 1", "line 2", "line 3", "line 4"]);
    assert_eq!(rig.status().files.len(), 5);
}

#[test]
fn two_rotations_between_two_looks_lose_nothing() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "first\n");
    rig.tick();
    rig.append("app.log", "first, late\n");
    rig.rename("app.log", "app.log.2");
    rig.append("app.log", "second\n");
    rig.rename("app.log", "app.log.1");
    rig.append("app.log", "third\n");
    fs::write(rig.path("app.log.old.gz"), "compressed\n").unwrap();
    rig.tick();
    assert_eq!(rig.reports(), ["first", "first, late", "second", "third"], "in the order they were written");
}

#[test]
fn a_copy_beside_a_renamed_file_is_not_a_generation() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "first\n");
    rig.tick();
    fs::copy(rig.path("app.log"), rig.path("app.log.bak")).unwrap();
    rig.rename("app.log", "app.log.1");
    rig.append("app.log", "second\n");
    rig.tick();
    assert_eq!(rig.reports(), ["first", "second"]);
}

#[test]
fn copytruncate_begins_a_generation() {
    let mut rig = Rig::new(&["app.log"]);
    let mut writer = rig.writer("app.log");
    append(&mut writer, "one\ntwo, no newline");
    rig.tick();
    rig.copy_truncate("app.log", Some("app.log.1"));
    append(&mut writer, "new\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two, no newline", "new"]);
    assert_eq!((rig.status().totals.truncations, rig.status().totals.gaps), (1, 1), "a possible gap is never silent");
    let generations: Vec<u64> = rig.store.judged.keys().map(|(_, generation, _)| *generation).collect();
    assert_eq!(generations, [0, 0, 1]);
}

#[test]
fn a_file_that_grew_past_the_offset_after_truncation_is_read_from_its_start() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.truncate("app.log");
    rig.append("app.log", "another, and longer\nthan before\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "another, and longer", "than before"]);
}

#[test]
fn an_equal_banner_does_not_hide_a_truncation() {
    let banner = format!("{}\n", "=".repeat(2000));
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", format!("{banner}one\ntwo\n"));
    rig.tick();
    rig.reports();
    rig.truncate("app.log");
    rig.append("app.log", format!("{banner}uno\ndos\ntres\n"));
    rig.tick();
    assert_eq!(rig.reports()[1..], ["uno", "dos", "tres"]);
}

#[test]
fn a_truncated_file_of_the_same_size_is_noticed() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.truncate("app.log");
    // The modification time of the kernel moves every few milliseconds only.
    std::thread::sleep(std::time::Duration::from_millis(30));
    rig.append("app.log", "eno\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "eno"]);
}

#[test]
fn a_file_deleted_while_unread_is_drained_and_freed() {
    let mut rig = Rig::new(&["app.log"]);
    let mut writer = rig.writer("app.log");
    append(&mut writer, "one\n");
    rig.tick();
    append(&mut writer, "two\n");
    fs::remove_file(rig.path("app.log")).unwrap();
    append(&mut writer, "three\nfour");
    rig.tick();
    rig.tick_after(60);
    assert_eq!(rig.store.sorted(), ["four", "one", "three", "two"]);
    rig.tick_after(60);
    assert!(rig.status().files.is_empty());
    assert!(rig.store.positions.is_empty(), "the position of a file that is gone for good is forgotten");
}

#[test]
fn a_deleted_and_recreated_file_is_another_one() {
    let mut rig = Rig::new(&["app.log"]);
    for round in 0..20 {
        rig.append("app.log", "the same line\n");
        rig.tick_after(20);
        fs::remove_file(rig.path("app.log")).unwrap();
        rig.tick_after(20);
        rig.tick_after(20);
        assert_eq!(rig.store.judged.len(), round + 1, "the inode may be the old one, the file is not");
    }
}

#[test]
fn a_directory_removed_and_made_anew_is_followed() {
    let mut rig = Rig::new(&["logs/*.log"]);
    fs::create_dir(rig.path("logs")).unwrap();
    rig.append("logs/app.log", "one\n");
    rig.tick();
    fs::remove_dir_all(rig.path("logs")).unwrap();
    rig.tick();
    fs::create_dir(rig.path("logs")).unwrap();
    rig.append("logs/app.log", "two\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two"]);
}

#[test]
fn a_link_is_followed_and_may_be_swapped() {
    let mut rig = Rig::new(&["current.log"]);
    rig.append("a.txt", "one\n");
    symlink(rig.path("a.txt"), rig.path("current.log")).unwrap();
    rig.tick();
    rig.append("b.txt", "two\n");
    rig.append("a.txt", "last of a\n");
    symlink(rig.path("b.txt"), rig.path("next")).unwrap();
    rig.rename("next", "current.log");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "last of a", "two"]);
    rig.append("b.txt", "three\n");
    rig.tick();
    assert_eq!(rig.reports(), ["three"]);
}

#[test]
fn the_target_of_a_link_rotates_in_its_own_directory() {
    let mut rig = Rig::new(&["containers/*.log"]);
    fs::create_dir_all(rig.path("containers")).unwrap();
    fs::create_dir_all(rig.path("pods/x")).unwrap();
    rig.append("pods/x/0.log", "one\n");
    symlink(rig.path("pods/x/0.log"), rig.path("containers/x.log")).unwrap();
    rig.tick();
    rig.append("pods/x/0.log", "one, late\n");
    rig.rename("pods/x/0.log", "pods/x/0.log.20250901");
    rig.append("pods/x/0.log", "two\n");
    rig.rename("pods/x/0.log", "pods/x/0.log.20250902");
    rig.append("pods/x/0.log", "three\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "one, late", "two", "three"]);
}

#[test]
fn two_globs_and_a_hard_link_are_one_file() {
    let mut rig = Rig::new(&["*.log", "app.*", "app.log"]);
    rig.append("app.log", "one\n");
    fs::hard_link(rig.path("app.log"), rig.path("zzz.log")).unwrap();
    fs::hard_link(rig.path("app.log"), rig.path("aaa.log")).unwrap();
    rig.tick();
    rig.append("zzz.log", "two\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two"]);
    assert_eq!(rig.status().files.len(), 1);
}

/// A writer at full speed on its own thread: renames, goes on in the old file for a while, then makes the new one.
#[test]
fn a_busy_writer_that_rotates_while_it_is_read_loses_nothing() {
    const ROTATIONS: usize = 40;
    const LINES: usize = 500;
    for pattern in ["app.log", "app.log*"] {
        let mut rig = Rig::new(&[pattern]);
        let root = rig.dir.path().to_path_buf();
        rig.append("app.log", "start\n");
        rig.tick();
        let writer = std::thread::spawn(move || {
            let open = || fs::OpenOptions::new().create(true).append(true).open(root.join("app.log")).unwrap();
            let mut file = open();
            for rotation in 0..ROTATIONS {
                (0..LINES).for_each(|line| append(&mut file, format!("{rotation:02} {line:04} before\n")));
                fs::rename(root.join("app.log"), root.join(format!("app.log.{rotation}"))).unwrap();
                (0..LINES / 5).for_each(|line| append(&mut file, format!("{rotation:02} {line:04} late\n")));
                file = open();
            }
        });
        while !writer.is_finished() {
            rig.now += jiff::SignedDuration::from_millis(10);
            rig.tick();
        }
        writer.join().unwrap();
        rig.tick();
        let mut reports = rig.reports();
        reports.sort();
        assert_eq!(reports.len(), 1 + ROTATIONS * (LINES + LINES / 5), "{pattern}");
        reports.dedup();
        assert_eq!(reports.len(), 1 + ROTATIONS * (LINES + LINES / 5), "{pattern}: repeated");
        assert_eq!(rig.status().totals.truncations, 0);
    }
}
