//! Names that come and go at any rate, and names that are no text.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use jiff::SignedDuration;

use super::rig::Rig;
use super::rig::append;

/// Puts a link in the place of another in one step, as deployments do.
fn swap(rig: &Rig, target: &Path, link: &str) {
    symlink(target, rig.path("link.new")).unwrap();
    fs::rename(rig.path("link.new"), rig.path(link)).unwrap();
}

#[test]
fn a_link_that_is_swapped_every_50_ms_loses_nothing() {
    let mut rig = Rig::new(&["app.log"]);
    let mut expected = Vec::new();
    for round in 0..400 {
        let target = format!("target-{}", round % 3);
        match round % 40 {
            20 => swap(&rig, Path::new("nowhere"), "app.log"),
            30 => swap(&rig, Path::new("app.log"), "app.log"),
            _ => swap(&rig, Path::new(&target), "app.log"),
        }
        // The program writes on to where it writes, whatever the link says.
        for name in 0..3 {
            rig.append(&format!("target-{name}"), format!("{name} {round}\n"));
            expected.push(format!("{name} {round}"));
        }
        rig.now += SignedDuration::from_millis(50);
        // Not every swap is seen.
        if round % 7 != 0 {
            rig.tick();
        }
    }
    swap(&rig, Path::new("target-0"), "app.log");
    rig.tick_after(1);
    expected.sort();
    let mut reports = rig.reports();
    reports.sort();
    assert_eq!(reports, expected, "each line once");
    assert_eq!(rig.status().totals.gaps, 0);
    assert!(rig.status().files.len() <= 3, "no more than the targets are open");
}

/// 100 a second, each written to and deleted a second later.
#[test]
fn ten_thousand_files_that_come_and_go_are_all_read_and_leave_nothing() {
    const A_SECOND: usize = 100;
    let mut rig = Rig::with(&["*.log"], |config| config.delete_wait = SignedDuration::from_secs(2));
    let mut most = 0;
    for second in 0..100 {
        for number in 0..A_SECOND {
            rig.append(&format!("{second}-{number}.log"), format!("{second} {number}\n"));
        }
        rig.tick_after(1);
        for number in 0..A_SECOND {
            let name = format!("{second}-{number}.log");
            // Half of them get a last line, which nobody read before they went.
            if number % 2 == 0 {
                rig.append(&name, format!("{second} {number} last\n"));
            }
            fs::remove_file(rig.path(&name)).unwrap();
        }
        most = most.max(rig.status().files.len());
    }
    for _ in 0..5 {
        rig.tick_after(1);
    }
    assert_eq!(rig.store.judged.len(), 100 * A_SECOND * 3 / 2);
    assert_eq!(rig.reports().len(), 100 * A_SECOND * 3 / 2, "nothing twice");
    assert!(most <= 5 * A_SECOND, "{most} at once: they are let go in time");
    assert!(rig.status().files.is_empty() && rig.store.positions.is_empty());
    assert_eq!(rig.status().totals.gaps, 0);
}

/// Latin-1, as old programs write it.
fn odd(rig: &Rig, ending: &str) -> std::path::PathBuf {
    let name: OsString = OsStr::from_bytes(&[b"caf\xe9.log", ending.as_bytes()].concat()).to_owned();
    rig.dir.path().join(name)
}

fn write(path: &Path, text: &str) {
    append(&mut fs::OpenOptions::new().create(true).append(true).open(path).unwrap(), text);
}

#[test]
fn a_file_whose_name_is_no_text_is_followed_rotated_and_known_again() {
    let mut rig = Rig::new(&["*.log"]);
    write(&odd(&rig, ""), "one\n");
    rig.tick();
    write(&odd(&rig, ""), "two\n");
    fs::rename(odd(&rig, ""), odd(&rig, ".1")).unwrap();
    write(&odd(&rig, ""), "three\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "two", "three"]);
    rig.stop();
    // Renamed twice while nobody looked.
    write(&odd(&rig, ""), "four\n");
    fs::rename(odd(&rig, ".1"), odd(&rig, ".3")).unwrap();
    fs::rename(odd(&rig, ""), odd(&rig, ".2")).unwrap();
    write(&odd(&rig, ""), "five\n");
    fs::rename(odd(&rig, ""), odd(&rig, ".1")).unwrap();
    write(&odd(&rig, ""), "six\n");
    rig.start();
    rig.tick();
    rig.tick_after(1);
    let mut reports = rig.reports();
    reports.sort();
    assert_eq!(reports, ["five", "four", "six"]);
}

#[test]
fn what_a_copy_holds_of_a_file_whose_name_is_no_text_is_read() {
    for running in [true, false] {
        let mut rig = Rig::new(&["*.log"]);
        write(&odd(&rig, ""), "one\n");
        rig.tick();
        if !running {
            rig.stop();
        }
        write(&odd(&rig, ""), "two\n");
        fs::copy(odd(&rig, ""), odd(&rig, ".1")).unwrap();
        fs::OpenOptions::new().write(true).truncate(true).open(odd(&rig, "")).unwrap();
        write(&odd(&rig, ""), "three\n");
        if !running {
            rig.start();
        }
        rig.tick();
        rig.tick_after(1);
        assert_eq!(rig.store.sorted(), ["one", "three", "two"], "running: {running}");
    }
}
