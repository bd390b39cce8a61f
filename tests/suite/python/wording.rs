//! The wording of every interpreter and library against the shipped catalog. Receives the stored fixtures and what the interpreters of
//! this machine print now; shows that the catalog judges both as `tests/fixtures/README.md` says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::examples::Findings;
use crate::examples::expected;
use crate::examples::fresh;
use crate::examples::generate;
use crate::examples::logs;
use crate::examples::repository;
use crate::examples::scan;

/// Scans each log of `folder` by itself and compares with the rows of its name.
fn assert_judged_as_stated(folder: &Path) {
    let stated = expected(&fs::read_to_string(repository("tests/fixtures/README.md")).unwrap());
    let files = logs(folder);
    assert!(!files.is_empty(), "{}", folder.display());
    for name in files.keys() {
        let stated: Findings = stated.clone().into_iter().filter(|((file, ..), _)| file == name).collect();
        assert!(!stated.is_empty(), "{name} has no row in tests/fixtures/README.md");
        assert_eq!(scan(folder, [name]), stated, "{}/{name}", folder.display());
    }
}

/// The interpreters of this machine by version, 3.8 and later: `python3.N` on PATH, and what pyenv has installed.
fn interpreters() -> BTreeMap<String, PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let shims = on_path.iter().filter(|dir| dir.ends_with("shims")).filter_map(|dir| dir.parent()).map(Path::to_owned);
    let roots = std::env::var_os("PYENV_ROOT").map(PathBuf::from).into_iter().chain(shims);
    let installed = roots.filter_map(|root| fs::read_dir(root.join("versions")).ok()).flatten();
    let pyenv = installed.filter_map(Result::ok).map(|version| version.path().join("bin/python"));
    let named = (8..30).flat_map(|minor| on_path.iter().map(move |dir| dir.join(format!("python3.{minor}"))));
    let mut found = BTreeMap::new();
    for python in named.chain(pyenv).filter(|python| python.is_file()) {
        // A shim of a version that is not switched on does not run.
        let ask = "import sys; print('python-%d.%d' % sys.version_info[:2] if sys.version_info >= (3, 8) else '')";
        let Ok(answer) = Command::new(&python).args(["-c", ask]).output() else { continue };
        let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        if answer.status.success() && !version.is_empty() {
            found.entry(version).or_insert(python);
        }
    }
    found
}

#[test]
fn the_stored_fixtures_are_judged_as_their_readme_says() {
    let folders = fs::read_dir(repository("tests/fixtures")).unwrap().map(|entry| entry.unwrap().path());
    let of_python = |path: &PathBuf| path.is_dir() && path.to_string_lossy().contains("/python-");
    let folders: Vec<PathBuf> = folders.filter(of_python).collect();
    assert!(folders.len() >= 6, "Python 3.8 to 3.13: {folders:?}");
    for folder in folders {
        assert_judged_as_stated(&folder);
    }
}

#[test]
fn what_real_libraries_print_now_is_judged_the_same() {
    assert_judged_as_stated(fresh());
}

#[test]
fn what_every_interpreter_of_this_machine_prints_now_is_judged_the_same() {
    for (version, python) in interpreters() {
        let out = tempfile::tempdir().unwrap();
        let folder = generate(Some(&python), out.path());
        assert!(folder.ends_with(&version), "{}", folder.display());
        assert_judged_as_stated(&folder);
    }
}
