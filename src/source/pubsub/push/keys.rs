//! The keys that sign tokens, kept for as long as their owner says: one fetch at a time, seldom, and never one for each stranger's token.
//!
//! A `Keeper` alone fetches; requests ask it and read what it last got. Keys that are due are fetched while the old ones serve on. With the
//! endpoint down the last good ones go on for a day. A request that goes away takes no fetch with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use jsonwebtoken::DecodingKey;
use reqwest::Client;
use reqwest::header::CACHE_CONTROL;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::outgoing::client;
use crate::outgoing::client::Timeouts;
use crate::outgoing::guard::GuardedResolver;
use crate::source::pubsub::endpoint::KeysUrl;

const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(5) };
/// Keys are not asked for again before: neither for a key that is unknown nor after a failure.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// The same while there are none at all.
const PAUSE_WITHOUT: SignedDuration = SignedDuration::from_secs(10);
/// How long keys are fresh if their owner does not say, and the bounds of what it may say.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
const SHORTEST: SignedDuration = SignedDuration::from_mins(5);
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// How long keys that are no longer fresh go on when no others can be had.
const GOOD: SignedDuration = SignedDuration::from_hours(24);
/// Requests that wait for a fetch.
const MAX_ASKS: usize = 64;

/// The client for keys cannot be set up.
#[derive(Debug, Error)]
#[error("set up the HTTP client for the keys of `oidc`; are the CA certificates installed?")]
pub struct ClientError(#[from] reqwest::Error);

/// Why there is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum NoKey {
    #[error("its key is none of its issuer's")]
    Unknown,
    #[error("the keys that sign tokens cannot be had now")]
    Unavailable,
}

/// Why keys cannot be fetched.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("the answer is {0}; a JSON Web Key Set was expected (redirects are not followed)")]
    Status(u16),
    #[error("the answer breaks off, or has more than {} bytes", client::MAX_READ)]
    Size,
    #[error("it is no JSON Web Key Set: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it holds no RSA key for RS256 signatures")]
    Empty,
}

/// What the last fetches gave.
#[derive(Default, Clone)]
struct Known {
    keys: Arc<HashMap<String, DecodingKey>>,
    fresh_until: Timestamp,
    good_until: Timestamp,
    asked: Option<Timestamp>,
    failed: bool,
}

impl Known {
    fn key(&self, id: &str, now: Timestamp) -> Option<DecodingKey> {
        self.keys.get(id).filter(|_| now < self.good_until).cloned()
    }

    /// Whether keys may be asked for. A clock that was set back is no reason to wait.
    fn may_ask(&self, now: Timestamp) -> bool {
        let pause = if now < self.good_until { PAUSE } else { PAUSE_WITHOUT };
        self.asked.is_none_or(|asked| now < asked || now.duration_since(asked) >= pause)
    }
}

/// Asks for a fetch, if one is due at that time; hears when that is over.
struct Ask {
    now: Timestamp,
    done: Option<oneshot::Sender<()>>,
}

/// The keys, for requests.
pub(super) struct Keys {
    known: watch::Receiver<Known>,
    asks: mpsc::Sender<Ask>,
}

/// Fetches keys.
pub(super) struct Keeper {
    known: watch::Sender<Known>,
    asks: mpsc::Receiver<Ask>,
    url: KeysUrl,
    http: Client,
}

/// Keys of `url`, and who fetches them.
pub(super) fn keys(url: KeysUrl) -> Result<(Keys, Keeper), ClientError> {
    let http = client::build(TIMEOUTS, GuardedResolver::new())?;
    let (told, known) = watch::channel(Known::default());
    let (asks, asked) = mpsc::channel(MAX_ASKS);
    Ok((Keys { known, asks }, Keeper { known: told, asks: asked, url, http }))
}

impl Keys {
    /// The key of that name.
    pub(super) async fn key(&self, id: &str, now: Timestamp) -> Result<DecodingKey, NoKey> {
        let known = self.known.borrow().clone();
        if let Some(key) = known.key(id, now) {
            if now >= known.fresh_until && known.may_ask(now) {
                // Whoever is first asks, and nobody waits. A full queue: somebody has asked.
                drop(self.asks.try_send(Ask { now, done: None }));
            }
            return Ok(key);
        }
        if known.may_ask(now) {
            let (done, heard) = oneshot::channel();
            // An end of the keeper is an end of relapse.
            drop(self.asks.send(Ask { now, done: Some(done) }).await);
            drop(heard.await);
        }
        let known = self.known.borrow();
        known.key(id, now).ok_or(if known.failed || known.keys.is_empty() {
            NoKey::Unavailable
        } else {
            NoKey::Unknown
        })
    }
}

