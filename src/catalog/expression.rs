//! A regular expression that is compiled when it is first asked. A catalog holds thousands and a log meets few of them: compiling all
//! of them at load costs seconds and hundreds of megabytes. Receives a source that is known to compile, gives matches.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::OnceLock;

use regex::Regex;
use regex::RegexBuilder;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

/// Compiled size of one pattern, in bytes.
pub(crate) const SIZE_LIMIT: usize = 1 << 20;
/// Memory of one pattern's lazy automaton: a storm of many signatures must not outgrow a sidecar.
const CACHE_LIMIT: usize = 256 * 1024;

/// Clones share the compiled form.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    /// `None` inside: it did not compile, and matches nothing.
    compiled: Arc<OnceLock<Option<Regex>>>,
}

impl Expression {
    /// Of a source whose syntax and size were checked.
    pub(crate) fn checked(source: &str) -> Self {
        Self { source: source.into(), compiled: Arc::default() }
    }

    /// As given to the engine.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it was asked already.
    pub fn is_compiled(&self) -> bool {
        self.compiled.get().is_some()
    }

    /// The compiled form.
    pub fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.source).ok()).as_ref()
    }

    /// Whether it matches anywhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }
}

impl From<Regex> for Expression {
    fn from(regex: Regex) -> Self {
        Self { source: regex.as_str().into(), compiled: Arc::new(OnceLock::from(Some(regex))) }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Expression").field(&self.source).finish()
    }
}

/// Expressions that a thread has parsed last: compiling, the lints and the search for literals ask for the same one after the other.
const REMEMBERED: usize = 8;

thread_local! {
    static PARSED: RefCell<VecDeque<(Box<str>, Rc<Hir>)>> = const { RefCell::new(VecDeque::new()) };
}

/// What `source` says, as it is compiled; `None` where its syntax is wrong.
pub(crate) fn parsed(source: &str) -> Option<Rc<Hir>> {
    let known =
        PARSED.with_borrow(|parsed| parsed.iter().find(|(text, _)| **text == *source).map(|(_, hir)| Rc::clone(hir)));
    known.or_else(|| {
        let hir = ParserBuilder::new().multi_line(true).build().parse(source).ok()?;
        Some(remember(source, hir))
    })
}

/// Keeps what parsing `source`, multi-line, gave for who asks next.
pub(crate) fn remember(source: &str, hir: Hir) -> Rc<Hir> {
    let hir = Rc::new(hir);
    PARSED.with_borrow_mut(|parsed| {
        parsed.truncate(REMEMBERED - 1);
        parsed.push_front((source.into(), Rc::clone(&hir)));
    });
    hir
}

/// Compiles under the limits every pattern of a catalog has.
pub(crate) fn compile(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).multi_line(true).size_limit(SIZE_LIMIT).dfa_size_limit(CACHE_LIMIT).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_parsed_is_known_and_few_are_remembered() {
        let first = parsed("^a+").unwrap();
        assert!(Rc::ptr_eq(&first, &parsed("^a+").unwrap()));
        (0..REMEMBERED).for_each(|number| assert!(parsed(&format!("b{number}")).is_some()));
        let again = parsed("^a+").unwrap();
        assert!(!Rc::ptr_eq(&first, &again) && first == again);
        assert!(parsed("(").is_none());
    }

    #[test]
    fn nothing_is_compiled_before_it_is_asked() {
        let expression = Expression::checked("^b+$");
        let clone = expression.clone();
        assert!(!expression.is_compiled());
        assert!(clone.is_match("a\nbb\nc") && !clone.is_match("ab"));
        assert!(expression.is_compiled(), "clones share it");
        assert!(!Expression::checked("(").is_match("("), "what does not compile matches nothing");
    }
}
