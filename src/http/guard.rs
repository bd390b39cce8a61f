//! Keeps web pages out. A browser on the same host reaches a loopback port like any program, and a page can make it try; relapse has no
//! password, so what a page cannot leave out must give it away.
//!
//! - Any page may let its own name resolve to 127.0.0.1 (DNS rebinding). Its requests then carry that name: the API answers under
//!   addresses, `localhost` and the configured name only.
//! - Browsers send `Origin` with every request that changes something: there is no page of relapse that does, so none may.
//! - A form can POST without asking first, but not as `application/json`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::extract::FromRequestParts;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;

use crate::http::bind::HttpConfig;
use crate::http::reply;
use crate::http::shared::Shared;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names the API answers under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    any: bool,
    also: Option<String>,
}

impl Hosts {
    /// Addresses, `localhost` and the name that is listened on. Any name where the port is public: others are known by names of
    /// which relapse knows nothing.
    pub fn of(config: &HttpConfig) -> Self {
        Self { any: config.allow_public, also: Some(name_of(&config.listen).to_owned()) }
    }

    fn allow(&self, authority: &str) -> bool {
        let name = name_of(authority).trim_end_matches('.').to_ascii_lowercase();
        self.any
            || name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.also.as_ref().is_some_and(|also| also.eq_ignore_ascii_case(&name))
    }
}

/// `HOST` of `HOST:PORT`, without the brackets of an IPv6 address.
fn name_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.rsplit_once(':').map_or(authority, |(name, _)| name),
    }
}

/// A request that may read the API.
#[derive(Debug)]
pub(super) struct Caller;

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Response> {
        let named = parts.headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default());
        let named: Vec<&str> = named.chain(parts.uri.authority().map(axum::http::uri::Authority::as_str)).collect();
        if named.iter().all(|host| shared.hosts().allow(host)) {
            return Ok(Self);
        }
        Err(reply::error(
            StatusCode::MISDIRECTED_REQUEST,
            "the API is not served under this host name".to_owned(),
            "call it by its address or as localhost; other names need `http.allow_public: true`".to_owned(),
        ))
    }
}

/// A request that may change something, and its body.
#[derive(Debug)]
pub(super) struct Change(pub(super) Bytes);

impl FromRequest<Arc<Shared>> for Change {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        Caller::from_request_parts(&mut parts, shared).await?;
        if is_from_a_page(&parts.headers) {
            return Err(reply::error(
                StatusCode::FORBIDDEN,
                "web pages may not change anything here".to_owned(),
                "use `relapse deploy`, `mute` or `ack`, or a client that sends no `Origin`".to_owned(),
            ));
        }
        if !is_json(&parts.headers) {
            return Err(reply::error(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be JSON".to_owned(),
                "send the header `Content-Type: application/json`".to_owned(),
            ));
        }
        let body = Bytes::from_request(Request::from_parts(parts, body), shared).await;
        body.map(Self).map_err(|rejection| {
            let help = format!("a body has at most {} KiB", super::serve::MAX_BODY_BYTES / 1024);
            reply::error(rejection.status(), rejection.body_text(), help)
        })
    }
}

fn is_from_a_page(headers: &HeaderMap) -> bool {
    let fetched = headers.get(SEC_FETCH_SITE).is_some_and(|site| site != "none");
    headers.contains_key(header::ORIGIN) || fetched
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_cannot_be_rebound_are_answered() {
        let config = HttpConfig { listen: "Relapse.local:9464".to_owned(), ..HttpConfig::default() };
        let hosts = Hosts::of(&config);
        for good in ["127.0.0.1:9464", "127.0.0.1", "[::1]:9464", "localhost:9464", "LOCALHOST.", "relapse.local:80"] {
            assert!(hosts.allow(good), "{good}");
        }
        for bad in ["evil.example:9464", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "x:"] {
            assert!(!hosts.allow(bad), "{bad}");
        }
        assert!(Hosts::of(&HttpConfig { allow_public: true, ..config }).allow("relapse.monitoring.svc"));
    }
}
