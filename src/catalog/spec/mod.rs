//! What a catalog document may hold: the written form of a signature (`relapse/v1`), every value with its place. Receives a YAML tree,
//! gives a [`SignatureSpec`] whatever is wrong (problems go to the report; what is missing is empty); `compile` takes it from there.
//!
//! The structs are the one source of the published JSON Schema: doc comments become descriptions, field names become keys.

mod read;
mod shape;
mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;

use crate::catalog::signature::CorrelationKind;
use crate::catalog::signature::OnPartial;
use crate::catalog::signature::RelatedKind;
use crate::catalog::signature::Role;
use crate::catalog::signature::Status;
use crate::catalog::yaml::At;
use crate::catalog::yaml::Node;
use crate::model::alert::Level;
use crate::model::fix::FixKind;
use crate::model::verdict::Verdict;

pub(crate) use self::read::Fields;
pub(crate) use self::read::Read;
pub(crate) use self::read::read;
pub(crate) use self::read::scalar;
pub(crate) use self::read::scalars;
pub(crate) use self::words::words;

/// The value of `schema`.
pub(crate) const SCHEMA: &str = "relapse/v1";

/// One known incident: how it looks in logs and traces, when and where it was fixed, who owns it, and samples that prove it.
#[derive(Debug, Default, JsonSchema)]
#[schemars(title = "relapse signature", deny_unknown_fields)]
pub(crate) struct SignatureSpec {
    /// Version of the language: `relapse/v1`.
    #[schemars(extend("const" = SCHEMA))]
    pub(crate) schema: At<String>,
    /// Label value `signature="…"`; unique in the catalog and stable for ever.
    #[schemars(regex(pattern = "^[a-z0-9-]{3,64}$"))]
    pub(crate) id: At<String>,
    /// One line for humans.
    pub(crate) title: At<String>,
    /// How bad its return is; default `medium`.
    pub(crate) severity: Option<At<Level>>,
    /// How far it can be trusted; default `stable`.
    pub(crate) status: Option<At<Status>>,
    /// What happened, and what hides behind the surface.
    pub(crate) description: Option<At<String>>,
    /// The team that gets the alert.
    pub(crate) owner: Option<At<String>>,
    /// Reports and tickets: paths or URLs.
    #[schemars(default, schema_with = "shape::texts")]
    pub(crate) references: Vec<At<String>>,
    /// What to do when it is back.
    pub(crate) runbook_url: Option<At<String>>,
    /// Free words.
    #[schemars(default, schema_with = "shape::texts")]
    pub(crate) tags: Vec<At<String>>,
    /// Signatures of one root cause share a family and one alert.
    pub(crate) family: Option<At<String>>,
    /// A `symptom` never pages alone; default `cause`.
    pub(crate) role: Option<At<Role>>,
    /// `open`: known and not fixed, counts and does not page; default `fixed`.
    pub(crate) state: Option<At<State>>,
    /// Resource attributes a record must not contradict; absent = everywhere.
    #[schemars(default, schema_with = "shape::map_of_texts")]
    pub(crate) scope: Vec<(At<String>, Vec<At<String>>)>,
    /// When, where and with which release it was fixed. Fixed, broke and fixed again is several entries.
    #[schemars(default)]
    pub(crate) fixes: Vec<FixSpec>,
    /// How a record must look: named selections and a `condition`, or `pattern` alone.
    #[schemars(schema_with = "shape::detection")]
    pub(crate) detection: Option<Node>,
    /// What must happen together; absent = every matching record counts by itself.
    pub(crate) correlation: Option<CorrelationSpec>,
    /// What kind of recurrence it is; the first rule that matches wins.
    #[schemars(default)]
    pub(crate) diagnosis: Vec<DiagnosisSpec>,
    /// What must not reappear in the source.
    #[schemars(default)]
    pub(crate) guards: Vec<GuardSpec>,
    /// The signature's proof: at least one input that must match and one that must not.
    #[schemars(default)]
    pub(crate) tests: Vec<TestSpec>,
    /// Other signatures and how they relate.
    #[schemars(default)]
    pub(crate) related: Vec<RelatedSpec>,
    /// Where the document begins.
    #[schemars(skip)]
    pub(crate) start: usize,
}

/// Whether an incident is fixed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Fixed: its return is a regression.
    #[default]
    Fixed,
    /// Known and not fixed: counts, does not page.
    Open,
}

