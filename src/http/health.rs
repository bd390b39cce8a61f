//! `/livez` (the process answers), `/readyz` (every part works) and `/metrics`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::http::reply;
use crate::http::shared::Shared;
use crate::model::view::Check;
use crate::telemetry::inert::inert;

/// No dependency is asked: restarting relapse mends none of them.
pub(super) async fn livez() -> Response {
    reply::text(StatusCode::OK, "ok\n".to_owned())
}

pub(super) async fn readyz(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let checks = shared.checks();
    let ready = !checks.is_empty() && checks.iter().all(|check| check.state.is_ok());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let verbose = query.is_some_and(|query| query.split('&').any(|item| item.split('=').next() == Some("verbose")));
    // A failure is explained without being asked: probes log the body.
    let body = if verbose || !ready { report(&checks, ready) } else { "ok\n".to_owned() };
    reply::text(status, body)
}

/// One line a check, as Kubernetes writes them, and its notes below it.
fn report(checks: &[Check], ready: bool) -> String {
    let mut body = String::new();
    for check in checks {
        let name = inert(&check.name);
        // Writing to a String cannot fail.
        let _ = match &check.state {
            Ok(()) => writeln!(body, "[+]{name} ok"),
            Err(reason) => writeln!(body, "[-]{name} failed: {}", inert(reason)),
        };
        for note in &check.notes {
            let _ = writeln!(body, "   {}", inert(note));
        }
    }
    body.push_str(match (ready, checks.is_empty()) {
        (true, _) => "readyz check passed\n",
        (false, true) => "starting: nothing has been checked yet\nreadyz check failed\n",
        (false, false) => "readyz check failed\n",
    });
    body
}

pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    const EXPOSITION: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    match shared.metrics().render() {
        Ok(text) => ([(header::CONTENT_TYPE, EXPOSITION)], text).into_response(),
        Err(error) => reply::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("failed to render {error}"),
            "this is a defect of relapse; please report it with this message".to_owned(),
        ),
    }
}
