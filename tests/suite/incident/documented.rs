//! `docs/verdicts.md` and the cases say the same: every case it names exists, and every case is named.

use std::collections::BTreeSet;

use super::*;

/// Words in backticks in the last column of a table, and in sentences that end in them.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split('`').skip(1).step_by(2);
    words.filter(|word| word.contains('-') && !word.contains(['/', ' '])).map(str::to_owned).collect()
}

#[test]
fn every_row_has_its_case_and_every_case_its_row() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verdicts.md")).unwrap();
    let cases: BTreeSet<String> = cases().iter().map(Example::name).collect();
    let named_here = named(&page);
    let missing: Vec<_> = named_here.difference(&cases).collect();
    assert!(missing.is_empty(), "named and not there: {missing:?}");
    let unnamed: Vec<_> = cases.difference(&named_here).filter(|case| !page.contains(&format!("`{case}`"))).collect();
    assert!(unnamed.is_empty(), "there and not named: {unnamed:?}");
    for row in page.lines().filter(|line| line.starts_with('|') && !line.contains("---") && !line.contains("Cases")) {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        assert!(last.split('`').skip(1).step_by(2).any(|word| cases.contains(word)), "a row without a case: {row}");
    }
}
