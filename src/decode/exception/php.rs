//! PHP: `Class: message in file:line`, `Stack trace:` and `#0 file(line): function()` rows; the cause is printed first and what
//! followed from it after `Next`. A row names the call, so the function of a frame is the one that the next row calls.

use crate::decode::exception::typed;
use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Relation;

const STACK: &str = "Stack trace:";
const LARAVEL: &str = "[stacktrace]";
/// What Monolog puts before an exception.
pub(super) const OBJECT: &str = "[object] (";
const PREVIOUS: &str = "[previous exception] ";

/// The chain in `text`, root first; empty where no such trace is.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    if !text.contains("\n#0 ") {
        return if text.contains(OBJECT) { objects(text) } else { Vec::new() };
    }
    let mut chain: Vec<Exception> = Vec::new();
    let mut head = String::new();
    let mut rows: Option<Vec<Frame>> = None;
    for line in text.lines() {
        if line == STACK || line == LARAVEL {
            rows = Some(Vec::new());
        } else if let Some(frames) = rows.as_mut() {
            if let Some(frame) = row(line) {
                frames.push(frame);
            } else {
                chain.extend(exception(&head, rows.take().unwrap_or_default()));
                line.clone_into(&mut head);
            }
        } else {
            if !head.is_empty() {
                head.push('\n');
            }
            head.push_str(line);
        }
    }
    chain.extend(rows.and_then(|rows| exception(&head, rows)));
    if text.contains(PREVIOUS) {
        // Monolog prints what was thrown last first.
        chain.reverse();
    }
    let links = chain.len().saturating_sub(1);
    for exception in chain.iter_mut().take(links) {
        exception.relation = Some(Relation::Cause);
    }
    chain
}

/// Monolog's objects without their traces, a line each, what was thrown last first.
fn objects(text: &str) -> Vec<Exception> {
    let mut chain: Vec<Exception> = text.lines().filter_map(|line| exception(line, Vec::new())).collect();
    chain.reverse();
    let links = chain.len().saturating_sub(1);
    chain.iter_mut().take(links).for_each(|link| link.relation = Some(Relation::Cause));
    chain
}

/// `#0 /app/x.php(12): f()`, `#1 [internal function]: {closure}()`, `#2 {main}`: where it was called, and what.
fn row(line: &str) -> Option<Frame> {
    let (number, call) = line.trim_start().strip_prefix('#')?.split_once(' ')?;
    number.parse::<u32>().ok()?;
    let Some((place, function)) = call.split_once(": ") else {
        return Some(Frame { function: call.to_owned(), ..Frame::default() });
    };
    let function = function.split('(').next().unwrap_or(function);
    let (path, line) = place.strip_suffix(')').and_then(|place| place.rsplit_once('(')).unwrap_or((place, ""));
    Some(Frame { path: path.to_owned(), line: line.parse().ok(), function: function.to_owned(), source: None })
}

fn exception(head: &str, rows: Vec<Frame>) -> Option<Exception> {
    let head = head.trim();
    let (said, path, line) = located(head)?;
    let (kind, message) = kind_of(said)?;
    let mut frames = vec![Frame { path: path.to_owned(), line: line.parse().ok(), ..Frame::default() }];
    for row in rows {
        if let Some(inner) = frames.last_mut() {
            inner.function = row.function;
        }
        if !row.path.is_empty() {
            frames.push(Frame { path: row.path, line: row.line, function: "{main}".to_owned(), source: None });
        }
    }
    frames.reverse();
    Some(Exception { kind: kind.to_owned(), message: message.to_owned(), frames, relation: None })
}

/// Message, file and line: `… in /app/x.php:12`, or Laravel's `[object] (Class(code: 0): … at /app/x.php:12)`.
fn located(head: &str) -> Option<(&str, &str, &str)> {
    let laravel = head.strip_suffix(')').filter(|head| head.contains(OBJECT));
    let (said, place) = match laravel {
        Some(head) => head.rsplit_once(" at ")?,
        None => head.rsplit_once(" in ")?,
    };
    let (path, line) = place.rsplit_once(':')?;
    (!line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())).then_some((said, path, line))
}

/// The class, in front of the message; names may hold backslashes.
fn kind_of(said: &str) -> Option<(&str, &str)> {
    let said = said.rsplit_once("[object] (").map_or(said, |(_, said)| said);
    let said = said.split_once("Uncaught ").map_or(said, |(_, said)| said);
    let said = said.strip_prefix("Next ").unwrap_or(said);
    let (kind, message) = said.split_once(": ").unwrap_or((said, ""));
    let (kind, message) = match kind.split_once("(code") {
        Some((kind, _)) => (kind, message.split_once("): ").map_or(message, |(_, message)| message)),
        None => (kind, message),
    };
    let kind = kind.rsplit([' ', '\n']).next().unwrap_or(kind);
    // Inside JSON each backslash is two.
    let plain = kind.replace("\\\\", ".").replace('\\', ".");
    typed(plain.trim_start_matches('.')).map(|_| (kind, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_with_its_functions() {
        let found = parse(
            "PHP Fatal error:  Uncaught InvalidArgumentException: bad x in /srv/t.php:3\nStack trace:\n#0 /srv/t.php(4): inner()\n#1 /srv/t.php(5): f()\n#2 {main}\n\nNext App\\AppError: outer\nfailed in /srv/t.php:4\nStack trace:\n#0 /srv/t.php(5): f()\n#1 {main}\n  thrown in /srv/t.php on line 4",
        );
        let names: Vec<_> =
            found.iter().map(|link| (link.kind.as_str(), link.message.as_str(), link.relation)).collect();
        assert_eq!(
            names,
            [("InvalidArgumentException", "bad x", Some(Relation::Cause)), ("App\\AppError", "outer\nfailed", None)]
        );
        let frames: Vec<_> = found[0].frames.iter().map(|frame| (frame.line, frame.function.as_str())).collect();
        assert_eq!(frames, [(Some(5), "{main}"), (Some(4), "f"), (Some(3), "inner")]);
    }

    #[test]
    fn laravel_writes_objects() {
        let found = parse(
            "outer {\"exception\":\"[object] (App\\\\AppError(code: 7): outer at /srv/t.php:4)\n[stacktrace]\n#0 /srv/t.php(8): f()\n#1 {main}\n\"}",
        );
        assert_eq!((found[0].kind.as_str(), found[0].message.as_str()), ("App\\\\AppError", "outer"));
        assert!(parse("a list\n#0 is first").is_empty());
    }
}
