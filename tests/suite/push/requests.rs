//! What a push must say, what it may not be, and when it is answered.

use std::io::Write as _;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use relapse::source::NotStored;
use serde_json::json;

use super::rig;
use super::rig::Endpoint;
use super::rig::Pusher;
use super::rig::SUBSCRIPTION;
use super::rig::noon;
use super::rig::wrapped;
use crate::otlp::rig::answer_all;
use crate::otlp::rig::spawn;
use crate::peers;
use crate::run::sidecar::Home;

const OPEN: &str = "push: {}";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn unwrapped(pusher: &Pusher, id: &str, data: &str) -> reqwest::RequestBuilder {
    let request = pusher.request(data.to_owned()).header("x-goog-pubsub-message-id", id);
    request.header("x-goog-pubsub-subscription-name", SUBSCRIPTION)
}

/// N1: whatever a push is that is none, the answer names it, and it is counted.
#[tokio::test]
async fn what_is_no_push_is_refused_and_counted() {
    let (home, address) = (Home::new(), peers::free_address());
    let source = format!("pubsub: [{{ subscription: {SUBSCRIPTION}, push: {{ listen: '{address}' }} }}]\n");
    std::fs::write(home.path("relapse.yaml"), source).unwrap();
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]);
    let sidecar = home.spawn(command).await;
    let pusher = Pusher::to(address);
    let good = wrapped("1", "numbered failure 1");
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let other = rig::wrapped_of("projects/test/subscriptions/other", "1", "numbered failure 1");
    let packed = |body: Vec<u8>| pusher.request(body).header("content-encoding", "gzip");
    for (what, request, status, told) in [
        ("nothing", pusher.request(""), 400, "no push of Pub/Sub: EOF"),
        ("a form", pusher.request("a=b"), 400, "no push of Pub/Sub"),
        ("no message", pusher.request("{}"), 400, "`message` is missing"),
        ("no base64", pusher.request(good.replace("bnVt", "*")), 400, "`message.data` is no base64"),
        ("another subscription", pusher.request(other), 403, "only messages of projects/test/subscriptions/logs"),
        ("half of the headers", pusher.request("x").header("x-goog-pubsub-message-id", "1"), 400, "writeMetadata"),
        ("a web page", pusher.request(good.clone()).header("origin", "http://evil.example"), 403, "web pages"),
        ("big", pusher.request(vec![b' '; 5 << 20]), 413, "4194304"),
        ("a bomb", packed(bomb), 413, "when decompressed"),
        ("no gzip", packed(good.clone().into_bytes()), 400, "cannot be decompressed"),
        ("two layers", pusher.request("").header("content-encoding", "gzip, gzip"), 415, "once"),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{what}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(told), "{what}: {text}");
    }
    assert_eq!(reqwest::get(format!("http://{address}/push")).await.unwrap().status(), 404);
    assert_eq!(
        pusher.request(good.clone()).header("content-type", "text/nonsense").send().await.unwrap().status(),
        204
    );
    assert_eq!(packed(gzip(wrapped("2", "numbered failure 2").as_bytes())).send().await.unwrap().status(), 204);
    assert_eq!(unwrapped(&pusher, "3", "numbered failure 3").send().await.unwrap().status(), 204);
    assert_eq!(sidecar.occurrences().await, 3, "the control: answered means stored");
    for (outcome, count) in [("malformed", 8.0), ("unauthorized", 2.0), ("too_large", 2.0), ("taken", 3.0)] {
        let series = format!("relapse_pubsub_pushes_total{{outcome=\"{outcome}\"}}");
        peers::eventually(&series, || async { (sidecar.metric(&series).await >= count).then_some(()) }).await;
        assert!((sidecar.metric(&series).await - count).abs() < 0.5, "{outcome}");
    }
    assert_eq!(home.said("stderr").matches("a push is refused").count(), 1, "once a minute is enough");
    assert_eq!(sidecar.stop().await, Some(0));
}