/// One fix.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct FixSpec {
    /// RFC 3339 time with zone. A bare date is allowed and counts from the end of that day in UTC.
    pub(crate) at: At<String>,
    /// First release that contains the fix. Always quoted: `2.10` without quotes is the number 2.1.
    pub(crate) release: Option<At<String>>,
    /// The commit that fixed it.
    pub(crate) commit: Option<At<String>>,
    /// Back-ports: branch line → first fixed release of that line, or `none` where the line never gets the fix.
    #[schemars(with = "BTreeMap<String, String>", default)]
    pub(crate) lines: Vec<(At<String>, At<String>)>,
    /// What kind of change it was; default `code`. Only code travels with a release.
    pub(crate) kind: Option<At<FixKind>>,
    /// Services the fix applies to; absent = all.
    #[schemars(default, schema_with = "shape::texts")]
    pub(crate) services: Vec<At<String>>,
    /// Environments the fix applies to; absent = all.
    #[schemars(default, schema_with = "shape::texts")]
    pub(crate) environments: Vec<At<String>>,
    /// Report or ticket of this fix.
    pub(crate) report: Option<At<String>>,
    /// Who fixed it.
    pub(crate) by: Option<At<String>>,
}

/// What must happen together, as Sigma's correlation.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct CorrelationSpec {
    /// How the records relate in time.
    #[schemars(with = "CorrelationKind")]
    pub(crate) r#type: Option<At<CorrelationKind>>,
    /// Fields whose equal, non-empty values join records.
    #[schemars(default, rename = "group-by", schema_with = "shape::texts")]
    pub(crate) group_by: Vec<At<String>>,
    /// Length of the window in event time: `30s`, `5m`, `1h`, `2d`.
    #[schemars(regex(pattern = "^([0-9]+(ms|s|m|h|d))+$"))]
    pub(crate) timespan: At<String>,
    /// Selections that must not occur in the window.
    #[schemars(default, schema_with = "shape::texts")]
    pub(crate) negate: Vec<At<String>>,
    /// What a part alone means at the window's end; default `suspect`.
    pub(crate) on_partial: Option<At<OnPartial>>,
    /// `event_count` and `value_count`: how many.
    pub(crate) condition: Option<ThresholdSpec>,
}

/// How many events or values make a correlation.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ThresholdSpec {
    /// At least so many.
    pub(crate) gte: Option<At<u64>>,
    /// More than so many.
    pub(crate) gt: Option<At<u64>>,
    /// `value_count`: the field whose different values are counted.
    pub(crate) field: Option<At<String>>,
}

/// What kind of recurrence it is.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct DiagnosisSpec {
    /// The verdict it gives.
    #[schemars(with = "Verdict")]
    pub(crate) verdict: Option<At<Verdict>>,
    /// What the record must look like besides matching the signature: a selection.
    #[schemars(schema_with = "shape::selection")]
    pub(crate) when: Option<Node>,
    /// What to do about it.
    pub(crate) advice: Option<At<String>>,
}

/// What must not reappear in the source.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct GuardSpec {
    /// Unique within the signature.
    pub(crate) id: At<String>,
    /// What to do instead.
    pub(crate) message: At<String>,
    /// Where to look; absent = everywhere.
    pub(crate) paths: Option<PathsSpec>,
    /// Regular expression, searched in the whole file; it may span lines.
    #[schemars(rename = "pattern-regex")]
    pub(crate) pattern_regex: At<String>,
    /// Source that must not be flagged.
    #[schemars(default, schema_with = "shape::texts")]
    pub(crate) valid: Vec<At<String>>,
    /// Source that must be flagged.
    #[schemars(default, schema_with = "shape::texts")]
    pub(crate) invalid: Vec<At<String>>,
}

/// Where a guard looks.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct PathsSpec {
    /// Globs of paths to look at; absent = all.
    #[schemars(default, schema_with = "shape::texts")]
    pub(crate) include: Vec<At<String>>,
    /// Globs of paths to leave out.
    #[schemars(default, schema_with = "shape::texts")]
    pub(crate) exclude: Vec<At<String>>,
}

/// One test of the signature.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct TestSpec {
    /// Names it in reports; default `test 1`, `test 2`, …
    pub(crate) name: Option<At<String>>,
    /// Resource attributes of the whole input: `service.name`, `service.version`, …
    #[schemars(with = "BTreeMap<String, String>", default)]
    pub(crate) resource: Vec<(At<String>, At<String>)>,
    /// The log text; this or `input_file`.
    pub(crate) input: Option<At<String>>,
    /// A file with the log text, relative to the catalog file.
    pub(crate) input_file: Option<At<String>>,
    /// What must come of it.
    #[schemars(with = "ExpectSpec")]
    pub(crate) expect: Option<ExpectSpec>,
}

/// What a test expects. `verdict: none` = the signature must not match; without `verdict` it must match, whatever the verdict.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ExpectSpec {
    /// The verdict, or `none`.
    #[schemars(default, schema_with = "shape::verdict_or_none")]
    pub(crate) verdict: Option<At<String>>,
    /// How many records must match; default at least one.
    pub(crate) count: Option<At<u64>>,
}

/// A relation to another signature.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RelatedSpec {
    /// The other one.
    pub(crate) id: At<String>,
    /// How it relates; default `similar`.
    pub(crate) r#type: Option<At<RelatedKind>>,
}
