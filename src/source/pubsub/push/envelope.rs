//! What a push says: the message and whose it is. Wrapped it is JSON with the data in base64; unwrapped the body is the data, and headers say
//! the rest. The content type says nothing: it is not looked at.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;
use bytes::Bytes;
use hyper::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use crate::source::message::Message;
use crate::telemetry::inert::one_line;

const ID: &str = "x-goog-pubsub-message-id";
const SUBSCRIPTION: &str = "x-goog-pubsub-subscription-name";
const PUBLISHED: &str = "x-goog-pubsub-publish-time";
/// Characters shown of what a parser says: it may cite the body.
const MAX_SHOWN: usize = 160;

/// As protobuf's JSON is read: padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) subscription: String,
    pub(super) message: Message,
}

/// It is none. Says what is wrong with it, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum BadEnvelope {
    #[error(
        "the body is no push of Pub/Sub: {0}; a push is a JSON object with `message` and `subscription` or, unwrapped, names them in headers \
         (`noWrapper.writeMetadata: true`)"
    )]
    Json(String),
    #[error("`{0}` is missing: an unwrapped push needs `noWrapper.writeMetadata: true`")]
    Missing(&'static str),
    #[error("`message.data` is no base64")]
    Data,
    #[error("`{0}` is no time as RFC 3339 writes it")]
    Time(&'static str),
}

#[derive(Deserialize)]
struct Wrapped {
    message: Option<Inner>,
    subscription: Option<String>,
}

/// Both spellings of a name come; the older one alone from older emulators.
#[derive(Deserialize)]
struct Inner {
    data: Option<String>,
    #[serde(rename = "messageId")]
    id: Option<String>,
    #[serde(rename = "message_id")]
    older_id: Option<String>,
    #[serde(rename = "publishTime")]
    published: Option<String>,
    #[serde(rename = "publish_time")]
    older_published: Option<String>,
}

/// Reads a push that came at `now`, which is when the message was published if nothing says it.
pub(super) fn open(headers: &HeaderMap, body: Bytes, now: Timestamp) -> Result<Envelope, BadEnvelope> {
    if !headers.contains_key(ID) && !headers.contains_key(SUBSCRIPTION) {
        return from_json(&body, now);
    }
    let unwrapped = from_headers(headers, body, now)?;
    // Whoever passes pushes on may add the headers: only a wrapper knows the id that Pub/Sub gave.
    let wrapped = from_json(&unwrapped.message.data, now);
    Ok(wrapped.ok().filter(|wrapped| wrapped.message.id == unwrapped.message.id).unwrap_or(unwrapped))
}

fn from_headers(headers: &HeaderMap, body: Bytes, now: Timestamp) -> Result<Envelope, BadEnvelope> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let subscription = said(text(SUBSCRIPTION), SUBSCRIPTION)?;
    let id = said(text(ID), ID)?;
    let published = time(text(PUBLISHED).as_deref(), PUBLISHED, now)?;
    Ok(Envelope { subscription, message: Message { data: body.into(), id, published } })
}

fn from_json(body: &[u8], now: Timestamp) -> Result<Envelope, BadEnvelope> {
    let wrapped: Wrapped =
        serde_json::from_slice(body).map_err(|error| BadEnvelope::Json(one_line(&error.to_string(), MAX_SHOWN)))?;
    let inner = wrapped.message.ok_or(BadEnvelope::Missing("message"))?;
    let subscription = said(wrapped.subscription, "subscription")?;
    let id = said(inner.id.or(inner.older_id), "message.messageId")?;
    let published = inner.published.or(inner.older_published);
    let published = time(published.as_deref(), "message.publishTime", now)?;
    // A message may consist of attributes alone.
    let data = BASE64.decode(inner.data.unwrap_or_default()).map_err(|_| BadEnvelope::Data)?;
    Ok(Envelope { subscription, message: Message { data, id, published } })
}

fn said(text: Option<String>, name: &'static str) -> Result<String, BadEnvelope> {
    text.filter(|text| !text.is_empty()).ok_or(BadEnvelope::Missing(name))
}

