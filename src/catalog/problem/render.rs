//! Problems as text: the look of rustc for people, one JSON array for machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use annotate_snippets::AnnotationKind;
use annotate_snippets::Group;
use annotate_snippets::Level as Heading;
use annotate_snippets::Origin;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;

use crate::catalog::problem::Level;
use crate::catalog::problem::Problem;
use crate::catalog::problem::Span;

/// A problem that spans more lines is shown by its first ones.
const SHOWN_LINES: usize = 4;

/// Every problem as rustc shows one: title, place, source lines with carets, help. `sources` are the texts by file name; a problem of
/// an unknown file is shown without its lines.
pub fn render_human(problems: &[Problem], sources: &BTreeMap<Arc<str>, Arc<str>>, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for problem in problems {
        let source = sources.get(&problem.file).map(|source| &**source);
        text.push_str(&renderer.render(&[group(problem, source)]));
        text.push_str("\n\n");
    }
    text
}

fn group<'a>(problem: &'a Problem, source: Option<&'a str>) -> Group<'a> {
    let heading = match problem.level {
        Level::Error => Heading::ERROR,
        Level::Warning => Heading::WARNING,
    };
    let group = Group::with_title(heading.primary_title(problem.message.as_str()).id(problem.code.id()));
    let excerpt = problem.span.as_ref().and_then(|span| Some((span, excerpt(source?, span)?)));
    let group = match (excerpt, &problem.span) {
        (Some((span, (lines, range))), _) => group.element(
            Snippet::source(lines)
                .line_start(span.line)
                .path(&*problem.file)
                .annotation(AnnotationKind::Primary.span(range)),
        ),
        (None, Some(span)) => group.element(Origin::path(&*problem.file).line(span.line).char_column(span.column)),
        (None, None) => group.element(Origin::path(&*problem.file)),
    };
    match &problem.help {
        Some(help) => group.element(Heading::HELP.message(help.as_str())),
        None => group,
    }
}

/// The source lines a span stands on (a few at most) and the span within them.
fn excerpt<'a>(source: &'a str, span: &Span) -> Option<(&'a str, std::ops::Range<usize>)> {
    let before = source.get(..span.bytes.start)?;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let rest = source.get(start..)?;
    let shown = (span.end_line - span.line + 1).min(SHOWN_LINES);
    let lines: usize = rest.split_inclusive('\n').take(shown).map(str::len).sum();
    let lines = rest.get(..lines)?.trim_end_matches(['\n', '\r']);
    let from = (span.bytes.start - start).min(lines.len());
    let to = span.bytes.end.saturating_sub(start).clamp(from, lines.len());
    Some((lines, from..to))
}

/// Every problem as one JSON array; fields are stable: `code`, `name`, `level`, `message`, `file`, `line`, `column`, `end_line`,
/// `end_column`, `help` (null where there is none).
pub fn render_json(problems: &[Problem]) -> String {
    let list: Vec<serde_json::Value> = problems.iter().map(json).collect();
    let mut text = serde_json::Value::Array(list).to_string();
    text.push('\n');
    text
}

fn json(problem: &Problem) -> serde_json::Value {
    let span = problem.span.as_ref();
    serde_json::json!({
        "code": problem.code.id(),
        "name": problem.code.name(),
        "level": problem.level.as_str(),
        "message": problem.message,
        "file": &*problem.file,
        "line": span.map(|span| span.line),
        "column": span.map(|span| span.column),
        "end_line": span.map(|span| span.end_line),
        "end_column": span.map(|span| span.end_column),
        "help": problem.help,
    })
}
