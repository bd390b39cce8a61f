//! HTTP clients, bounded in time and in what they read of an answer.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::Response;
use reqwest::redirect;

use crate::outgoing::guard::GuardedResolver;

/// Most of an answer that is read, in bytes.
pub const MAX_READ: usize = 64 * 1024;

/// How long an exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until somebody answers the connection.
    pub connect: Duration,
    /// Until the answer is there.
    pub total: Duration,
}

/// A client that follows no redirect, uses no proxy and goes where `resolver` lets it.
pub fn build(timeouts: Timeouts, resolver: GuardedResolver) -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(concat!("relapse/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(resolver))
        .build()
}

/// An answer, as far as it is read.
#[derive(Debug)]
pub struct Beginning {
    /// [`MAX_READ`] bytes at most.
    pub bytes: Vec<u8>,
    /// It is all there is.
    pub whole: bool,
}

/// Reads the beginning of an answer.
pub async fn read(mut response: Response) -> Beginning {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= MAX_READ => bytes.extend_from_slice(&chunk),
            Ok(Some(chunk)) => {
                bytes.extend(chunk.iter().take(MAX_READ - bytes.len()));
                return Beginning { bytes, whole: false };
            }
            end => return Beginning { bytes, whole: end.is_ok() },
        }
    }
}
