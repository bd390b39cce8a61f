//! The free-form part of a document: selections, fields and exception maps → the detection the matcher evaluates.

use crate::catalog::compile::Site;
use crate::catalog::compile::Text;
use crate::catalog::compile::condition;
use crate::catalog::compile::key;
use crate::catalog::detection::Detection;
use crate::catalog::detection::ExceptionField;
use crate::catalog::detection::Field;
use crate::catalog::detection::FieldTest;
use crate::catalog::detection::FrameField;
use crate::catalog::detection::FramePick;
use crate::catalog::detection::Link;
use crate::catalog::detection::LinkTest;
use crate::catalog::detection::Selection;
use crate::catalog::detection::Test;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::suggest;
use crate::catalog::yaml::At;
use crate::catalog::yaml::Node;
use crate::catalog::yaml::Value;
use crate::model::record::Resource;

const FIELDS: &[&str] = &[
    "body",
    "severity_text",
    "severity_number",
    "trace_id",
    "span_id",
    "span.name",
    "status.message",
    "resource.<name>",
    "attributes.<name>",
    "exception|any",
    "exception|root",
    "exception|outermost",
    "pattern",
];
const LINK_FIELDS: &[&str] = &["type", "message", "stacktrace", "frame|any", "frame|last"];
const FRAME_FIELDS: &[&str] = &["code.file.path", "code.function.name", "code.line.number", "code.line"];

/// Compiles selections; problems go to the report, every text it meets is kept for the lints.
pub(super) struct Compiler<'r> {
    pub(super) report: &'r mut Report,
    pub(super) texts: Vec<Text>,
}

