//! Messages: each is a record of its own, named by its sender, and one that came in parts becomes one again.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;
use proptest::prelude::*;
use relapse::catalog::load;
use relapse::matcher::Matcher;
use relapse::matcher::Observation;
use relapse::matcher::scanner::ScannerConfig;
use relapse::source::message::Message;
use relapse::source::message::Reader;
use relapse::source::message::Said;
use relapse::source::parts::Delivery;
use relapse::source::parts::Parts;

use crate::run::sidecar::CATALOG;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_759_305_600 + second).unwrap()
}

fn message(id: &str, data: &str) -> Message {
    Message { data: data.as_bytes().to_vec(), id: id.to_owned(), published: at(0) }
}

fn read(messages: &[Message]) -> Said {
    let catalog = load::from_str("catalog.yaml", CATALOG).catalog;
    let matcher = Arc::new(Matcher::new(&catalog));
    Reader::new(matcher, ScannerConfig::default(), Arc::from("projects/p/subscriptions/s")).read(messages)
}

fn bodies(said: &Said) -> Vec<(u64, u64, String)> {
    let found = said.observations.iter().filter(|observation| matches!(observation, Observation::Match(_)));
    found
        .map(Observation::record)
        .map(|record| (record.origin.offset, record.origin.line, record.body.clone()))
        .collect()
}

#[test]
fn nothing_continues_another_message() {
    let traceback =
        "numbered failure 1\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nValueError: 7";
    let pretty = "{\n  \"severity\": \"ERROR\",\n  \"message\": \"numbered failure 4\"\n}\n";
    let messages = [
        message("1", traceback),
        message("2", "  File \"b.py\", line 2\nnumbered failure 2"),
        message("3", "{\"message\":\"numbered failure 3\"}"),
        message("4", pretty),
        message("5", "calm\n2025-10-01 08:00:00,000 - app - ERROR - numbered failure 5"),
        message("6", ""),
    ];
    let said = read(&messages);
    let found = bodies(&said);
    let texts: Vec<&str> = found.iter().map(|(_, _, body)| body.as_str()).collect();
    assert_eq!(
        texts,
        [
            traceback,
            "  File \"b.py\", line 2\nnumbered failure 2",
            "numbered failure 3",
            "numbered failure 4",
            "numbered failure 5"
        ]
    );
    assert_eq!(found.iter().map(|(_, line, _)| *line).collect::<Vec<_>>(), [1, 1, 1, 1, 2]);
    assert_eq!(said.observations[0].record().origin.file.as_ref(), "projects/p/subscriptions/s");
    assert_eq!(said.observations[0].record().time, Some(at(0)), "what states no time was said when it was sent");
    assert_eq!(said.tally.lines, 4 + 2 + 1 + 1 + 2 + 1);
}

#[test]
fn a_place_is_made_of_the_name_and_not_of_the_company() {
    let (one, two) = (message("1", "{\"message\":\"numbered failure 1\"}"), message("2", "numbered failure 2"));
    let all = bodies(&read(&[one.clone(), two.clone(), one.clone()]));
    assert_eq!(all[0], all[2], "delivered twice it is in the same place");
    assert_eq!(all[1], bodies(&read(&[two])).remove(0), "whatever came with it");
    assert_ne!(all[0].0, bodies(&read(&[Message { id: "3".to_owned(), ..one }])).remove(0).0);
}

fn part(index: u64, total: u64, text: &str) -> String {
    format!(
        "{{\"insertId\":\"i{index}\",\"logName\":\"projects/p/logs/l\",\"timestamp\":\"2025-10-01T08:00:00Z\",\
         \"split\":{{\"uid\":\"u\",\"index\":{index},\"totalSplits\":{total}}},\"textPayload\":\"{text}\"}}"
    )
}

fn take(parts: &mut Parts<u64>, id: u64, data: &str, second: i64) -> Vec<Delivery<u64>> {
    let mut whole = Vec::new();
    parts.take(Delivery { message: message(&id.to_string(), data), owed: vec![id] }, at(second), &mut whole);
    whole
}

#[test]
fn parts_in_any_order_are_one_entry() {
    let mut parts = Parts::default();
    assert!(take(&mut parts, 1, &part(1, 3, "failure "), 0).is_empty());
    assert!(take(&mut parts, 2, &part(2, 3, "7"), 0).is_empty());
    assert_eq!(take(&mut parts, 3, "{\"message\":\"whole\"}", 0).len(), 1, "others do not wait");
    assert!(take(&mut parts, 2, &part(2, 3, "7"), 1).is_empty(), "one part twice is one part");
    let whole = take(&mut parts, 4, &part(0, 3, "numbered "), 2).remove(0);
    assert_eq!(whole.owed, [1, 2, 2, 4], "all of them are owed their acknowledgement");
    let found = bodies(&read(&[whole.message]));
    assert_eq!(found[0].2, "numbered failure 7");
}

#[test]
fn an_entry_waits_for_its_parts_only_so_long() {
    let mut parts = Parts::default();
    take(&mut parts, 1, &part(0, 2, "numbered failure 7"), 0);
    assert!(parts.overdue(at(9)).is_empty());
    let late = parts.overdue(at(10)).remove(0);
    let whole = [part(0, 2, "numbered failure 7"), part(1, 2, " and more")].map(|part| take(&mut parts, 2, &part, 11));
    let [_, mut whole] = whole;
    let name = |message: &Message| {
        let said = read(std::slice::from_ref(message));
        said.observations[0].record().attributes.get("insertId").map(str::to_owned)
    };
    assert_eq!(name(&late.message).as_deref(), Some("u"));
    assert_eq!(name(&late.message), name(&whole.remove(0).message), "told in part and as a whole it is one entry");
    assert!(parts.overdue(at(10) + SignedDuration::from_hours(1)).is_empty());
}

proptest! {
    /// However messages are handed over, each says the same, and none is lost.
    #[test]
    fn batches_change_nothing(data in prop::collection::vec("(\\{\"message\":\")?numbered failure [0-9](\"\\}| \\{|\n {1,3}at x|\r\n)?", 1..8), cut in 0_usize..8) {
        let messages: Vec<_> = data.iter().enumerate().map(|(at, data)| message(&at.to_string(), data)).collect();
        let (first, second) = messages.split_at(cut.min(messages.len()));
        let parted: Vec<_> = bodies(&read(first)).into_iter().chain(bodies(&read(second))).collect();
        let whole = bodies(&read(&messages));
        prop_assert_eq!(&whole, &parted);
        prop_assert_eq!(whole.len(), messages.len());
    }
}
