//! Whether a push comes from Pub/Sub: the token it shows is Google's, for this endpoint, of the one service account, and in force.
//!
//! Signatures are checked by `jsonwebtoken`; what the token claims is compared here, with a clock that is passed in. No part of a token is
//! ever written anywhere.

use hyper::HeaderMap;
use hyper::header;
use jiff::SignedDuration;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use jsonwebtoken::Validation;
use serde::Deserialize;
use thiserror::Error;

use crate::source::pubsub::endpoint::OidcConfig;
use crate::source::pubsub::push::keys::Keys;
use crate::source::pubsub::push::keys::NoKey;
use crate::source::receive::refusal::Refusal;

const ISSUER: &str = "https://accounts.google.com";
/// How far clocks may disagree.
const SKEW: SignedDuration = SignedDuration::from_secs(30);
/// Google's are a quarter of that.
const MAX_TOKEN: usize = 4 * 1024;

/// Why a token does not let in. Says which rule, and nothing of what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Rejected {
    #[error("no token: give the push subscription an authentication (a service account)")]
    Missing,
    #[error("the token is malformed, or of an algorithm that is not taken")]
    Malformed,
    #[error("the token is not signed with RS256")]
    Algorithm,
    #[error("the token names no key")]
    NoKeyId,
    #[error("the token cannot be checked: {0}")]
    Key(#[from] NoKey),
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is no identity token: `iss`, `aud`, `exp` and `iat` are needed")]
    Claims,
    #[error("the token has expired")]
    Expired,
    #[error("the token was issued in the future; is a clock wrong?")]
    Early,
    #[error("the token is another issuer's")]
    Issuer,
    #[error("the token is for another audience; compare `oidc.audience` with the subscription's")]
    Audience,
    #[error("the token is another account's; compare `oidc.service_account` with the subscription's")]
    Account,
    #[error("the token's e-mail address is not verified")]
    Unverified,
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Key(NoKey::Unavailable) => Self::Unavailable(rejected.to_string()),
            _ => Self::Unauthorized(rejected.to_string()),
        }
    }
}

/// What an identity token of Google's says, as far as it matters.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    iat: i64,
    email: Option<String>,
    email_verified: Option<bool>,
}

/// Lets in who shows the right token.
pub(super) struct Gate {
    keys: Keys,
    audience: String,
    service_account: String,
    validation: Validation,
}

impl Gate {
    pub(super) fn new(config: &OidcConfig, keys: Keys) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        // It would ask the system for the time, and take any audience of several: `Claims` are compared below, exactly.
        (validation.validate_exp, validation.validate_aud) = (false, false);
        validation.required_spec_claims.clear();
        let (audience, service_account) =
            (config.audience.as_str().to_owned(), config.service_account.as_str().to_owned());
        Self { keys, audience, service_account, validation }
    }

    /// Checks what a request shows.
    pub(super) async fn pass(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), Rejected> {
        let token = shown(headers)?;
        let head = jsonwebtoken::decode_header(token).map_err(|_| Rejected::Malformed)?;
        if head.alg != Algorithm::RS256 {
            return Err(Rejected::Algorithm);
        }
        // Extensions that must be understood: none is (RFC 7515, section 4.1.11).
        if head.crit.is_some() {
            return Err(Rejected::Malformed);
        }
        let id = head.kid.ok_or(Rejected::NoKeyId)?;
        let key = self.keys.key(&id, now).await?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key, &self.validation);
        let claims = decoded.map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => Rejected::Signature,
            _ => Rejected::Claims,
        })?;
        self.compare(&claims.claims, now)
    }

    fn compare(&self, claims: &Claims, now: Timestamp) -> Result<(), Rejected> {
        let (expires, issued) = (time(claims.exp)?, time(claims.iat)?);
        if now.duration_since(expires) >= SKEW {
            return Err(Rejected::Expired);
        }
        if issued.duration_since(now) > SKEW {
            return Err(Rejected::Early);
        }
        if claims.iss != ISSUER {
            return Err(Rejected::Issuer);
        }
        if claims.aud != self.audience {
            return Err(Rejected::Audience);
        }
        if claims.email.as_deref() != Some(&self.service_account) {
            return Err(Rejected::Account);
        }
        if claims.email_verified != Some(true) {
            return Err(Rejected::Unverified);
        }
        Ok(())
    }
}

fn time(seconds: i64) -> Result<Timestamp, Rejected> {
    Timestamp::from_second(seconds).map_err(|_| Rejected::Claims)
}

/// The one token of a request.
fn shown(headers: &HeaderMap) -> Result<&str, Rejected> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Rejected::Missing)?;
    if values.next().is_some() || value.len() > MAX_TOKEN {
        return Err(Rejected::Malformed);
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Rejected::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Rejected::Missing) }
}