impl Compiler<'_> {
    /// The whole `detection`.
    pub(super) fn detection(&mut self, node: &Node) -> Option<Detection> {
        let Value::Map(entries) = &node.value else {
            let message = format!("`detection` must be a map of selections, not {}", node.kind());
            self.report.add_with_help(
                Code::WrongType,
                &node.anchor(),
                message,
                "the short form is `detection: { pattern: '…' }`",
            );
            return None;
        };
        let mut names = Vec::new();
        let mut selections = Vec::new();
        let mut condition = None;
        for (name, value) in entries {
            if name.value == "condition" {
                condition = Some(value);
            } else {
                names.push(name.clone());
                let test = self.named(name, value);
                selections.extend(test.map(|test| Selection { name: name.value.clone(), test }));
            }
        }
        if names.is_empty() {
            self.report.add(Code::EmptyDetection, &node.anchor(), "a detection needs at least one selection");
            return None;
        }
        let (condition, condition_text) = condition::condition(condition, &names, self.report)?;
        (selections.len() == names.len()).then_some(Detection { selections, condition, condition_text })
    }

    /// A selection under its name; `pattern: '…'` is the short form.
    fn named(&mut self, name: &At<String>, node: &Node) -> Option<Test> {
        if name.value == "pattern" && !holds_maps(node) {
            return self.short(name, node);
        }
        if !matches!(node.value, Value::Map(_) | Value::List(_)) {
            let message =
                format!("selection {} must be a map or a list of maps, not {}", quoted(&name.value), node.kind());
            let help = match FIELDS.iter().find(|field| key::field_of(name) == **field) {
                Some(_) => format!("give it a name: `selection: {{ {}: … }}`", name.value),
                None => "`field|modifier: value`, as in `body|contains: text`".to_owned(),
            };
            self.report.add_with_help(Code::WrongType, &name.span, message, help);
            return None;
        }
        condition::check_name(name, self.report);
        self.selection(node)
    }

    fn short(&mut self, key: &At<String>, node: &Node) -> Option<Test> {
        self.patterns(key, node).map(|patterns| any(patterns.into_iter().map(Test::Pattern).collect()))
    }

    /// A map (every entry) or a list of maps (one of them).
    pub(super) fn selection(&mut self, node: &Node) -> Option<Test> {
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                let tests: Vec<Option<Test>> = entries.iter().map(|(key, value)| self.entry(key, value)).collect();
                tests.into_iter().collect::<Option<Vec<_>>>().map(all)
            }
            Value::List(items) if !items.is_empty() => {
                let tests: Vec<Option<Test>> = items
                    .iter()
                    .map(|item| match item.value {
                        Value::Map(_) => self.selection(item),
                        _ => self.not_a_map(item),
                    })
                    .collect();
                tests.into_iter().collect::<Option<Vec<_>>>().map(any)
            }
            Value::Map(_) | Value::List(_) => {
                self.report.add(Code::EmptyDetection, &node.anchor(), "a selection that asks nothing");
                None
            }
            Value::Scalar(..) => self.not_a_map(node),
        }
    }

    fn not_a_map<T>(&mut self, node: &Node) -> Option<T> {
        let message = format!("a map of `field|modifier: value` is wanted here, not {}", node.kind());
        self.report.add(Code::WrongType, &node.anchor(), message);
        None
    }

    /// One entry of a selection.
    fn entry(&mut self, key: &At<String>, node: &Node) -> Option<Test> {
        match key::field_of(key) {
            "pattern" if key.value == "pattern" => self.short(key, node),
            "exception" => self.exception(key, node),
            name => {
                let field = self.field(key, name);
                let modifiers = key::modifiers(key, self.report);
                let site = match field {
                    Some(Field::Body) => Site::Body,
                    _ => Site::Other,
                };
                // The values are looked at even when the field is unknown, so that nothing hides behind a typo.
                let test = self.field_test(field.clone(), site, (key, modifiers?), node)?;
                let FieldTest { negated, all, predicate, .. } = test;
                Some(Test::Field(FieldTest { field: field?, negated, all, predicate }))
            }
        }
    }

    fn field(&mut self, key: &At<String>, name: &str) -> Option<Field> {
        let found = match name {
            "body" => Some(Field::Body),
            "severity_text" => Some(Field::SeverityText),
            "severity_number" => Some(Field::SeverityNumber),
            "trace_id" => Some(Field::TraceId),
            "span_id" => Some(Field::SpanId),
            "span.name" => Some(Field::SpanName),
            "status.message" => Some(Field::StatusMessage),
            _ => dotted(name),
        };
        if found.is_none() {
            let help = match name {
                "message" | "msg" => {
                    "the message of a record is `body`; that of an exception is `exception|any: { message: … }`"
                        .to_owned()
                }
                _ if name.starts_with("exception.") => {
                    "exceptions are asked link by link: `exception|any: { type: …, message|re: … }`".to_owned()
                }
                _ => format!(
                    "{}; an attribute without a dot is `attributes.{name}`",
                    suggest::help(name, FIELDS.iter().copied())
                ),
            };
            self.unknown_field(key, name, "a record", &help);
        }
        found
    }

    fn unknown_field(&mut self, key: &At<String>, name: &str, of: &str, help: &str) {
        let span = self.report.source.part(key, &(0..name.len()));
        self.report.add_with_help(Code::UnknownField, &span, format!("{of} has no field {}", quoted(name)), help);
    }

    /// `exception|any: { … }`; a list of maps is one of them.
    fn exception(&mut self, key: &At<String>, node: &Node) -> Option<Test> {
        let link = self.pick(key, &[("any", Link::Any), ("root", Link::Root), ("outermost", Link::Outermost)]);
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                let tests = self.link_tests(entries);
                Some(Test::Exception(link?, tests?))
            }
            Value::List(items) if !items.is_empty() => {
                let tests: Vec<Option<Test>> = items.iter().map(|item| self.exception(key, item)).collect();
                tests.into_iter().collect::<Option<Vec<_>>>().map(any)
            }
            _ => self.not_a_map(node),
        }
    }

    fn link_tests(&mut self, entries: &[(At<String>, Node)]) -> Option<Vec<LinkTest>> {
        let tests: Vec<Option<LinkTest>> = entries
            .iter()
            .map(|(key, node)| {
                let (field, site) = match key::field_of(key) {
                    "type" => (ExceptionField::Type, Site::Other),
                    "message" => (ExceptionField::Message, Site::Message),
                    "stacktrace" => (ExceptionField::Stacktrace, Site::Other),
                    "frame" => return self.frame(key, node),
                    name => {
                        let help = suggest::help(name, LINK_FIELDS.iter().copied());
                        self.unknown_field(key, name, "an exception", &help);
                        return None;
                    }
                };
                let modifiers = key::modifiers(key, self.report)?;
                self.field_test(field, site, (key, modifiers), node).map(LinkTest::Field)
            })
            .collect();
        tests.into_iter().collect()
    }

    fn frame(&mut self, key: &At<String>, node: &Node) -> Option<LinkTest> {
        let pick = self.pick(key, &[("any", FramePick::Any), ("last", FramePick::Last)]);
        let Value::Map(entries) = &node.value else { return self.not_a_map(node) };
        if entries.is_empty() {
            return self.not_a_map(node);
        }
        let tests: Vec<Option<FieldTest<FrameField>>> = entries
            .iter()
            .map(|(key, node)| {
                let field = match key::field_of(key) {
                    "code.file.path" => FrameField::Path,
                    "code.function.name" => FrameField::Function,
                    "code.line.number" => FrameField::LineNumber,
                    "code.line" => FrameField::Line,
                    name => {
                        let help = suggest::help(name, FRAME_FIELDS.iter().copied());
                        self.unknown_field(key, name, "a frame", &help);
                        return None;
                    }
                };
                let modifiers = key::modifiers(key, self.report)?;
                self.field_test(field, Site::Other, (key, modifiers), node)
            })
            .collect();
        Some(LinkTest::Frame(pick?, tests.into_iter().collect::<Option<Vec<_>>>()?))
    }

    /// Which link or frame: the one word behind the `|`; none means any.
    fn pick<T: Copy>(&mut self, key: &At<String>, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<(usize, &str)> = key::words_of(key).collect();
        let (start, word) = match words.as_slice() {
            [] => return choices.first().map(|(_, pick)| *pick),
            [one] => *one,
            [_, second, ..] => *second,
        };
        let found = choices.iter().find(|(name, _)| *name == word).map(|(_, pick)| *pick);
        if found.is_none() || words.len() > 1 {
            let span = self.report.source.part(key, &(start..start + word.len()));
            let help = suggest::help(word, choices.iter().map(|(name, _)| *name));
            let message = format!("unknown choice {} of {}", quoted(word), quoted(key::field_of(key)));
            self.report.add_with_help(Code::UnknownModifier, &span, message, help);
            return None;
        }
        found
    }
}

