//! What holds for every sequence of events.

use proptest::prelude::*;
use relapse::model::incident::Track;

use super::*;

/// Fixed, broken, fixed again: every table of the judge is met.
const TWO_FIXES: &str = "
schema: relapse/v1
id: case-signature
title: The incident of this case
fixes:
  - { at: 2025-09-08T12:00:00Z, release: \"1.42.0\" }
  - { at: 2025-09-08T13:30:00Z, release: \"1.44.0\" }
detection: { pattern: boom }
tests:
  - { name: there, input: boom, expect: { count: 1 } }
  - { name: not there, input: calm, expect: { verdict: none } }
";
const RELEASES: &[&str] = &["1.41.0", "1.42.0", "1.43.0", "1.44.1", "1.42.0-rc.1", "nonsense", ""];

/// One random event; times go mostly forward, releases come from a small set, some are nonsense.
fn events() -> impl Strategy<Value = Vec<String>> {
    let kind = prop::sample::select(vec!["e", "e", "e", "h", "h", "a", "d"]);
    let event =
        (kind, 0_i64..40, prop::sample::select(RELEASES), 0..4_u8, prop::bool::ANY, prop::option::of(-90_i64..90));
    prop::collection::vec(event, 1..60).prop_map(|drawn| {
        let mut minute = -60;
        let line = |(kind, step, release, instance, uat, start): (&str, i64, &str, u8, bool, Option<i64>)| {
            minute += step - 3;
            let time = signed(minute);
            let release = match (kind, release) {
                ("d", "") => " release=1.41.0".to_owned(),
                (_, "") => String::new(),
                (_, release) => format!(" release={release}"),
            };
            let environment = if uat { " environment=uat" } else { "" };
            let start = start.filter(|_| kind == "e").map_or_else(String::new, |at| format!(" start={}", signed(at)));
            format!("{kind} {time}{release} instance=i{instance}{environment}{start}")
        };
        drawn.into_iter().map(line).collect()
    })
}

fn signed(minute: i64) -> String {
    format!("{}{}m", if minute < 0 { '-' } else { '+' }, minute.abs())
}

fn run(world: &mut World, lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| world.feed(&parse(line))).collect()
}

fn world() -> World {
    World::with(TWO_FIXES, IncidentConfig::default())
}

fn tracks(world: &World) -> Vec<Track> {
    let mut tracks: Vec<_> = world.engine.tracks().cloned().collect();
    tracks.sort_by(|a, b| a.key.cmp(&b.key));
    tracks
}

proptest! {
    #[test]
    fn every_event_gets_one_verdict_and_pages_are_episodes(lines in events()) {
        let mut world = world();
        let said = run(&mut world, &lines);
        let occurrences = lines.iter().filter(|line| line.starts_with('e')).count() as u64;
        let counted: u64 = world.engine.tracks().map(|track| track.occurrences).sum();
        let by_verdict: u64 = world.engine.tracks().flat_map(|track| track.verdicts.iter()).map(|(_, count)| count).sum();
        prop_assert_eq!(counted, occurrences);
        prop_assert_eq!(by_verdict, occurrences);
        let pages = said.iter().flat_map(|line| line.split(' ')).filter(|word| word.starts_with("page")).count() as u64;
        let episodes: u64 = world.engine.tracks().map(|track| track.episodes).sum();
        prop_assert_eq!(pages, episodes);
    }

    #[test]
    fn the_same_events_give_the_same_answers(lines in events()) {
        let (mut one, mut two) = (world(), world());
        prop_assert_eq!(run(&mut one, &lines), run(&mut two, &lines));
        prop_assert_eq!(tracks(&one), tracks(&two), "episode ids and evidence included");
    }

    #[test]
    fn a_restart_at_any_event_changes_nothing(lines in events(), at in 0_usize..60) {
        let (mut whole, mut cut) = (world(), world());
        let at = at.min(lines.len());
        let mut said = run(&mut cut, &lines[..at]);
        cut.restart();
        said.extend(run(&mut cut, &lines[at..]));
        prop_assert_eq!(run(&mut whole, &lines), said);
        // How far healthy logs had been read is not stored: a state that a declaration brings about may be dated by the last match.
        let undated = |world| tracks(world).into_iter().map(|track| Track { since: Timestamp::MIN, ..track });
        prop_assert!(undated(&whole).eq(undated(&cut)));
    }

    /// What the clock on the wall says changes nothing, as long as it is not behind the events.
    #[test]
    fn no_timer_uses_the_wall_clock(lines in events(), days in 1_i64..4_000) {
        let (mut early, mut late) = (world(), world());
        late.now += SignedDuration::from_hours(24 * days);
        prop_assert_eq!(run(&mut early, &lines), run(&mut late, &lines));
        prop_assert_eq!(tracks(&early), tracks(&late));
    }

    /// Instances that each run one release while the current one is heard of, so that no order decides what is current: then the
    /// order of what happens at one moment decides nothing either.
    #[test]
    fn the_order_of_equal_times_changes_no_episode(
        failing in prop::collection::vec((0_i64..20, 0..3_usize), 1..30),
        seed in prop::num::u64::ANY,
    ) {
        let kept = ["1.42.0", "1.43.0", "1.41.0"];
        let before = ["h -5m release=1.42.0 instance=i0", "h -5m release=1.43.0 instance=i1", "h -5m release=1.41.0 instance=i2"];
        let mut drawn = failing;
        drawn.sort_by_key(|(minute, _)| *minute);
        let line = |(minute, at): &(i64, usize)| format!("e {} release={} instance=i{at}", signed(minute * 7), kept[*at]);
        let mut shuffled = drawn.clone();
        // Any permutation within one minute: sorted by a number drawn for each.
        let mut keyed: Vec<_> = shuffled.drain(..).enumerate().map(|(n, one)| {
            ((one.0, (n as u64 + 1).wrapping_mul(seed | 1).rotate_left(17)), one)
        }).collect();
        keyed.sort_by_key(|(key, _)| *key);
        let episodes = |lines: Vec<String>| {
            let mut world = world();
            run(&mut world, &before.map(str::to_owned));
            for line in lines {
                let minute = line.split(' ').nth(1).unwrap();
                run(&mut world, &[format!("h {minute} release=1.42.0 instance=i9"), line.clone()]);
            }
            let told = |track: Track| (track.key, track.state, track.episodes, track.verdicts, track.episode.map(|one| one.id));
            tracks(&world).into_iter().map(told).collect::<Vec<_>>()
        };
        let in_order = episodes(drawn.iter().map(line).collect());
        prop_assert_eq!(in_order, episodes(keyed.iter().map(|(_, one)| line(one)).collect()));
    }
}
