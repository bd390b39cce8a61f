//! Exceptions that JSON records carry as objects inside objects: Monolog's (`class`, `trace`, `previous`), log4j's (`name`,
//! `extendedStackTrace`, `cause`), those of JavaScript's loggers (`name`, `stack`, `cause`).

use serde_json::Value;

use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Relation;

/// Where such an object stands.
const OWNERS: &[&[&str]] =
    &[&["exception"], &["context", "exception"], &["thrown"], &["error"], &["err"], &["context", "error"]];
/// Deeper causes are left out.
const MAX_DEPTH: usize = 32;

/// The chain that an object of `root` holds, root first; empty where it has neither frames nor causes of its own.
pub(super) fn parse(root: &Value) -> Vec<Exception> {
    for path in OWNERS {
        let owner = path.iter().try_fold(root, |value, key| value.get(key));
        let chain = owner.map(|owner| chain(owner, MAX_DEPTH)).unwrap_or_default();
        if chain.iter().any(|link| !link.frames.is_empty()) || chain.len() > 1 {
            return chain;
        }
    }
    Vec::new()
}

fn chain(value: &Value, depth: usize) -> Vec<Exception> {
    let kind =
        ["class", "name", "type"].iter().find_map(|key| value.get(key)?.as_str()).filter(|kind| !kind.is_empty());
    let Some(kind) = kind.filter(|_| depth > 0) else { return Vec::new() };
    let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
    let cause = ["previous", "cause"].iter().find_map(|key| value.get(key));
    let mut links = cause.map(|cause| chain(cause, depth - 1)).unwrap_or_default();
    if let Some(last) = links.last_mut() {
        last.relation = Some(Relation::Cause);
    }
    let rows = ["trace", "extendedStackTrace", "stack"].iter().find_map(|key| value.get(key)?.as_array());
    let mut frames: Vec<Frame> = rows.into_iter().flatten().filter_map(frame).collect();
    if let Some(raised) = value.get("file").and_then(Value::as_str) {
        let (path, line) = placed(raised, value.get("line"));
        frames.insert(0, Frame { path, line, ..Frame::default() });
    }
    frames.reverse();
    links.push(Exception { kind: kind.to_owned(), message: message.to_owned(), frames, relation: None });
    links
}

/// `"/srv/x.php:12"`, or an object that names file, line and function in one of the loggers' words.
fn frame(row: &Value) -> Option<Frame> {
    if let Some(place) = row.as_str() {
        let (path, line) = placed(place, None);
        return Some(Frame { path, line, ..Frame::default() });
    }
    let text = |keys: &[&str]| keys.iter().find_map(|key| row.get(key)?.as_str()).unwrap_or_default();
    let number = ["line", "fileLine", "lineNumber", "lineno"].iter().find_map(|key| row.get(key));
    let (path, line) = placed(text(&["file", "filePath", "fileName", "filename"]), number);
    let (class, method) = (text(&["class"]), text(&["method", "function", "name"]));
    let function = if class.is_empty() { method.to_owned() } else { format!("{class}.{method}") };
    (!path.is_empty() || !function.is_empty()).then_some(Frame { path, line, function, source: None })
}

fn placed(place: &str, number: Option<&Value>) -> (String, Option<u32>) {
    let told = number.and_then(|line| line.as_u64().or_else(|| line.as_str()?.parse().ok()));
    if let Some(line) = told.and_then(|line| u32::try_from(line).ok()) {
        return (place.to_owned(), Some(line));
    }
    match place.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?))) {
        Some((path, line)) => (path.to_owned(), Some(line)),
        None => (place.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, Option<Relation>, usize)> {
        let found = parse(&serde_json::from_str(text).unwrap());
        found.into_iter().map(|link| (link.kind, link.relation, link.frames.len())).collect()
    }

    #[test]
    fn objects_that_hold_their_cause() {
        let monolog = r#"{"context":{"exception":{"class":"A","message":"a","file":"/x.php:6","trace":["/x.php:14"],"previous":{"class":"B","message":"b","file":"/x.php:5"}}}}"#;
        assert_eq!(told(monolog), [("B".to_owned(), Some(Relation::Cause), 1), ("A".to_owned(), None, 2)]);
        let log4j = r#"{"thrown":{"name":"j.A","message":"a","extendedStackTrace":[{"class":"S","method":"m","file":"S.java","line":4}],"cause":{"name":"j.B"}}}"#;
        assert_eq!(told(log4j), [("j.B".to_owned(), Some(Relation::Cause), 0), ("j.A".to_owned(), None, 1)]);
        assert!(
            told(r#"{"error":{"name":"A","message":"a"}}"#).is_empty(),
            "type and message alone are read elsewhere"
        );
    }
}
