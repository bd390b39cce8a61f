//! TLS on relapse's own listeners: with a certificate of one's own, with a new one, and with none that can be used.

use std::net::SocketAddr;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use rcgen::CertifiedKey;
use relapse::listen::connection::Bounded;
use relapse::listen::connection::Limits;
use relapse::listen::tls::Http;
use relapse::listen::tls::Tls;
use relapse::listen::tls::TlsConfig;
use reqwest::Certificate;
use reqwest::Client;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::sidecar::Home;
use crate::otlp::make;
use crate::otlp::rig::PROTOBUF;
use crate::otlp::rig::call_over;
use crate::otlp::rig::spawn;
use crate::peers;

/// A certificate for loopback; gives what a client must know to trust it.
fn certify(home: &Home) -> Certificate {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(home.path("cert.pem"), cert.pem()).unwrap();
    std::fs::write(home.path("key.pem"), signing_key.serialize_pem()).unwrap();
    Certificate::from_pem(cert.pem().as_bytes()).unwrap()
}

fn trusting(certificate: Certificate) -> Client {
    Client::builder().tls_certs_only([certificate]).timeout(Duration::from_secs(20)).build().unwrap()
}

fn failure(number: u64) -> Vec<u8> {
    let text = format!("numbered failure {number}");
    make::logs(make::api(), vec![make::log(make::NANOS + number, &text)]).encode_to_vec()
}

/// Starts relapse with a configuration; everything of it that is listened on speaks TLS.
fn command(home: &Home, config: &str) -> Command {
    std::fs::write(home.path("relapse.yaml"), config.replace("TLS", "{ cert: cert.pem, key: key.pem }")).unwrap();
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]);
    command
}

async fn ready(client: &Client, api: SocketAddr) {
    let url = format!("https://{api}/readyz");
    peers::eventually("readiness over TLS", || async {
        client.get(&url).send().await.ok()?.status().is_success().then_some(())
    })
    .await;
}

