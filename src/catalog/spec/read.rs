//! A YAML map → a struct, leniently: every key is looked at, every problem is reported, and what cannot be read is left empty.

use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::spec::words::parse;
use crate::catalog::suggest;
use crate::catalog::yaml::At;
use crate::catalog::yaml::Node;
use crate::catalog::yaml::Value;

/// A struct that is read from a map.
pub(crate) trait Read: Default {
    /// What it is called in messages, with its article: `a fix`.
    const WHAT: &'static str;

    /// Reads every field.
    fn read(fields: &mut Fields<'_>) -> Self;
}

/// The entries of one map while they are read. The keys that are asked for are the keys that exist: no second list can drift.
pub(crate) struct Fields<'a> {
    what: &'static str,
    /// Where to point when a key is missing.
    pub(crate) anchor: Range<usize>,
    entries: &'a [(At<String>, Node)],
    asked: Vec<&'static str>,
    pub(crate) report: &'a mut Report,
}

/// Reads a map as `T`; anything else is a problem and `None`.
pub(crate) fn read<T: Read>(node: &Node, report: &mut Report) -> Option<T> {
    let Value::Map(entries) = &node.value else {
        wrong_type(T::WHAT, "a map", node, report);
        return None;
    };
    let mut fields = Fields { what: T::WHAT, anchor: node.anchor(), entries, asked: Vec::new(), report };
    let value = T::read(&mut fields);
    fields.report_unknown();
    Some(value)
}

fn wrong_type(what: &str, wanted: &str, node: &Node, report: &mut Report) {
    report.add(Code::WrongType, &node.anchor(), format!("{what} must be {wanted}, not {}", node.kind()));
}

impl<'a> Fields<'a> {
    /// The value of a key, null counting as absent.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        let entries = self.entries;
        entries.iter().find(|(name, _)| name.value == key).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&mut self, key: &'static str) -> Option<&'a Node> {
        let node = self.get(key);
        if node.is_none() {
            let written = self.entries.iter().find(|(name, _)| name.value == key);
            let near = self.entries.iter().any(|(name, _)| suggest::closest(&name.value, [key]).is_some());
            match written {
                Some((name, _)) => self.report.add(Code::MissingKey, &name.span, format!("`{key}` is empty")),
                // The typo is reported as an unknown key; the same mistake twice helps nobody.
                None if near => {}
                None => self.report.add(Code::MissingKey, &self.anchor, format!("`{key}` is missing in {}", self.what)),
            }
        }
        node
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let node = self.get(key)?;
        scalar(key, node, self.report)
    }

    /// A text that must be there; empty when it is not.
    pub(crate) fn required_text(&mut self, key: &'static str) -> At<String> {
        let text = self.required(key).and_then(|node| scalar(key, node, self.report));
        if let Some(text) = &text
            && text.value.trim().is_empty()
        {
            self.report.add(Code::MissingKey, &text.span, format!("`{key}` is empty"));
        }
        text.unwrap_or_default()
    }

