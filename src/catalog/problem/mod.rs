//! Problems as values: what is wrong with a catalog, where it stands and what to do about it. Receives nothing but facts from the
//! parser, the compiler and the lints; gives a list that the commands render ([`render_human`], [`render_json`]).

mod code;
mod render;

use std::ops::Range;
use std::sync::Arc;

pub use self::code::Code;
pub use self::render::render_human;
pub use self::render::render_json;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The catalog is wrong here.
    Error,
    /// Probably a mistake.
    Warning,
}

impl Level {
    /// The name used in texts and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The rule.
    pub code: Code,
    /// How bad it is.
    pub level: Level,
    /// An error of `check` that does not keep the signature from loading: everywhere else it is a warning (see [`relax`]).
    pub only_in_check: bool,
    /// What is wrong, one line.
    pub message: String,
    /// Path as given, or `embedded:<name>`.
    pub file: Arc<str>,
    /// Where in the file; `None` when the whole file is meant.
    pub span: Option<Span>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem of a whole file.
    pub fn of_file(code: Code, file: &Arc<str>, message: impl Into<String>) -> Self {
        Self {
            code,
            level: code.level(),
            only_in_check: code.only_in_check(),
            message: message.into(),
            file: Arc::clone(file),
            span: None,
            help: None,
        }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether the signature it stands in cannot load.
    pub const fn blocks(&self) -> bool {
        matches!(self.level, Level::Error) && !self.only_in_check
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Offsets in the file's text.
    pub bytes: Range<usize>,
    /// 1-based line of the first byte.
    pub line: usize,
    /// 1-based column of the first byte, in characters.
    pub column: usize,
    /// 1-based line of the end.
    pub end_line: usize,
    /// 1-based column just behind the last character.
    pub end_column: usize,
}

/// Turns errors that only `check` insists on into warnings: what every other command reports.
pub fn relax(problems: &mut [Problem]) {
    for problem in problems.iter_mut().filter(|problem| problem.only_in_check) {
        problem.level = Level::Warning;
    }
}
