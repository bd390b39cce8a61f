//! Why a record matches a signature or does not, question by question. Gives data only; the command line renders it.

use std::sync::Arc;

use serde::Serialize;

use crate::catalog::detection::Comparison;
use crate::catalog::detection::Literal;
use crate::catalog::detection::Predicate;
use crate::catalog::signature::Signature;
use crate::matcher::fold;
use crate::matcher::leaves;
use crate::matcher::leaves::Leaf;
use crate::matcher::leaves::Question;
use crate::matcher::literals;
use crate::matcher::rarity::Rarity;
use crate::matcher::verify;
use crate::model::record::Record;

/// A found value is cut after so many characters.
const MAX_FOUND_CHARS: usize = 160;

/// One signature against one record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The signature's id.
    pub signature: Arc<str>,
    /// The signature's title.
    pub title: String,
    /// Scope and condition both hold.
    pub matches: bool,
    /// Every attribute of the scope.
    pub scope: Vec<ScopeCheck>,
    /// The condition as written.
    pub condition: String,
    /// Whether it holds.
    pub condition_holds: bool,
    /// Every selection, in the order written.
    pub selections: Vec<SelectionCheck>,
    /// Part of the single questions that hold, 0 to 1: what explanations are ordered by. Where none holds, a text that the signature
    /// looks for may still be in the record.
    pub nearness: f64,
}

/// One attribute of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeCheck {
    /// Resource attribute.
    pub attribute: String,
    /// Values it may have.
    pub accepted: Vec<String>,
    /// The record's; absent excludes nothing.
    pub found: Option<String>,
    /// Whether it contradicts nothing.
    pub holds: bool,
}

/// One selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelectionCheck {
    /// Its name in the condition.
    pub name: String,
    /// Whether it holds.
    pub holds: bool,
    /// Its single questions.
    pub checks: Vec<Check>,
}

/// One question on one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// As the catalog writes it: `body`, `exception|any.type`.
    pub field: String,
    /// As the catalog writes it: `contains`, `not_re`, `equals`.
    pub modifier: String,
    /// Every value must hold (`|all`).
    pub all: bool,
    /// The values asked for.
    pub wanted: Vec<String>,
    /// The value met, shortened; `None` = the record does not carry the field.
    pub found: Option<String>,
    /// The answer.
    pub holds: bool,
}

/// A record that holds a literal of a signature is at least this near: a wording may have drifted.
const OF_A_LITERAL: f64 = 0.25;

/// Explains one signature.
pub(crate) fn explain(signature: &Signature, record: &Record, rarity: &Rarity) -> Explanation {
    let scope: Vec<ScopeCheck> =
        signature.scope.iter().map(|(name, accepted)| scope_check(name, accepted, record)).collect();
    let selections: Vec<SelectionCheck> = signature
        .detection
        .selections
        .iter()
        .map(|selection| SelectionCheck {
            name: selection.name.clone(),
            holds: verify::test_holds(&selection.test, record),
            checks: leaves::of(&selection.test, record).iter().map(check).collect(),
        })
        .collect();
    let condition_holds = verify::condition_holds(&signature.detection, &signature.detection.condition, record);
    let matches = condition_holds && scope.iter().all(|check| check.holds);
    Explanation {
        signature: Arc::clone(&signature.id),
        title: signature.title.clone(),
        matches,
        condition: signature.detection.condition_text.clone(),
        condition_holds,
        nearness: nearness(&selections).max(if holds_a_literal(signature, record, rarity) {
            OF_A_LITERAL
        } else {
            0.0
        }),
        scope,
        selections,
    }
}

/// Negated questions hold for every record that has nothing to do with the signature: they do not make it near.
fn nearness(selections: &[SelectionCheck]) -> f64 {
    let telling =
        selections.iter().flat_map(|selection| &selection.checks).filter(|check| !check.modifier.starts_with("not_"));
    let (held, all) = telling.fold((0_u32, 0_u32), |(held, all), check| (held + u32::from(check.holds), all + 1));
    f64::from(held) / f64::from(all.max(1))
}

/// The same that is counted as a near miss while scanning.
fn holds_a_literal(signature: &Signature, record: &Record, rarity: &Rarity) -> bool {
    let Some(required) = literals::of_signature(signature, rarity) else { return false };
    let exceptions = record.exceptions.iter().map(|exception| exception.message.as_str());
    let texts: Vec<&str> = exceptions.chain([record.original.as_deref().unwrap_or(&record.body)]).collect();
    let holds = |literal: &Vec<u8>| texts.iter().any(|text| fold::find_folded(text.as_bytes(), literal).is_some());
    required.iter().any(holds)
}

fn scope_check(name: &str, accepted: &[String], record: &Record) -> ScopeCheck {
    let found = verify::resource_value(record, name);
    ScopeCheck {
        attribute: name.to_owned(),
        accepted: accepted.to_vec(),
        holds: found.as_deref().is_none_or(|found| accepted.iter().any(|value| value == found)),
        found: found.map(std::borrow::Cow::into_owned),
    }
}

fn check(leaf: &Leaf<'_, '_>) -> Check {
    let (modifier, all, wanted) = match leaf.question {
        Question::Pattern(pattern) => ("re", false, vec![pattern.source.clone()]),
        Question::Predicate(predicate, all) => {
            let (modifier, wanted) = words(predicate);
            (modifier, all, wanted)
        }
    };
    Check {
        field: leaf.field.clone(),
        modifier: if leaf.negated { format!("not_{modifier}") } else { modifier.to_owned() },
        all,
        wanted,
        found: leaf.value.as_deref().map(shortened),
        holds: leaf.holds,
    }
}

fn words(predicate: &Predicate) -> (&'static str, Vec<String>) {
    let texts = |literals: &[Literal]| literals.iter().map(|literal| literal.text.clone()).collect();
    match predicate {
        Predicate::Equals(literals) => ("equals", texts(literals)),
        Predicate::Contains(literals) => ("contains", texts(literals)),
        Predicate::StartsWith(literals) => ("startswith", texts(literals)),
        Predicate::EndsWith(literals) => ("endswith", texts(literals)),
        Predicate::Re(patterns) => ("re", patterns.iter().map(|pattern| pattern.source.clone()).collect()),
        Predicate::Exists(wanted) => ("exists", vec![wanted.to_string()]),
        Predicate::Cidr(networks) => {
            ("cidr", networks.iter().map(|network| format!("{}/{}", network.address, network.prefix)).collect())
        }
        Predicate::Compare(comparison, bound) => {
            let modifier = match comparison {
                Comparison::Greater => "gt",
                Comparison::GreaterOrEqual => "gte",
                Comparison::Less => "lt",
                Comparison::LessOrEqual => "lte",
            };
            (modifier, vec![bound.to_string()])
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_FOUND_CHARS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
