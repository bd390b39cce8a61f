//! URLs that something may be sent to: HTTP, without credentials, to no metadata service.

use std::net::IpAddr;

use reqwest::Url;

use crate::outgoing::guard;

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all.
    #[error("not a URL ({0}); write it as http://host:port/path")]
    Syntax(String),
    /// Neither `http` nor `https`.
    #[error("the scheme `{0}` is not supported; use http or https")]
    Scheme(String),
    /// No host.
    #[error("the URL names no host; write it as http://host:port/path")]
    NoHost,
    /// `user:password@`.
    #[error("the URL holds credentials; put a token into a file and name it as bearer_token_file")]
    Credentials,
    /// The metadata service of a cloud, or a link-local address.
    #[error("{0} is a link-local or metadata address; nothing is ever sent there")]
    Forbidden(String),
    /// Would travel in the clear.
    #[error("{0} is not loopback; use https")]
    Clear(String),
}

/// Reads a URL.
pub fn parse(text: &str) -> Result<Url, UrlError> {
    let url = Url::parse(text.trim()).map_err(|error| UrlError::Syntax(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlError::Scheme(url.scheme().to_owned()));
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(UrlError::NoHost)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    if guard::is_metadata_name(host) || address(host).is_some_and(guard::is_forbidden) {
        return Err(UrlError::Forbidden(host.to_owned()));
    }
    Ok(url)
}

/// Reads a URL that is trusted to tell the truth: `https`, or `http` on this host.
pub fn parse_trusted(text: &str) -> Result<Url, UrlError> {
    let url = parse(text)?;
    let host = url.host_str().unwrap_or_default();
    if url.scheme() == "https" || address(host).is_some_and(|address| address.is_loopback()) {
        return Ok(url);
    }
    Err(UrlError::Clear(host.to_owned()))
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_trusted_does_not_travel_in_the_clear() {
        for good in ["https://www.googleapis.com/oauth2/v3/certs", "http://127.0.0.1:8080/keys", "http://[::1]/keys"] {
            assert!(parse_trusted(good).is_ok(), "{good}");
        }
        // A name is looked up again for every request: `localhost` may be anybody by then.
        for bad in ["http://www.googleapis.com/certs", "http://10.0.0.1/keys", "http://localhost/keys"] {
            assert!(matches!(parse_trusted(bad), Err(UrlError::Clear(_))), "{bad}");
        }
        assert!(matches!(parse_trusted("https://169.254.169.254/"), Err(UrlError::Forbidden(_))));
    }
}
