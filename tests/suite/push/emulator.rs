//! Google's own emulator pushes to real sidecars: every message is judged once, whatever is killed, and acknowledged only then.

use std::net::SocketAddr;
use std::process::Command;

use super::issuer::Issuer;
use super::issuer::Key;
use super::rig;
use crate::peers;
use crate::peers::Emulator;
use crate::peers::Form;
use crate::peers::WebhookReceiver;
use crate::run::pubsub::deliver_again;
use crate::run::pubsub::entries;
use crate::run::sidecar::Home;
use crate::run::sidecar::Sidecar;

fn command(home: &Home, subscription: &str, address: SocketAddr) -> Command {
    let source = format!("pubsub: [{{ subscription: {subscription}, push: {{ listen: '{address}' }} }}]\n");
    std::fs::write(home.path("relapse.yaml"), source).unwrap();
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]);
    command
}

async fn pushes(sidecar: &Sidecar, outcome: &str) -> f64 {
    sidecar.metric(&format!("relapse_pubsub_pushes_total{{outcome=\"{outcome}\"}}")).await
}

async fn redelivered(form: Form, name: &str) {
    let (emulator, address) = (Emulator::start().await, peers::free_address());
    let subscription = emulator.pushed(name, &format!("http://{address}/push"), form).await;
    let (home, hook) = (Home::new(), WebhookReceiver::start());
    let mut command = command(&home, &subscription, address);
    command.args(["--webhook", &hook.url("/hook")]);
    let sidecar = home.spawn(command).await;
    deliver_again(&emulator, &sidecar).await;
    peers::eventually("the count", || async { (pushes(&sidecar, "taken").await >= 112.0).then_some(()) }).await;
    let ready = sidecar.text("/readyz?verbose").await;
    assert!(ready.contains(&format!("[+]source/pubsub/{subscription} ok")), "{ready}");
    let seen = sidecar.metric("relapse_source_last_record_timestamp_seconds{source_kind=\"pubsub\"}").await;
    assert!(seen > 0.0, "{seen}");
    peers::eventually("the page", || async { (!hook.received().is_empty()).then_some(()) }).await;
    assert_eq!(sidecar.stop().await, Some(0));
    assert_eq!(hook.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_again_counts_once_and_pages_once() {
    redelivered(Form::Wrapped, "wrapped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_unwrapped_again_counts_once_and_pages_once() {
    redelivered(Form::Unwrapped, "unwrapped").await;
}

/// One message, again and again, before a kill and after: its text has neither name nor time, Pub/Sub's name of the message is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_pushed_a_hundred_times_counts_once() {
    let (home, address) = (Home::new(), peers::free_address());
    let pusher = rig::Pusher::to(address);
    let push = |id: &str| pusher.request(rig::wrapped(id, "numbered failure 1")).send();
    for round in 0..2 {
        let sidecar = home.spawn(command(&home, rig::SUBSCRIPTION, address)).await;
        for _ in 0..50 {
            assert_eq!(push("7").await.unwrap().status(), 204);
        }
        assert_eq!(sidecar.occurrences().await, 1, "round {round}");
        sidecar.kill();
    }
    let sidecar = home.spawn(command(&home, rig::SUBSCRIPTION, address)).await;
    assert_eq!(push("8").await.unwrap().status(), 204);
    assert_eq!(sidecar.occurrences().await, 2, "the control: another message with the same text");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_and_repeats_no_pushed_message() {
    for form in [Form::Wrapped, Form::Unwrapped] {
        let (emulator, address) = (Emulator::start().await, peers::free_address());
        let subscription = emulator.pushed("killed", &format!("http://{address}/"), form).await;
        let home = Home::new();
        let start = || home.spawn(command(&home, &subscription, address));
        for kill in 0..3 {
            let sidecar = start().await;
            emulator.publish(&entries(kill * 100..(kill + 1) * 100)).await;
            sidecar.await_occurrences(kill as u64 * 100 + 20).await;
            sidecar.kill();
        }
        let sidecar = start().await;
        sidecar.await_occurrences(300).await;
        assert_eq!(sidecar.stop().await, Some(0));
        let sidecar = start().await;
        assert_eq!(sidecar.occurrences().await, 300, "{form:?}");
        assert_eq!(sidecar.incidents().await[0]["episodes"], 1);
    }
}

/// The emulator shows no token: where one is asked for, nothing of it is read.
#[tokio::test(flavor = "multi_thread")]
async fn who_shows_no_token_is_not_heard() {
    let (emulator, address) = (Emulator::start().await, peers::free_address());
    let subscription = emulator.pushed("strange", &format!("http://{address}/"), Form::Wrapped).await;
    let key = Key::new("first");
    let (home, issuer) = (Home::new(), Issuer::of(&[&key]));
    let mut command = command(&home, &subscription, address);
    let push = rig::oidc(&issuer).replace("push: {", &format!("push: {{ listen: '{address}',"));
    let source = format!("pubsub: [{{ subscription: {subscription}, {push} }}]\n");
    std::fs::write(home.path("relapse.yaml"), source).unwrap();
    command.env("PUBSUB_EMULATOR_HOST", emulator.host());
    let sidecar = home.spawn(command).await;
    emulator.publish(&entries(0..3)).await;
    peers::eventually("refusals", || async { (pushes(&sidecar, "unauthorized").await >= 3.0).then_some(()) }).await;
    assert_eq!(sidecar.occurrences().await, 0);
    assert!(home.said("stderr").contains("give the push subscription an authentication"), "{}", home.said("stderr"));
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_would_be_taken() {
    let (home, issuer) = (Home::new(), Issuer::of(&[&Key::new("a"), &Key::new("b")]));
    let check = || {
        let sources = [
            format!(
                "{{ subscription: {}, {} }}",
                rig::SUBSCRIPTION,
                rig::oidc(&issuer).replace("push: {", "push: { listen: '127.0.0.1:0',")
            ),
            "{ subscription: projects/test/subscriptions/open, push: { listen: '127.0.0.1:0' } }".to_owned(),
        ];
        std::fs::write(home.path("relapse.yaml"), format!("pubsub:\n  - {}\n", sources.join("\n  - "))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_relapse"));
        command.args(["check", "catalog.yaml", "--config", "relapse.yaml", "--connect"]).current_dir(home.path(""));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = check();
    assert_eq!(code, Some(0), "{said}");
    let taken = format!("would take what {} pushes of {} on 127.0.0.1:", rig::ACCOUNT, rig::SUBSCRIPTION);
    assert!(said.contains(&taken) && said.contains("has 2 keys") && said.contains("from anybody"), "{said}");
    issuer.fail(500, "out of order");
    let (code, said) = check();
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("cannot be fetched: the answer is 500"), "{said}");
}
