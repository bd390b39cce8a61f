//! The shapes of answers that are not data: errors as JSON, plain text, the index page.

use axum::Json;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::Html;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;

/// `{"error":{"message":…,"help":…}}`.
#[derive(Debug, Serialize)]
struct ErrorBody {
    error: ErrorText,
}

#[derive(Debug, Serialize)]
struct ErrorText {
    message: String,
    help: String,
}

/// An error a client can read: what is wrong, and what to do.
pub(super) fn error(status: StatusCode, message: String, help: String) -> Response {
    (status, Json(ErrorBody { error: ErrorText { message, help } })).into_response()
}

/// Plain text.
pub(super) fn text(status: StatusCode, body: String) -> Response {
    const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    (status, [(header::CONTENT_TYPE, PLAIN)], body).into_response()
}

/// The routes, for a person with a browser.
pub(super) async fn index() -> Html<&'static str> {
    Html(concat!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>relapse</title></head>\n<body><h1>relapse ",
        env!("CARGO_PKG_VERSION"),
        "</h1>\n<p>Tells the moment a fixed incident comes back.</p>\n<ul>\n",
        "<li><a href=\"/api/v1/incidents\">/api/v1/incidents</a>: every incident, as JSON; ",
        "filter with <code>?signature=</code>, <code>service=</code>, <code>environment=</code>, <code>state=</code></li>\n",
        "<li><a href=\"/api/v1/deploys\">/api/v1/deploys</a>: every live release, as JSON; declare one with POST</li>\n",
        "<li>/api/v1/mutes, /api/v1/acknowledgements: POST</li>\n",
        "<li><a href=\"/metrics\">/metrics</a>: for Prometheus</li>\n",
        "<li><a href=\"/readyz?verbose\">/readyz?verbose</a>: what works and what does not</li>\n",
        "<li><a href=\"/livez\">/livez</a>: whether the process answers</li>\n",
        "</ul></body></html>\n",
    ))
}

/// A path nobody serves.
pub(super) async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "no such page".to_owned(), "GET / lists the pages there are".to_owned())
}

/// A method the page does not know.
pub(super) async fn method_not_allowed() -> Response {
    error(
        StatusCode::METHOD_NOT_ALLOWED,
        "this page is not served by this method".to_owned(),
        "the header `Allow` names the methods there are; GET / lists the pages".to_owned(),
    )
}

/// ` (did you mean …?)` when something is close.
pub(super) fn near(given: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min()
        .map_or_else(String::new, |(_, name)| format!(" (did you mean `{name}`?)"))
}
