//! Regular expressions under a size limit, and errors that name what the author wanted.
//!
//! `^` and `$` stand at the ends of every line, as in the tools patterns are ported from: whether a traceback joined the line that
//! announced it must not decide whether an anchored pattern matches. The ends of the whole text are `\A` and `\z`.

use std::ops::Range;

use regex_syntax::ast;
use regex_syntax::hir::Class;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;
use regex_syntax::hir::translate::TranslatorBuilder;

use crate::catalog::detection::Pattern;
use crate::catalog::expression;
use crate::catalog::expression::Expression;
use crate::catalog::expression::SIZE_LIMIT;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::yaml::At;

/// What one state and one range of a class may take when compiled, in bytes; [`upper_bound`] errs to the safe side.
const STATE: usize = 64;
const RANGE: usize = 96;
/// A class that leaves ASCII is spelled out in UTF-8, in both directions.
const WIDE: usize = 4096;

/// Compiles a text as a regular expression.
pub(super) fn pattern(text: &At<String>, report: &mut Report) -> Option<Pattern> {
    match ast::parse::Parser::new().parse(&text.value) {
        Ok(ast) => build(text, &text.value, &ast, report),
        Err(error) => {
            syntax(text, &error, report);
            None
        }
    }
}

/// Compiles Sigma's wildcards (`*` any text, `?` one character, `\` before either takes it literally) over the whole value.
pub(super) fn wildcard(text: &At<String>, cased: bool, report: &mut Report) -> Option<Pattern> {
    let mut regex = String::from(if cased { r"(?s)\A" } else { r"(?is)\A" });
    let mut characters = text.value.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '\\' if matches!(characters.peek(), Some('*' | '?' | '\\')) => {
                let literal = characters.next().unwrap_or('\\');
                regex.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
            }
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push_str(r"\z");
    let ast = ast::parse::Parser::new().parse(&regex).ok()?;
    build(text, &regex, &ast, report)
}

/// Checks everything that compiling would find; compiles only where the check alone cannot tell.
fn build(text: &At<String>, source: &str, ast: &ast::Ast, report: &mut Report) -> Option<Pattern> {
    let hir = TranslatorBuilder::new().multi_line(true).build().translate(source, ast);
    let sure = hir.is_ok_and(|hir| {
        let hir = expression::remember(source, hir);
        let may_be_empty = hir.properties().minimum_len().is_none_or(|len| len == 0);
        !may_be_empty && upper_bound(&hir) <= SIZE_LIMIT
    });
    let pattern = || Pattern { source: text.value.clone(), regex: Expression::checked(source) };
    if sure {
        return Some(pattern());
    }
    match expression::compile(source) {
        Ok(regex) if regex.is_match("") => {
            let message = format!("{} matches the empty string, hence every text", quoted(&text.value));
            let help = "require at least one character: `+` for `*`, or drop the optional part";
            report.add_with_help(Code::RegexMatchesEmpty, &text.span, message, help);
            None
        }
        Ok(_) => Some(pattern()),
        Err(regex::Error::CompiledTooBig(limit)) => {
            let message = format!("this pattern compiles to more than {} KiB", limit / 1024);
            let help =
                "smaller repetition counts, and `[A-Za-z0-9_]` for `\\w`, `[0-9]` for `\\d` (which are all of Unicode)";
            report.add_with_help(Code::RegexTooBig, &text.span, message, help);
            None
        }
        Err(error) => {
            let last = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            report.add(Code::RegexSyntax, &text.span, format!("this pattern does not compile: {last}"));
            None
        }
    }
}

/// Bytes that the compiled form of `hir` takes at most.
fn upper_bound(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE,
        HirKind::Literal(literal) => STATE.saturating_mul(literal.0.len()),
        HirKind::Class(Class::Unicode(class)) if !class.is_ascii() => WIDE + RANGE * class.ranges().len(),
        HirKind::Class(Class::Unicode(class)) => STATE + RANGE * class.ranges().len(),
        HirKind::Class(Class::Bytes(class)) => STATE + RANGE * class.ranges().len(),
        HirKind::Capture(capture) => upper_bound(&capture.sub).saturating_add(2 * STATE),
        HirKind::Repetition(repetition) => {
            let rounds = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1) as usize;
            upper_bound(&repetition.sub).saturating_add(2 * STATE).saturating_mul(rounds)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(STATE, |sum, part| sum.saturating_add(upper_bound(part)).saturating_add(STATE))
        }
    }
}