    /// A list of texts; one text alone is a list of one.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<At<String>> {
        self.get(key).map(|node| scalars(key, node, self.report)).unwrap_or_default()
    }

    /// A word with a fixed choice.
    pub(crate) fn word<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<At<T>> {
        let text = self.text(key)?;
        self.word_of(key, &text)
    }

    /// A word with a fixed choice that must be there.
    pub(crate) fn required_word<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<At<T>> {
        let node = self.required(key)?;
        let text = scalar(key, node, self.report)?;
        self.word_of(key, &text)
    }

    fn word_of<T: DeserializeOwned>(&mut self, key: &str, text: &At<String>) -> Option<At<T>> {
        match parse::<T>(&text.value) {
            Ok(value) => Some(At { value, span: text.span.clone(), style: text.style }),
            Err(accepted) => {
                let message = format!("{} is no `{key}`", quoted(&text.value));
                let help = suggest::help(&text.value, accepted.iter().copied());
                self.report.add_with_help(Code::UnknownValue, &text.span, message, help);
                None
            }
        }
    }

    /// A whole number.
    pub(crate) fn number(&mut self, key: &'static str) -> Option<At<u64>> {
        let text = self.text(key)?;
        let Ok(value) = text.value.parse() else {
            self.report.add(
                Code::BadValue,
                &text.span,
                format!("`{key}` must be a whole number, not {}", quoted(&text.value)),
            );
            return None;
        };
        Some(At { value, span: text.span, style: text.style })
    }

    /// A map inside.
    pub(crate) fn record<T: Read>(&mut self, key: &'static str) -> Option<T> {
        let node = self.get(key)?;
        read(node, self.report)
    }

    /// A list of maps.
    pub(crate) fn records<T: Read>(&mut self, key: &'static str) -> Vec<T> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            wrong_type(&format!("`{key}`"), "a list (`- …`)", node, self.report);
            return Vec::new();
        };
        items.iter().filter_map(|item| read(item, self.report)).collect()
    }

    /// A map of free keys to `T`.
    pub(crate) fn map<T>(
        &mut self,
        key: &'static str,
        value: impl Fn(&str, &Node, &mut Report) -> Option<T>,
    ) -> Vec<(At<String>, T)> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let Value::Map(entries) = &node.value else {
            wrong_type(&format!("`{key}`"), "a map", node, self.report);
            return Vec::new();
        };
        entries.iter().filter_map(|(name, node)| Some((name.clone(), value(&name.value, node, self.report)?))).collect()
    }

    fn report_unknown(&mut self) {
        for (key, _) in self.entries {
            if !self.asked.iter().any(|known| *known == key.value) {
                let message = format!("unknown key {} in {}", quoted(&key.value), self.what);
                let help = suggest::help(&key.value, self.asked.iter().copied());
                self.report.add_with_help(Code::UnknownKey, &key.span, message, help);
            }
        }
    }
}

/// One text.
pub(crate) fn scalar(key: &str, node: &Node, report: &mut Report) -> Option<At<String>> {
    let text = node.text();
    if text.is_none() {
        wrong_type(&quoted(key), "a text", node, report);
    }
    text
}

/// One text or a list of texts.
pub(crate) fn scalars(key: &str, node: &Node, report: &mut Report) -> Vec<At<String>> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(|item| scalar(key, item, report)).collect(),
        Value::Map(_) => {
            wrong_type(&quoted(key), "a text or a list of texts", node, report);
            Vec::new()
        }
        Value::Scalar(..) => scalar(key, node, report).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use crate::catalog::source::Source;
    use crate::catalog::spec;

    use super::*;

    /// The keys a reader asks for must be the keys of the published schema.
    fn agrees<T: Read + schemars::JsonSchema>() {
        let mut report = Report::new(Arc::new(Source::new("x".into(), "x".into())));
        let mut fields = Fields { what: T::WHAT, anchor: 0..0, entries: &[], asked: Vec::new(), report: &mut report };
        T::read(&mut fields);
        let asked: BTreeSet<&str> = fields.asked.iter().copied().collect();
        let schema = schemars::schema_for!(T).to_value();
        let keys: BTreeSet<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(asked, keys, "{}", T::WHAT);
    }

    #[test]
    fn the_reader_and_the_schema_know_the_same_keys() {
        agrees::<spec::SignatureSpec>();
        agrees::<spec::FixSpec>();
        agrees::<spec::CorrelationSpec>();
        agrees::<spec::ThresholdSpec>();
        agrees::<spec::DiagnosisSpec>();
        agrees::<spec::GuardSpec>();
        agrees::<spec::PathsSpec>();
        agrees::<spec::TestSpec>();
        agrees::<spec::ExpectSpec>();
        agrees::<spec::RelatedSpec>();
    }
}
