//! Rich's tracebacks: a box drawn around `path:line in function` rows with the source below each, the exception under the box. structlog's
//! console prints them too, wherever Rich is installed.

use crate::decode::exception::typed;
use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Relation;

const TITLE: &str = " Traceback (most recent call last) ";

/// The chain in `text`, root first; empty where no box is.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    if !text.contains(TITLE) {
        return Vec::new();
    }
    let mut chain: Vec<Exception> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut state = State::Outside;
    let mut place = String::new();
    for line in text.lines() {
        let row = line.trim();
        if row.starts_with('╭') && row.contains(TITLE) {
            (state, frames) = (State::Box, Vec::new());
        } else if state == State::Box {
            if row.starts_with('╰') {
                state = State::Below;
            } else if let Some(inside) = row.strip_prefix('│').and_then(|row| row.strip_suffix('│')) {
                inner(inside.trim(), &mut place, &mut frames);
            }
        } else if let Some(relation) = relation(row) {
            if let Some(last) = chain.last_mut() {
                last.relation = Some(relation);
            }
            state = State::Outside;
        } else if state == State::Below && !row.is_empty() {
            let (kind, message) = typed(row).unwrap_or(("", row));
            let (kind, message) = (kind.to_owned(), message.to_owned());
            chain.push(Exception { kind, message, frames: std::mem::take(&mut frames), relation: None });
            state = State::Message;
        } else if let Some(last) = chain.last_mut().filter(|_| state == State::Message && !row.is_empty()) {
            last.message.push('\n');
            last.message.push_str(row);
        }
    }
    chain
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Box,
    /// Under the box: the exception follows.
    Below,
    /// What follows continues the message.
    Message,
}

/// A row inside the box: `/app/x.py:5 in mid`, wrapped where it is long, or `❱  5 │   source`.
fn inner(row: &str, place: &mut String, frames: &mut Vec<Frame>) {
    if let Some((_, source)) = row.strip_prefix('❱').and_then(|row| row.trim_start().split_once(' ')) {
        if let Some(frame) = frames.last_mut().filter(|frame| frame.source.is_none()) {
            frame.source = Some(source.trim_start_matches(['│', ' ']).to_owned());
        }
        return;
    }
    if row.is_empty() || row.starts_with(['╭', '│', '╰']) {
        return place.clear();
    }
    place.push_str(row);
    let found = place.rsplit_once(" in ").or_else(|| place.rsplit_once("in ")).and_then(|(before, function)| {
        let (path, line) = before.rsplit_once(':')?;
        let line = line.trim().parse().ok()?;
        let named = !function.is_empty() && !function.contains(' ');
        named.then(|| Frame { path: path.to_owned(), line: Some(line), function: function.to_owned(), source: None })
    });
    if let Some(frame) = found {
        frames.push(frame);
        place.clear();
    }
}

/// The phrase between two boxes, which may be wrapped.
fn relation(row: &str) -> Option<Relation> {
    if row.starts_with("The above exception was the direct cause") {
        Some(Relation::Cause)
    } else if row.starts_with("During handling of the above exception, ") {
        Some(Relation::Context)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_what_is_under_them() {
        let found = parse(
            "failed\n╭───── Traceback (most recent call last) ─────╮\n│ /srv/x.py:5 in mid  │\n│                     │\n│ ❱ 5 │   root(d)     │\n│   6 │   x           │\n│                     │\n│ /srv/very/long/path/to/ │\n│ y.py:3 in root      │\n╰─────────────────────╯\nKeyError: 'user'\n\nThe above exception was the direct cause of the following exception:\n\n╭───── Traceback (most recent call last) ─────╮\n│ /srv/x.py:9 in main │\n╰─────────────────────╯\nRuntimeError: lookup failed",
        );
        let told: Vec<_> =
            found.iter().map(|link| (link.kind.as_str(), link.message.as_str(), link.relation)).collect();
        assert_eq!(told, [("KeyError", "'user'", Some(Relation::Cause)), ("RuntimeError", "lookup failed", None)]);
        let frames: Vec<_> = found[0].frames.iter().map(|frame| (frame.path.as_str(), frame.line)).collect();
        assert_eq!(frames, [("/srv/x.py", Some(5)), ("/srv/very/long/path/to/y.py", Some(3))]);
        assert_eq!(found[0].frames[0].source.as_deref(), Some("root(d)"));
        assert!(parse("no box\nat all").is_empty());
    }
}
