//! Reading what is appended.

use std::fs;

use jiff::SignedDuration;

use super::rig::Rig;

#[test]
fn appended_lines_are_reported_once_with_their_place() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\ntwo\n");
    rig.tick();
    rig.append("app.log", "three\n");
    rig.tick();
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two", "three"]);
    assert_eq!(rig.store.lines_at, [(1, 0), (2, 4), (3, 8)]);
    assert_eq!(rig.store.bytes, 14, "every byte is accounted for");
}

#[test]
fn a_partial_line_is_judged_when_idle_and_again_when_it_is_complete() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "half a ");
    rig.tick();
    assert!(rig.reports().is_empty(), "the line may go on");
    rig.tick_after(2);
    assert_eq!(rig.reports(), ["half a "]);
    rig.append("app.log", "line\n");
    rig.tick_after(2);
    assert_eq!(rig.reports(), ["half a line"]);
    assert_eq!(rig.store.sorted(), ["half a line"], "both have the same event id");
}

/// A full output holds reading up: what stands in the file by then is read before anything is taken for idle.
#[test]
fn a_line_whose_rest_is_there_is_not_judged_in_part() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\nha");
    rig.tick();
    rig.append("app.log", "lf\n");
    rig.held_up(2);
    assert_eq!(rig.reports(), ["one"]);
    rig.tick();
    assert_eq!(rig.reports(), ["half"]);
    // The control: without a rest it is judged.
    rig.append("app.log", "qua");
    rig.tick();
    rig.held_up(2);
    assert_eq!(rig.reports(), ["qua"]);
}

#[test]
fn a_partial_line_waits_longer_than_a_complete_one() {
    let mut rig = Rig::with(&["app.log"], |config| config.partial_flush = SignedDuration::from_secs(5));
    rig.append("app.log", "half");
    rig.tick();
    rig.tick_after(2);
    assert!(rig.reports().is_empty());
    rig.tick_after(4);
    assert_eq!(rig.reports(), ["half"]);
}

#[test]
fn a_file_may_grow_byte_by_byte() {
    let mut rig = Rig::new(&["app.log"]);
    for byte in b"ab\nc\n\nd\n" {
        rig.append("app.log", [*byte]);
        rig.tick();
    }
    assert_eq!(rig.reports(), ["ab", "c", "", "d"]);
    assert_eq!(rig.status().totals.truncations, 0, "a growing beginning is not a changed one");
}

#[test]
fn an_empty_file_is_open_and_quiet() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "");
    rig.tick();
    rig.tick_after(5);
    assert!(rig.reports().is_empty());
    assert_eq!(rig.status().files.len(), 1);
    assert_eq!(rig.status().totals.truncations, 0);
}

#[test]
fn a_file_larger_than_every_buffer_is_read_whole() {
    let mut rig = Rig::new(&["app.log"]);
    let lines: Vec<String> = (0..300_000).map(|number| format!("line {number:06}")).collect();
    rig.append("app.log", lines.join("\n") + "\n");
    rig.append("app.log", vec![b'x'; 1 << 20]);
    rig.append("app.log", "\n");
    rig.tick();
    let reports = rig.reports();
    assert_eq!(reports[..lines.len()], lines);
    assert_eq!(reports[lines.len()].len(), 1 << 20);
}

#[test]
fn a_backlog_does_not_starve_another_file() {
    let mut rig = Rig::new(&["*.log"]);
    rig.append("a.log", format!("{}\n", "old".repeat(300)).repeat(8 << 10));
    rig.append("b.log", "fresh\n");
    rig.tick();
    let reports = rig.reports();
    let fresh = reports.iter().position(|line| line == "fresh").unwrap();
    assert!(fresh < reports.len() / 2, "the small file had to wait for the large one: {fresh} of {}", reports.len());
}

#[test]
fn positions_without_matches_are_reported_now_and_then() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    rig.append("app.log", "two");
    rig.tick();
    let before = rig.store.batches;
    for _ in 0..10 {
        rig.append("app.log", ".");
        rig.tick();
    }
    assert_eq!(rig.store.batches, before, "ten reads within a second, no batch");
    rig.tick_after(2);
    assert!(rig.store.batches > before);
}

#[test]
fn invalid_bytes_and_holes_pass_through() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", b"\xff\xfe broken\n\0\0\0\nlast\n");
    rig.tick();
    assert_eq!(rig.reports().len(), 3);
}

#[test]
fn the_status_shows_lag_and_totals() {
    let mut rig = Rig::new(&["app.log", "later.log"]);
    rig.append("app.log", "one\n");
    rig.tick();
    let status = rig.status();
    assert_eq!(status.files[0].lag(), 0);
    assert_eq!(status.totals.bytes_read, 4);
    assert_eq!(status.waiting, [rig.path("later.log").to_string_lossy()]);
    fs::remove_file(rig.path("app.log")).unwrap();
    rig.tick();
    assert!(rig.status().files[0].draining);
}
