//! One catalog file's text and the problems found in it. Receives byte ranges, gives problems with line and column.

use std::ops::Range;
use std::sync::Arc;

use crate::catalog::problem::Code;
use crate::catalog::problem::Problem;
use crate::catalog::problem::Span;
use crate::catalog::yaml::At;

/// A text and where its lines begin.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path as given, or `embedded:<name>`.
    pub(crate) name: Arc<str>,
    /// The whole file.
    pub(crate) text: Arc<str>,
    line_starts: Vec<usize>,
}

impl Source {
    pub(crate) fn new(name: Arc<str>, text: Arc<str>) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name, text, line_starts }
    }

    /// 1-based line of a byte offset.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).max(1)
    }

    /// 1-based line and column (in characters) of a byte offset.
    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    /// The nearest range that cuts no character and stays in the text.
    fn clamp(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(range.start);
        start..self.text.floor_char_boundary(range.end).max(start)
    }

    /// The bytes of a part of a scalar (`part` in bytes of its value); the whole scalar where escapes or folding moved them.
    pub(crate) fn part(&self, scalar: &At<String>, part: &Range<usize>) -> Range<usize> {
        let raw = self.text.get(scalar.span.clone()).unwrap_or_default();
        match raw.find(scalar.value.as_str()) {
            Some(at) if raw.len() <= scalar.value.len() + 2 => {
                let start = scalar.span.start + at;
                start + part.start..start + part.end
            }
            _ => scalar.span.clone(),
        }
    }

    /// A range with its lines and columns.
    pub(crate) fn span(&self, range: &Range<usize>) -> Span {
        let bytes = self.clamp(range);
        let (line, column) = self.place(bytes.start);
        let (end_line, end_column) = self.place(bytes.end);
        Span { bytes, line, column, end_line, end_column }
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) source: Arc<Source>,
    pub(crate) problems: Vec<Problem>,
}

impl Report {
    pub(crate) fn new(source: Arc<Source>) -> Self {
        Self { source, problems: Vec::new() }
    }

    /// Adds a problem without advice.
    pub(crate) fn add(&mut self, code: Code, range: &Range<usize>, message: impl Into<String>) {
        let mut problem = Problem::of_file(code, &self.source.name, message);
        problem.span = Some(self.source.span(range));
        self.problems.push(problem);
    }

    /// Adds a problem with advice.
    pub(crate) fn add_with_help(
        &mut self,
        code: Code,
        range: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(code, range, message);
        if let Some(problem) = self.problems.last_mut() {
            problem.help = Some(help.into());
        }
    }

    /// Whether anything so far keeps a signature from loading.
    pub(crate) fn blocked(&self) -> bool {
        self.problems.iter().any(Problem::blocks)
    }
}

/// A value as it is quoted in a message: one line, not long, no control characters.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{}`", shown.replace("\\'", "'").replace("\\\"", "\"").replace("\\\\", "\\"))
}
