//! Finding files, waiting for them, refusing what is no log file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use relapse::source::file::discover::Discovery;
use relapse::source::file::discover::PatternError;

use super::rig::Rig;

fn names(rig: &Rig, pattern: &str, exclude: &[&str]) -> Vec<PathBuf> {
    let include = [format!("{}/{pattern}", rig.dir.path().display())];
    let exclude: Vec<String> = exclude.iter().map(|&text| text.to_owned()).collect();
    let discovery = Discovery::new(&include, &exclude).unwrap();
    let found = discovery.scan().paths;
    for path in &found {
        assert!(discovery.covers(path), "{} is found, so it is covered", path.display());
    }
    found.into_iter().map(|path| path.strip_prefix(rig.dir.path()).unwrap().to_path_buf()).collect()
}

fn tree() -> Rig {
    let rig = Rig::new(&["nothing"]);
    for name in ["a.log", "b.txt", "c[1].log", "x/d.log", "x/y/e.log", "x/y/z/f.log", "x/y/old.log.gz"] {
        fs::create_dir_all(rig.path(name).parent().unwrap()).unwrap();
        rig.append(name, "");
    }
    rig
}

#[test]
fn patterns_find_what_they_say() {
    let rig = tree();
    let check = |pattern: &str, expected: &[&str]| {
        let expected: Vec<&Path> = expected.iter().map(Path::new).collect();
        assert_eq!(names(&rig, pattern, &[]), expected, "{pattern}");
    };
    check("a.log", &["a.log"]);
    check("*.log", &["a.log", "c[1].log"]);
    check("c[1].log", &["c[1].log"]);
    check("?.{log,txt}", &["a.log", "b.txt"]);
    check("*/*.log", &["x/d.log"]);
    check("x/*/e.log", &["x/y/e.log"]);
    check("**/*.log", &["a.log", "c[1].log", "x/d.log", "x/y/e.log", "x/y/z/f.log"]);
    check("x/**/e.log", &["x/y/e.log"]);
    check("x/**", &["x/d.log", "x/y/e.log", "x/y/z/f.log"]);
    check("none/*.log", &[]);
}

#[test]
fn excludes_and_compressed_files_are_left_out() {
    let rig = tree();
    assert_eq!(names(&rig, "x/**/*", &[]).len(), 3, "old.log.gz is not followed");
    assert_eq!(names(&rig, "**/*.log", &["e.log", "c*"]).len(), 3, "by name");
    assert_eq!(names(&rig, "**/*.log", &["**/x/**"]).len(), 2, "by path");
}

#[test]
fn a_loop_of_links_ends() {
    let rig = tree();
    symlink(rig.path("x"), rig.path("x/y/loop")).unwrap();
    assert_eq!(names(&rig, "**/f.log", &[]).len(), 1);
}

#[test]
fn bad_patterns_are_named() {
    let error = |text: &str| Discovery::new(&[text.to_owned()], &[]).unwrap_err();
    assert!(matches!(error("/var/log/[a.log"), PatternError::Syntax { .. }));
    assert!(matches!(error("/var/{log/a,tmp}/*"), PatternError::SlashInBraces { .. }));
    assert!(matches!(error(""), PatternError::Empty));
    assert!(Discovery::new(&["a".to_owned()], &["[".to_owned()]).is_err());
}

#[test]
fn a_missing_file_is_waited_for() {
    let mut rig = Rig::new(&["deep/er/app.log"]);
    rig.tick();
    assert_eq!(rig.status().waiting.len(), 1);
    assert!(rig.status().problems.is_empty(), "absence is a state, not an error");
    fs::create_dir_all(rig.path("deep/er")).unwrap();
    rig.append("deep/er/app.log", "one\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one"]);
    assert!(rig.status().waiting.is_empty());
}

#[test]
fn a_link_to_nothing_is_waited_for() {
    let mut rig = Rig::new(&["*.log"]);
    symlink(rig.path("target"), rig.path("app.log")).unwrap();
    rig.tick();
    assert_eq!(rig.status().waiting, [rig.path("app.log").to_string_lossy()]);
    rig.append("target", "one\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one"]);
}

/// Root reads everything, so the error here is one that holds for root too: a link that leads to itself.
#[test]
fn an_unreadable_file_is_said_once_and_tried_again() {
    let mut rig = Rig::new(&["*.log"]);
    rig.append("fine.log", "fine\n");
    symlink(rig.path("app.log"), rig.path("app.log")).unwrap();
    for _ in 0..5 {
        rig.tick_after(1);
    }
    let status = rig.status();
    assert_eq!(status.totals.unreadable, 1, "said once");
    assert_eq!(status.problems.len(), 1);
    assert!(status.problems[0].path.ends_with("app.log"));
    assert_eq!(rig.reports(), ["fine"], "the others go on");

    fs::remove_file(rig.path("app.log")).unwrap();
    rig.append("app.log", "one\n");
    rig.tick();
    assert_eq!(rig.reports(), ["one"]);
    assert!(rig.status().problems.is_empty());
}

/// The permission variant: root is let in whatever the mode, and then the file must simply be read.
#[test]
fn a_file_without_permission_is_read_as_soon_as_it_may_be() {
    let mut rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    fs::set_permissions(rig.path("app.log"), fs::Permissions::from_mode(0o000)).unwrap();
    let refused = fs::File::open(rig.path("app.log")).is_err();
    rig.tick();
    assert_eq!(rig.status().problems.len(), usize::from(refused));
    fs::set_permissions(rig.path("app.log"), fs::Permissions::from_mode(0o600)).unwrap();
    rig.tick();
    assert_eq!(rig.reports(), ["one"]);
    assert!(rig.status().problems.is_empty());
}

#[test]
fn what_is_no_regular_file_is_refused_and_never_blocks() {
    let mut rig = Rig::new(&["pipe.log", "directory.log", "null.log", "app.log"]);
    assert!(Command::new("mkfifo").arg(rig.path("pipe.log")).status().unwrap().success());
    fs::create_dir(rig.path("directory.log")).unwrap();
    symlink("/dev/zero", rig.path("null.log")).unwrap();
    rig.append("app.log", "one\n");
    rig.tick();
    rig.tick_after(1);
    assert_eq!(rig.reports(), ["one"]);
    let reasons: Vec<String> = rig.status().problems.into_iter().map(|problem| problem.reason).collect();
    insta::assert_debug_snapshot!(reasons, @r#"
    [
        "it is a directory; name the files in it, such as `<directory>/*.log`",
        "it is a device or a socket; only regular files are followed",
        "it is a FIFO, which cannot be read again after a restart; pipe it to standard input instead",
    ]
    "#);
    assert_eq!(rig.status().totals.unreadable, 3);
}
