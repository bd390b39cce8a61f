//! JavaScript errors that hold others: Node and Deno print `[cause]:` and `[errors]: [` below the stack, indented by their depth.

use crate::decode::exception::at_rows::frame;
use crate::decode::exception::coded;
use crate::decode::exception::typed;
use crate::model::record::Exception;
use crate::model::record::Relation;

/// Deeper errors are left out.
const MAX_DEPTH: usize = 32;

/// The chains in `text`, root first; empty where no error holds another.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    if !text.contains("[cause]: ") && !text.contains("[errors]: [") && !text.contains("[AggregateError") {
        return Vec::new();
    }
    let mut open: Vec<Node> = Vec::new();
    let mut done: Vec<Exception> = Vec::new();
    let mut last: Option<(&str, usize)> = None;
    for line in text.lines() {
        let row = line.trim_start();
        let column = line.len() - row.len();
        if let Some(place) = row.strip_prefix("at ").filter(|_| column > 0) {
            if let Some((said, at)) = last.take()
                && let Some(exception) = head(said)
            {
                close_to(at, &mut open, &mut done);
                let relation = if is_member(&open, said) { Relation::Group } else { Relation::Cause };
                open.push(Node { exception, column: at, held: Vec::new(), relation });
            }
            if let Some(node) = open.last_mut() {
                node.exception.frames.push(frame(place.trim_end_matches(',')));
            }
        } else if let Some(bare) = row.strip_prefix('[').and_then(|row| row.strip_suffix("] {"))
            && let Some(exception) = head(bare)
        {
            // A group without a stack of its own.
            close_to(column, &mut open, &mut done);
            let relation = if open.is_empty() { Relation::Group } else { Relation::Cause };
            open.push(Node { exception, column, held: Vec::new(), relation });
        } else if row.starts_with("[errors]: [") {
            close_to(column, &mut open, &mut done);
        } else if head(row).is_some() && open.len() < MAX_DEPTH {
            last = Some((row, column));
        } else if let (true, Some((_, text))) = (row.contains("[cause]: ["), row.split_once("[cause]: [")) {
            // An error without a stack stands in brackets.
            if let (Some(exception), Some(node)) = (head(text.trim_end_matches([']', ' ', '{'])), open.last_mut()) {
                node.held.push(Exception { relation: Some(Relation::Cause), ..exception });
            }
        }
    }
    close_to(0, &mut open, &mut done);
    done
}

/// An error whose stack is being read.
struct Node {
    exception: Exception,
    column: usize,
    /// The chains of what it holds, root first.
    held: Vec<Exception>,
    /// What it is to the error around it.
    relation: Relation,
}

/// A member of a list has nothing in front of it.
fn is_member(open: &[Node], said: &str) -> bool {
    !open.is_empty() && !said.starts_with("[cause]: ")
}

/// Ends every error that stands at `column` or right of it.
fn close_to(column: usize, open: &mut Vec<Node>, done: &mut Vec<Exception>) {
    while let Some(mut node) = open.pop_if(|node| node.column >= column) {
        node.exception.frames.reverse();
        let mut chain = node.held;
        chain.push(node.exception);
        match open.last_mut() {
            Some(around) => {
                if let Some(last) = chain.last_mut() {
                    last.relation = Some(node.relation);
                }
                around.held.append(&mut chain);
            }
            None => done.append(&mut chain),
        }
    }
}

fn head(row: &str) -> Option<Exception> {
    let text = row.strip_prefix("[cause]: ").unwrap_or(row);
    let text = text.strip_prefix("Uncaught ").unwrap_or(text);
    let named = |text: &str| {
        let (kind, message) = coded(text).or_else(|| typed(text))?;
        let error = kind.ends_with("Error") || kind.ends_with("Exception");
        error.then(|| Exception {
            kind: kind.to_owned(),
            message: message.trim_end_matches(" {").to_owned(),
            ..Exception::default()
        })
    };
    named(text).or_else(|| text.match_indices(' ').take(64).find_map(|(at, _)| text.get(at + 1..).and_then(named)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_causes() {
        let found = parse(
            "failed: AggregateError: both\n    at f (/x.js:5:41) {\n  [errors]: [\n    TypeError: a\n        at f (/x.js:5:61),\n    RangeError: b\n        at f (/x.js:5:81) {\n      [cause]: Error: root\n          at g (/x.js:1:1)\n    }\n  ]\n}",
        );
        let told: Vec<_> =
            found.iter().map(|link| (link.kind.as_str(), link.message.as_str(), link.relation)).collect();
        let (group, cause) = (Some(Relation::Group), Some(Relation::Cause));
        assert_eq!(
            told,
            [
                ("TypeError", "a", group),
                ("Error", "root", cause),
                ("RangeError", "b", group),
                ("AggregateError", "both", None)
            ]
        );
        assert_eq!((found[0].frames[0].path.as_str(), found[0].frames[0].line), ("/x.js", Some(5)));
    }
}
