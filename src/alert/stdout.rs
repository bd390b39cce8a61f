//! Notices on standard output: text for people, JSON lines for Cloud Logging.
//!
//! The JSON line carries no traceback of the application (the evidence is one line, nested, under no key Error Reporting looks at):
//! it would be counted there as a second error.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::alert::config::StdoutConfig;
use crate::alert::config::StdoutFormat;
use crate::alert::redact::SafeNotice;
use crate::alert::render;
use crate::alert::sink::DeliveryError;
use crate::alert::sink::Outcome;
use crate::alert::sink::StdoutIs;
use crate::alert::terminal;
use crate::model::alert::Level;
use crate::model::alert::Notice;
use crate::model::alert::NoticeKind;

/// Where lines are written.
pub type Writer = Box<dyn Write + Send>;

/// The sink.
#[derive(Clone)]
pub struct Stdout {
    writer: Arc<Mutex<Writer>>,
    human: bool,
    color: bool,
    trace_project: Option<String>,
}

impl fmt::Debug for Stdout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdout").field("human", &self.human).field("color", &self.color).finish_non_exhaustive()
    }
}

impl Stdout {
    /// A sink on `stdout`, in the configured format.
    pub fn new(config: &StdoutConfig, stdout: StdoutIs) -> Self {
        let human = match config.format {
            StdoutFormat::Human => true,
            StdoutFormat::Json => false,
            StdoutFormat::Auto | StdoutFormat::Off => stdout.terminal,
        };
        let writer = Arc::new(Mutex::new(stdout.writer));
        Self { writer, human, color: stdout.color, trace_project: config.trace_project.clone() }
    }

    /// Writes one notice. A reader that does not read holds up this sink and nothing else.
    pub(in crate::alert) async fn deliver(&self, notice: &SafeNotice, now: Timestamp) -> Outcome {
        let shown = if self.human {
            terminal::text(notice, self.color)
        } else {
            match json_line(notice, now, self.trace_project.as_deref()) {
                Ok(line) => line,
                Err(error) => return Outcome::Refused(DeliveryError::Encode(error)),
            }
        };
        let writer = Arc::clone(&self.writer);
        let written = tokio::task::spawn_blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.write_all(shown.as_bytes()).and_then(|()| writer.flush())
        });
        match written.await {
            Ok(Ok(())) => Outcome::Accepted,
            Ok(Err(error)) => Outcome::Retry { after: None, error: DeliveryError::Write(error) },
            Err(error) => Outcome::Retry { after: None, error: DeliveryError::Write(error.into()) },
        }
    }
}

/// One line as Cloud Logging reads it. `time` is the moment of writing: entries with the time of an old event are dropped there.
pub fn json_line(
    notice: &SafeNotice,
    now: Timestamp,
    trace_project: Option<&str>,
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Line<'n> {
        severity: &'static str,
        message: String,
        time: Timestamp,
        #[serde(rename = "logging.googleapis.com/labels")]
        labels: Value,
        #[serde(rename = "logging.googleapis.com/trace", skip_serializing_if = "Option::is_none")]
        trace: Option<String>,
        version: &'static str,
        filter: String,
        notice: &'n Notice,
    }
    let key = &notice.key;
    let line = Line {
        severity: severity(notice),
        message: without_traceback(&render::text(notice)),
        time: now,
        labels: json!({
            "signature": key.signature, "service": key.service, "environment": key.environment,
            "kind": notice.kind, "level": notice.severity,
        }),
        trace: render::trace_id(notice).map(|id| match trace_project {
            Some(project) => format!("projects/{project}/traces/{id}"),
            None => id.to_owned(),
        }),
        version: "relapse/v1",
        filter: render::filter(notice),
        notice,
    };
    let mut text = without_traceback(&serde_json::to_string(&line)?);
    text.push('\n');
    Ok(text)
}

/// Takes from Error Reporting the words by which it knows a traceback.
fn without_traceback(text: &str) -> String {
    text.replace("Traceback (most recent call last)", "traceback")
}

/// Cloud Logging's severity.
fn severity(notice: &SafeNotice) -> &'static str {
    match (notice.kind, notice.severity) {
        (NoticeKind::Page, Level::Critical) => "CRITICAL",
        (NoticeKind::Page, _) => "ERROR",
        (NoticeKind::Warning | NoticeKind::Update, _) => "WARNING",
        (NoticeKind::Resolved, _) => "NOTICE",
    }
}