/// A connection whose protocol is agreed on to be HTTP/2, as clients of gRPC insist.
async fn agreed(home: &Home, address: SocketAddr) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(home.path("cert.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(address.ip().into(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listener_speaks_tls() {
    let (home, otlp) = (Home::new(), peers::free_address());
    let client = trusting(certify(&home));
    let mut child =
        command(&home, &format!("http: {{ tls: TLS }}\notlp: {{ listen: '{otlp}', tls: TLS }}\n")).spawn().unwrap();
    ready(&client, home.address()).await;
    let url = format!("https://{otlp}/v1/logs");
    let sent = client.post(&url).header(PROTOBUF.0, PROTOBUF.1).body(failure(1)).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let method = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    assert_eq!(call_over(agreed(&home, otlp).await, method, &failure(2), false).await.0, 0, "gRPC");
    let incidents = client.get(format!("https://{}/api/v1/incidents", home.address())).send().await.unwrap();
    assert!(incidents.text().await.unwrap().contains("numbered-failure"));
    // Negative controls: in the clear, and by a client that knows another authority.
    let clear = Client::new().post(url.replace("https", "http")).header(PROTOBUF.0, PROTOBUF.1).body(failure(3));
    assert!(clear.send().await.is_err());
    let stranger = trusting(certify(&Home::new()));
    assert!(stranger.post(&url).header(PROTOBUF.0, PROTOBUF.1).body(failure(3)).send().await.is_err());
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A client with another TLS library.
#[tokio::test(flavor = "multi_thread")]
async fn python_sends_over_tls() {
    let (home, otlp) = (Home::new(), peers::free_address());
    let client = trusting(certify(&home));
    let mut child =
        command(&home, &format!("http: {{ tls: TLS }}\notlp: {{ listen: '{otlp}', tls: TLS }}\n")).spawn().unwrap();
    ready(&client, home.address()).await;
    let script = "import json, ssl, sys, urllib.request\n\
        trusted = ssl.create_default_context(cafile='cert.pem')\n\
        body = json.dumps({'resourceLogs': []}).encode()\n\
        request = urllib.request.Request(sys.argv[1], body, {'content-type': 'application/json'})\n\
        print(urllib.request.urlopen(request, context=trusted, timeout=20).status)\n";
    let mut python = Command::new(peers::program(&["python3"]));
    let python = python.args(["-c", script, &format!("https://{otlp}/v1/logs")]).current_dir(home.path(""));
    let output = python.stderr(Stdio::piped()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "200", "{}", String::from_utf8_lossy(&output.stderr));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// An open port needs a token, TLS or a word that it is meant; what can never work ends relapse at its start.
#[test]
fn what_cannot_speak_tls_is_refused_at_the_start() {
    let home = Home::new();
    drop(certify(&home));
    std::fs::write(home.path("empty.pem"), "").unwrap();
    let check = |source: &str| {
        std::fs::write(home.path("relapse.yaml"), source).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_relapse"));
        let output = command.args(["check", "catalog.yaml", "--config", "relapse.yaml"]).current_dir(home.path(""));
        let output = output.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (tls, told) in [
        ("{ cert: none.pem, key: key.pem }", "failed to read `tls.cert` none.pem"),
        ("{ cert: empty.pem, key: key.pem }", "holds no certificate"),
        ("{ cert: cert.pem, key: empty.pem }", "failed to read `tls.key` empty.pem"),
        ("{ cert: cert.pem }", "missing field `key`"),
    ] {
        let (code, said) = check(&format!("otlp: {{ listen: '0.0.0.0:0', tls: {tls} }}\n"));
        assert!(code.is_some_and(|code| code > 1) && said.contains(told), "{code:?} {said}");
        let output =
            command(&home, &format!("otlp: {{}}\nhttp: {{ tls: {tls} }}\n")).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(4) && said.contains(told), "{said}");
    }
    let CertifiedKey { signing_key, .. } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(home.path("other.pem"), signing_key.serialize_pem()).unwrap();
    let (_, said) = check("otlp: { tls: { cert: cert.pem, key: other.pem } }\n");
    assert!(said.contains("cannot be used together"), "{said}");
    let (code, said) = check("otlp: { listen: '0.0.0.0:0', tls: { cert: cert.pem, key: key.pem } }\n");
    assert_eq!(code, Some(0), "the control: {said}");
    let (code, said) = check("otlp: { listen: '0.0.0.0:0' }\n");
    assert!(code.is_some_and(|code| code > 1) && said.contains("`otlp.tls`"), "{code:?} {said}");
}

/// A certificate that is replaced is used by the connections that come then; half of a new pair is not.
#[tokio::test]
async fn a_new_certificate_is_taken_over() {
    let home = Home::new();
    let old = certify(&home);
    let config = TlsConfig { cert: home.path("cert.pem"), key: home.path("key.pem") };
    let tls = Tls::load(&config, Http::One).unwrap();
    let address = echo(tls).await;
    assert!(greets(address, old.clone()).await);
    let other = Home::new();
    let new = certify(&other);
    let later = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let replace = |name: &str| {
        std::fs::copy(other.path(name), home.path(name)).unwrap();
        std::fs::File::options().write(true).open(home.path(name)).unwrap().set_modified(later).unwrap();
    };
    replace("cert.pem");
    assert!(greets(address, old.clone()).await, "half of the new pair changes nothing");
    replace("key.pem");
    assert!(greets(address, new).await);
    assert!(!greets(address, old).await, "the control: the old one is gone");
}

/// Serves one answer a connection.
async fn echo(tls: Tls) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { connections: 4, opening: Duration::from_mins(1), idle: Duration::from_mins(1) };
    let mut listener = Bounded::with_limits(listener, limits).over(Some(tls));
    spawn(async move {
        loop {
            let (mut connection, _) = axum::serve::Listener::accept(&mut listener).await;
            spawn(async move {
                let mut request = [0; 64];
                if connection.read(&mut request).await.is_ok() {
                    connection.write_all(b"HTTP/1.1 204 -\r\n\r\n").await.unwrap();
                    connection.shutdown().await.unwrap();
                }
            });
        }
    });
    address
}

async fn greets(address: SocketAddr, certificate: Certificate) -> bool {
    let client = Client::builder().tls_certs_only([certificate]).build().unwrap();
    client.get(format!("https://{address}/")).send().await.is_ok()
}

/// Who never finishes the handshake ends as who never finishes a request does, and keeps nobody waiting.
#[tokio::test]
async fn a_handshake_that_never_ends_holds_nobody_up() {
    let home = Home::new();
    drop(certify(&home));
    let tls = Tls::load(&TlsConfig { cert: home.path("cert.pem"), key: home.path("key.pem") }, Http::One).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { connections: 4, opening: Duration::from_millis(100), idle: Duration::from_mins(1) };
    let mut listener = Bounded::with_limits(listener, limits).over(Some(tls));
    let mut silent = TcpStream::connect(address).await.unwrap();
    silent.write_all(&[22, 3, 1]).await.unwrap();
    let (mut connection, _) = axum::serve::Listener::accept(&mut listener).await;
    let ended = connection.read_u8().await.unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::TimedOut);
}
