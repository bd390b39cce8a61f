//! Why a request is not taken, in the words of HTTP and of gRPC.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header;
use hyper::header::HeaderMap;
use hyper::header::HeaderValue;
use tonic::Code;

use crate::telemetry::labels::RequestOutcome;

/// When a refused sender shall come again.
pub(in crate::source) const RETRY: Duration = Duration::from_secs(1);

/// Why a request is not taken. The last two are worth another try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// It is bigger than is taken.
    #[error("{0}")]
    TooLarge(String),
    /// It comes in a form that is not taken.
    #[error("{0}")]
    Unsupported(String),
    /// It shows no token, or none that is taken.
    #[error("{0}")]
    Unauthorized(String),
    /// Whoever sent it may not, or not here.
    #[error("{0}")]
    Forbidden(String),
    /// There is nothing here.
    #[error("{0}")]
    NoSuchPath(&'static str),
    /// It did not come in time.
    #[error("the request did not come in time")]
    TooSlow,
    /// Too much is being worked on.
    #[error("too many requests at once; send again later")]
    Busy,
    /// It can be neither taken nor refused now: the pipeline is full, or could not store it.
    #[error("{0}; send again later, what was judged counts once")]
    Unavailable(String),
}

impl Refusal {
    /// How it is counted.
    pub(in crate::source) fn outcome(&self) -> RequestOutcome {
        match self {
            Self::Malformed(_) | Self::Unsupported(_) | Self::NoSuchPath(_) => RequestOutcome::Malformed,
            Self::TooLarge(_) => RequestOutcome::TooLarge,
            Self::Unauthorized(_) | Self::Forbidden(_) => RequestOutcome::Unauthorized,
            Self::TooSlow => RequestOutcome::TooSlow,
            Self::Busy | Self::Unavailable(_) => RequestOutcome::Unavailable,
        }
    }

    pub(in crate::source) fn status(&self) -> (StatusCode, Code) {
        match self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, Code::InvalidArgument),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted),
            Self::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument),
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, Code::Unauthenticated),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, Code::PermissionDenied),
            Self::NoSuchPath(_) => (StatusCode::NOT_FOUND, Code::Unimplemented),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, Code::DeadlineExceeded),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
        }
    }

    pub(in crate::source) fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable(_))
    }

    /// The headers that belong to the answer: when to come again, what to show.
    pub(in crate::source) fn describe(&self, headers: &mut HeaderMap) {
        if self.is_temporary() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY.as_secs()));
        }
        if matches!(self, Self::Unauthorized(_)) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
    }
}

/// Browsers name the page with every request that changes something. One that rebinds its name could reach a loopback port.
pub(in crate::source) fn of_page(headers: &HeaderMap) -> Option<Refusal> {
    headers.contains_key(header::ORIGIN).then(|| Refusal::Forbidden("web pages may not send records here".to_owned()))
}
