//! `POST /api/v1/deploys`, `POST` and `DELETE /api/v1/mutes`, `POST /api/v1/acknowledgements`: a command in, what was stored out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use serde_json::json;

use crate::http::body;
use crate::http::body::Problems;
use crate::http::guard::Change;
use crate::http::orders::Orders;
use crate::http::reply;
use crate::http::shared::Shared;
use crate::model::command::Command;
use crate::model::command::Receipt;
use crate::model::command::Refusal;
use crate::model::command::Selector;
use crate::model::incident::TrackKey;

/// Places named in an answer.
const MAX_NAMED: usize = 10;
/// Similar names offered.
const MAX_NEAR: usize = 3;

pub(super) async fn deploy(State(shared): State<Arc<Shared>>, Change(body): Change) -> Response {
    let Some(orders) = shared.orders() else { return refused(None, &Refusal::Closed) };
    let deploy = match body::deploy(&body, Some(orders.now())) {
        Ok(deploy) => deploy,
        Err(problems) => return invalid(&problems),
    };
    match orders.give(Command::Deploy(deploy)).await {
        Ok(Receipt::Deployed(deployed)) => Json(deployed).into_response(),
        Ok(Receipt::Tracks(tracks)) => Json(tracks).into_response(),
        Err(refusal) => refused(None, &refusal),
    }
}

pub(super) async fn mute(State(shared): State<Arc<Shared>>, Change(body): Change) -> Response {
    let Some(orders) = shared.orders() else { return refused(None, &Refusal::Closed) };
    match body::mute(&body, orders.now()) {
        Ok((tracks, until)) => {
            let command = Command::Mute { tracks: tracks.clone(), until: Some(until) };
            change(orders, (&tracks, command), ("until", json!(until))).await
        }
        Err(problems) => invalid(&problems),
    }
}

pub(super) async fn unmute(State(shared): State<Arc<Shared>>, Change(body): Change) -> Response {
    let Some(orders) = shared.orders() else { return refused(None, &Refusal::Closed) };
    match body::unmute(&body) {
        Ok(tracks) => {
            let command = Command::Mute { tracks: tracks.clone(), until: None };
            change(orders, (&tracks, command), ("until", json!(null))).await
        }
        Err(problems) => invalid(&problems),
    }
}

pub(super) async fn acknowledge(State(shared): State<Arc<Shared>>, Change(body): Change) -> Response {
    let Some(orders) = shared.orders() else { return refused(None, &Refusal::Closed) };
    match body::acknowledgement(&body) {
        Ok((tracks, by)) => {
            let command = Command::Acknowledge { tracks: tracks.clone(), by: by.clone() };
            change(orders, (&tracks, command), ("by", json!(by))).await
        }
        Err(problems) => invalid(&problems),
    }
}

/// Gives a command about tracks; the answer is `{FACT, "tracks": […]}`.
async fn change(
    orders: &Orders,
    (tracks, command): (&Selector, Command),
    (name, fact): (&str, serde_json::Value),
) -> Response {
    match orders.give(command).await {
        Ok(Receipt::Tracks(changed)) => Json(json!({ name: fact, "tracks": changed })).into_response(),
        Ok(Receipt::Deployed(deployed)) => Json(deployed).into_response(),
        Err(refusal) => refused(Some(tracks), &refusal),
    }
}

fn invalid(problems: &Problems) -> Response {
    let help = "docs/api.md shows every request".to_owned();
    reply::error(StatusCode::BAD_REQUEST, problems.to_string(), help)
}

/// The refusal as status, message and advice.
fn refused(tracks: Option<&Selector>, refusal: &Refusal) -> Response {
    let signature = tracks.map_or("", |tracks| &tracks.signature);
    match refusal {
        Refusal::UnknownSignature { known } => {
            let near = nearest(signature, known);
            let help = if near.is_empty() {
                "the catalog holds nothing of a similar name; `relapse check` lists it".to_owned()
            } else {
                format!("did you mean {}?", near.join(" or "))
            };
            reply::error(StatusCode::NOT_FOUND, format!("no signature is called `{signature}`"), help)
        }
        Refusal::NoTrack { found } => {
            let message = format!("`{signature}` has not been found {}", tracks.map_or_else(String::new, place));
            reply::error(StatusCode::NOT_FOUND, message, places(found))
        }
        Refusal::NothingOpen => reply::error(
            StatusCode::CONFLICT,
            format!("no episode of `{signature}` is open: there is nothing to acknowledge"),
            "GET /api/v1/incidents?state=relapsed lists the open ones".to_owned(),
        ),
        Refusal::NotStored { .. } | Refusal::Late | Refusal::Closed => {
            let help = "send it again: the same command twice is harmless".to_owned();
            let mut response = reply::error(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string(), help);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}

fn place(tracks: &Selector) -> String {
    match (&tracks.service, &tracks.environment) {
        (None, None) => "anywhere yet".to_owned(),
        (Some(service), None) => format!("in service `{service}`"),
        (None, Some(environment)) => format!("in environment `{environment}`"),
        (Some(service), Some(environment)) => format!("in `{service}`/`{environment}`"),
    }
}

fn places(found: &[TrackKey]) -> String {
    if found.is_empty() {
        return "only what has been found can be acknowledged".to_owned();
    }
    let names: Vec<String> =
        found.iter().take(MAX_NAMED).map(|key| format!("{}/{}", key.service, key.environment)).collect();
    let more = found.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("it has been found in {}{more}", names.join(", "))
}

/// The most similar names, best first, quoted.
fn nearest(given: &str, known: &[Arc<str>]) -> Vec<String> {
    let alike = |name: &str| strsim::jaro_winkler(given, name).max(f64::from(u8::from(name.contains(given))));
    let mut scored: Vec<(f64, &Arc<str>)> =
        known.iter().map(|name| (alike(name), name)).filter(|(score, _)| *score >= 0.75).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.into_iter().take(MAX_NEAR).map(|(_, name)| format!("`{name}`")).collect()
}
