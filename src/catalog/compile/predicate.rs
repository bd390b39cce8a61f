//! A key's modifiers and its values → one predicate.

use std::net::IpAddr;

use crate::catalog::compile::Operator;
use crate::catalog::compile::Site;
use crate::catalog::compile::Text;
use crate::catalog::compile::detection::Compiler;
use crate::catalog::compile::key::Modifiers;
use crate::catalog::compile::regex;
use crate::catalog::detection::Comparison;
use crate::catalog::detection::FieldTest;
use crate::catalog::detection::Literal;
use crate::catalog::detection::Network;
use crate::catalog::detection::Pattern;
use crate::catalog::detection::Predicate;
use crate::catalog::problem::Code;
use crate::catalog::source::quoted;
use crate::catalog::spec::scalars;
use crate::catalog::yaml::At;
use crate::catalog::yaml::Node;
use crate::catalog::yaml::Value;

impl Compiler<'_> {
    /// A test of `field`: what `key` asks of it with the values of `node`.
    pub(super) fn field_test<F>(
        &mut self,
        field: F,
        site: Site,
        asked: (&At<String>, Modifiers),
        node: &Node,
    ) -> Option<FieldTest<F>> {
        let (key, modifiers) = asked;
        let values = self.values(key, node)?;
        for text in &values {
            self.texts.push(Text {
                written: text.clone(),
                operator: modifiers.operator,
                negated: modifiers.negated,
                site,
                pattern: None,
            });
        }
        let predicate = self.predicate(modifiers, key, &values)?;
        if let Predicate::Re(patterns) = &predicate {
            self.remember(patterns);
        }
        Some(FieldTest { field, negated: modifiers.negated, all: modifiers.all, predicate })
    }

    /// The short form: a regular expression, or several of which one must match.
    pub(super) fn patterns(&mut self, key: &At<String>, node: &Node) -> Option<Vec<Pattern>> {
        let values = self.values(key, node)?;
        for text in &values {
            let written = text.clone();
            self.texts.push(Text {
                written,
                operator: Operator::Re,
                negated: false,
                site: Site::Anywhere,
                pattern: None,
            });
        }
        let patterns = self.regexes(&values, None)?;
        self.remember(&patterns);
        Some(patterns)
    }

    /// Hands compiled patterns to the lints.
    fn remember(&mut self, patterns: &[Pattern]) {
        let start = self.texts.len().saturating_sub(patterns.len());
        for (text, pattern) in self.texts.iter_mut().skip(start).zip(patterns) {
            text.pattern = Some(pattern.clone());
        }
    }

    /// The values of a key: at least one text, none of them empty.
    fn values(&mut self, key: &At<String>, node: &Node) -> Option<Vec<At<String>>> {
        let count = match &node.value {
            Value::List(items) => items.len(),
            _ => 1,
        };
        if count == 0 {
            self.report.add(
                Code::EmptyDetection,
                &key.span,
                format!("{} asks for nothing: the list is empty", quoted(&key.value)),
            );
            return None;
        }
        let values = scalars(&key.value, node, self.report);
        for text in values.iter().filter(|text| text.value.is_empty()) {
            self.report.add(Code::EmptyDetection, &text.span, "an empty text says nothing about a record");
        }
        (values.len() == count && values.iter().all(|text| !text.value.is_empty())).then_some(values)
    }

    fn predicate(&mut self, modifiers: Modifiers, key: &At<String>, values: &[At<String>]) -> Option<Predicate> {
        let literals =
            || values.iter().map(|text| Literal { text: text.value.clone(), cased: modifiers.cased }).collect();
        match modifiers.operator {
            Operator::Equals => Some(Predicate::Equals(literals())),
            Operator::Contains => Some(Predicate::Contains(literals())),
            Operator::StartsWith => Some(Predicate::StartsWith(literals())),
            Operator::EndsWith => Some(Predicate::EndsWith(literals())),
            Operator::Re => self.regexes(values, None).map(Predicate::Re),
            Operator::Wildcard => self.regexes(values, Some(modifiers.cased)).map(Predicate::Re),
            Operator::Exists => {
                let text = self.single(key, values)?;
                self.exists(text)
            }
            Operator::Cidr => self.networks(values).map(Predicate::Cidr),
            Operator::Greater => self.compare(Comparison::Greater, key, values),
            Operator::GreaterOrEqual => self.compare(Comparison::GreaterOrEqual, key, values),
            Operator::Less => self.compare(Comparison::Less, key, values),
            Operator::LessOrEqual => self.compare(Comparison::LessOrEqual, key, values),
        }
    }

    /// `wildcard`: `Some(cased)` for Sigma's wildcards, `None` for regular expressions.
    fn regexes(&mut self, values: &[At<String>], wildcard: Option<bool>) -> Option<Vec<Pattern>> {
        let compiled: Vec<Option<Pattern>> = values
            .iter()
            .map(|text| match wildcard {
                Some(cased) => regex::wildcard(text, cased, self.report),
                None => regex::pattern(text, self.report),
            })
            .collect();
        compiled.into_iter().collect()
    }

    fn single<'v>(&mut self, key: &At<String>, values: &'v [At<String>]) -> Option<&'v At<String>> {
        let [value] = values else {
            self.report.add(Code::BadValue, &key.span, format!("{} takes one value", quoted(&key.value)));
            return None;
        };
        Some(value)
    }

    fn exists(&mut self, text: &At<String>) -> Option<Predicate> {
        match text.value.to_ascii_lowercase().as_str() {
            "true" => Some(Predicate::Exists(true)),
            "false" => Some(Predicate::Exists(false)),
            _ => {
                let message = format!("`exists` takes `true` or `false`, not {}", quoted(&text.value));
                self.report.add(Code::BadValue, &text.span, message);
                None
            }
        }
    }

    fn compare(&mut self, comparison: Comparison, key: &At<String>, values: &[At<String>]) -> Option<Predicate> {
        let text = self.single(key, values)?;
        match text.value.parse::<f64>() {
            Ok(number) if number.is_finite() => Some(Predicate::Compare(comparison, number)),
            _ => {
                self.report.add(Code::BadValue, &text.span, format!("{} is no number", quoted(&text.value)));
                None
            }
        }
    }

    fn networks(&mut self, values: &[At<String>]) -> Option<Vec<Network>> {
        let mut networks = Vec::new();
        for text in values {
            if let Some(network) = network(&text.value) {
                networks.push(network);
            } else {
                let message = format!("{} is no network", quoted(&text.value));
                let help = "`10.0.0.0/8`, `2001:db8::/32`, or one address";
                self.report.add_with_help(Code::BadValue, &text.span, message, help);
            }
        }
        (networks.len() == values.len()).then_some(networks)
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address.parse::<IpAddr>().ok()?, Some(prefix.parse::<u8>().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.unwrap_or(longest);
    (prefix <= longest).then_some(Network { address, prefix })
}