impl Keeper {
    /// Fetches when asked; does not end.
    pub(super) async fn run(mut self) {
        while let Some(Ask { now, done }) = self.asks.recv().await {
            // Many ask at once; the first fetch is for all of them.
            if self.known.borrow().may_ask(now) {
                self.refresh(now).await;
            }
            if let Some(done) = done {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
        std::future::pending::<()>().await;
    }

    async fn refresh(&self, now: Timestamp) {
        let fetched = self.fetch().await;
        self.known.send_modify(|known| {
            known.asked = Some(now);
            known.failed = fetched.is_err();
            match fetched {
                Ok((keys, fresh)) => {
                    known.keys = Arc::new(keys);
                    known.fresh_until = now + fresh;
                    known.good_until = now + fresh + GOOD;
                }
                Err(error) => {
                    let served = now < known.good_until;
                    tracing::warn!(url = self.url.as_str(), %error, served, "the keys of pushed messages cannot be fetched");
                }
            }
        });
    }

    /// The keys, and how long they are fresh.
    pub(super) async fn fetch(&self) -> Result<(HashMap<String, DecodingKey>, SignedDuration), FetchError> {
        let answer = self.http.get(self.url.as_str()).send().await.map_err(reqwest::Error::without_url)?;
        if !answer.status().is_success() {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let fresh = fresh(answer.headers());
        let read = client::read(answer).await;
        if !read.whole {
            return Err(FetchError::Size);
        }
        let set: Set = serde_json::from_slice(&read.bytes)?;
        let keys: HashMap<_, _> = set.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() { Err(FetchError::Empty) } else { Ok((keys, fresh)) }
    }
}

/// RFC 7517, section 5.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Key>,
}

/// RFC 7517, section 4; RFC 7518, section 6.3.
#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// Its name and the key, if it is one for RS256.
fn usable(key: Key) -> Option<(String, DecodingKey)> {
    let Key { kty, kid, alg, purpose, n, e } = key;
    let fits = kty == "RSA" && alg.is_none_or(|alg| alg == "RS256") && purpose.is_none_or(|purpose| purpose == "sig");
    let key = DecodingKey::from_rsa_components(&n?, &e?).ok()?;
    Some((kid?, key)).filter(|_| fits)
}

/// RFC 9111, section 5.2.2.1, within bounds.
fn fresh(headers: &HeaderMap) -> SignedDuration {
    let said = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let age = said.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.trim_matches('"').parse().ok());
    age.map_or(FRESH, SignedDuration::from_secs).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fresh_as_long_as_their_owner_says_within_bounds() {
        let said = |text: &'static str| fresh(&HeaderMap::from_iter([(CACHE_CONTROL, text.parse().unwrap())]));
        assert_eq!(said("public, max-age=19342, must-revalidate, no-transform"), SignedDuration::from_secs(19_342));
        assert_eq!(said("max-age=\"7200\""), SignedDuration::from_hours(2));
        assert_eq!(said("max-age=0"), SHORTEST);
        assert_eq!(said("max-age=99999999999999"), LONGEST);
        for none in ["no-store", "max-age=soon", "s-maxage=60"] {
            assert_eq!(said(none), FRESH, "{none}");
        }
        assert_eq!(fresh(&HeaderMap::new()), FRESH);
    }

    #[test]
    fn only_rsa_keys_that_sign_are_taken() {
        let taken = |text: &str| usable(serde_json::from_str(text).unwrap()).is_some();
        assert!(taken(r#"{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB","alg":"RS256","use":"sig"}"#));
        assert!(taken(r#"{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}"#));
        for other in [
            r#"{"kty":"EC","kid":"a","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"oct","kid":"a","k":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB","use":"enc"}"#,
            r#"{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB","alg":"RS512"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"a","n":"A*","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"a","e":"AQAB"}"#,
        ] {
            assert!(!taken(other), "{other}");
        }
    }
}
