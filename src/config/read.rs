//! A configuration text → a [`Config`], or every mistake in it with its place. Receives YAML, gives problems as the catalog's are.
//!
//! The published JSON Schema says which keys exist and what they hold; `serde` has the last word on the values. A value that it refuses is
//! taken out and the rest is tried again, so that one mistake does not hide the next.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Map;
use serde_json::Value as Json;
use serde_path_to_error::Path;
use serde_path_to_error::Segment;

use crate::catalog::problem;
use crate::catalog::problem::Code;
use crate::catalog::problem::Problem;
use crate::catalog::source::Report;
use crate::catalog::source::Source;
use crate::catalog::source::quoted;
use crate::catalog::suggest;
use crate::catalog::yaml::At;
use crate::catalog::yaml::Node;
use crate::catalog::yaml::Value;
use crate::catalog::yaml::documents;
use crate::config::Config;

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone)]
pub struct Invalid {
    /// In the order of the text.
    pub problems: Vec<Problem>,
    sources: BTreeMap<Arc<str>, Arc<str>>,
}

impl Invalid {
    /// Every problem with its line and what to do about it. Paths of URLs are masked: they may be secret.
    pub fn render(&self, color: bool) -> String {
        problem::render_human(&self.problems, &self.sources, color)
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

/// Reads a configuration; an empty text is the default one.
pub(super) fn read(name: &str, text: &str) -> Result<Config, Invalid> {
    let source = Arc::new(Source::new(Arc::from(name), Arc::from(text)));
    let mut report = Report::new(Arc::clone(&source));
    let nodes = documents(&mut report);
    if let Some(second) = nodes.get(1) {
        report.add(Code::UnsupportedYaml, &second.anchor(), "a configuration is one document; this is a second one");
    }
    let schema = Config::json_schema();
    let mut reading = Reading { root: &schema, report, places: BTreeMap::new(), faulty: BTreeSet::new() };
    let mut json = nodes.first().and_then(|node| reading.convert(node, &schema, "")).unwrap_or_else(empty);
    let config = reading.deserialize(&mut json);
    let mut problems = reading.report.problems;
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => {
            problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.bytes.start));
            let sources = BTreeMap::from([(Arc::clone(&source.name), Arc::from(masked(text)))]);
            Err(Invalid { problems, sources })
        }
    }
}

fn empty() -> Json {
    Json::Object(Map::new())
}

/// YAML on its way to JSON, along the schema.
struct Reading<'a> {
    root: &'a Json,
    report: Report,
    /// Where the value of each path is written, paths as `serde_path_to_error` shows them.
    places: BTreeMap<String, (Range<usize>, Option<String>)>,
    /// Maps with a key or value that was refused: what is missing in them may be that key, misspelt or taken out.
    faulty: BTreeSet<String>,
}

