//! Alertmanager, v2 API: what fires is said again and again, because a 200 from Alertmanager is no promise: killed before it
//! notifies, it has forgotten.
//!
//! Labels are the identity and what routing needs; everything that changes is an annotation. While an alert fires its `endsAt` lies
//! five intervals ahead instead of being left out: left out, Alertmanager would end it after its own `resolve_timeout`, which we do
//! not know; this way a relapse that restarts or misses a round leaves it firing, and one that is gone for good lets it end.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::Timestamp;
use reqwest::Url;
use serde::Serialize;

use crate::alert::client::Client;
use crate::alert::client::Target;
use crate::alert::config::SinkUrl;
use crate::alert::redact::SafeNotice;
use crate::alert::render;
use crate::alert::sink::DeliveryError;
use crate::alert::sink::Outcome;
use crate::model::alert::Notice;
use crate::model::alert::NoticeKind;
use crate::telemetry::inert::one_line;

/// `alertname` of an incident that is back.
pub const RETURNED: &str = "RelapseIncidentReturned";
/// `alertname` of something that needs a look.
pub const SUSPECT: &str = "RelapseSuspect";

/// Intervals a firing alert outlives the last word from relapse.
const GRACE: i32 = 5;
/// Longest annotation, in characters.
const MAX_ANNOTATION: usize = 4_096;

/// One member of an Alertmanager cluster.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    client: Client,
    target: Target,
    /// How often firing alerts are sent again.
    pub(in crate::alert) resend: SignedDuration,
}

/// One alert as the API takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    labels: BTreeMap<&'static str, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

impl Alertmanager {
    /// A sink for the Alertmanager at the base URL `url`.
    pub fn new(client: Client, url: &SinkUrl, bearer_token_file: Option<PathBuf>, resend: SignedDuration) -> Self {
        Self { client, target: Target { url: endpoint(url.url()), bearer_token_file }, resend }
    }

    /// A page or a warning that fires now.
    pub(in crate::alert) fn firing(&self, notice: &Notice, now: Timestamp) -> Alert {
        let starts_at = notice.starts_at.min(now);
        let ends_at = now.checked_add(self.resend * GRACE).unwrap_or(now);
        alert(&SafeNotice::of(notice), starts_at, ends_at)
    }

    /// A page or a warning that is over. Event times may lie ahead of the clock; an end ahead of it would be a firing alert.
    pub(in crate::alert) fn resolved(notice: &Notice, now: Timestamp) -> Alert {
        let starts_at = notice.starts_at.min(now);
        let ends_at = notice.ends_at.unwrap_or(now).clamp(starts_at, now);
        alert(&SafeNotice::of(notice), starts_at, ends_at)
    }

    /// One POST.
    pub(in crate::alert) async fn send(&self, alerts: &[Alert], now: Timestamp) -> Outcome {
        match serde_json::to_vec(alerts) {
            Ok(body) => self.client.post(&self.target, body, None, now).await,
            Err(error) => Outcome::Refused(DeliveryError::Encode(error)),
        }
    }
}

fn endpoint(base: &Url) -> Url {
    const PATH: &str = "/api/v2/alerts";
    let mut url = base.clone();
    let path = base.path().trim_end_matches('/');
    let path = path.strip_suffix(PATH).unwrap_or(path).to_owned();
    url.set_path(&format!("{path}{PATH}"));
    url
}

fn alert(notice: &SafeNotice, starts_at: Timestamp, ends_at: Timestamp) -> Alert {
    let generator_url = notice
        .reference
        .as_deref()
        .filter(|reference| Url::parse(reference).is_ok_and(|url| matches!(url.scheme(), "http" | "https")))
        .map(str::to_owned);
    Alert { labels: labels(notice), annotations: annotations(notice), starts_at, ends_at, generator_url }
}

fn labels(notice: &SafeNotice) -> BTreeMap<&'static str, String> {
    let name = if notice.kind == NoticeKind::Warning { SUSPECT } else { RETURNED };
    let mut labels = BTreeMap::from([
        ("alertname", name.to_owned()),
        ("signature", notice.key.signature.to_string()),
        ("service", notice.key.service.to_string()),
        ("environment", notice.key.environment.to_string()),
        ("severity", notice.severity.as_str().to_owned()),
    ]);
    labels.extend(notice.owner.clone().map(|owner| ("owner", owner)));
    labels
}

fn annotations(notice: &SafeNotice) -> BTreeMap<&'static str, String> {
    let evidence = &notice.evidence;
    let key = &notice.key;
    let summary = format!(
        "{} {}: {} in {}/{}",
        render::headline(notice),
        key.signature,
        notice.title,
        key.service,
        key.environment
    );
    let mut annotations = BTreeMap::from([
        ("summary", summary),
        ("description", render::text(notice)),
        ("why", notice.why.clone()),
        ("evidence", format!("{}:{} {}", evidence.file, evidence.line, evidence.message)),
        ("occurrences", notice.occurrences.to_string()),
        ("notice_id", notice.id.clone()),
    ]);
    let fixed_in = notice.fix.as_ref().and_then(|fix| fix.release.clone());
    let optional = [
        ("release", &evidence.release),
        ("fixed_in", &fixed_in),
        ("exception", &evidence.exception),
        ("raised_at", &evidence.raised_at),
        ("trace_id", &evidence.trace_id),
        ("advice", &evidence.advice),
        ("runbook_url", &notice.runbook_url),
        ("reference", &notice.reference),
        ("episode", &notice.episode),
        ("group", &notice.group),
    ];
    annotations.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    for value in annotations.values_mut() {
        *value = one_line(value, MAX_ANNOTATION);
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn the_path_is_added_once() {
        for (base, full) in [
            ("http://am:9093", "http://am:9093/api/v2/alerts"),
            ("http://am:9093/", "http://am:9093/api/v2/alerts"),
            ("https://x/alertmanager/", "https://x/alertmanager/api/v2/alerts"),
            ("http://am:9093/api/v2/alerts", "http://am:9093/api/v2/alerts"),
        ] {
            assert_eq!(endpoint(&base.parse().unwrap()).as_str(), full);
        }
    }
}
