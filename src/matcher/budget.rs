//! What a signature may cost on one record. The engines are linear, but linear in the length of the text times the size of the expression:
//! a huge expression on a huge record is still seconds. Receives a signature and a record, gives the part of the record it may look at:
//! everything in all ordinary cases, its beginning where more would exceed the budget. Steps are counted before, not time.

use std::sync::Arc;
use std::sync::OnceLock;

use crate::catalog::expression;
use crate::catalog::signature::Signature;
use crate::matcher::leaves;
use crate::model::record::Record;

/// Steps a signature may take on one record: about a second of the slowest engine.
const MAX_STEPS: usize = 1 << 28;
/// Records of fewer bytes are within the budget of every signature with one expression of the greatest size.
const SURE: usize = MAX_STEPS / (expression::SIZE_LIMIT / expression::STATE);

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
    let sizes = patterns.filter_map(|pattern| expression::parsed(pattern.regex.as_str()));
    let states = sizes.map(|hir| expression::size_bound(&hir) / expression::STATE);
    states.fold(questions.len().max(1), usize::saturating_add)
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
