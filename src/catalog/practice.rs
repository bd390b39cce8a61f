//! How the services behind a catalog log and name their releases: what lints need to know beyond the catalog itself. Receives
//! configuration, gives answers; without any, nothing is assumed.

use jiff::Timestamp;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

/// What a service puts in the place of secrets before it logs. A signature that looks for the text as it stands in the source then never
/// matches, and `relapse check` says so.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedactorConfig {
    /// The service that does it (`service.name`); default every service.
    #[serde(default)]
    pub service: Option<String>,
    /// The regular expression it replaces, in the syntax of signatures: `(?i)(token|auth|jwt)[\s:=]+\w+`.
    pub pattern: RedactorPattern,
    /// What it writes instead, `$1` being the first group. Default `REDACTED`.
    #[serde(default = "redacted")]
    pub replacement: String,
}

fn redacted() -> String {
    "REDACTED".to_owned()
}

impl RedactorConfig {
    /// `text` as it is logged, if it is changed.
    pub(crate) fn changes(&self, text: &str) -> Option<String> {
        let logged = self.pattern.0.replace_all(text, self.replacement.as_str());
        (logged != text).then(|| logged.into_owned())
    }
}

/// A regular expression in a configuration.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct RedactorPattern(#[schemars(with = "String")] Regex);

impl TryFrom<String> for RedactorPattern {
    type Error = regex::Error;

    fn try_from(pattern: String) -> Result<Self, Self::Error> {
        Regex::new(&pattern).map(Self)
    }
}

/// Says whether the release order of a service (`None`: where none is named) can read a release.
pub type ReadsRelease<'a> = dyn Fn(Option<&str>, &str) -> bool + 'a;

/// See the module.
#[derive(Clone, Copy)]
pub struct Practice<'a> {
    /// What services redact.
    pub redactors: &'a [RedactorConfig],
    /// How they order releases.
    pub reads_release: &'a ReadsRelease<'a>,
    /// The clock, if it may be asked: a fix is no plan.
    pub now: Option<Timestamp>,
}

impl Default for Practice<'_> {
    fn default() -> Self {
        Self { redactors: &[], reads_release: &|_, _| true, now: None }
    }
}
