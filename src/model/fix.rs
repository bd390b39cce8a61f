//! The fix record: when, where and with which release an incident was fixed.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of change the fix was. Only a code fix travels with a release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FixKind {
    /// A change of the program: contained in a release or not.
    #[default]
    Code,
    /// A change of configuration, in force from a moment on.
    Config,
    /// A repair of data.
    Data,
    /// A change of the platform.
    Infra,
}

/// One fix of one incident, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// The moment the fix counts from. For a bare date: the **end** of that day in UTC.
    pub at: Timestamp,
    /// The first moment of the day when only a date was given; an event between it and `at` cannot be judged by time.
    pub day_start: Option<Timestamp>,
    /// First release that contains the fix.
    pub release: Option<String>,
    /// The commit that fixed it.
    pub commit: Option<String>,
    /// Branch line → first fixed release of that line; `None` where the line never gets the fix (`none` in YAML).
    pub lines: Vec<(String, Option<String>)>,
    /// What kind of change it was.
    pub kind: FixKind,
    /// Services the fix applies to; empty = all.
    pub services: Vec<String>,
    /// Environments the fix applies to; empty = all.
    pub environments: Vec<String>,
    /// Report or ticket.
    pub report: Option<String>,
    /// Who fixed it.
    pub by: Option<String>,
}

impl Fix {
    /// Whether the fix is meant for this service and environment.
    pub fn applies_to(&self, service: &str, environment: &str) -> bool {
        let allows = |list: &[String], value: &str| list.is_empty() || list.iter().any(|item| item == value);
        allows(&self.services, service) && allows(&self.environments, environment)
    }
}
