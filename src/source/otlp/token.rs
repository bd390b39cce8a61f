//! The token that senders must show.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use hyper::HeaderMap;
use hyper::header;
use sha2::Digest;
use sha2::Sha256;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("failed to read `otlp.bearer_token_file` {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Everybody could guess it.
    #[error("`otlp.bearer_token_file` {path} is empty: put a token of 16 or more random characters in it")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Keeps only a digest: what is compared takes the same time whatever is shown, and nothing can be printed by mistake.
#[derive(Debug, Clone)]
pub(super) struct Token([u8; 32]);

impl Token {
    pub(super) fn read(path: &Path) -> Result<Self, TokenError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| TokenError::Read { path: path.to_owned(), source })?;
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenError::Empty { path: path.to_owned() });
        }
        Ok(Self(digest(text)))
    }

    /// Whether a request shows it.
    pub(super) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, token) = shown.split_once(' ').unwrap_or_default();
        scheme.eq_ignore_ascii_case("bearer") && digest(token.trim()) == self.0
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_taken() {
        let token = Token(digest("s3cret"));
        let shows =
            |value: &str| token.is_shown(&HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]));
        assert!(shows("Bearer s3cret") && shows("bearer s3cret"));
        assert!(!shows("Bearer s3cret2") && !shows("Basic s3cret") && !shows("s3cret") && !shows("Bearer "));
        assert!(!token.is_shown(&HeaderMap::new()));
    }
}
