//! What YAML or a regular expression reads differently from what its author meant.

use crate::catalog::compile::Operator;
use crate::catalog::compile::Text;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::yaml::Style;

pub(super) fn check(texts: &[Text], report: &mut Report) {
    for text in texts {
        backspace(text, report);
        comment(text, report);
        newline(text, report);
        if text.operator == Operator::Re {
            word_boundary(text, report);
        }
    }
}

fn backspace(text: &Text, report: &mut Report) {
    if text.written.value.contains('\u{8}') {
        let message = r#""\b" in double quotes is a backspace character, not a word boundary"#;
        let help = r"put the pattern in single quotes: '\bword\b'";
        report.add_with_help(Code::YamlBackspace, &text.written.span, message, help);
    }
}

/// A value without quotes ends at ` #`: what follows is a comment, even when it was meant as text.
fn comment(text: &Text, report: &mut Report) {
    if text.written.style != Style::Plain {
        return;
    }
    let rest = report.source.text.get(text.written.span.end..).unwrap_or_default();
    let rest = rest.split(['\n', '\r']).next().unwrap_or_default();
    let lost = rest.trim_start();
    let means_text = lost
        .strip_prefix('#')
        .is_some_and(|after| after.starts_with(|c: char| !c.is_whitespace() && c != '#' && c != '-'));
    if lost.len() < rest.len() && means_text {
        let message = format!("the value ends here: {} is a comment", quoted(lost));
        report.add_with_help(Code::YamlComment, &text.written.span, message, "put the whole value in single quotes");
    }
}

fn newline(text: &Text, report: &mut Report) {
    let block = matches!(text.written.style, Style::Literal | Style::Folded);
    if block && text.written.value.ends_with('\n') {
        let message = "this block ends with a newline, which becomes part of the value";
        report.add_with_help(Code::TrailingNewline, &text.written.span, message, "`|-` and `>-` leave it out");
    }
}

fn word_boundary(text: &Text, report: &mut Report) {
    let mut characters = text.written.value.char_indices();
    while let Some((at, character)) = characters.next() {
        if character != '\\' {
            continue;
        }
        let Some((_, escaped)) = characters.next() else { return };
        if matches!(escaped, '<' | '>') {
            let span = report.source.part(&text.written, &(at..at + 2));
            let message =
                format!("`\\{escaped}` is a word boundary here, and the character `{escaped}` in Python and PCRE");
            let help = format!("the character is `{escaped}` without a backslash; a boundary is clearer as `\\b`");
            report.add_with_help(Code::WordBoundaryEscape, &span, message, help);
        }
    }
}
