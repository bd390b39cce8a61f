//! Stacks printed as rows of `at …`: Java and its relatives, JavaScript, .NET. Printed outermost exception first and innermost
//! frame first; given root first and outermost frame first.

use crate::decode::exception::coded;
use crate::decode::exception::typed;
use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Relation;

/// A longer line is no exception's first line.
const MAX_HEAD: usize = 8_192;

/// The chain in `text`, root first; empty where no `at` rows are.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    let is_row = |line: &str| line.starts_with([' ', '\t']) && line.trim_start().starts_with("at ");
    if !text.contains("at ") || !text.lines().any(is_row) {
        return Vec::new();
    }
    let mut stacks: Vec<Vec<Exception>> = Vec::new();
    let mut candidate: Option<(Exception, Mark)> = None;
    let mut skipping = true;
    let mut wrapping = false;
    for line in text.lines() {
        let row = line.trim_start();
        if let Some(place) = row.strip_prefix("at ").filter(|_| row.len() < line.len()) {
            if let Some((exception, mark)) = candidate.take() {
                skipping = mark == Mark::Suppressed;
                wrapping = mark == Mark::Wrapper;
                match stacks.last_mut() {
                    _ if skipping => {}
                    Some(chain) if mark == Mark::Cause => chain.push(exception),
                    Some(chain) if mark == Mark::Wrapper => chain.insert(0, exception),
                    _ => stacks.push(vec![exception]),
                }
            }
            let newest = |chain: &'_ mut Vec<Exception>| if wrapping { 0 } else { chain.len().saturating_sub(1) };
            let innermost = stacks.last_mut().and_then(|chain| {
                let at = newest(chain);
                chain.get_mut(at)
            });
            if let Some(exception) = innermost.filter(|_| !skipping) {
                exception.frames.push(frame(place));
            }
        } else if let Some(found) = head(row) {
            candidate = Some(found);
        } else if let Some((exception, _)) = candidate.as_mut().filter(|_| is_caret(row)) {
            // Deno shows the source of the throw below the message.
            let said = exception.message.rfind('\n').unwrap_or(exception.message.len());
            exception.message.truncate(said);
        } else if let Some((exception, _)) = candidate.as_mut().filter(|_| !row.starts_with("... ")) {
            exception.message.push('\n');
            exception.message.push_str(line);
        }
    }
    stacks.into_iter().flat_map(rooted).collect()
}

/// A row that points at a place in the row above.
fn is_caret(row: &str) -> bool {
    !row.is_empty() && row.trim_end().bytes().all(|byte| byte == b'^')
}

/// A chain printed outermost first, turned round.
fn rooted(mut chain: Vec<Exception>) -> Vec<Exception> {
    chain.reverse();
    let links = chain.len().saturating_sub(1);
    for (at, exception) in chain.iter_mut().enumerate() {
        exception.frames.reverse();
        exception.relation = (at < links).then_some(Relation::Cause);
    }
    chain
}

/// How an exception is announced above its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// A stack of its own.
    Own,
    /// The cause of the exception printed before.
    Cause,
    /// What the exception printed before was wrapped in: the root was printed first.
    Wrapper,
    /// Of interest to no chain.
    Suppressed,
}

/// The line above the rows: the exception, and how it is announced.
fn head(row: &str) -> Option<(Exception, Mark)> {
    if row.len() > MAX_HEAD {
        return None;
    }
    let marks = ["Caused by: ", "caused by: ", "[cause]: ", "---> "];
    let cause = marks.iter().find_map(|mark| row.strip_prefix(mark));
    let suppressed = row.strip_prefix("Suppressed: ");
    let wrapper = row.strip_prefix("Wrapped by: ");
    let text = cause.or(suppressed).or(wrapper).unwrap_or(row);
    let text = match text.strip_prefix("Exception in thread \"").and_then(|rest| rest.split_once("\" ")) {
        Some((_, exception)) => exception,
        None => text.strip_prefix("Uncaught ").or_else(|| text.strip_prefix("Unhandled exception. ")).unwrap_or(text),
    };
    let named = |text: &str| {
        let (kind, message) = coded(text).or_else(|| typed(text))?;
        let last = kind.rsplit('.').next().unwrap_or(kind);
        let throwable = ["Error", "Exception", "Throwable", "UnhandledPromiseRejection"]
            .iter()
            .any(|ending| last.ends_with(ending));
        (throwable || cause.is_some() || kind.matches('.').count() > 1).then(|| Exception {
            kind: kind.to_owned(),
            message: message.to_owned(),
            ..Exception::default()
        })
    };
    let found = named(text).or_else(|| {
        // The exception may stand behind a message on the same line: `request failed java.io.IOException: x`.
        text.match_indices(' ').take(64).find_map(|(at, _)| text.get(at + 1..).and_then(named))
    });
    found.map(|mut exception| {
        exception.message.truncate(exception.message.trim_end_matches(" {").len());
        let mark = match (cause, suppressed) {
            (Some(_), _) => Mark::Cause,
            (_, Some(_)) => Mark::Suppressed,
            _ if wrapper.is_some() => Mark::Wrapper,
            _ => Mark::Own,
        };
        (exception, mark)
    })
}

/// `a.b.C.m(File.java:12)`, `f (/app/x.js:1:2)`, `/app/x.js:1:2`, `A.B(String s) in /src/x.cs:line 12`.
pub(super) fn frame(place: &str) -> Frame {
    let place = place.trim_end_matches([' ', '{', ',']);
    let place = place.strip_prefix("async ").unwrap_or(place);
    // Which archive a class is from: `~[shop.jar:1.0]`.
    let place = place
        .strip_suffix(']')
        .and_then(|place| {
            place.rsplit_once(['[']).filter(|(before, _)| before.ends_with(") ") || before.ends_with(") ~"))
        })
        .map_or(place, |(before, _)| before.trim_end_matches([' ', '~']));
    // Mono adds an offset: `A.B (System.Object o) [0x00002] in /src/x.cs:1`.
    if let Some((function, rest)) = place.split_once("] in ")
        && let Some((function, _)) = function.split_once(" [0x")
    {
        let (path, line) = located(rest);
        let function = function.split('(').next().unwrap_or(function).trim_end();
        return Frame { path: path.to_owned(), line, function: function.to_owned(), source: None };
    }
    if let Some((function, rest)) = place.split_once(") in ") {
        let (path, line) = rest.rsplit_once(":line ").unwrap_or((rest, ""));
        let function = function.split('(').next().unwrap_or(function);
        return Frame { path: path.to_owned(), line: line.parse().ok(), function: function.to_owned(), source: None };
    }
    let (function, inside) = match place.strip_suffix(')').and_then(|place| place.rsplit_once('(')) {
        Some((function, inside)) => (function.trim_end(), inside),
        None => ("", place),
    };
    let (path, line) = located(inside);
    Frame { path: path.to_owned(), line, function: function.to_owned(), source: None }
}

/// `path:line:column`, `File.java:12`, `Native Method`.
fn located(text: &str) -> (&str, Option<u32>) {
    let Some((before, last)) = text.rsplit_once(':') else { return (text, None) };
    let Ok(number) = last.parse::<u32>() else { return (text, None) };
    match before.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse::<u32>().ok()?))) {
        Some((path, line)) => (path, Some(line)),
        None => (before, Some(number)),
    }
}
