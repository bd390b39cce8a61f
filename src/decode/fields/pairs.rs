//! The flat keys and values of one record, and whether a key is among them, told without looking at each.

use std::borrow::Cow;

use crate::decode::fields::names::ENVELOPES;

/// A key, dotted where it is nested, and its value as text.
pub(in crate::decode) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Pairs in the order of the record.
#[derive(Debug, Default)]
pub(in crate::decode) struct Pairs<'a> {
    list: Vec<Pair<'a>>,
    /// A bit for every key there is: most of the names that are asked for are not there.
    there: [u64; 4],
    /// A key begins like one inside another: few records have such keys.
    wrapped: bool,
}

/// Pairs of a usual record.
const USUAL: usize = 16;

impl<'a> Pairs<'a> {
    pub(in crate::decode) fn push(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        let (word, bit) = place(&key);
        if let Some(word) = self.there.get_mut(word) {
            *word |= bit;
        }
        let may_wrap = matches!(key.as_bytes().first(), Some(b'j' | b'r' | b'f' | b'a' | b'P'));
        self.wrapped |= may_wrap && ENVELOPES.iter().any(|envelope| key.starts_with(envelope));
        if self.list.capacity() == 0 {
            self.list.reserve(USUAL);
        }
        self.list.push((key, value));
    }

    pub(in crate::decode) fn len(&self) -> usize {
        self.list.len()
    }

    pub(in crate::decode) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The value of the first pair that is `key` inside an envelope.
    pub(in crate::decode) fn inside(&self, key: &str) -> Option<&str> {
        if !self.wrapped {
            return None;
        }
        let is_it = |name: &str| {
            let prefix = name.strip_suffix(key);
            prefix.is_some_and(|prefix| ENVELOPES.contains(&prefix))
        };
        self.list.iter().find(|(name, _)| name.len() > key.len() && is_it(name)).map(|(_, value)| &**value)
    }

    /// The value of the first pair with `key`.
    pub(in crate::decode) fn get(&self, key: &str) -> Option<&str> {
        let (word, bit) = place(key);
        if self.there.get(word).is_none_or(|word| word & bit == 0) {
            return None;
        }
        self.list.iter().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }
}

/// Word and bit of a key, from its length and both ends.
fn place(key: &str) -> (usize, u64) {
    let bytes = key.as_bytes();
    let (first, last) = (bytes.first().copied().unwrap_or(0), bytes.last().copied().unwrap_or(0));
    let mixed = bytes.len().wrapping_mul(37) ^ usize::from(first).wrapping_mul(7) ^ usize::from(last).wrapping_mul(61);
    ((mixed >> 6) & 3, 1 << (mixed & 63))
}

impl FromIterator<(String, String)> for Pairs<'_> {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        let mut all = Self::default();
        pairs.into_iter().for_each(|(key, value)| all.push(Cow::Owned(key), Cow::Owned(value)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pair_of_a_key_is_found_and_no_other() {
        let pairs: Pairs<'_> = [("a", "1"), ("b", "2"), ("a", "3")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        assert_eq!((pairs.get("a"), pairs.get("b"), pairs.get("c"), pairs.get("")), (Some("1"), Some("2"), None, None));
        assert_eq!(pairs.iter().count(), 3);
    }
}
