//! `docs/faults.md` says what is tested: what it names exists, and no row is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every `fn` below `directory`, and every directory of a case.
fn names(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.file_name().unwrap().to_string_lossy().into_owned());
            names(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let name = |rest: &str| rest.split('(').next().unwrap_or_default().to_owned();
            found.extend(text.split("fn ").skip(1).map(name));
        }
    }
}

/// What is wrong with a page.
fn mistakes(page: &str, known: &BTreeSet<String>) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut rows = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Row")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [row, _, tests, missing] = cells.as_slice() else { panic!("four cells: {line}") };
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        mistakes.extend(named.iter().filter(|name| !known.contains(**name)).map(|name| format!("{row}: no `{name}`")));
        if named.is_empty() && missing.is_empty() {
            mistakes.push(format!("{row}: neither a test nor what is missing"));
        }
        rows.insert((*row).to_owned());
    }
    let wanted = [("R", 15), ("L", 10), ("W", 4), ("C", 5), ("D", 7), ("N", 6)];
    let wanted = wanted.iter().flat_map(|(kind, count)| (1..=*count).map(move |number| format!("{kind}{number}")));
    mistakes.extend(wanted.filter(|row| !rows.contains(row)).map(|row| format!("{row} is left out")));
    mistakes
}

#[test]
fn every_fault_has_its_test_and_every_test_exists() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    names(&repository.join("tests"), &mut known);
    names(&repository.join("src"), &mut known);
    let page = fs::read_to_string(repository.join("docs/faults.md")).unwrap();
    assert_eq!(mistakes(&page, &known), Vec::<String>::new());
    // Negative controls.
    assert_eq!(
        mistakes(&page.replace("`logrotate_create`", "`logrotate_creates`"), &known),
        ["R1: no `logrotate_creates`"]
    );
    assert_eq!(mistakes(&page.replace("| R14 |", "| R13 |"), &known), ["R14 is left out"]);
    assert_eq!(
        mistakes(&page.replace("| `two_globs_and_a_hard_link_are_one_file` |", "| |"), &known),
        ["R12: neither a test nor what is missing"]
    );
}
