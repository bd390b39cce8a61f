//! Metrics of single sources, beside what they read: how far behind they are, how often they had to begin anew; and of signatures
//! that no source tells anything about.

use jiff::SignedDuration;

use crate::telemetry::labels::RequestOutcome;
use crate::telemetry::labels::SourceKind;
use crate::telemetry::metrics::Metrics;

impl Metrics {
    /// From the event time of the latest record to its reading. Clocks that disagree give no less than 0.
    pub fn set_source_lag_seconds(&self, kind: SourceKind, lag: SignedDuration) {
        self.source_lag_seconds.with_label_values(&[kind.as_str()]).set(lag.as_secs().max(0));
    }

    /// How long the oldest of what is there has not been judged.
    pub fn set_source_oldest_unread(&self, kind: SourceKind, age: SignedDuration) {
        self.source_oldest_unread.with_label_values(&[kind.as_str()]).set(age.as_secs().max(0));
    }

    /// A connection or a subprocess was begun anew.
    pub fn source_restarts(&self, kind: SourceKind, times: u64) {
        self.source_restarts.with_label_values(&[kind.as_str()]).inc_by(times);
    }

    /// Pushed messages ended so.
    pub fn pubsub_pushes(&self, outcome: RequestOutcome, pushes: u64) {
        self.pubsub_pushes.with_label_values(&[outcome.as_str()]).inc_by(pushes);
    }

    /// Whether nothing comes that `signature` could match in.
    pub fn set_blind(&self, signature: &str, blind: bool) {
        self.signature_blind.with_label_values(&[signature]).set(i64::from(blind));
    }

    /// The signature is gone.
    pub fn forget_blind(&self, signature: &str) {
        // It may never have been shown.
        let _ = self.signature_blind.remove_label_values(&[signature]);
    }
}
