//! copytruncate: the copy may match a pattern, may hold what nobody read, and may be mistaken for a log of its own.

use std::fs;
use std::io::Write;

use super::rig::Rig;
use super::rig::append;

const NAMES: [&str; 4] = ["app.log.1", "app.log-20250901", "app-20250901.log", "app.1.log"];

fn banner() -> String {
    format!("{}\n", "=".repeat(1500))
}

#[test]
fn a_copy_that_matches_a_pattern_is_not_read_again() {
    for copy in NAMES {
        let mut rig = Rig::new(&["*.log*"]);
        rig.append("app.log", "one\ntwo\n");
        rig.tick();
        rig.append("app.log", "three\n");
        rig.copy_truncate("app.log", Some(copy));
        rig.append("app.log", "four\n");
        rig.tick();
        rig.tick_after(10);
        assert_eq!(rig.store.sorted(), ["four", "one", "three", "two"], "{copy}");
        assert_eq!(rig.reports().len(), 4, "{copy}: nothing twice");
        rig.restart();
        rig.tick();
        assert!(rig.reports().is_empty(), "{copy}: nor after a restart");
    }
}

/// The last lines before the truncation were read and are in no copy; the copy is one all the same, and what was copied after it is found.
#[test]
fn a_copy_made_before_the_last_read_leads_to_the_ones_after_it() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.append("app.log", "two\n");
    fs::copy(rig.path("app.log"), rig.path("app.log.1")).unwrap();
    rig.append("app.log", "three\n");
    rig.tick();
    rig.truncate("app.log");
    rig.append("app.log", "four\n");
    rig.rename("app.log.1", "app.log.2");
    rig.copy_truncate("app.log", Some("app.log.1"));
    rig.append("app.log", "five\n");
    rig.tick();
    rig.tick_after(10);
    assert_eq!(rig.store.sorted(), ["five", "four", "one", "three", "two"]);
    assert_eq!(rig.status().totals.gaps, 1);
}

/// The control of the test above: a name that no rotation gives.
#[test]
fn a_log_of_its_own_is_read_although_it_begins_like_another() {
    for own in ["app-worker.log", "app-2.log", "web.log"] {
        let mut rig = Rig::new(&["*.log*"]);
        rig.append("app.log", "one\ntwo\n");
        rig.tick();
        rig.append(own, "one\ntwo\n");
        rig.tick();
        assert_eq!(rig.reports().len(), 4, "{own}");
        assert_eq!(rig.store.judged.len(), 4, "{own}: its lines are events of their own");
    }
}

#[test]
fn an_equal_banner_makes_no_copy() {
    let mut rig = Rig::new(&["*.log*"]);
    rig.append("app.log", banner() + "one\ntwo\n");
    rig.tick();
    rig.append("app.log.1", banner() + "uno\ndos\ntres\n");
    rig.append("app.log.2", banner() + "eins\n");
    rig.tick();
    let reports = rig.reports();
    for line in ["one", "two", "uno", "dos", "tres", "eins"] {
        assert!(reports.iter().any(|report| report == line), "{line} is lost");
    }
}

#[test]
fn a_file_that_says_nothing_but_an_equal_banner_is_read_after_a_while() {
    let mut rig = Rig::new(&["*.log*"]);
    rig.append("app.log", "could not start\none\n");
    rig.tick();
    rig.append("app.log.1", "could not start\n");
    rig.tick();
    assert_eq!(rig.reports(), ["could not start", "one"], "it may be a copy that is being made");
    rig.tick_after(1);
    rig.tick_after(4);
    assert_eq!(rig.reports(), ["could not start"]);
    assert_eq!(rig.store.judged.len(), 3);
}

#[test]
fn a_copy_is_known_while_it_is_being_made() {
    let text: String = (0..200).fold(String::new(), |text, number| text + &format!("line {number:04}\n"));
    let mut rig = Rig::new(&["*.log*"]);
    rig.append("app.log", &text);
    rig.tick();
    assert_eq!(rig.reports().len(), 200);
    let mut copy = rig.writer("app.log.1");
    rig.tick();
    for piece in text.as_bytes().chunks(300) {
        append(&mut copy, piece);
        rig.tick_after(1);
    }
    rig.append("app.log", "more\n");
    rig.tick();
    rig.truncate("app.log");
    rig.append("app.log", "new\n");
    rig.tick_after(1);
    rig.tick_after(10);
    assert_eq!(rig.store.sorted().len(), 202);
    assert_eq!(rig.reports(), ["more", "new"], "the copy holds nothing new");
}

