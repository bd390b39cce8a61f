//! Sigma's condition: `surface and (cause or 1 of hint*) and not tests_only`. A text → a tree over the selections, errors with their place.

use std::ops::Range;

use crate::catalog::detection::Condition;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::spec::scalar;
use crate::catalog::suggest;
use crate::catalog::yaml::At;
use crate::catalog::yaml::Node;

const MAX_DEPTH: usize = 32;
const KEYWORDS: &[&str] = &["and", "or", "not", "of", "them", "all", "any", "condition"];

/// The condition and its text; without one, every selection.
pub(super) fn condition(node: Option<&Node>, names: &[At<String>], report: &mut Report) -> Option<(Condition, String)> {
    let Some(node) = node else {
        let text: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
        return Some((group((0..names.len()).map(Condition::Selection).collect(), Condition::All), text.join(" and ")));
    };
    let text = scalar("condition", node, report)?;
    let mut parser =
        Parser { tokens: tokens(&text.value), next: 0, names, text: &text, report, used: vec![false; names.len()] };
    let tree = parser.whole();
    let used = parser.used;
    let tree = tree?;
    for (name, _) in names.iter().zip(&used).filter(|(name, used)| !**used && !name.value.starts_with('_')) {
        let message = format!("selection {} is not used by the condition", quoted(&name.value));
        report.add_with_help(Code::UnusedSelection, &name.span, message, "use it or drop it");
    }
    Some((tree, text.value))
}

/// A selection's name must be usable in a condition.
pub(super) fn check_name(name: &At<String>, report: &mut Report) {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.';
    let starts = name.value.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if KEYWORDS.contains(&name.value.to_ascii_lowercase().as_str()) || !starts || !name.value.chars().all(plain) {
        let message = format!("{} cannot name a selection", quoted(&name.value));
        let help = "a name begins with a letter, holds letters, digits, `_`, `-` and `.`, and is no word of the condition; \
                    `field|modifier: value` stands one level deeper, inside a selection";
        report.add_with_help(Code::ConditionSyntax, &name.span, message, help);
    }
}

fn tokens(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(tail) = text.get(rest..) {
        let Some(skip) = tail.find(|c: char| !c.is_whitespace()) else { break };
        let start = rest + skip;
        let tail = text.get(start..).unwrap_or_default();
        let length = match tail.chars().next() {
            Some('(' | ')') => 1,
            _ => tail.find(|c: char| c.is_whitespace() || c == '(' || c == ')').unwrap_or(tail.len()),
        };
        let range = start..start + length;
        found.push((range.clone(), text.get(range).unwrap_or_default()));
        rest = start + length;
    }
    found
}

struct Parser<'a> {
    tokens: Vec<(Range<usize>, &'a str)>,
    next: usize,
    names: &'a [At<String>],
    text: &'a At<String>,
    report: &'a mut Report,
    used: Vec<bool>,
}

