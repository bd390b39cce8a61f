//! What a signature costs on a log, and what a sample of the log changes about it.

use relapse::matcher::cost::Cost;
use relapse::matcher::cost::CostTier;

use crate::matcher::make;

fn row<'c>(costs: &'c [Cost], id: &str) -> &'c Cost {
    costs.iter().find(|cost| &*cost.signature == id).unwrap()
}

#[test]
fn every_signature_has_its_tier_its_literals_and_its_candidates() {
    let matcher = make::matcher(vec![
        make::signature("long", vec![make::body(make::contains(&["connection pool exhausted"]))]),
        make::signature("middle", vec![make::body(make::contains(&["poolbroken"]))]),
        make::signature("short", vec![make::body(make::contains(&["oom"]))]),
        make::signature("window", vec![make::body(make::re(&[r"^E1\d\d\b"]))]),
        make::signature("every", vec![make::body(make::re(&[r"\d{5}"]))]),
    ]);
    let sample = b"connection POOL exhausted\noom oom\nOOM\nnothing\nE142\nE242 e142\n";
    let costs = matcher.costs(sample);
    let told: Vec<_> = ["long", "middle", "short", "window", "every"]
        .map(|id| row(&costs, id))
        .map(|cost| (cost.tier, cost.literals.join(" "), cost.candidates))
        .into();
    let wanted = [
        (CostTier::Long, "connection pool exhausted", 1),
        (CostTier::Middle, "poolbroken", 0),
        (CostTier::Short, "oom", 2),
        (CostTier::Window, "E1[0-9][0-9]", 1),
        (CostTier::Every, "", 6),
    ];
    assert_eq!(told, wanted.map(|(tier, literals, lines)| (tier, literals.to_owned(), lines)));
    assert!(costs.is_sorted_by(|left, right| left.microseconds_per_megabyte >= right.microseconds_per_megabyte));
}

#[test]
fn a_literal_that_many_signatures_or_the_log_share_is_not_chosen() {
    let shared = |name: &str| {
        let pattern = format!(r"{name} \S+: connection reset by the other peer");
        make::signature(name, vec![make::body(make::re(&[&pattern]))])
    };
    let (verbs, nouns) =
        (["open", "close", "flush", "drain", "rotate"], ["broker", "socket", "ledger", "bucket", "tenant"]);
    let names = verbs.iter().flat_map(|verb| nouns.iter().map(move |noun| format!("{verb} {noun}")));
    let matcher = make::matcher(names.map(|name| shared(&name)).collect());
    for cost in matcher.costs(b"") {
        assert_eq!(cost.literals, [format!("{} ", cost.signature)], "the reason is everybody's");
    }
    let sample = "open broker 1\n".repeat(1_000);
    let calibrated = matcher.calibrated(sample.as_bytes());
    let costs = calibrated.costs(sample.as_bytes());
    assert_eq!(row(&costs, "open broker").candidates, 0, "{costs:?}");
    assert_eq!(matcher.costs(sample.as_bytes())[0].candidates, 1_000, "the first plan was called in vain");
}
