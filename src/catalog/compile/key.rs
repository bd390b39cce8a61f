//! Keys of a selection: `field|modifier|modifier` → a field's name and how its value is compared.

use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::suggest;
use crate::catalog::yaml::At;

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    Re,
    Wildcard,
    Exists,
    Cidr,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

const OPERATORS: &[(&str, Operator)] = &[
    ("equals", Operator::Equals),
    ("contains", Operator::Contains),
    ("startswith", Operator::StartsWith),
    ("endswith", Operator::EndsWith),
    ("re", Operator::Re),
    ("wildcard", Operator::Wildcard),
    ("exists", Operator::Exists),
    ("cidr", Operator::Cidr),
    ("gt", Operator::Greater),
    ("gte", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("lte", Operator::LessOrEqual),
];

impl Operator {
    /// Compares text, so that `cased` and lists with `all` mean something.
    pub(crate) const fn is_literal(self) -> bool {
        matches!(self, Self::Equals | Self::Contains | Self::StartsWith | Self::EndsWith)
    }
}

/// A key taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modifiers {
    pub(super) operator: Operator,
    pub(super) negated: bool,
    pub(super) all: bool,
    pub(super) cased: bool,
}

/// The field's name: everything before the first `|`.
pub(super) fn field_of(key: &At<String>) -> &str {
    key.value.split('|').next().unwrap_or_default()
}

/// The words behind the field's name, each with its place in the key.
pub(super) fn words_of(key: &At<String>) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    key.value
        .split('|')
        .map(move |word| {
            let start = at;
            at += word.len() + 1;
            (start, word)
        })
        .skip(1)
}

/// The modifiers of a key; every problem is reported.
pub(super) fn modifiers(key: &At<String>, report: &mut Report) -> Option<Modifiers> {
    let mut found = Modifiers { operator: Operator::Equals, negated: false, all: false, cased: false };
    let mut operator = None;
    let mut sound = true;
    for (start, word) in words_of(key) {
        let (negated, plain) = word.strip_prefix("not_").map_or((false, word), |plain| (true, plain));
        match OPERATORS.iter().find(|(name, _)| *name == plain) {
            Some((_, new)) if operator.is_none() => {
                operator = Some(*new);
                found.operator = *new;
                found.negated = negated;
            }
            Some(_) => {
                let help = "one operator a key; write a second key";
                sound = misplaced(key, (start, word), "a second operator", help, report);
            }
            None if word == "all" => found.all = true,
            None if word == "cased" => found.cased = true,
            None => sound = unknown(key, start, word, report),
        }
    }
    sound &= fits(key, found, report);
    sound.then_some(found)
}

/// Modifiers that do not go together.
fn fits(key: &At<String>, found: Modifiers, report: &mut Report) -> bool {
    let place = |name: &str| words_of(key).find(|(_, word)| *word == name).map_or(0, |(start, _)| start);
    let takes_case = found.operator.is_literal() || found.operator == Operator::Wildcard;
    if found.cased && !takes_case {
        let help = "only text has case; `re` minds it anyway";
        return misplaced(key, (place("cased"), "cased"), "of no use here", help, report);
    }
    let takes_all = matches!(found.operator, Operator::Contains | Operator::Re | Operator::Wildcard);
    if found.all && !takes_all {
        let help = "`all` goes with `contains`, `re` and `wildcard`: one value cannot be several things";
        return misplaced(key, (place("all"), "all"), "of no use here", help, report);
    }
    true
}

fn misplaced(key: &At<String>, (start, word): (usize, &str), what: &str, help: &str, report: &mut Report) -> bool {
    let span = report.source.part(key, &(start..start + word.len()));
    report.add_with_help(Code::UnknownModifier, &span, format!("modifier {} is {what}", quoted(word)), help);
    false
}

fn unknown(key: &At<String>, start: usize, word: &str, report: &mut Report) -> bool {
    let names = OPERATORS.iter().map(|(name, _)| *name).chain(["all", "cased"]);
    let negated: Vec<String> = OPERATORS.iter().map(|(name, _)| format!("not_{name}")).collect();
    let help = match word {
        "i" => "write `(?i)` at the start of the pattern".to_owned(),
        "not" | "ne" | "neq" => "did you mean `not_equals`?".to_owned(),
        "eq" | "is" => "without a modifier the value must be equal".to_owned(),
        "regex" | "regexp" | "matches" => "did you mean `re`?".to_owned(),
        "base64" | "base64offset" | "windash" | "expand" | "fieldref" | "utf16" | "wide" => {
            "this modifier of Sigma is not part of the language".to_owned()
        }
        _ if word.starts_with("not_") => suggest::help(word, negated.iter().map(String::as_str)),
        _ => suggest::help(word, names),
    };
    let span = report.source.part(key, &(start..start + word.len()));
    report.add_with_help(Code::UnknownModifier, &span, format!("unknown modifier {}", quoted(word)), help);
    false
}