impl Parser<'_> {
    fn whole(&mut self) -> Option<Condition> {
        let tree = self.either(0);
        if tree.is_some() && self.peek().is_some() {
            return self.fail("`and` or `or` is wanted here");
        }
        tree
    }

    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.next).map(|(_, token)| *token)
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    fn fail<T>(&mut self, message: &str) -> Option<T> {
        let end = self.text.value.len();
        let range = self.tokens.get(self.next).map_or(end.saturating_sub(1)..end, |(range, _)| range.clone());
        let span = self.report.source.part(self.text, &range);
        let help = "`and`, `or`, `not`, `( )`, `1 of name*`, `all of them`";
        self.report.add_with_help(Code::ConditionSyntax, &span, message, help);
        None
    }

    fn either(&mut self, depth: usize) -> Option<Condition> {
        if depth > MAX_DEPTH {
            return self.fail("the condition is nested too deeply");
        }
        let mut parts = vec![self.both(depth)?];
        while self.takes("or") {
            parts.push(self.both(depth)?);
        }
        Some(group(parts, Condition::Any))
    }

    fn both(&mut self, depth: usize) -> Option<Condition> {
        let mut parts = vec![self.negation(depth)?];
        while self.takes("and") {
            parts.push(self.negation(depth)?);
        }
        Some(group(parts, Condition::All))
    }

    fn negation(&mut self, depth: usize) -> Option<Condition> {
        let mut negated = false;
        while self.takes("not") {
            negated = !negated;
        }
        let operand = self.operand(depth)?;
        Some(if negated { Condition::Not(Box::new(operand)) } else { operand })
    }

    fn operand(&mut self, depth: usize) -> Option<Condition> {
        let Some(token) = self.peek().map(str::to_owned) else {
            return self.fail("a selection is wanted at the end of the condition");
        };
        if token == "(" {
            self.next += 1;
            let inner = self.either(depth + 1)?;
            return if self.takes(")") { Some(inner) } else { self.fail("`)` is missing") };
        }
        let quantified = self.tokens.get(self.next + 1).is_some_and(|(_, after)| after.eq_ignore_ascii_case("of"));
        if quantified {
            return self.quantified(&token);
        }
        if token == ")" || KEYWORDS.contains(&token.to_ascii_lowercase().as_str()) {
            return self.fail(&format!("a selection is wanted before {}", quoted(&token)));
        }
        let found = self.names.iter().position(|name| name.value == token);
        match found {
            Some(index) => {
                self.mark(index);
                self.next += 1;
                Some(Condition::Selection(index))
            }
            None => Some(self.unknown(&token)),
        }
    }

    /// `1 of name*`, `any of them`, `all of name*`.
    fn quantified(&mut self, quantifier: &str) -> Option<Condition> {
        let wrap: fn(Vec<Condition>) -> Condition = match quantifier.to_ascii_lowercase().as_str() {
            "1" | "any" => Condition::Any,
            "all" => Condition::All,
            _ => return self.fail("only `1 of`, `any of` and `all of` exist"),
        };
        self.next += 2;
        let Some(wanted) = self.peek().map(str::to_owned) else {
            return self.fail("`of` wants a name, `name*` or `them`");
        };
        let hit = |name: &str| match wanted.strip_suffix('*') {
            _ if wanted.eq_ignore_ascii_case("them") => !name.starts_with('_'),
            Some(prefix) => name.starts_with(prefix),
            None => name == wanted,
        };
        let found: Vec<usize> =
            self.names.iter().enumerate().filter(|(_, name)| hit(&name.value)).map(|(index, _)| index).collect();
        if found.is_empty() {
            return Some(self.unknown(&wanted));
        }
        self.next += 1;
        for index in &found {
            self.mark(*index);
        }
        Some(group(found.into_iter().map(Condition::Selection).collect(), wrap))
    }

    fn mark(&mut self, index: usize) {
        if let Some(used) = self.used.get_mut(index) {
            *used = true;
        }
    }

    /// Reports an unknown selection and goes on, so that the next one is reported too.
    fn unknown(&mut self, token: &str) -> Condition {
        let range = self.tokens.get(self.next).map_or(0..0, |(range, _)| range.clone());
        let span = self.report.source.part(self.text, &range);
        let names: Vec<&str> = self.names.iter().map(|name| name.value.as_str()).collect();
        let near = suggest::closest(token, names.iter().copied());
        if let Some(index) = near.and_then(|near| names.iter().position(|name| *name == near)) {
            // The selection meant by a typo is not unused.
            self.mark(index);
        }
        let message = format!("no selection is called {}", quoted(token));
        self.report.add_with_help(Code::UnknownSelection, &span, message, suggest::help(token, names));
        self.next += 1;
        Condition::Any(Vec::new())
    }
}

fn group(mut parts: Vec<Condition>, wrap: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.len() {
        1 => parts.pop().unwrap_or_else(|| wrap(Vec::new())),
        _ => wrap(parts),
    }
}
