//! YAML with places: a document as a tree whose every node knows the bytes it was written with. Receives a file's text, gives one
//! tree a document; what it cannot read is a problem and the other documents go on.
//!
//! `serde` would stop at the first error of a document and forget how a scalar was quoted. A catalog is written by hand: three typos
//! must be three problems, and `release: 2.10` is a trap only without quotes.

mod build;
mod split;

use std::ops::Range;

pub(crate) use self::build::documents;

/// How a scalar was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    #[default]
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// One node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The bytes it was written with (an alias: the alias).
    pub(crate) span: Range<usize>,
    /// What it holds.
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text, whatever YAML would make of it: `2.10` stays `2.10`.
    Scalar(String, Style),
    /// `- …`
    List(Vec<Node>),
    /// Keys are texts; in the order written.
    Map(Vec<(At<String>, Node)>),
}

/// A value and where it was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    /// Its bytes, quotes included.
    pub(crate) span: Range<usize>,
    /// How it was written.
    pub(crate) style: Style,
}

impl Node {
    /// Nothing, or what YAML calls null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, Style::Plain) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The scalar, if it is one and not null.
    pub(crate) fn text(&self) -> Option<At<String>> {
        match &self.value {
            Value::Scalar(text, style) if !self.is_null() => {
                Some(At { value: text.clone(), span: self.span.clone(), style: *style })
            }
            _ => None,
        }
    }

    /// What to call it in a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar(..) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Where to point when the node as a whole is meant: a block's first key or item, because a whole block says nothing.
    pub(crate) fn anchor(&self) -> Range<usize> {
        match &self.value {
            Value::Scalar(..) => self.span.clone(),
            Value::List(items) => items.first().map_or_else(|| self.span.clone(), Self::anchor),
            Value::Map(entries) => entries.first().map_or_else(|| self.span.clone(), |(key, _)| key.span.clone()),
        }
    }
}

/// Whether YAML tools read this plain scalar as a number.
pub(crate) fn reads_as_number(text: &At<String>) -> bool {
    text.style == Style::Plain
        && text.value.parse::<f64>().is_ok()
        && text.value.bytes().any(|byte| byte.is_ascii_digit())
}
