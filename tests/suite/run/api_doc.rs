//! `docs/api.md`: every request on the page is sent to a real sidecar, and its answer is the one on the page. `UPDATE_DOCS=1` writes the answers anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use super::sidecar::Home;
use super::sidecar::Sidecar;

const PAGE: &str = "docs/api.md";
const REQUEST: &str = "```console\n$ ";
const ANSWER: &str = "\n```\n\n```json\n";

/// The words of a command line; single quotes group.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Does what `curl` would.
async fn curl(sidecar: &Sidecar, line: &str) -> Value {
    let mut words = words(line).into_iter();
    assert_eq!(words.next().unwrap(), "curl", "{line}");
    let (mut method, mut url, mut headers, mut body) = (Method::GET, None, Vec::new(), None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-s" => {}
            "-X" => method = words.next().unwrap().parse().unwrap(),
            "-H" => headers.push(words.next().unwrap()),
            "-d" => body = words.next(),
            other if other.starts_with("http://127.0.0.1:9464/") => {
                url = Some(other.replace("http://127.0.0.1:9464", ""));
            }
            other => panic!("unknown word `{other}` in: {line}"),
        }
    }
    let mut request = reqwest::Client::new().request(method, sidecar.url(&url.unwrap()));
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let text = request.body(body.unwrap_or_default()).send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
}

/// What depends on when the page was written.
fn steady(mut answer: Value) -> Value {
    if let Some(until) = answer.get_mut("until").filter(|until| until.is_string()) {
        *until = "2025-10-02T14:00:00Z".into();
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_gets_the_answer_of_the_page() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = Home::new();
    fs::copy(repository.join("signatures/supervisor-creation.yaml"), home.path("catalog.yaml")).unwrap();
    fs::copy(repository.join("examples/netra-backend-supervisor-2025-10.log"), home.path("app.log")).unwrap();
    let sidecar = home.start(&[]).await;
    sidecar.await_occurrences(4).await;

    let page = fs::read_to_string(repository.join(PAGE)).unwrap();
    let mut parts = page.split(REQUEST);
    let mut written = parts.next().unwrap().to_owned();
    let mut requests = 0;
    for part in parts {
        let (line, rest) = part.split_once(ANSWER).unwrap_or_else(|| panic!("no answer follows: {part}"));
        let (_, after) = rest.split_once("```").unwrap();
        let answer = steady(curl(&sidecar, line).await);
        let text = serde_json::to_string_pretty(&answer).unwrap();
        write!(written, "{REQUEST}{line}{ANSWER}{text}\n```{after}").unwrap();
        requests += 1;
    }
    assert!(requests >= 8, "the page was not understood");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(repository.join(PAGE), &written).unwrap();
    }
    assert!(
        page == written || std::env::var_os("UPDATE_DOCS").is_some(),
        "{PAGE} is out of date; now it is:\n{written}"
    );
}
