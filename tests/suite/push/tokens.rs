//! N4: tokens that do not let in. Beside each a good one does.

use jiff::SignedDuration;
use reqwest::Response;
use serde_json::Value;
use serde_json::json;

use super::issuer;
use super::issuer::Issuer;
use super::issuer::Key;
use super::rig;
use super::rig::Endpoint;
use super::rig::noon;

/// Claims with some of them changed; null takes one out.
fn but(changes: &Value) -> Value {
    let mut claims = rig::claims(noon());
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// What is sent, and what the answer says.
type Row = (&'static str, String, &'static str);

fn wrong_tokens(key: &Key, stranger: &Key) -> Vec<Row> {
    let good = key.token(&rig::claims(noon()));
    let (head, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let none = |kid: Value| issuer::unsigned(&json!({"alg": "none", "kid": kid}), &rig::claims(noon()));
    let others = but(&json!({"email": "other@test.iam.gserviceaccount.com"}));
    let forged = issuer::unsigned(&json!({"alg": "RS256", "kid": key.id}), &others);
    let headed = |header: Value| bearer(&key.sign(&header, &rig::claims(noon())));
    vec![
        ("nothing", String::new(), "no token"),
        ("another scheme", "Basic dXNlcjpwYXNz".to_owned(), "no token"),
        ("no token behind the scheme", "Bearer".to_owned(), "malformed"),
        ("rubbish", bearer("rubbish"), "malformed"),
        ("two parts", bearer(&format!("{head}.{signature}")), "malformed"),
        ("no base64", bearer("$$$.$$$.$$$"), "malformed"),
        ("too long", bearer(&format!("{good}{}", "A".repeat(8192))), "malformed"),
        ("alg none", bearer(&format!("{}.", none(Value::Null))), "malformed"),
        ("alg none with a signature", bearer(&format!("{}.{signature}", none(json!("first")))), "malformed"),
        ("HS256 with the public key", bearer(&key.sign_with_the_public_half(&rig::claims(noon()))), "RS256"),
        ("RS512", headed(json!({"alg": "RS512", "kid": key.id})), "RS256"),
        ("no key named", headed(json!({"alg": "RS256"})), "names no key"),
        ("an unknown key", headed(json!({"alg": "RS256", "kid": "other"})), "none of its issuer's"),
        ("an extension", headed(json!({"alg": "RS256", "kid": key.id, "crit": ["exp"]})), "malformed"),
        (
            "another's signature",
            bearer(&stranger.sign(&json!({"alg": "RS256", "kid": key.id}), &rig::claims(noon()))),
            "signature is wrong",
        ),
        ("other claims under the signature", bearer(&format!("{forged}.{signature}")), "signature is wrong"),
        ("no signature", bearer(&format!("{}.", good.rsplit_once('.').unwrap().0)), "signature is wrong"),
    ]
}

fn wrong_claims(key: &Key) -> Vec<Row> {
    let row = |what, changes: &Value, told| (what, bearer(&key.token(&but(changes))), told);
    let now = noon().as_second();
    vec![
        row("expired", &json!({"exp": now - 30}), "expired"),
        row("issued later", &json!({"iat": now + 31}), "issued in the future"),
        row("never expires", &json!({"exp": null}), "no identity token"),
        row("expires at no time", &json!({"exp": i64::MAX}), "no identity token"),
        row("wrong issuer", &json!({"iss": "https://accounts.example.com"}), "another issuer's"),
        row("the issuer without its scheme", &json!({"iss": "accounts.google.com"}), "another issuer's"),
        row("wrong audience", &json!({"aud": "https://relapse.example.com/"}), "another audience"),
        row("the audience and more", &json!({"aud": format!("{}/", rig::AUDIENCE)}), "another audience"),
        row("several audiences", &json!({"aud": [rig::AUDIENCE, "x"]}), "no identity token"),
        row("wrong e-mail", &json!({"email": "other@test.iam.gserviceaccount.com"}), "another account's"),
        row("no e-mail", &json!({"email": null}), "another account's"),
        row("e-mail not verified", &json!({"email_verified": false}), "not verified"),
        row("nothing said of the e-mail", &json!({"email_verified": null}), "not verified"),
        row("verified as a text", &json!({"email_verified": "true"}), "no identity token"),
    ]
}

async fn told(answer: Response) -> (u16, String, bool) {
    let (status, asks) = (answer.status().as_u16(), answer.headers().contains_key("www-authenticate"));
    (status, answer.text().await.unwrap(), asks)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_token_lets_in() {
    let (key, stranger) = (Key::new("first"), Key::new("stranger"));
    let issuer = Issuer::of(&[&key]);
    let (pusher, answers) = Endpoint::taken(&rig::oidc(&issuer), noon).await;
    let good = key.token(&rig::claims(noon()));
    for (what, authorization, expected) in wrong_tokens(&key, &stranger).into_iter().chain(wrong_claims(&key)) {
        let (status, text, asks) = told(pusher.push(&authorization).await).await;
        assert_eq!((status, asks), (401, true), "{what}: {text}");
        assert!(text.contains(expected), "{what}: {text}");
        for secret in [rig::AUDIENCE, rig::ACCOUNT, &good] {
            assert!(!text.contains(secret), "{what}: a stranger learns nothing of what is expected: {text}");
        }
        assert_eq!(pusher.show(&good).await, 204, "the control beside `{what}`");
    }
    for within in
        [json!({"exp": noon().as_second() - 29}), json!({"iat": noon().as_second() + 30}), json!({"azp": null})]
    {
        assert_eq!(pusher.show(&key.token(&but(&within))).await, 204, "clocks disagree a little: {within}");
    }
    let twice = pusher.request(rig::wrapped("1", "calm")).header("authorization", bearer(&good));
    assert_eq!(twice.header("authorization", bearer(&good)).send().await.unwrap().status(), 401, "two tokens");
    assert_eq!(issuer.asked(), 1, "all of that cost one look at the keys");
    answers.abort();
}

/// What is refused is never read, and what is let in is.
#[tokio::test]
async fn a_stranger_s_message_is_not_read() {
    let key = Key::new("first");
    let issuer = Issuer::of(&[&key]);
    let mut endpoint = Endpoint::start(&rig::oidc(&issuer), noon, 8).await;
    let pusher = rig::Pusher::to(endpoint.address);
    let expired = key.token(&rig::claims(noon() - SignedDuration::from_hours(2)));
    let evil = pusher.request(rig::wrapped("1", "numbered failure 1")).bearer_auth(expired);
    assert_eq!(evil.send().await.unwrap().status(), 401);
    let good = pusher.request(rig::wrapped("2", "numbered failure 2")).bearer_auth(key.token(&rig::claims(noon())));
    let good = crate::otlp::rig::spawn(good.send());
    let batch = endpoint.batches.recv().await.unwrap();
    assert_eq!(batch.observations.len(), 1);
    assert_eq!(batch.observations[0].record().body, "numbered failure 2");
    batch.sender.unwrap().answer(Ok(()));
    assert_eq!(good.await.unwrap().unwrap().status(), 204);
    let counted = endpoint.status.snapshot().pushes;
    assert_eq!(counted.values().sum::<u64>(), 2, "{counted:?}");
    endpoint.stop().await;
}