#[test]
fn lines_read_between_the_copy_and_the_truncation_do_not_hide_it() {
    let mut rig = Rig::new(&["*.log*"]);
    rig.append("app.log", "one\ntwo\n");
    rig.tick();
    fs::copy(rig.path("app.log"), rig.path("hidden")).unwrap();
    rig.append("app.log", "three\n");
    rig.tick();
    rig.truncate("app.log");
    rig.append("app.log", "four\n");
    rig.rename("hidden", "app.log.1");
    rig.tick();
    rig.tick_after(5);
    assert_eq!(rig.store.sorted(), ["four", "one", "three", "two"], "one event each");
}

#[test]
fn what_only_the_copy_holds_is_read_from_it() {
    for pattern in ["app.log", "*.log*"] {
        for stopped in [false, true] {
            let mut rig = Rig::new(&[pattern]);
            rig.append("app.log", "one\n");
            rig.tick();
            if stopped {
                rig.stop();
            }
            rig.append("app.log", "unread\n");
            rig.copy_truncate("app.log", Some("app.log.1"));
            rig.append("app.log", "new, and longer than before\n");
            if stopped {
                rig.start();
            }
            rig.tick();
            assert_eq!(rig.store.sorted(), ["new, and longer than before", "one", "unread"], "{pattern} {stopped}");
            let reports = rig.reports();
            let at = |line: &str| reports.iter().position(|report| report == line).unwrap();
            assert!(pattern != "app.log" || at("unread") < at("new, and longer than before"), "in their order");
            assert_eq!(rig.status().totals.gaps, 1, "lines between the copy and the truncation may be lost");
            rig.tick_after(400);
            rig.restart();
            rig.tick();
            assert!(rig.reports().is_empty(), "{pattern} {stopped}: and not again");
        }
    }
}

#[test]
fn a_pending_record_goes_on_in_the_copy_under_the_same_event_id() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\nhalf");
    rig.tick();
    rig.tick_after(5);
    assert_eq!(rig.store.sorted(), ["half", "one"]);
    rig.stop();
    rig.append("app.log", " a line\n");
    rig.copy_truncate("app.log", Some("app.log.1"));
    rig.start();
    rig.tick();
    assert_eq!(rig.store.sorted(), ["half a line", "one"]);
}

/// Which file has its turn first is up to their inodes.
#[test]
fn half_a_line_is_whole_whether_the_log_or_its_copy_is_read_first() {
    for spare_first in [false, true] {
        let mut rig = Rig::new(&["app.log*"]);
        let names = if spare_first { ["spare", "app.log"] } else { ["app.log", "spare"] };
        for name in names {
            rig.append(name, "");
        }
        rig.append("app.log", "one\nhalf");
        rig.tick();
        rig.append("app.log", " a line\n");
        rig.copy_truncate("app.log", Some("spare"));
        rig.rename("spare", "app.log.1");
        rig.rename("app.log", "app.log.2");
        rig.append("app.log", "");
        rig.tick_after(1);
        rig.tick_after(5);
        assert_eq!(rig.store.sorted(), ["half a line", "one"], "{spare_first}");
    }
}

#[test]
fn several_copies_while_stopped_are_read_in_their_order() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.stop();
    for (name, text) in [("app.log.3", "two\n"), ("app.log.2", "three\n"), ("app.log.1", "four\n")] {
        rig.append("app.log", text);
        rig.copy_truncate("app.log", Some(name));
        // Births are told apart by the kernel's clock tick.
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    rig.append("app.log", "five\n");
    rig.start();
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two", "three", "four", "five"]);
}

#[test]
fn old_files_beside_a_truncated_one_are_left_alone() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log.2", "long ago\n");
    rig.append("app.log", "one\n");
    rig.tick();
    rig.copy_truncate("app.log", None);
    rig.append("app.log", "two\n");
    rig.append("app.log.bak", "foreign\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two"]);
}

#[test]
fn a_copy_in_another_directory_is_found() {
    let mut rig = Rig::new(&["app.log"]);
    fs::create_dir(rig.path("old")).unwrap();
    rig.append("app.log", "one\n");
    rig.tick();
    rig.stop();
    rig.append("app.log", "two\n");
    rig.copy_truncate("app.log", Some("old/app.log.1"));
    rig.start();
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two"]);
}

#[test]
fn a_writer_that_does_not_append_leaves_a_hole_and_no_loss() {
    let mut rig = Rig::new(&["*.log*"]);
    let mut writer = fs::File::create(rig.path("app.log")).unwrap();
    writer.write_all(b"one\ntwo\n").unwrap();
    rig.tick();
    rig.copy_truncate("app.log", Some("app.log.1"));
    // Its offset is still 8: the file begins with a hole of NULs.
    writer.write_all(b"three\n").unwrap();
    rig.tick();
    let reports = rig.reports();
    assert_eq!(reports[..2], ["one", "two"]);
    assert_eq!(reports.len(), 3);
    assert!(reports[2].ends_with("three"), "{reports:?}");
}
