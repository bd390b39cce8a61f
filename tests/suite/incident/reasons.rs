//! Where the verdict is the same, the sentence still says what is missing.

use super::*;

fn why(case: &str, events: &[&str]) -> String {
    let case = cases().into_iter().find(|one| one.name() == case).unwrap();
    let mut world = case.world();
    world.engine = Engine::new(case.config.clone(), &world.catalog).explain_all();
    let mut effects = Vec::new();
    for line in events {
        world.engine.handle(world.event(&parse(line)), world.now, &mut effects);
    }
    let judged = effects.into_iter().rev().find_map(|effect| match effect {
        Effect::Judged { judgement, .. } => Some(judgement.why),
        _ => None,
    });
    judged.unwrap()
}

#[test]
fn what_is_missing_is_named() {
    let constant = ["h -480h release=1.0.0 instance=a", "h -1h release=1.0.0 instance=b", "e +40m release=1.0.0"];
    insta::assert_snapshot!(why("constant-release", &constant), @"service.version is always 1.0.0: a constant tells nothing");
    insta::assert_snapshot!(why("the-fixs-own-commit", &["e +40m"]), @"the fix names only the commit 05acb20be, and the record carries neither vcs.ref.head.revision nor a process start");
    insta::assert_snapshot!(why("manifest-wins-over-order", &["h +0m release=1.42.0", "e +40m"]), @"the record carries no service.version");
    insta::assert_snapshot!(why("regression-in-the-fixed-release", &["e +1m release=1.42.0"]), @"1.42.0 is the fixed release");
    insta::assert_snapshot!(why("fix-without-a-release", &["e +31m"]), @"2025-09-08T12:31:00Z is after the fix of 2025-09-08T12:00:00Z and its rollout (low confidence: the fix names no release)");
    insta::assert_snapshot!(why("configuration-fix", &["e +31m"]), @"2025-09-08T12:31:00Z is after the fix of 2025-09-08T12:00:00Z and its rollout");
    insta::assert_snapshot!(why("no-release-after-the-rollout", &["h +0m release=1.42.0", "e +40m"]), @"the record carries no service.version");
}
