//! How the structs of the specification are read, and the parts of the JSON Schema that no struct can say (free keys, one or many).

use std::borrow::Cow;

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::json_schema;

use crate::catalog::spec;
use crate::catalog::spec::Fields;
use crate::catalog::spec::Read;
use crate::catalog::spec::read::scalar;
use crate::catalog::spec::read::scalars;
use crate::catalog::spec::words;
use crate::catalog::yaml::At;
use crate::model::verdict::Verdict;

/// A place is invisible in the schema.
impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// One text or a list of texts.
pub(super) fn texts(_generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
}

/// Free keys, each with one text or several.
pub(super) fn map_of_texts(_generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": ["string", "array"], "items": { "type": "string" }, "minItems": 1 },
    })
}

/// `none` or a verdict.
pub(super) fn verdict_or_none(_generator: &mut SchemaGenerator) -> Schema {
    let list: Vec<&str> = std::iter::once("none").chain(words::<Verdict>().iter().copied()).collect();
    json_schema!({ "type": "string", "enum": list })
}

/// A test of one field: `field|modifier: value` or a list of values.
fn value() -> Schema {
    json_schema!({
        "type": ["string", "number", "boolean", "array"],
        "items": { "type": ["string", "number", "boolean"] },
        "minItems": 1,
    })
}

/// A selection: a map (all of it) or a list of maps (one of them).
pub(super) fn selection(generator: &mut SchemaGenerator) -> Schema {
    let map = format!("{}/{}", generator.settings().definitions_path, "Selection");
    let fields = json_schema!({
        "description": "All of these must hold: `field|modifier: value`. A list of values is OR, `|all` makes it AND.",
        "type": "object",
        "minProperties": 1,
        "patternProperties": {
            "^exception(\\|(any|root|outermost))?$": {
                "description": "All of these on the same link of the exception chain: `type`, `message`, `stacktrace`, `frame|any`, `frame|last`.",
                "type": ["object", "array"],
            },
        },
        "additionalProperties": value(),
    });
    generator.definitions_mut().insert("Selection".to_owned(), fields.to_value());
    json_schema!({
        "anyOf": [
            { "$ref": format!("#{map}") },
            { "type": "array", "minItems": 1, "items": { "$ref": format!("#{map}") } },
        ],
    })
}

/// Named selections and a condition, or the short form.
pub(super) fn detection(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "properties": {
            "condition": {
                "description": "`and`, `or`, `not`, `( )`, `1 of name*`, `all of them`; default: all selections.",
                "type": "string",
            },
            "pattern": {
                "description": "Short form: a regular expression (or several, one of which must match), searched in the body and in every exception's `type: message`.",
                "type": ["string", "array"],
                "items": { "type": "string" },
            },
        },
        "additionalProperties": selection(generator),
    })
}

impl Read for spec::SignatureSpec {
    const WHAT: &'static str = "a signature";

    fn read(fields: &mut Fields<'_>) -> Self {
        let mut id = fields.required_text("id");
        if id.value.is_empty() {
            // Problems of the whole signature point at its id.
            id.span = fields.anchor.clone();
        }
        Self {
            schema: fields.required_text("schema"),
            id,
            title: fields.required_text("title"),
            severity: fields.word("severity"),
            status: fields.word("status"),
            description: fields.text("description"),
            owner: fields.text("owner"),
            references: fields.texts("references"),
            runbook_url: fields.text("runbook_url"),
            tags: fields.texts("tags"),
            family: fields.text("family"),
            role: fields.word("role"),
            state: fields.word("state"),
            scope: fields.map("scope", |key, node, report| Some(scalars(key, node, report))),
            fixes: fields.records("fixes"),
            detection: fields.required("detection").cloned(),
            correlation: fields.record("correlation"),
            diagnosis: fields.records("diagnosis"),
            guards: fields.records("guards"),
            tests: fields.records("tests"),
            related: fields.records("related"),
            start: fields.anchor.start,
        }
    }
}

impl Read for spec::FixSpec {
    const WHAT: &'static str = "a fix";

    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            at: fields.required_text("at"),
            release: fields.text("release"),
            commit: fields.text("commit"),
            lines: fields.map("lines", scalar),
            kind: fields.word("kind"),
            services: fields.texts("services"),
            environments: fields.texts("environments"),
            report: fields.text("report"),
            by: fields.text("by"),
        }
    }
}

impl Read for spec::CorrelationSpec {
    const WHAT: &'static str = "a correlation";

    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            r#type: fields.required_word("type"),
            group_by: fields.texts("group-by"),
            timespan: fields.required_text("timespan"),
            negate: fields.texts("negate"),
            on_partial: fields.word("on_partial"),
            condition: fields.record("condition"),
        }
    }
}

impl Read for spec::ThresholdSpec {
    const WHAT: &'static str = "a correlation's condition";

    fn read(fields: &mut Fields<'_>) -> Self {
        Self { gte: fields.number("gte"), gt: fields.number("gt"), field: fields.text("field") }
    }
}

impl Read for spec::DiagnosisSpec {
    const WHAT: &'static str = "a diagnosis";

    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            verdict: fields.required_word("verdict"),
            when: fields.required("when").cloned(),
            advice: fields.text("advice"),
        }
    }
}

impl Read for spec::GuardSpec {
    const WHAT: &'static str = "a guard";

    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            id: fields.required_text("id"),
            message: fields.required_text("message"),
            paths: fields.record("paths"),
            pattern_regex: fields.required_text("pattern-regex"),
            valid: fields.texts("valid"),
            invalid: fields.texts("invalid"),
        }
    }
}

impl Read for spec::PathsSpec {
    const WHAT: &'static str = "a guard's paths";

    fn read(fields: &mut Fields<'_>) -> Self {
        Self { include: fields.texts("include"), exclude: fields.texts("exclude") }
    }
}

impl Read for spec::TestSpec {
    const WHAT: &'static str = "a test";

    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            name: fields.text("name"),
            resource: fields.map("resource", scalar),
            input: fields.text("input"),
            input_file: fields.text("input_file"),
            expect: fields.required("expect").and_then(|node| spec::read::read(node, fields.report)),
        }
    }
}

impl Read for spec::ExpectSpec {
    const WHAT: &'static str = "an expectation";

    fn read(fields: &mut Fields<'_>) -> Self {
        Self { verdict: fields.text("verdict"), count: fields.number("count") }
    }
}

impl Read for spec::RelatedSpec {
    const WHAT: &'static str = "a relation";

    fn read(fields: &mut Fields<'_>) -> Self {
        Self { id: fields.required_text("id"), r#type: fields.word("type") }
    }
}