fn syntax(text: &At<String>, error: &ast::Error, report: &mut Report) {
    let found = error.span();
    let range = found.start.offset..found.end.offset.max(found.start.offset + 1);
    let span = report.source.part(text, &range);
    match error.kind() {
        ast::ErrorKind::UnsupportedLookAround => look_around(text, &range, &span, report),
        ast::ErrorKind::UnsupportedBackreference => back_reference(&span, report),
        // `(?P=name)` fails at its `P`.
        ast::ErrorKind::FlagUnrecognized
            if text.value.get(range.start..).is_some_and(|rest| rest.starts_with("P=")) =>
        {
            back_reference(&span, report);
        }
        kind => {
            let message = format!("this pattern does not compile: {kind}");
            match advice(text, kind) {
                Some(help) => report.add_with_help(Code::RegexSyntax, &span, message, help),
                None => report.add(Code::RegexSyntax, &span, message),
            }
        }
    }
}

fn back_reference(span: &Range<usize>, report: &mut Report) {
    let help =
        "write the repeated text out, or ask only for what stands around it: a linear-time engine remembers no text";
    report.add_with_help(Code::RegexBackReference, span, "back-references are not supported", help);
}

fn advice(text: &At<String>, kind: &ast::ErrorKind) -> Option<&'static str> {
    match kind {
        ast::ErrorKind::EscapeUnrecognized if text.value.contains("\\Z") => Some("the end of the text is `\\z` or `$`"),
        ast::ErrorKind::EscapeUnrecognized => Some("only characters with a meaning need a backslash"),
        ast::ErrorKind::GroupUnclosed | ast::ErrorKind::GroupUnopened => Some("a literal parenthesis is `\\(`"),
        ast::ErrorKind::RepetitionMissing => Some("a literal `*`, `+` or `?` needs a backslash"),
        ast::ErrorKind::RepetitionCountInvalid | ast::ErrorKind::RepetitionCountDecimalEmpty => {
            Some("a literal brace is `\\{`")
        }
        ast::ErrorKind::FlagUnrecognized => {
            Some("atomic groups, conditionals and recursion do not exist in a linear-time engine")
        }
        _ => None,
    }
}

/// Names the construct and writes down the condition that says the same.
fn look_around(text: &At<String>, range: &Range<usize>, span: &Range<usize>, report: &mut Report) {
    let rest = text.value.get(range.start..).unwrap_or_default();
    let (name, negative) = match rest {
        _ if rest.starts_with("(?<!") => ("negative look-behind", true),
        _ if rest.starts_with("(?<=") => ("look-behind", false),
        _ if rest.starts_with("(?!") => ("negative look-ahead", true),
        _ => ("look-ahead", false),
    };
    let inner = inside(rest);
    let condition = if negative { "… and not other" } else { "… and other" };
    let mut help = format!("put {} into a selection of its own, as in `condition: {condition}`", quoted(inner));
    if name.ends_with("look-behind") {
        help.push_str("; where only longer names shall be kept out, `\\b` does it");
    }
    report.add_with_help(Code::RegexLookAround, span, format!("{name} is not supported"), help);
}

/// The text between a look-around's head and its closing parenthesis.
fn inside(rest: &str) -> &str {
    let head = if rest.starts_with("(?<") { 4 } else { 3 };
    let body = rest.get(head..).unwrap_or_default();
    let mut depth = 1_usize;
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return body.get(..at).unwrap_or_default();
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_above_what_the_compiler_takes() {
        let sources = [
            "a",
            r"\w",
            r"(?i)\w+\d",
            r"(?i)stra\u{df}e",
            "[^a]",
            r".*\s\S",
            r"(?:\w{3}|x|yz){4}",
            r"\pL",
            "(a)(b)?",
            "^$|x",
            "[a-z]{50}",
        ];
        for source in sources {
            let hir = regex_syntax::ParserBuilder::new().multi_line(true).build().parse(source).unwrap();
            let limited = regex::RegexBuilder::new(source).multi_line(true).size_limit(upper_bound(&hir)).build();
            assert!(limited.is_ok(), "{source}: {}", upper_bound(&hir));
        }
    }
}
