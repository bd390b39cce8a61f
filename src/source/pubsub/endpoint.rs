//! How pushed messages are taken: where, and who may push.

use std::fmt;

use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::listen::tls::TlsConfig;
use crate::outgoing::url;
use crate::outgoing::url::UrlError;

/// Google's keys, as a JSON Web Key Set.
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// Where Pub/Sub pushes to, wrapped or unwrapped (then with `noWrapper.writeMetadata`), at any path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PushConfig {
    /// `HOST:PORT`, one for each subscription. Default `127.0.0.1:8090`. Port 0 takes any free one. Pub/Sub pushes to `https` only: give
    /// `tls`, or let something in front end it.
    pub listen: String,
    /// Allows an address other than loopback without `oidc` and without `tls`. Default false: whoever reaches the port can send records. Set it where
    /// something in front lets only Pub/Sub through, as Cloud Run does.
    pub allow_public: bool,
    /// What the tokens must say that Pub/Sub shows. Default: none is asked for. Set it wherever the endpoint can be reached from outside.
    pub oidc: Option<OidcConfig>,
    /// Takes TLS alone, with a certificate that Pub/Sub trusts. Default: no TLS; something in front ends it.
    pub tls: Option<TlsConfig>,
}

impl Default for PushConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8090".to_owned(), allow_public: false, oidc: None, tls: None }
    }
}

/// Whose tokens are taken: Google's, for this endpoint and from one service account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The audience of the subscription's authentication, letter for letter; where none was given it is the URL of the push endpoint.
    #[schemars(with = "String")]
    pub audience: Audience,
    /// E-mail address of the service account that the subscription pushes as.
    #[schemars(with = "String")]
    pub service_account: ServiceAccount,
    /// Where the keys are that sign the tokens. Default: Google's. For a mirror where Google cannot be reached; `https`, or on loopback.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub keys: KeysUrl,
}

/// Whom a token is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Audience(String);

/// Who pushes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServiceAccount(String);

/// Where the keys are.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct KeysUrl(String);

/// Would let in more than is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// No audience.
    #[error("it is empty; write the audience of the subscription's push authentication, or its push endpoint")]
    Audience,
    /// No e-mail address.
    #[error("it is no e-mail address; write it as NAME@PROJECT.iam.gserviceaccount.com")]
    ServiceAccount,
}

impl TryFrom<String> for Audience {
    type Error = OidcError;

    fn try_from(text: String) -> Result<Self, OidcError> {
        if text.trim().is_empty() { Err(OidcError::Audience) } else { Ok(Self(text)) }
    }
}

impl Audience {
    /// Letter for letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServiceAccount {
    type Error = OidcError;

    fn try_from(text: String) -> Result<Self, OidcError> {
        let is_address = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        if is_address { Ok(Self(text)) } else { Err(OidcError::ServiceAccount) }
    }
}

impl ServiceAccount {
    /// The e-mail address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for KeysUrl {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        url::parse_trusted(&text).map(|url: Url| Self(url.into()))
    }
}

impl Default for KeysUrl {
    fn default() -> Self {
        Self(GOOGLE_KEYS.to_owned())
    }
}

impl KeysUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeysUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