impl Reading<'_> {
    /// The JSON value of a node; `None` for null (the default then holds) and for what the schema refuses.
    fn convert(&mut self, node: &Node, schema: &Json, path: &str) -> Option<Json> {
        if node.is_null() {
            return None;
        }
        let schema = of_shape(resolve(self.root, schema), node);
        self.places.insert(path.to_owned(), (node.anchor(), node.text().map(|text| text.value)));
        match (&node.value, wanted(schema)) {
            (Value::Map(entries), Some("object") | None) => Some(self.map(entries, schema, path)),
            (Value::List(items), Some("array") | None) => self.list(items, schema, path),
            (Value::Scalar(text, _), wanted) if !matches!(wanted, Some("object" | "array")) => {
                self.scalar(text, schema, wanted, path)
            }
            (_, wanted) => {
                let wanted = match wanted {
                    Some("object") => "a map",
                    Some("array") => "a list (`- …`)",
                    Some("boolean") => "true or false",
                    Some("integer" | "number") => "a number",
                    _ => "a text",
                };
                let what = if path.is_empty() { "a configuration".to_owned() } else { format!("`{path}`") };
                self.report.add(
                    Code::WrongType,
                    &node.anchor(),
                    format!("{what} must be {wanted}, not {}", node.kind()),
                );
                None
            }
        }
    }

    /// All of its items or, with one refused, nothing: the places of the others would not be theirs any more.
    fn list(&mut self, items: &[Node], schema: &Json, path: &str) -> Option<Json> {
        let schema = schema.get("items").unwrap_or(&Json::Null);
        let mut read = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let path = format!("{path}[{at}]");
            if item.is_null() {
                self.report.add(Code::WrongType, &item.anchor(), format!("`{path}` is empty"));
            }
            read.push(self.convert(item, schema, &path));
        }
        read.into_iter().collect::<Option<Vec<_>>>().map(Json::Array)
    }

    fn map(&mut self, entries: &[(At<String>, Node)], schema: &Json, path: &str) -> Json {
        let known = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties");
        let mut map = Map::new();
        for (key, node) in entries {
            let inside = if path.is_empty() { key.value.clone() } else { format!("{path}.{}", key.value) };
            let schema = known.and_then(|known| known.get(&key.value)).or(others).unwrap_or(&Json::Null);
            if *schema == Json::Bool(false) {
                let place = if path.is_empty() { "the configuration".to_owned() } else { format!("`{path}`") };
                let help = suggest::help(&key.value, known.into_iter().flatten().map(|(name, _)| name.as_str()));
                self.report.add_with_help(
                    Code::UnknownKey,
                    &key.span,
                    format!("unknown key {} in {place}", quoted(&key.value)),
                    help,
                );
                self.faulty.insert(path.to_owned());
            } else if let Some(value) = self.convert(node, schema, &inside) {
                map.insert(key.value.clone(), value);
            }
        }
        Json::Object(map)
    }

    fn scalar(&mut self, text: &str, schema: &Json, wanted: Option<&str>, path: &str) -> Option<Json> {
        let words = words(schema);
        let read = match wanted {
            _ if !words.is_empty() => words.contains(&text).then(|| Json::from(text)),
            Some("boolean") => text.parse::<bool>().ok().map(Json::from),
            Some("integer" | "number") => {
                text.parse::<u64>().ok().map(Json::from).or_else(|| text.parse::<f64>().ok().map(Json::from))
            }
            _ => Some(Json::from(text)),
        };
        if read.is_none() {
            let span = self.places.get(path).map(|(span, _)| span.clone()).unwrap_or_default();
            let help = match wanted {
                _ if !words.is_empty() => suggest::help(text, words),
                Some("boolean") => "write true or false".to_owned(),
                _ => "write a number".to_owned(),
            };
            let message = format!("{} is no value for `{path}`", quoted(text));
            self.report.add_with_help(Code::UnknownValue, &span, message, help);
        }
        read
    }

    /// Tries until what is left can be read, or nothing can be taken out any more.
    fn deserialize(&mut self, json: &mut Json) -> Option<Config> {
        loop {
            let error = match serde_path_to_error::deserialize::<_, Config>(json.clone()) {
                Ok(config) => return Some(config),
                Err(error) => error,
            };
            self.refused(&error.path().to_string(), &error.inner().to_string());
            if !remove(json, error.path()) {
                return None;
            }
        }
    }

    fn refused(&mut self, path: &str, why: &str) {
        if why.starts_with("missing field") && self.faulty.contains(path) {
            return;
        }
        let inside = path.rsplit_once('.').map_or("", |(inside, _)| inside);
        self.faulty.insert(inside.to_owned());
        let (span, text) = self.places.get(path).cloned().unwrap_or_default();
        // What a receiver's URL holds may be secret.
        let value =
            text.filter(|text| !text.contains("://")).map_or_else(|| "the value".to_owned(), |text| quoted(&text));
        if why.contains("duration format") {
            let message = format!("{value} of `{path}` is no duration");
            return self.report.add_with_help(Code::BadValue, &span, message, "write it as `30s`, `5m` or `1h 30m`");
        }
        self.report.add(Code::BadValue, &span, format!("{value} of `{path}` cannot be used: {why}"));
    }
}

