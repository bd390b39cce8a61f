//! A specification → a signature that cannot be wrong. Receives what the YAML says and how to read a test's file, gives a [`Draft`]:
//! the signature if nothing keeps it from loading, and every text of its detection for the lints.

mod condition;
mod correlation;
mod detection;
mod fix;
mod key;
mod predicate;
mod proof;
mod regex;

use std::sync::Arc;

use crate::catalog::compile::detection::Compiler;
use crate::catalog::detection::Detection;
use crate::catalog::detection::Pattern;
use crate::catalog::detection::Test;
use crate::catalog::problem::Code;
use crate::catalog::signature::Diagnosis;
use crate::catalog::signature::Place;
use crate::catalog::signature::Related;
use crate::catalog::signature::RelatedKind;
use crate::catalog::signature::Signature;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::spec::SCHEMA;
use crate::catalog::spec::SignatureSpec;
use crate::catalog::spec::State;
use crate::catalog::yaml::At;

pub(crate) use self::key::Operator;

/// Reads a file named in a catalog file, relative to it.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// A compiled document.
#[derive(Debug)]
pub(crate) struct Draft {
    /// What the YAML says.
    pub(crate) spec: SignatureSpec,
    /// `None` when a problem keeps it from loading.
    pub(crate) signature: Option<Arc<Signature>>,
    /// The texts of its selections and diagnoses.
    pub(crate) texts: Vec<Text>,
}

/// One text a record is compared with.
#[derive(Debug)]
pub(crate) struct Text {
    /// As written.
    pub(crate) written: At<String>,
    /// How it is compared.
    pub(crate) operator: Operator,
    /// `not_…`
    pub(crate) negated: bool,
    /// What it is compared with.
    pub(crate) site: Site,
    /// For regular expressions that compiled.
    pub(crate) pattern: Option<Pattern>,
}

/// What a text is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// The short form: body and every exception's `type: message`.
    Anywhere,
    /// The body.
    Body,
    /// An exception's message.
    Message,
    /// Anything else.
    Other,
}

/// Compiles one document; every problem goes to the report.
pub(crate) fn compile(spec: SignatureSpec, report: &mut Report, read_file: ReadFile<'_>) -> Draft {
    let mut compiler = Compiler { report, texts: Vec::new() };
    let detection = spec.detection.as_ref().and_then(|node| compiler.detection(node));
    let diagnosis = diagnosis(&spec, &mut compiler);
    let texts = compiler.texts;
    head(&spec, report);
    let signature = Signature {
        id: Arc::from(spec.id.value.as_str()),
        title: spec.title.value.clone(),
        severity: value(spec.severity.as_ref()),
        status: value(spec.status.as_ref()),
        description: spec.description.as_ref().map(|text| text.value.clone()).unwrap_or_default(),
        owner: spec.owner.as_ref().map(|text| text.value.clone()),
        references: strings(&spec.references),
        runbook_url: spec.runbook_url.as_ref().map(|text| text.value.clone()),
        tags: strings(&spec.tags),
        family: spec.family.as_ref().map(|text| text.value.clone()),
        role: value(spec.role.as_ref()),
        open: value(spec.state.as_ref()) == State::Open,
        scope: spec.scope.iter().map(|(name, values)| (name.value.clone(), strings(values))).collect(),
        fixes: fix::fixes(&spec.fixes, report),
        correlation: spec
            .correlation
            .as_ref()
            .and_then(|spec| correlation::correlation(spec, detection.as_ref(), report)),
        detection: detection.unwrap_or_else(nothing),
        diagnosis,
        guards: proof::guards(&spec.guards, report),
        tests: proof::tests(&spec.tests, report, read_file),
        related: related(&spec),
        place: Place { file: Arc::clone(&report.source.name), line: report.source.line(spec.start) },
    };
    let signature = (!report.blocked()).then(|| Arc::new(signature));
    Draft { spec, signature, texts }
}

/// Matches no record; only ever part of a draft that does not load.
fn nothing() -> Detection {
    Detection {
        selections: Vec::new(),
        condition: crate::catalog::detection::Condition::Any(Vec::new()),
        condition_text: String::new(),
    }
}

fn value<T: Copy + Default>(word: Option<&At<T>>) -> T {
    word.map(|word| word.value).unwrap_or_default()
}

fn strings(texts: &[At<String>]) -> Vec<String> {
    texts.iter().map(|text| text.value.clone()).collect()
}

fn head(spec: &SignatureSpec, report: &mut Report) {
    let schema = &spec.schema;
    if !schema.value.is_empty() && schema.value != SCHEMA {
        let message = format!("this version of the language is not known: {}", quoted(&schema.value));
        report.add_with_help(Code::UnknownValue, &schema.span, message, format!("this relapse reads `{SCHEMA}`"));
    }
    let id = &spec.id.value;
    let well_formed =
        (3..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !id.is_empty() && !well_formed {
        let message = format!("{} cannot be an id", quoted(id));
        let help = "3 to 64 of a-z, 0-9 and `-`: it becomes the label value `signature=\"…\"`";
        report.add_with_help(Code::IdFormat, &spec.id.span, message, help);
    }
}

fn diagnosis(spec: &SignatureSpec, compiler: &mut Compiler<'_>) -> Vec<Diagnosis> {
    let mut rules = Vec::new();
    for rule in &spec.diagnosis {
        let when: Option<Test> = rule.when.as_ref().and_then(|node| compiler.selection(node));
        if let (Some(verdict), Some(when)) = (&rule.verdict, when) {
            let advice = rule.advice.as_ref().map(|text| text.value.clone());
            rules.push(Diagnosis { verdict: verdict.value, when, advice });
        }
    }
    rules
}

fn related(spec: &SignatureSpec) -> Vec<Related> {
    let kind = |word: Option<&At<RelatedKind>>| word.map_or(RelatedKind::Similar, |word| word.value);
    spec.related.iter().map(|other| Related { id: other.id.value.clone(), kind: kind(other.r#type.as_ref()) }).collect()
}
