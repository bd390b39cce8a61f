//! Each logging library under each server: real requests fail, and the sidecar that follows the log opens one episode with the exact
//! count and says what was raised where.

use serde_json::Value;

use super::service::Code;
use super::service::HANDLER;
use super::service::INIT;
use super::service::STARTUP;
use super::service::SUPERVISOR;
use super::service::Server;
use super::watched::Watched;
use super::watched::shipped;

const KEYWORD: &str = "websocket-manager-context-kwarg";
const KEYWORD_ERROR: &str = "TypeError: create_websocket_manager() got an unexpected keyword argument 'context'";
const KEYWORD_PLACE: &str = "agent_handler.py:112 in handle_message";

/// The one episode of a track: its cause, its count, and the evidence's exception and place.
fn assert_one_episode(track: &Value, occurrences: u64, exception: &str, place: &str) {
    assert_eq!(track["state"], "relapsed", "{track:#}");
    assert_eq!(track["episodes"], 1, "{track:#}");
    assert_eq!(track["service"], "netra-backend", "{track:#}");
    let episode = &track["episode"];
    assert_eq!(episode["cause"], "regression", "{track:#}");
    assert_eq!(episode["occurrences"], occurrences, "{track:#}");
    let text = |name: &str| episode["evidence"][name].as_str().unwrap_or_else(|| panic!("no {name} in {track:#}"));
    assert!(text("exception").starts_with(exception), "{}", text("exception"));
    assert!(text("raised_at").ends_with(place), "{}", text("raised_at"));
}

/// Four agent messages over HTTP to a service that logs with `logging`.
async fn messages_fail(server: Server, logging: &str) {
    let code = Code::lay_out(&[STARTUP], &[]);
    let watched = Watched::start(&shipped()).await;
    let service = code.start(server, logging, &watched.log()).await;
    for _ in 0..4 {
        service.message().await;
    }
    let track = watched.after(KEYWORD, 4).await;
    assert_one_episode(&track, 4, KEYWORD_ERROR, KEYWORD_PLACE);
    service.stop().await;
    watched.after(KEYWORD, 4).await;
    assert_eq!(watched.pages(1).await, [KEYWORD]);
}

#[tokio::test(flavor = "multi_thread")]
async fn uvicorn_with_loguru_and_its_variable_values() {
    messages_fail(Server::Uvicorn, "loguru").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uvicorn_with_loguru_serialized() {
    messages_fail(Server::Uvicorn, "loguru_json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uvicorn_with_structlog() {
    messages_fail(Server::UvicornPropagating, "structlog").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uvicorn_with_python_json_logger() {
    messages_fail(Server::UvicornPropagating, "jsonlogger").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uvicorn_with_google_cloud_logging() {
    messages_fail(Server::UvicornPropagating, "gcp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uvicorn_with_the_standard_library_and_two_incidents() {
    let code = Code::lay_out(&[STARTUP], &[]);
    let watched = Watched::start(&shipped()).await;
    let service = code.start(Server::Uvicorn, "dash", &watched.log()).await;
    for _ in 0..3 {
        service.message().await;
        // Nobody handles this one: uvicorn logs it, in lines that carry no time.
        assert_eq!(service.get("/api/agents/emitters").await, 500);
    }
    let import_time = "websocket-import-time-initialization";
    let prohibited = "ValueError: WebSocket manager creation requires valid UserExecutionContext. Import-time";
    assert_one_episode(&watched.after(KEYWORD, 3).await, 3, KEYWORD_ERROR, KEYWORD_PLACE);
    let track = watched.after(import_time, 3).await;
    assert_one_episode(&track, 3, prohibited, "websocket_core/__init__.py:58 in get_websocket_manager");
    service.stop().await;
    watched.drained().await;
    assert_eq!(watched.pages(2).await, [import_time, KEYWORD]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gunicorn_with_two_workers_and_a_websocket() {
    let code = Code::lay_out(&[STARTUP], &[]);
    let watched = Watched::start(&shipped()).await;
    let service = code.start(Server::Gunicorn, "dash", &watched.log()).await;
    // At the same time, so that both workers write among each other's lines.
    tokio::join!(service.message(), service.message(), service.message(), service.websocket(), service.message());
    tokio::join!(service.websocket(), service.message(), service.message(), service.websocket());
    assert_one_episode(&watched.after(KEYWORD, 6).await, 6, KEYWORD_ERROR, KEYWORD_PLACE);
    // The supervisor's handler logs the error, and so does uvicorn when the WebSocket's handler ends in it.
    let track = watched.after("websocket-supervisor-kwarg", 6).await;
    let error =
        "TypeError: UserExecutionContext.__init__() got an unexpected keyword argument 'websocket_connection_id'";
    assert_one_episode(&track, 6, error, "supervisor_factory.py:96 in get_websocket_scoped_supervisor");
    service.stop().await;
    watched.drained().await;
    assert_eq!(watched.pages(2).await, [KEYWORD, "websocket-supervisor-kwarg"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fixed_service_is_nobodys_relapse() {
    let code = Code::lay_out(&[STARTUP, HANDLER, SUPERVISOR, INIT], &[]);
    let watched = Watched::start(&shipped()).await;
    let service = code.start(Server::Gunicorn, "stdlib", &watched.log()).await;
    service.message().await;
    service.websocket().await;
    assert_eq!(service.get("/api/agents/emitters").await, 200);
    service.stop().await;
    watched.drained().await;
    assert_eq!(watched.sidecar().occurrences().await, 0, "{:#?}", watched.sidecar().incidents().await);
}