/// Follows references and takes the part of an optional value that is not null.
fn resolve<'s>(root: &'s Json, schema: &'s Json) -> &'s Json {
    let mut schema = schema;
    for _ in 0..8 {
        if let Some(pointer) = schema.get("$ref").and_then(Json::as_str) {
            schema = pointer.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).unwrap_or(&Json::Null);
        } else if let Some(choices) = schema.get("anyOf").and_then(Json::as_array) {
            let is_value = |choice: &&Json| choice.get("type").and_then(Json::as_str) != Some("null");
            schema = choices.iter().find(is_value).unwrap_or(&Json::Null);
        } else {
            break;
        }
    }
    schema
}

/// What may be written as a word or, with more to say, as a map: the choice that was made.
fn of_shape<'s>(schema: &'s Json, node: &Node) -> &'s Json {
    let choices = schema.get("oneOf").and_then(Json::as_array).into_iter().flatten();
    let mut maps = choices.filter(|choice| choice.get("type").and_then(Json::as_str) == Some("object"));
    if matches!(node.value, Value::Map(_)) { maps.next().unwrap_or(schema) } else { schema }
}

/// The type a schema asks for, `null` aside.
fn wanted(schema: &Json) -> Option<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => Some(one),
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).find(|one| *one != "null"),
        _ if !words(schema).is_empty() => Some("string"),
        _ => None,
    }
}

/// The words of a fixed choice; empty where the choice is free.
fn words(schema: &Json) -> Vec<&str> {
    let list = |key: &str| schema.get(key).and_then(Json::as_array).into_iter().flatten();
    let constants = list("oneOf").filter_map(|choice| choice.get("const").and_then(Json::as_str));
    let grouped = list("oneOf").flat_map(|choice| choice.get("enum").and_then(Json::as_array).into_iter().flatten());
    constants.chain(grouped.chain(list("enum")).filter_map(Json::as_str)).collect()
}

/// Takes the refused value out; of a list, the whole list. Says whether anything was there.
fn remove(json: &mut Json, path: &Path) -> bool {
    let keys: Vec<&str> = path
        .iter()
        .map_while(|segment| match segment {
            Segment::Map { key } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    let Some((last, parents)) = keys.split_last() else { return false };
    let inside = parents.iter().try_fold(json, |inside, key| inside.get_mut(*key));
    inside.and_then(Json::as_object_mut).is_some_and(|map| map.remove(*last).is_some())
}

/// The text with the paths of its URLs starred out, byte for byte as long.
fn masked(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ']' | '}');
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        let (url, after) = url.split_at(url.find(ends).unwrap_or(url.len()));
        let (host, path) = url.split_at(url.find(['/', '?', '#']).map_or(url.len(), |end| end + 1));
        shown.push_str(before);
        // `user:password@` is as secret as a path.
        let host_at = host.rfind('@').map_or(0, |at| at + 1);
        shown.push_str(&"*".repeat(host_at));
        shown.push_str(host.get(host_at..).unwrap_or_default());
        shown.push_str(&"*".repeat(path.len()));
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn urls_keep_their_host_and_their_length() {
        let text = "url: \"https://u:p@hooks.example/T0/sécret?x=1\" # see http://wiki/a\nurls: [http://am:9093, http://b:1/x]";
        let shown = masked(text);
        assert_eq!(shown.len(), text.len());
        assert!(shown.contains("@hooks.example") || shown.contains("****hooks.example"), "{shown}");
        for secret in ["cret", "T0", "u:p", "x=1", "wiki/a"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("http://am:9093, http://b:1/*]"), "{shown}");
    }
}
