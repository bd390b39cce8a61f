//! What a new process finds: nothing lost, nothing repeated.

use std::fs;

use relapse::source::file::StartFrom;

use super::rig::Rig;

#[test]
fn a_restart_at_any_byte_loses_and_repeats_nothing() {
    let text = "line 1\nline 2\n\nline 4, longer\nline 5\nline 6\n";
    for cut in 0..=text.len() {
        let mut rig = Rig::new(&["app.log"]);
        rig.append("app.log", &text[..cut]);
        rig.tick();
        rig.restart();
        rig.append("app.log", &text[cut..]);
        rig.tick();
        let mut expected: Vec<_> = text.lines().collect();
        expected.sort_unstable();
        assert_eq!(rig.store.sorted(), expected, "cut at byte {cut}");
    }
}

#[test]
fn line_numbers_go_on_after_a_restart() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\ntwo\nthr");
    rig.tick();
    rig.restart();
    rig.append("app.log", "ee\n");
    rig.tick();
    assert_eq!(rig.store.lines_at.last(), Some(&(3, 8)));
}

#[test]
fn a_kill_repeats_at_most_under_the_same_event_ids() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.append("app.log", "half");
    rig.tick_after(5);
    rig.kill();
    rig.append("app.log", " line\ntwo\n");
    rig.start();
    rig.tick();
    assert_eq!(rig.store.sorted(), ["half line", "one", "two"]);
}

#[test]
fn renamed_while_stopped_the_old_tail_comes_first() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.stop();
    rig.append("app.log", "two\n");
    rig.rename("app.log", "app.log.1");
    rig.append("app.log", "three\n");
    rig.start();
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two", "three"]);
    rig.append("app.log.1", "late\n");
    rig.tick_after(1);
    assert_eq!(rig.reports(), ["late"]);
    assert_eq!(rig.status().totals.gaps, 0);
}

#[test]
fn three_generations_while_stopped_are_read_in_their_order() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.stop();
    rig.append("app.log", "one, late\n");
    for (name, text) in [("app.log.3", "two\n"), ("app.log.2", "three\n"), ("app.log.1", "four\n")] {
        rig.rename("app.log", name);
        // Births are told apart by the kernel's clock tick.
        std::thread::sleep(std::time::Duration::from_millis(10));
        rig.append("app.log", text);
    }
    rig.start();
    rig.tick();
    assert_eq!(rig.reports(), ["one", "one, late", "two", "three", "four"]);
    rig.restart();
    rig.tick();
    assert!(rig.reports().is_empty(), "and not again");
}

#[test]
fn renamed_while_stopped_inside_the_glob_is_not_read_again() {
    let mut rig = Rig::new(&["app.log*"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.stop();
    rig.rename("app.log", "app.log.1");
    rig.append("app.log", "two\n");
    rig.start();
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two"]);
}

#[test]
fn truncated_and_regrown_while_stopped_is_read_from_its_start() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.stop();
    rig.truncate("app.log");
    rig.append("app.log", "another, and longer than before\n");
    rig.start();
    rig.tick();
    assert_eq!(rig.reports(), ["one", "another, and longer than before"]);
    assert_eq!(rig.status().totals.gaps, 1);
    assert_eq!(rig.store.judged.len(), 2, "offset 0 of another generation is another event");
}

/// An equal first KiB: only the bytes before the offset tell.
#[test]
fn truncated_and_regrown_behind_an_equal_banner_is_noticed() {
    let banner = format!("{}\n", "=".repeat(2000));
    for with_marker in [true, false] {
        let mut rig = Rig::new(&["app.log"]);
        rig.append("app.log", format!("{banner}one\ntwo\n"));
        rig.tick();
        rig.reports();
        rig.stop();
        rig.truncate("app.log");
        rig.append("app.log", format!("{banner}uno\ndos\ntres\n"));
        if !with_marker {
            // The control: a position as it was stored before there were markers.
            for position in rig.store.positions.values_mut() {
                (position.tail_end, position.tail_len, position.tail_hash) = (0, 0, String::new());
            }
        }
        rig.start();
        rig.tick();
        let reports = rig.reports();
        assert_eq!(reports.contains(&"uno".to_owned()), with_marker, "{reports:?}");
        assert_eq!(rig.status().totals.gaps, u64::from(with_marker));
    }
}

#[test]
fn a_position_stored_before_there_were_markers_is_understood() {
    let old =
        r#"{"file_id":"1-2-3","path":"app.log","offset":4,"line":2,"prefix_len":0,"prefix_hash":"","generation":0}"#;
    let position: relapse::model::position::Position = serde_json::from_str(old).unwrap();
    assert_eq!((position.offset, position.tail_len, position.scope.as_str()), (4, 0, ""));
}

#[test]
fn truncated_while_stopped_is_read_from_its_start() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\ntwo\n");
    rig.tick();
    rig.stop();
    rig.truncate("app.log");
    rig.append("app.log", "one\n");
    rig.start();
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two", "one"]);
}

#[test]
fn deleted_while_stopped_is_a_possible_gap_and_forgotten() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.stop();
    fs::remove_file(rig.path("app.log")).unwrap();
    rig.start();
    rig.tick();
    assert_eq!(rig.status().totals.gaps, 1);
    assert!(rig.store.positions.is_empty());
    rig.append("app.log", "one\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "one"]);
}

#[test]
fn a_file_that_is_no_longer_meant_is_left_alone() {
    let mut rig = Rig::new(&["*.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.stop();
    rig.append("app.log", "two\n");
    rig.config.include = vec![rig.path("other.log").to_string_lossy().into_owned()];
    rig.start();
    rig.tick();
    assert_eq!(rig.reports(), ["one"]);
    assert_eq!(rig.store.positions.len(), 1, "and its position is kept");
}

#[test]
fn from_end_leaves_out_old_lines_and_nothing_else() {
    let mut rig = Rig::with(&["*.log"], |config| config.from = StartFrom::End);
    rig.append("app.log", "old\nhal");
    rig.tick();
    rig.append("app.log", "f\nnew\n");
    rig.append("later.log", "from its start\n");
    rig.tick();
    assert_eq!(rig.reports(), ["half", "new", "from its start"]);
    rig.stop();
    rig.append("app.log", "while stopped\n");
    rig.start();
    rig.tick();
    assert_eq!(rig.reports(), ["while stopped"], "a stored position wins");
}
