//! What a signature may cost on one record. The engines are linear, but linear in the length of the text times the size of the expression:
//! a huge expression on a huge record is still seconds. Receives a signature and a record, gives the part of the record it may look at:
//! everything in all ordinary cases, its beginning where more would exceed the budget. Steps are counted before, not time.

use std::sync::Arc;
use std::sync::OnceLock;

use regex_syntax::hir::Class;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;

use crate::catalog::expression;
use crate::catalog::signature::Signature;
use crate::matcher::leaves;
use crate::model::record::Record;

/// Steps a signature may take on one record: about a second of the slowest engine.
const MAX_STEPS: usize = 1 << 28;
/// Records of fewer bytes are within the budget of every expression that a catalog may hold.
const SURE: usize = 16 * 1024;
/// Places in a character outside ASCII.
const WIDE: usize = 4;

/// How many bytes each signature of a catalog may look at; worked out when first asked.
#[derive(Debug, Default)]
pub(crate) struct Budgets(Vec<OnceLock<usize>>);

impl Budgets {
    /// Of so many signatures.
    pub(crate) fn new(signatures: usize) -> Self {
        Self((0..signatures).map(|_| OnceLock::new()).collect())
    }

    /// The beginning of `record`, `len` bytes as it was written, that the signature at `index` may look at; `None` = the whole record.
    pub(crate) fn cut(&self, index: usize, signature: &Signature, record: &Record, len: usize) -> Option<Arc<Record>> {
        if len <= SURE {
            return None;
        }
        let most = *self.0.get(index)?.get_or_init(|| MAX_STEPS / steps(signature));
        (len > most).then(|| Arc::new(beginning(record, most)))
    }
}

/// Steps a signature takes for a byte, at most.
fn steps(signature: &Signature) -> usize {
    let questions = leaves::questions(signature);
    let patterns = questions.iter().flat_map(|question| question.patterns());
    let parsed = patterns.filter_map(|pattern| expression::parsed(pattern.regex.as_str()));
    parsed.map(|hir| places(&hir)).fold(questions.len().max(1), usize::saturating_add)
}

/// Places of an expression, repetitions written out: the slowest engine may be in all of them at once.
fn places(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) if !class.is_ascii() => WIDE,
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Capture(capture) => places(&capture.sub),
        HirKind::Repetition(repetition) => {
            let rounds = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            places(&repetition.sub).saturating_mul(usize::try_from(rounds).unwrap_or(usize::MAX))
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(places).fold(0, usize::saturating_add),
    }
}

/// `record` with no text longer than `most` bytes.
fn beginning(record: &Record, most: usize) -> Record {
    let cut = |text: &mut String| text.truncate(text.floor_char_boundary(most));
    let mut record = record.clone();
    cut(&mut record.body);
    record.original.iter_mut().for_each(cut);
    record.attributes.0.iter_mut().for_each(|(_, value)| cut(value));
    record.exceptions.iter_mut().for_each(|exception| cut(&mut exception.message));
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_expressions_may_look_at_the_longest_record() {
        let places_of = |source: &str| places(&expression::parsed(source).unwrap());
        let ordinary = [
            r"\b\w+\(\) got an unexpected keyword argument '\w+'",
            r"(?i)(?:time|timed) ?out after \d{1,6} ?ms",
            r"a.{0,200}b",
        ];
        for source in ordinary {
            assert!(256 * 1024 * places_of(source) < MAX_STEPS, "{source}: {}", places_of(source));
        }
        assert!(places_of("(?:[a-y]{2}x?){1500}z") > 4_000);
    }
}
