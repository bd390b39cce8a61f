//! Lines that carry a number in their time: the state of a sidecar keeps the times of what was judged, so every line that was lost or judged
//! twice is known by its number.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::SignedDuration;
use jiff::Timestamp;

fn began() -> Timestamp {
    "2025-10-01T08:00:00Z".parse().unwrap()
}

/// A failure at its own millisecond.
pub(super) fn line(number: usize) -> String {
    let time = began() + SignedDuration::from_millis(number.try_into().unwrap());
    format!("{{\"timestamp\":\"{time}\",\"severity\":\"ERROR\",\"message\":\"numbered failure {number}\"}}\n")
}

/// The failures of `numbers`.
pub(super) fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(line).collect()
}

/// Panics with the numbers below `written` that were not judged, or more than once, as `state` has it.
pub(super) fn each_once(state: &Path, written: usize) {
    let database = rusqlite::Connection::open(state.join("relapse.db")).unwrap();
    let mut statement = database.prepare("SELECT time FROM events").unwrap();
    let mut judged: BTreeMap<i64, usize> = BTreeMap::new();
    for micros in statement.query_map([], |row| row.get::<_, i64>(0)).unwrap() {
        *judged.entry((micros.unwrap() - began().as_microsecond()) / 1000).or_default() += 1;
    }
    let lost: Vec<i64> = (0..written.try_into().unwrap()).filter(|number| !judged.contains_key(number)).collect();
    let double: Vec<_> = judged.iter().filter(|(_, times)| **times > 1).collect();
    assert_eq!((lost, double), (Vec::new(), Vec::new()), "(lost, judged more than once)");
}
