//! A compiled signature: what the matcher evaluates and the incident engine judges by. It cannot be wrong: everything that can
//! be, was found while it was compiled from the specification.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::catalog::detection::Detection;
use crate::catalog::detection::Pattern;
use crate::catalog::detection::Test;
use crate::model::alert::Level;
use crate::model::fix::Fix;
use crate::model::verdict::Verdict;

/// Every signature that loaded, in catalog order. Immutable; shared by `Arc`, swapped whole on reload.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// In order of file and document.
    pub signatures: Vec<Arc<Signature>>,
}

impl Catalog {
    /// The signature with this id.
    pub fn get(&self, id: &str) -> Option<&Arc<Signature>> {
        self.signatures.iter().find(|signature| &*signature.id == id)
    }
}

/// One known incident.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Label value `signature="…"`.
    pub id: Arc<str>,
    /// One line for humans.
    pub title: String,
    /// How bad its return is.
    pub severity: Level,
    /// How far it can be trusted.
    pub status: Status,
    /// What happened.
    pub description: String,
    /// Who owns it.
    pub owner: Option<String>,
    /// Reports and tickets.
    pub references: Vec<String>,
    /// Runbook.
    pub runbook_url: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// Signatures of one root cause share a family.
    pub family: Option<String>,
    /// A symptom never pages alone.
    pub role: Role,
    /// `state: open`: known, not fixed; counts and does not page.
    pub open: bool,
    /// Resource attributes a record must not contradict: name → accepted values (compared literally, case kept).
    pub scope: Vec<(String, Vec<String>)>,
    /// Newest last.
    pub fixes: Vec<Fix>,
    /// What a record must look like.
    pub detection: Detection,
    /// What must happen together; `None` = every matching record counts by itself.
    pub correlation: Option<Correlation>,
    /// First match wins.
    pub diagnosis: Vec<Diagnosis>,
    /// What must not reappear in the source.
    pub guards: Vec<Guard>,
    /// The signature's own proof.
    pub tests: Vec<TestCase>,
    /// Other signatures and how they relate.
    pub related: Vec<Related>,
    /// Where it is written.
    pub place: Place,
}

impl Signature {
    /// The values that the scope accepts for a resource attribute; none where it does not name it.
    pub fn scope_of(&self, attribute: &str) -> impl Iterator<Item = &String> {
        self.scope.iter().filter(move |(name, _)| name == attribute).flat_map(|(_, values)| values)
    }
}

/// File and line of a signature's document, for messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Path as given, or `embedded:<name>`.
    pub file: Arc<str>,
    /// 1-based.
    pub line: usize,
}

/// Sigma's maturity levels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// New; expect noise.
    Experimental,
    /// Being tried.
    Test,
    /// Proven.
    #[default]
    Stable,
    /// Kept for history, still matched.
    Deprecated,
}

/// Whether a signature is a cause or only a symptom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Pages by itself.
    #[default]
    Cause,
    /// Never pages alone (HTTP 503, close code 1011): attached to what caused it.
    Symptom,
}

/// A diagnosis rule: what kind of recurrence it is.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// The verdict it gives.
    pub verdict: Verdict,
    /// What the record must look like, besides matching the signature.
    pub when: Test,
    /// What to do about it.
    pub advice: Option<String>,
}

/// Sigma's correlation. Parsed and checked here; evaluated by `incident`.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// How the selections relate in time.
    pub kind: CorrelationKind,
    /// Fields whose equal, non-empty values join records.
    pub group_by: Vec<String>,
    /// In event time.
    pub timespan: SignedDuration,
    /// Selections (indices) that must not occur in the window.
    pub negate: Vec<usize>,
    /// What a surface alone means at the window's end.
    pub on_partial: OnPartial,
    /// `event_count`/`value_count`: at least this many.
    pub at_least: Option<u64>,
    /// `value_count`: of which field.
    pub field: Option<String>,
}

/// How one record takes part in a correlated signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Selections (indices) that hold for the record, ascending.
    pub selections: Vec<usize>,
    /// The whole condition holds for this record alone.
    pub whole: bool,
    /// Values of the `group-by` fields, in their order; `None` where a field is missing, empty or an all-zero id.
    pub keys: Vec<Option<String>>,
    /// Value of the field that `value_count` counts.
    pub value: Option<String>,
}

/// Sigma's correlation types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorrelationKind {
    /// All within the window, in any order.
    Temporal,
    /// All within the window, in the order written.
    TemporalOrdered,
    /// At least so many matches.
    EventCount,
    /// At least so many distinct values.
    ValueCount,
}

/// What a partial correlation means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnPartial {
    /// A warning.
    #[default]
    Suspect,
    /// Nothing.
    Drop,
}

/// What must not reappear in the source. Parsed and tested; the `guard` command comes later.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Unique within the signature.
    pub id: String,
    /// What to do instead.
    pub message: String,
    /// Globs of paths to look at; empty = all.
    pub include: Vec<String>,
    /// Globs of paths to leave out.
    pub exclude: Vec<String>,
    /// Searched in the whole file, spans lines.
    pub pattern: Pattern,
    /// Source the guard must not flag.
    pub valid: Vec<String>,
    /// Source the guard must flag.
    pub invalid: Vec<String>,
}

/// One embedded test.
#[derive(Debug, Clone)]
pub struct TestCase {
    /// Names it in reports.
    pub name: String,
    /// Static resource attributes of the input (`service.version`, …).
    pub resource: Vec<(String, String)>,
    /// The log text.
    pub input: String,
    /// What must come of it.
    pub expect: Expectation,
    /// 1-based line of the test in its file, for messages.
    pub line: usize,
}

/// What a test expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// `None` = `verdict: none`: the signature must not match. `Some(None)` = it must match, whatever the verdict.
    pub verdict: Option<Option<Verdict>>,
    /// How many records must match; default at least one.
    pub count: Option<usize>,
}

/// A relation to another signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The other one.
    pub id: String,
    /// How it relates.
    pub kind: RelatedKind,
}

/// How two signatures relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RelatedKind {
    /// This one was derived from the other.
    Derived,
    /// They look alike.
    Similar,
    /// The other is the cause and owns the alert.
    Cause,
}