/// N6, N2: not before it is stored, not without room, and never as if.
#[tokio::test]
async fn a_push_is_answered_once_it_is_stored() {
    let mut endpoint = Endpoint::start(OPEN, noon, 8).await;
    let pusher = Pusher::to(endpoint.address);
    let first = spawn(pusher.request(wrapped("1", "numbered failure 1")).send());
    let batch = endpoint.batches.recv().await.unwrap();
    assert!(!first.is_finished(), "no answer before it is stored");
    assert!(endpoint.status.snapshot().oldest_unstored.is_some());
    batch.sender.unwrap().answer(Ok(()));
    assert_eq!(first.await.unwrap().unwrap().status(), 204);

    let unstored = spawn(pusher.request(wrapped("2", "numbered failure 2")).send());
    let reason = "the disk is full".to_owned();
    endpoint.batches.recv().await.unwrap().sender.unwrap().answer(Err(NotStored { reason }));
    let refused = unstored.await.unwrap().unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    assert!(refused.text().await.unwrap().contains("the disk is full"));

    let dropped = spawn(pusher.request(wrapped("3", "numbered failure 3")).send());
    drop(endpoint.batches.recv().await.unwrap());
    assert_eq!(dropped.await.unwrap().unwrap().status(), 503);

    // Deep values are text to whoever reads them; a message of a million attributes is one.
    let deep = format!("{}numbered failure 4{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = spawn(pusher.request(wrapped("4", &deep)).send());
    let batch = endpoint.batches.recv().await.unwrap();
    assert_eq!(batch.tally.lines, 1);
    batch.sender.unwrap().answer(Ok(()));
    assert_eq!(deep.await.unwrap().unwrap().status(), 204);
    endpoint.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_pushes_are_sent_away() {
    let endpoint = Endpoint::start(OPEN, noon, 1).await;
    let pusher = Pusher::to(endpoint.address);
    let big = wrapped("1", &"calm ".repeat(500_000));
    let mut sent: Vec<_> = (0..16).map(|_| spawn(pusher.request(big.clone()).send())).collect();
    let ended = || async { sent.iter().position(tokio::task::JoinHandle::is_finished) };
    let at = peers::eventually("a refusal", ended).await;
    let refused = sent.swap_remove(at).await.unwrap().unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (429, true));
    let stored = spawn(answer_all(endpoint.batches));
    let mut taken = 0;
    for push in sent {
        taken += usize::from(push.await.unwrap().unwrap().status() == 204);
    }
    assert!(taken > 0, "the control: those that had room are taken");
    stored.abort();
}

static SECONDS: AtomicI64 = AtomicI64::new(1_759_320_000);

fn moved() -> Timestamp {
    Timestamp::from_second(SECONDS.load(Ordering::SeqCst)).unwrap()
}

/// An entry whose parts are pushed by themselves is one; a part that stays alone is told before Pub/Sub loses its patience.
#[tokio::test]
async fn parts_are_joined_while_their_senders_wait() {
    let part = |index: u64, text: &str| {
        json!({
            "insertId": format!("i{index}"), "logName": "projects/p/logs/l", "timestamp": "2025-10-01T08:00:00Z",
            "split": {"uid": "u", "index": index, "totalSplits": 2}, "textPayload": text,
        })
        .to_string()
    };
    let mut endpoint = Endpoint::start(OPEN, moved, 8).await;
    let pusher = Pusher::to(endpoint.address);
    let first = spawn(pusher.request(wrapped("1", &part(0, "numbered fail"))).send());
    let second = spawn(pusher.request(wrapped("2", &part(1, "ure 7"))).send());
    let batch = endpoint.batches.recv().await.unwrap();
    assert_eq!(batch.observations[0].record().body, "numbered failure 7");
    batch.sender.unwrap().answer(Ok(()));
    for push in [first, second] {
        assert_eq!(push.await.unwrap().unwrap().status(), 204);
    }
    let alone = spawn(pusher.request(wrapped("3", &part(0, "numbered failure 8").replace("\"u\"", "\"v\""))).send());
    peers::eventually("the end of patience", || async {
        SECONDS.fetch_add(1, Ordering::SeqCst);
        (!endpoint.batches.is_empty()).then_some(())
    })
    .await;
    let batch = endpoint.batches.recv().await.unwrap();
    assert_eq!(batch.observations[0].record().body, "numbered failure 8");
    batch.sender.unwrap().answer(Ok(()));
    assert_eq!(alone.await.unwrap().unwrap().status(), 204);
    endpoint.stop().await;
}

/// What is under way when relapse stops is answered; parts that wait are let go.
#[tokio::test]
async fn a_stop_answers_what_is_under_way() {
    let mut endpoint = Endpoint::start(OPEN, noon, 8).await;
    let pusher = Pusher::to(endpoint.address);
    let waits = json!({"split": {"uid": "u", "index": 0, "totalSplits": 2}, "textPayload": "x", "logName": "projects/p/logs/l"});
    let waits = spawn(pusher.request(wrapped("1", &waits.to_string())).send());
    let under_way = spawn(pusher.request(wrapped("2", "numbered failure 2")).send());
    let batch = endpoint.batches.recv().await.unwrap();
    let stopped = spawn(endpoint.stop());
    batch.sender.unwrap().answer(Ok(()));
    assert_eq!(under_way.await.unwrap().unwrap().status(), 204);
    assert_eq!(waits.await.unwrap().unwrap().status(), 503);
    stopped.await.unwrap();
}

/// A port that strangers could reach needs tokens, or a word that it is meant.
#[test]
fn a_public_endpoint_is_refused_at_the_start() {
    let home = Home::new();
    let refused = |program: &[&str], push: &str| {
        let text = format!("pubsub: [{{ subscription: {SUBSCRIPTION}, push: {{ {push} }} }}]\n");
        std::fs::write(home.path("relapse.yaml"), text).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_relapse"));
        command.args(program).args(["--config", "relapse.yaml"]).current_dir(home.path(""));
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let run = ["run", "--catalog", "catalog.yaml", "--state", "state", "--listen", "127.0.0.1:0"];
    for program in [&run[..], &["check", "catalog.yaml"]] {
        let (code, said) = refused(program, "listen: '0.0.0.0:0'");
        assert!(code.is_some_and(|code| code > 1), "{code:?} {said}");
        assert!(said.contains("anybody could send records") && said.contains("push.oidc"), "{said}");
        for (oidc, told) in [
            ("audience: '', service_account: a@b.c", "write the audience"),
            ("audience: x, service_account: nobody", "no e-mail address"),
            ("audience: x, service_account: a@b.c, keys: 'http://10.0.0.1/keys'", "use https"),
            ("audience: x, service_account: a@b.c, keys: 'https://169.254.169.254/'", "metadata address"),
            ("audience: x", "missing field `service_account`"),
        ] {
            let (code, said) = refused(program, &format!("oidc: {{ {oidc} }}"));
            assert!(code.is_some_and(|code| code > 1) && said.contains(told), "{code:?} {said}");
        }
    }
    let check = ["check", "catalog.yaml"];
    for allowed in [
        "listen: '0.0.0.0:0', allow_public: true",
        "listen: '0.0.0.0:0', oidc: { audience: a, service_account: a@b.c }",
    ] {
        let (code, said) = refused(&check, allowed);
        assert_eq!(code, Some(0), "the control: {said}");
    }
}

/// The page's example is a configuration that fits the subscription beside it.
#[test]
fn the_page_is_right() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pubsub.md")).unwrap();
    let example = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = relapse::config::Config::from_text("docs/pubsub.md", example).unwrap();
    assert!(relapse::app::connect::validate(&config).is_ok());
    let [pulled, pushed] = config.pubsub.as_slice() else { panic!("two subscriptions: {:?}", config.pubsub) };
    assert!(pulled.push.is_none());
    let oidc = pushed.push.as_ref().unwrap().oidc.as_ref().unwrap();
    assert_eq!(oidc.keys.as_str(), "https://www.googleapis.com/oauth2/v3/certs");
    let documented = page.matches(oidc.audience.as_str()).count();
    assert_eq!(documented, 3, "the subscription pushes to and for what the configuration says");
}
