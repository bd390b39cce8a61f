//! Encodings, and files that are not for reading.

use relapse::source::file::access::Own;
use relapse::source::file::identity::FileKey;

use super::rig::Rig;

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", b"\xef");
    rig.tick();
    rig.append("app.log", b"\xbb");
    rig.tick();
    rig.append("app.log", b"\xbfone\n\xef\xbb\xbftwo\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one", "\u{feff}two"], "only at the beginning of the file");
    assert_eq!(rig.store.lines_at, [(1, 3), (2, 7)]);
    rig.restart();
    rig.append("app.log", "three\n");
    rig.tick();
    assert_eq!(rig.reports(), ["three"]);
    rig.truncate("app.log");
    rig.append("app.log", b"\xef\xbb\xbfnew\n");
    rig.tick();
    assert_eq!(rig.reports(), ["new"]);
}

#[test]
fn what_only_begins_like_a_byte_order_mark_is_text() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", b"\xef\xbb\n");
    rig.tick();
    assert_eq!(rig.reports().len(), 1);
}

#[test]
fn utf_16_is_no_fault_and_its_bytes_are_counted() {
    let text: Vec<u8> = "\u{feff}one\ntwo\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut rig = Rig::new(&["*.log"]);
    rig.append("wide.log", &text);
    rig.tick_after(1);
    let status = rig.status();
    assert!(status.problems.is_empty(), "{:?}", status.problems);
    let wide = status.files.iter().find(|file| file.path.ends_with("wide.log")).unwrap();
    assert_eq!(wide.lag(), 0);
}

#[test]
fn what_relapse_writes_itself_is_refused_and_said_once() {
    let mut rig = Rig::new(&["**/*"]);
    std::fs::create_dir(rig.path("state")).unwrap();
    rig.append("state/relapse.db", "own\n");
    std::os::unix::fs::symlink(rig.path("state/relapse.db"), rig.path("linked.log")).unwrap();
    rig.append("relapse.log", "own\n");
    rig.append("app.log", "one\n");
    let output = FileKey::of(&std::fs::metadata(rig.path("relapse.log")).unwrap());
    let own = Own { directories: vec![rig.dir.path().canonicalize().unwrap().join("state")], files: vec![output] };
    rig.start_with(|tailer| tailer.refusing(own.clone()));
    for _ in 0..3 {
        rig.tick_after(1);
    }
    assert_eq!(rig.reports(), ["one"]);
    assert_eq!(rig.status().totals.unreadable, 3, "each said once");
    let reasons: Vec<_> = rig.status().problems.into_iter().map(|problem| problem.reason).collect();
    insta::assert_debug_snapshot!(reasons, @r#"
    [
        "it lies in the state directory of relapse; leave it out of the patterns",
        "relapse writes its own output to it; leave it out of the patterns or send the output elsewhere",
        "it lies in the state directory of relapse; leave it out of the patterns",
    ]
    "#);

    // The control: without the refusal they are followed.
    rig.start_with(|tailer| tailer);
    rig.tick();
    assert_eq!(rig.reports(), ["own", "own"]);
}
