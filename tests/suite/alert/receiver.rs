//! A real HTTP server on loopback that answers as a script says, and remembers what it was sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// One answer.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// Status line, headers and body as written here.
    Reply(&'static str),
    /// No answer, the connection stays open.
    Hang,
    /// The connection is closed without an answer, after everything was read (the reply got lost).
    Close,
    /// Headers as written here, then a body without end.
    Endless(&'static str),
}

pub(super) const OK: Answer = Answer::Reply("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: Value,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// The server; it ends when it is dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Answers the first requests by the script and all further ones with `then`.
    pub(super) async fn start(script: Vec<Answer>, then: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let script = Arc::new(Mutex::new(VecDeque::from(script)));
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, Arc::clone(&script), then.clone(), Arc::clone(&seen)));
            }
        });
        Self { address, requests, _tasks: tasks }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The notice ids in the order in which they arrived.
    pub(super) fn ids(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.body["id"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<VecDeque<Answer>>>,
    then: Answer,
    seen: Arc<Mutex<Vec<Request>>>,
) {
    while let Some(request) = read(&mut stream).await {
        seen.lock().unwrap().push(request);
        let answer = script.lock().unwrap().pop_front().unwrap_or_else(|| then.clone());
        match answer {
            Answer::Reply(text) => {
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Answer::Hang => std::future::pending().await,
            Answer::Close => return,
            Answer::Endless(head) => {
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                return;
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let split = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let mut request = Request { head, body: Value::Null };
    let length: usize = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(split);
    let have = body.len();
    body.resize(length, 0);
    stream.read_exact(&mut body[have..]).await.ok()?;
    request.body = serde_json::from_slice(&body).unwrap();
    Some(request)
}