/// `resource.*`, `attributes.*`, and any dotted name whose first part is no other field: an attribute as well, unless decoding puts what
/// has that name into the resource wherever it stood.
fn dotted(name: &str) -> Option<Field> {
    const TAKEN: &[&str] = &[
        "",
        "body",
        "severity_text",
        "severity_number",
        "trace_id",
        "span_id",
        "span",
        "status",
        "exception",
        "pattern",
    ];
    match name.split_once('.').filter(|(first, rest)| !rest.is_empty() && !TAKEN.contains(first))? {
        ("resource", rest) => Some(Field::Resource(rest.to_owned())),
        ("attributes", rest) => Some(Field::Attribute(rest.to_owned())),
        _ if Resource::is_own(name) => Some(Field::Resource(name.to_owned())),
        _ => Some(Field::Attribute(name.to_owned())),
    }
}

fn holds_maps(node: &Node) -> bool {
    match &node.value {
        Value::Map(_) => true,
        Value::List(items) => items.iter().any(|item| matches!(item.value, Value::Map(_))),
        Value::Scalar(..) => false,
    }
}

fn all(tests: Vec<Test>) -> Test {
    single(tests, Test::All)
}

fn any(tests: Vec<Test>) -> Test {
    single(tests, Test::Any)
}

fn single(mut tests: Vec<Test>, wrap: fn(Vec<Test>) -> Test) -> Test {
    match tests.len() {
        1 => tests.pop().unwrap_or_else(|| wrap(Vec::new())),
        _ => wrap(tests),
    }
}
