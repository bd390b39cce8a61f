//! .NET: `Outer: message`, ` ---> Inner: message`, the inner's `at` rows, `--- End of inner exception stack trace ---`, the outer's rows.

use crate::decode::exception::at_rows::frame;
use crate::decode::exception::typed;
use crate::model::record::Exception;
use crate::model::record::Relation;

const ARROW: &str = "---> ";
const END: &str = "--- End of inner exception stack trace ---";

/// The chain in `text`, root first; empty where no inner exception is printed in this way.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    if !text.contains(END) && !text.contains("\n ---> ") {
        return Vec::new();
    }
    // What is printed and not yet ended, outermost first.
    let mut open: Vec<Exception> = Vec::new();
    let mut chain: Vec<Exception> = Vec::new();
    let mut last = "";
    let mut in_message = false;
    for line in text.lines() {
        let row = line.trim_start();
        if row.starts_with(END) {
            chain.extend(open.pop());
        } else if let Some(place) = row.strip_prefix("at ").filter(|_| row.len() < line.len()) {
            in_message = false;
            if open.is_empty() {
                open.extend(heads(last));
            }
            if let Some(exception) = open.last_mut() {
                exception.frames.push(frame(place));
            }
        } else if let Some(inner) = row.strip_prefix(ARROW) {
            if open.is_empty() {
                open.extend(heads(last));
            }
            // A group numbers its members: `(Inner Exception #0) X: …`.
            let numbered = inner.starts_with('(').then(|| inner.split_once(") ")).flatten();
            let inner = numbered.map_or(inner, |(_, inner)| inner);
            open.extend(heads(inner));
            in_message = true;
        } else if let Some(exception) = open.last_mut().filter(|_| in_message && !row.starts_with("--- ")) {
            exception.message.push('\n');
            exception.message.push_str(line);
        } else if !row.is_empty() && !row.starts_with("--- ") {
            last = line;
        }
    }
    chain.extend(open.into_iter().rev());
    let links = chain.len().saturating_sub(1);
    for (at, exception) in chain.iter_mut().enumerate() {
        exception.frames.reverse();
        exception.message.truncate(exception.message.trim_end_matches("<---").trim_end().len());
        exception.relation = (at < links).then_some(Relation::Cause);
    }
    chain
}

/// The exceptions of one line: Mono and older frameworks print the whole chain on it, ` ---> ` between its links.
fn heads(line: &str) -> impl Iterator<Item = Exception> {
    line.split(" ---> ").filter_map(head)
}

/// The exception that a line names, at its beginning or behind other words.
fn head(line: &str) -> Option<Exception> {
    let exception = |text: &str| {
        let (kind, message) = typed(text.trim_start())?;
        let dotted = kind.contains('.') || kind.ends_with("Exception") || kind.ends_with("Error");
        dotted.then(|| Exception { kind: kind.to_owned(), message: message.to_owned(), ..Exception::default() })
    };
    let behind = || line.match_indices(' ').take(64).find_map(|(at, _)| line.get(at + 1..).and_then(exception));
    exception(line).or_else(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_exceptions_come_first() {
        let found = parse(
            "Unhandled exception. System.InvalidOperationException: outer\n ---> System.AggregateException: mid\n ---> System.ArgumentException: inner (Parameter 'x')\nsecond\n   at A.B.Inner() in /src/B.cs:line 3\n   --- End of inner exception stack trace ---\n   at A.B.Mid() in /src/B.cs:line 5\n   --- End of inner exception stack trace ---\n   at A.B.Run() in /src/B.cs:line 12\n   at A.B.Main()",
        );
        let told: Vec<_> = found.iter().map(|link| (link.message.as_str(), link.relation, link.frames.len())).collect();
        let cause = Some(Relation::Cause);
        assert_eq!(told, [("inner (Parameter 'x')\nsecond", cause, 1), ("mid", cause, 1), ("outer", None, 2)]);
        assert_eq!(found[2].frames[1].line, Some(12));
    }
}
