//! What interpreters really print. A pattern is compared with the wording of Python (3.8 to 3.14) through its fixed text: every variant must
//! be impossible before anything is said.

use crate::catalog::compile::Operator;
use crate::catalog::compile::Site;
use crate::catalog::compile::Text;
use crate::catalog::lint::skeleton;
use crate::catalog::lint::skeleton::END;
use crate::catalog::lint::skeleton::START;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;

/// What reports write → what Python prints. Compared without case.
const PARAPHRASES: &[(&str, &str)] = &[
    ("got unexpected keyword", "got an unexpected keyword argument 'x'"),
    ("unexpected keyword '", "got an unexpected keyword argument 'x'"),
    ("unexpected keyword: ", "got an unexpected keyword argument 'x'"),
    ("unexpected keyword argument: ", "got an unexpected keyword argument 'x'"),
    ("unexpected keyword argument \"", "got an unexpected keyword argument 'x'"),
    ("missing required positional argument", "missing 1 required positional argument: 'x'"),
    ("missing required keyword", "missing 1 required keyword-only argument: 'x'"),
    ("NoneType object has no attribute", "'NoneType' object has no attribute 'x'"),
    ("NoneType object is not", "'NoneType' object is not …"),
    ("NoneType' has no attribute", "'NoneType' object has no attribute 'x'"),
    ("list index out of bounds", "list index out of range"),
    ("maximum recursion depth reached", "maximum recursion depth exceeded"),
    ("cannot import '", "cannot import name 'x' from 'y'"),
    ("coroutine object has no attribute", "'coroutine' object has no attribute 'x'"),
];

/// Texts that Python ends with a quote and 3.10 to 3.14 may go on after: `… Did you mean: 'y'?`
const SUGGESTED: &[&str] =
    &["unexpected keyword argument", "has no attribute", "cannot import name", "keyword argument"];

pub(super) fn check(texts: &[Text], report: &mut Report) {
    for text in texts.iter().filter(|text| !text.negated && text.site != Site::Other) {
        let Some(variants) = variants(text) else { continue };
        paraphrase(text, &variants, report);
        callee(text, &variants, report);
        end_anchor(text, &variants, report);
    }
}

/// The fixed text of a pattern; a literal is one variant of itself, with the anchors its operator means.
pub(super) fn variants(text: &Text) -> Option<Vec<String>> {
    let value = &text.written.value;
    match text.operator {
        Operator::Re => skeleton::of(text.pattern.as_ref()?.regex.as_str()),
        Operator::Contains => Some(vec![value.clone()]),
        Operator::StartsWith => Some(vec![format!("{START}{value}")]),
        Operator::EndsWith => Some(vec![format!("{value}{END}")]),
        Operator::Equals => Some(vec![format!("{START}{value}{END}")]),
        _ => None,
    }
}

fn paraphrase(text: &Text, variants: &[String], report: &mut Report) {
    let wrong = |variant: &String| {
        let lower = variant.to_ascii_lowercase();
        PARAPHRASES.iter().find(|(said, _)| lower.contains(&said.to_ascii_lowercase()))
    };
    let found: Option<Vec<_>> = variants.iter().map(wrong).collect();
    if let Some((said, printed)) = found.and_then(|found| found.first().map(|found| **found)) {
        let message = format!("no interpreter prints {}", quoted(said.trim()));
        report.add_with_help(
            Code::ImpossibleWording,
            &text.written.span,
            message,
            format!("Python prints `{printed}`"),
        );
    }
}

/// `name() …` as the first thing a pattern asks for: not at all bound, or bound to the start of the text in every variant.
fn callee(text: &Text, variants: &[String], report: &mut Report) {
    let at_start =
        variants.iter().map(|variant| variant.strip_prefix(START).and_then(called)).collect::<Option<Vec<_>>>();
    if let Some(name) = at_start.and_then(|names| names.first().copied()) {
        let message = format!(
            "`{name}()` at the start of the text: Python 3.10 and later print the qualified name (`Class.{name}()`)"
        );
        let help = format!(r"use a boundary instead of the anchor: `re: '\b{name}\(\) …'`");
        report.add_with_help(Code::CalleeAtStart, &text.written.span, message, help);
    } else if let Some(name) = variants.iter().find_map(|variant| called(variant)).filter(|name| !name.starts_with('_'))
    {
        let message = format!("`{name}()` without a boundary on its left also matches `re{name}()`");
        let help = match text.operator {
            Operator::Re => format!(r"begin with `\b{name}\(\)`"),
            _ => format!(r"use a regular expression with a boundary: `re: '\b{name}\(\) …'`"),
        };
        report.add_with_help(Code::CalleeBoundary, &text.written.span, message, help);
    }
}

/// The identifier before `()` at the start of a text.
fn called(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let name = text.get(..end)?;
    let identifier = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (identifier && text.get(end..)?.starts_with("()")).then_some(name)
}

fn end_anchor(text: &Text, variants: &[String], report: &mut Report) {
    // A name or the end of a text between its own quotes is compared in full on purpose.
    let closes =
        |variant: &String| variant.ends_with(&format!("'{END}")) && SUGGESTED.iter().any(|part| variant.contains(part));
    if variants.iter().any(closes) {
        let message = "this ends at the closing quote, where Python 3.13 goes on: `… 'x'. Did you mean 'y'?`";
        report.add_with_help(
            Code::EndAnchorAfterQuote,
            &text.written.span,
            message,
            "drop the anchor: the quote already ends the name",
        );
    }
}