fn time(text: Option<&str>, name: &'static str, now: Timestamp) -> Result<Timestamp, BadEnvelope> {
    text.map_or(Ok(now), |text| text.parse().map_err(|_| BadEnvelope::Time(name)))
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use hyper::header::HeaderName;
    use hyper::header::HeaderValue;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn wrapped(body: &str) -> Result<Envelope, BadEnvelope> {
        open(&HeaderMap::new(), Bytes::copy_from_slice(body.as_bytes()), NOW)
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    /// As Google's emulator sends it.
    #[test]
    fn a_wrapped_message_is_read() {
        let body = r#"{"message":{"attributes":{"a":"b"},"data":"aGVsbG8=","messageId":"7","message_id":"7","orderingKey":"k",
            "publishTime":"2025-10-01T08:00:00.123Z","publish_time":"2025-10-01T08:00:00.123Z"},
            "deliveryAttempt":3,"subscription":"projects/p/subscriptions/s"}"#;
        let published = "2025-10-01T08:00:00.123Z".parse().unwrap();
        let message = Message { data: b"hello".to_vec(), id: "7".to_owned(), published };
        let expected = Envelope { subscription: "projects/p/subscriptions/s".to_owned(), message };
        assert_eq!(wrapped(body), Ok(expected.clone()));
        let unwrapped = headers(&[
            (ID, "7"),
            (SUBSCRIPTION, "projects/p/subscriptions/s"),
            (PUBLISHED, "2025-10-01T08:00:00.123Z"),
        ]);
        assert_eq!(open(&unwrapped, Bytes::from_static(b"hello"), NOW), Ok(expected));
    }

    #[test]
    fn a_wrapper_with_headers_is_a_wrapper() {
        let body = r#"{"message":{"data":"aGVsbG8=","messageId":"7"},"subscription":"s"}"#;
        let read = |id| open(&headers(&[(ID, id), (SUBSCRIPTION, "s")]), Bytes::from_static(body.as_bytes()), NOW);
        assert_eq!(read("7").unwrap().message.data, b"hello");
        assert_eq!(read("8").unwrap().message.data, body.as_bytes(), "the control: a log entry that looks like one");
    }

    #[test]
    fn attributes_alone_are_a_message() {
        let read = wrapped(r#"{"message":{"attributes":{"a":"b"},"messageId":"7"},"subscription":"s"}"#).unwrap();
        assert_eq!((read.message.data.as_slice(), read.message.published), (&b""[..], NOW));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, named) in [
            ("", "EOF"),
            ("hello", "expected value"),
            ("[]", "invalid length"),
            ("{}", "`message` is missing"),
            (r#"{"message":{"messageId":"1"}}"#, "`subscription` is missing"),
            (r#"{"message":{"data":"aGk="},"subscription":"s"}"#, "`message.messageId` is missing"),
            (r#"{"message":{"messageId":""},"subscription":"s"}"#, "`message.messageId` is missing"),
            (r#"{"message":{"messageId":"1","data":"a=b"},"subscription":"s"}"#, "`message.data` is no base64"),
            (
                r#"{"message":{"messageId":"1","publishTime":"noon"},"subscription":"s"}"#,
                "`message.publishTime` is no time",
            ),
            (r#"{"message":{"messageId":1},"subscription":"s"}"#, "expected a string"),
            (r#"{"message":{"messageId":"1"},"message":{"messageId":"2"}}"#, "duplicate field"),
        ] {
            let said = wrapped(body).unwrap_err().to_string();
            assert!(said.contains(named), "{body}: {said}");
        }
        let said = |pairs| open(&headers(pairs), Bytes::new(), NOW).unwrap_err().to_string();
        assert!(said(&[(ID, "7")]).contains("`x-goog-pubsub-subscription-name` is missing"));
        assert!(said(&[(SUBSCRIPTION, "s")]).contains("`x-goog-pubsub-message-id` is missing"));
        assert!(said(&[(SUBSCRIPTION, "s"), (ID, "7"), (PUBLISHED, "noon")]).contains("publish-time` is no time"));
    }

    proptest! {
        /// Whatever comes, it is read or refused, and what is said of it is harmless.
        #[test]
        fn anything_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Err(error) = open(&HeaderMap::new(), body.into(), NOW) {
                prop_assert!(!error.to_string().chars().any(char::is_control));
            }
        }

        /// The same message, wrapped or not, is the same.
        #[test]
        fn a_wrapper_changes_nothing(data in prop::collection::vec(any::<u8>(), 0..100), id in "[0-9]{1,20}", padded: bool) {
            let text = BASE64_STANDARD.encode(&data);
            let text = if padded { text.as_str() } else { text.trim_end_matches('=') };
            let body = json!({"message": {"data": text, "messageId": id}, "subscription": "s"}).to_string();
            let mut headers = headers(&[(SUBSCRIPTION, "s")]);
            headers.insert(ID, id.parse().unwrap());
            prop_assert_eq!(wrapped(&body).unwrap(), open(&headers, data.into(), NOW).unwrap());
        }
    }
}
