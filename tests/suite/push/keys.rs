//! N4: the keys that sign tokens change, cannot be had, or are asked for by everybody at once.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde_json::json;

use super::issuer::Issuer;
use super::issuer::Key;
use super::rig;
use super::rig::Endpoint;
use super::rig::Pusher;
use crate::otlp::rig::spawn;
use crate::run::sidecar::Home;

/// A clock that a test moves: `clock!(NAME, now)` makes one of its own.
macro_rules! clock {
    ($seconds:ident, $now:ident) => {
        static $seconds: AtomicI64 = AtomicI64::new(1_759_320_000);
        fn $now() -> Timestamp {
            Timestamp::from_second($seconds.load(Ordering::SeqCst)).unwrap()
        }
    };
}

fn later(clock: &AtomicI64, seconds: i64) {
    clock.fetch_add(seconds, Ordering::SeqCst);
}

const HOUR: i64 = 3_600;

/// How many of so many tokens that are shown at once let in.
async fn at_once(pusher: &Pusher, tokens: Vec<String>) -> usize {
    let shown: Vec<_> = tokens
        .into_iter()
        .map(|token| {
            let pusher = pusher.clone();
            spawn(async move { pusher.show(&token).await })
        })
        .collect();
    let mut taken = 0;
    for status in shown {
        taken += usize::from(status.await.unwrap() == 204);
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_found_within_a_minute() {
    clock!(SECONDS, now);
    let (old, new) = (Key::new("old"), Key::new("new"));
    let issuer = Issuer::of(&[&old]);
    let (pusher, answers) = Endpoint::taken(&rig::oidc(&issuer), now).await;
    assert_eq!(pusher.show(&old.token(&rig::claims(now()))).await, 204);
    issuer.tell(&[&old, &new]);
    later(&SECONDS, 59);
    assert_eq!(pusher.show(&new.token(&rig::claims(now()))).await, 401, "asked a moment ago");
    later(&SECONDS, 1);
    assert_eq!(pusher.show(&new.token(&rig::claims(now()))).await, 204);
    assert_eq!(pusher.show(&old.token(&rig::claims(now()))).await, 204, "both are in force");
    issuer.tell(&[&new]);
    later(&SECONDS, HOUR);
    assert_eq!(
        pusher.show(&new.token(&rig::claims(now()))).await,
        204,
        "its keys are due: they are asked for beside it"
    );
    crate::peers::eventually("the keys", || async { (issuer.asked() == 3).then_some(()) }).await;
    crate::peers::eventually("the end of the old key", || async {
        (pusher.show(&old.token(&rig::claims(now()))).await == 401).then_some(())
    })
    .await;
    answers.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_nobody_is_judged() {
    clock!(SECONDS, now);
    let key = Key::new("first");
    let issuer = Issuer::of(&[&key]);
    let (pusher, answers) = Endpoint::taken(&rig::oidc(&issuer), now).await;
    let set = "x".repeat(100_000);
    for (what, status, body) in [
        ("down", 500, "out of order"),
        ("a redirect", 302, ""),
        ("no keys", 200, "{\"keys\":[]}"),
        ("no set", 200, "<html>"),
        ("endless", 200, &set),
    ] {
        issuer.fail(status, body);
        later(&SECONDS, 10);
        let answer = pusher.push(&format!("Bearer {}", key.token(&rig::claims(now())))).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "1"), "{what}");
    }
    issuer.tell(&[&key]);
    let asked = issuer.asked();
    assert_eq!(pusher.show(&key.token(&rig::claims(now()))).await, 503, "asked a moment ago");
    assert_eq!(issuer.asked(), asked);
    later(&SECONDS, 10);
    assert_eq!(pusher.show(&key.token(&rig::claims(now()))).await, 204, "the control: there they are");
    answers.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_keys_go_on_for_a_day() {
    clock!(SECONDS, now);
    let key = Key::new("first");
    let issuer = Issuer::of(&[&key]);
    let (pusher, answers) = Endpoint::taken(&rig::oidc(&issuer), now).await;
    let shown = || async { pusher.show(&key.token(&rig::claims(now()))).await };
    assert_eq!(shown().await, 204);
    issuer.fail(500, "out of order");
    for _ in 0..24 {
        later(&SECONDS, HOUR);
        assert_eq!(shown().await, 204, "the endpoint is down, the keys are known");
    }
    let stranger = Key::new("stranger");
    later(&SECONDS, 120);
    assert_eq!(pusher.show(&stranger.token(&rig::claims(now()))).await, 503, "it may be a new key: nobody knows");
    later(&SECONDS, HOUR);
    assert_eq!(shown().await, 503, "a day is over");
    issuer.tell(&[&key]);
    later(&SECONDS, 60);
    assert_eq!(shown().await, 204, "the control");
    answers.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_ask_once() {
    clock!(SECONDS, now);
    let key = Key::new("first");
    let issuer = Issuer::of(&[&key]);
    let (pusher, answers) = Endpoint::taken(&rig::oidc(&issuer), now).await;
    let tokens = vec![key.token(&rig::claims(now())); 50];
    assert_eq!(at_once(&pusher, tokens).await, 50, "a cold start refuses nobody");
    assert_eq!(issuer.asked(), 1);
    later(&SECONDS, 0);
    answers.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_asks_once_a_minute() {
    clock!(SECONDS, now);
    let key = Key::new("first");
    let issuer = Issuer::of(&[&key]);
    let (pusher, answers) = Endpoint::taken(&rig::oidc(&issuer), now).await;
    assert_eq!(pusher.show(&key.token(&rig::claims(now()))).await, 204);
    let flood = |minute: usize| -> Vec<String> {
        let name = |at| json!({"alg": "RS256", "kid": format!("{minute}-{at}")});
        (0..200).map(|at| key.sign(&name(at), &rig::claims(now()))).collect()
    };
    for minute in 1..4 {
        assert_eq!(at_once(&pusher, flood(minute)).await, 0);
        assert_eq!(issuer.asked(), minute, "what is unknown was asked for in this minute");
        assert_eq!(pusher.show(&key.token(&rig::claims(now()))).await, 204, "the control beside the flood");
        later(&SECONDS, 60);
    }
    answers.abort();
}

/// Neither a token nor a part of one is in what relapse writes, however much it is asked to write.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_written_nowhere() {
    let key = Key::new("first");
    let issuer = Issuer::of(&[&key]);
    let (home, address) = (Home::new(), crate::peers::free_address());
    let push = rig::oidc(&issuer).replace("push: {", &format!("push: {{ listen: '{address}',"));
    std::fs::write(home.path("relapse.yaml"), format!("pubsub: [{{ subscription: {}, {push} }}]\n", rig::SUBSCRIPTION))
        .unwrap();
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]).env("RELAPSE_LOG", "trace");
    let sidecar = home.spawn(command).await;
    let pusher = Pusher::to(address);
    #[expect(clippy::disallowed_methods, reason = "the sidecar has the clock of the machine")]
    let now = Timestamp::now();
    let (good, bad) = (key.token(&rig::claims(now)), key.token(&json!({"iss": "x", "aud": "y", "exp": 0, "iat": 0})));
    assert_eq!((pusher.show(&good).await, pusher.show(&bad).await), (204, 401));
    assert_eq!(sidecar.stop().await, Some(0));
    let said = [home.said("stderr"), home.said("stdout")].concat();
    assert!(said.contains("a push is refused") && said.contains("the token has expired"), "{said}");
    for part in good.split('.').chain(bad.split('.')) {
        assert!(!said.contains(part), "{part}");
    }
}
