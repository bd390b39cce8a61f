//! Several incidents of one service that come back together are told together.

use super::*;

const CATALOG: &str = "
schema: relapse/v1
id: ID
title: The incident ID
FAMILY
fixes: [{ at: 2025-09-08T12:00:00Z, release: \"1.42.0\" }]
detection: { pattern: boom ID }
tests:
  - { name: there, input: boom ID, expect: { count: 1 } }
  - { name: not there, input: calm, expect: { verdict: none } }
";

fn catalog() -> Catalog {
    let document = |(id, family): &(&str, &str)| CATALOG.replace("ID", id).replace("FAMILY", family);
    let documents = [("first", ""), ("second", ""), ("third", "family: start-up"), ("fourth", "family: start-up")];
    let text = documents.iter().map(document).collect::<Vec<_>>().join("---");
    let catalog = load::from_str("catalog.yaml", &text).catalog;
    assert_eq!(catalog.signatures.len(), 4);
    catalog
}

/// Feeds `ID TIME` and gives what each page says of its group: the signature whose episode began it, and the others.
fn pages(events: &[&str], restart: bool) -> Vec<(String, Vec<String>)> {
    let catalog = catalog();
    let mut engine = Engine::new(IncidentConfig::default(), &catalog);
    let mut episodes = std::collections::BTreeMap::new();
    let mut told = Vec::new();
    for event in events {
        let mut words = event.split(' ');
        let (id, line) = (words.next().unwrap(), words.collect::<Vec<_>>().join(" "));
        let line = parse(&line);
        let mut world = World::with(&CATALOG.replace("ID", id).replace("FAMILY", ""), IncidentConfig::default());
        world.signature = catalog.get(id).unwrap().clone();
        let mut effects = Vec::new();
        engine.handle(world.event(&line), world.now, &mut effects);
        for effect in effects {
            let Effect::Notify(notice) = effect else { continue };
            if notice.kind == NoticeKind::Page {
                episodes.insert(notice.episode.clone().unwrap(), id.to_owned());
                told.push((episodes[notice.group.as_ref().unwrap()].clone(), notice.together.clone()));
            }
        }
        if restart {
            let tracks = engine.tracks().map(through_json).collect();
            let releases = engine.live_releases().map(through_json).collect();
            engine = Engine::new(IncidentConfig::default(), &catalog);
            engine.restore(tracks, releases);
        }
    }
    told
}

#[test]
fn what_comes_back_within_a_minute_is_one_group() {
    let events = [
        "first e +2h release=1.43.0",
        "second e +121m release=1.43.0",
        "third e +122m1s release=1.43.0",
        "second e +122m2s release=1.43.0 environment=uat",
    ];
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let expected = vec![
        ("first".to_owned(), named(&[])),
        ("first".to_owned(), named(&["first"])),
        ("third".to_owned(), named(&[])),
        ("second".to_owned(), named(&[])),
    ];
    assert_eq!(pages(&events, false), expected);
    assert_eq!(pages(&events, true), expected, "with a restart after each event");
}

#[test]
fn a_family_is_one_group_as_long_as_it_lasts() {
    let late = ["third e +2h release=1.43.0", "fourth e +130m release=1.43.0", "first e +130m30s release=1.43.0"];
    let groups: Vec<String> = pages(&late, false).into_iter().map(|(group, _)| group).collect();
    assert_eq!(groups, ["third", "third", "third"], "the last one within a minute of the second");
    let over = ["third e +2h release=1.43.0", "third a +140m", "third a +5h", "fourth e +6h release=1.43.0"];
    let groups: Vec<String> = pages(&over, false).into_iter().map(|(group, _)| group).collect();
    assert_eq!(groups, ["third", "fourth"], "an episode that is over groups nothing");
}
