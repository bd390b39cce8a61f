//! `GET /api/v1/incidents`: one object a track. `GET /api/v1/deploys`: one a live release. `GET /api/v1/blind`: one a signature that
//! nothing is heard for. All filtered by the query.

use std::sync::Arc;

use axum::Json;
use axum::extract::Query;
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::http::guard::Caller;
use crate::http::reply;
use crate::http::reply::near;
use crate::http::shared::Shared;
use crate::model::incident::TrackState;
use crate::model::view::BlindView;
use crate::model::view::IncidentView;
use crate::model::view::ReleaseView;

const INCIDENT_FILTERS: &[&str] = &["signature", "service", "environment", "state"];
const BLIND_FILTERS: &[&str] = &["signature"];
const DEPLOY_FILTERS: &[&str] = &["service", "environment", "release"];

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The query: accepted values by filter. A filter given twice accepts either value.
#[derive(Debug, Default)]
struct Filter(Vec<(String, String)>);

/// Everything that is wrong with a query.
struct BadQuery {
    message: String,
    help: String,
}

impl IntoResponse for BadQuery {
    fn into_response(self) -> Response {
        reply::error(StatusCode::BAD_REQUEST, self.message, self.help)
    }
}

impl Filter {
    /// Reads the query; an error names every problem in it.
    fn read(query: Pairs, known: &[&str]) -> Result<Self, BadQuery> {
        let help = || {
            let states = known.contains(&"state").then(|| format!("; states: {}", state_names().join(", ")));
            format!("filters: {}{}", known.join(", "), states.unwrap_or_default())
        };
        let Query(pairs) = query.map_err(|rejection| BadQuery { message: rejection.body_text(), help: help() })?;
        let problem = |(name, value): &(String, String)| match name.as_str() {
            name if !known.contains(&name) => Some(format!("unknown filter `{name}`{}", near(name, known))),
            "state" if !state_names().contains(&value.as_str()) => {
                Some(format!("unknown state `{value}`{}", near(value, &state_names())))
            }
            _ => None,
        };
        let problems: Vec<String> = pairs.iter().filter_map(problem).collect();
        if problems.is_empty() {
            return Ok(Self(pairs));
        }
        Err(BadQuery { message: problems.join("; "), help: help() })
    }

    /// Whether the filter `name` is absent or accepts `value`.
    fn accepts(&self, name: &str, value: &str) -> bool {
        let mut wanted = self.0.iter().filter(|(filter, _)| filter == name).peekable();
        wanted.peek().is_none() || wanted.any(|(_, wanted)| wanted == value)
    }
}

fn state_names() -> [&'static str; TrackState::ALL.len()] {
    TrackState::ALL.map(TrackState::as_str)
}

pub(super) async fn incidents(State(shared): State<Arc<Shared>>, _: Caller, query: Pairs) -> Response {
    let filter = match Filter::read(query, INCIDENT_FILTERS) {
        Ok(filter) => filter,
        Err(bad) => return bad.into_response(),
    };
    let incidents = shared.incidents();
    let is_chosen = |incident: &&IncidentView| {
        filter.accepts("signature", &incident.signature)
            && filter.accepts("service", &incident.service)
            && filter.accepts("environment", &incident.environment)
            && filter.accepts("state", incident.state.as_str())
    };
    let chosen: Vec<&IncidentView> = incidents.iter().filter(is_chosen).collect();
    Json(chosen).into_response()
}

pub(super) async fn deploys(State(shared): State<Arc<Shared>>, _: Caller, query: Pairs) -> Response {
    let filter = match Filter::read(query, DEPLOY_FILTERS) {
        Ok(filter) => filter,
        Err(bad) => return bad.into_response(),
    };
    let releases = shared.releases();
    let is_chosen = |live: &&ReleaseView| {
        filter.accepts("service", &live.service)
            && filter.accepts("environment", &live.environment)
            && filter.accepts("release", &live.release)
    };
    let chosen: Vec<&ReleaseView> = releases.iter().filter(is_chosen).collect();
    Json(chosen).into_response()
}

pub(super) async fn blind(State(shared): State<Arc<Shared>>, _: Caller, query: Pairs) -> Response {
    let filter = match Filter::read(query, BLIND_FILTERS) {
        Ok(filter) => filter,
        Err(bad) => return bad.into_response(),
    };
    let blind = shared.blind();
    let chosen: Vec<&BlindView> = blind.iter().filter(|blind| filter.accepts("signature", &blind.signature)).collect();
    Json(chosen).into_response()
}
