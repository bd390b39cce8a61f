//! A JSON object → flat keys and values, in one pass over its text and without a tree: what is not escaped is borrowed.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::DeserializeSeed;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Value;

use crate::decode::fields::Pairs;
use crate::decode::json;

/// Deeper values are kept as JSON text.
const MAX_DEPTH: usize = 32;
/// More keys than this are not flattened.
const MAX_KEYS: usize = 1_000;
/// A key's own name is cut here: it is repeated in every key below it.
const MAX_NAME: usize = 256;

/// The pairs of the object that `raw` begins with, and its length; `None` where it is not one.
pub(super) fn object(raw: &str) -> Option<(Pairs<'_>, usize)> {
    let mut stream = serde_json::Deserializer::from_str(raw).into_iter::<Flat<'_>>();
    let Flat(pairs) = stream.next()?.ok()?;
    Some((pairs, stream.byte_offset()))
}

/// An object, flattened.
struct Flat<'a>(Pairs<'a>);

impl<'a> serde::Deserialize<'a> for Flat<'a> {
    fn deserialize<D: Deserializer<'a>>(reader: D) -> Result<Self, D::Error> {
        let mut pairs = Pairs::default();
        reader.deserialize_map(Node { key: Cow::Borrowed(""), depth: 0, pairs: &mut pairs })?;
        Ok(Self(pairs))
    }
}

/// The value of one key.
struct Node<'p, 'a> {
    key: Cow<'a, str>,
    depth: usize,
    pairs: &'p mut Pairs<'a>,
}

impl<'a> Node<'_, 'a> {
    fn tell(self, value: Cow<'a, str>) {
        if self.pairs.len() < MAX_KEYS {
            self.pairs.push(self.key, value);
        }
    }

    fn below(&self, name: &str) -> Cow<'a, str> {
        let end = name.floor_char_boundary(MAX_NAME);
        let name = name.get(..end).unwrap_or_default();
        if self.key.is_empty() {
            return Cow::Owned(name.to_owned());
        }
        let mut key = String::with_capacity(self.key.len() + 1 + name.len());
        key.push_str(&self.key);
        key.push('.');
        key.push_str(name);
        Cow::Owned(key)
    }
}

impl<'a> DeserializeSeed<'a> for Node<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, reader: D) -> Result<(), D::Error> {
        if self.depth < MAX_DEPTH {
            return reader.deserialize_any(self);
        }
        let value: Value = serde::Deserialize::deserialize(reader)?;
        if let Some(text) = json::leaf(&value) {
            self.tell(Cow::Owned(text));
        }
        Ok(())
    }
}

impl<'a> Visitor<'a> for Node<'_, 'a> {
    type Value = ();

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(self, value: &'a str) -> Result<(), E> {
        self.tell(Cow::Borrowed(value));
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.tell(Cow::Owned(value.to_owned()));
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.tell(Cow::Borrowed(if value { "true" } else { "false" }));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.tell(Cow::Owned(value.to_string()));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.tell(Cow::Owned(value.to_string()));
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.tell(Cow::Owned(Value::from(value).to_string()));
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Name(name)) = map.next_key()? {
            let whole = self.key.is_empty() && name.len() <= MAX_NAME;
            let key = if whole { name } else { self.below(&name) };
            map.next_value_seed(Node { key, depth: self.depth + 1, pairs: &mut *self.pairs })?;
        }
        Ok(())
    }

    /// Lists are rare: they are read as a tree.
    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<(), S::Error> {
        let mut items: Vec<Value> = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        let mut found = Vec::new();
        json::flatten(&Value::Array(items), &mut self.key.clone().into_owned(), self.depth, &mut found);
        for (key, value) in found.into_iter().take(MAX_KEYS.saturating_sub(self.pairs.len())) {
            self.pairs.push(Cow::Owned(key), Cow::Owned(value));
        }
        Ok(())
    }
}

/// A key, borrowed where it can be.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
