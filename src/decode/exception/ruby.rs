//! Ruby: `file:line:in 'method': message (Class)` with `from` rows, and a backtrace below a logged message. The exception is printed
//! first, then its cause; innermost row first.

use crate::decode::exception::typed;
use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Relation;

/// The chain in `text`, root first; empty where no such rows are.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    if !text.contains(":in `") && !text.contains(":in '") {
        return Vec::new();
    }
    let mut chain: Vec<Exception> = Vec::new();
    // What may announce a backtrace: the line before its first row.
    let mut said = "";
    let mut in_message = false;
    let tag = tag(text);
    for line in text.lines().map(|line| line.strip_prefix(tag).unwrap_or(line)) {
        let Some((frame, rest)) = row(line) else {
            if let Some(exception) = chain.last_mut().filter(|_| in_message) {
                exception.message.push('\n');
                exception.message.push_str(line);
            } else if !line.trim().is_empty() {
                said = line;
            }
            continue;
        };
        if let Some(message) = rest.strip_prefix(": ") {
            let (kind, message) = named(message).unwrap_or(("", message));
            let (kind, message) = (kind.to_owned(), message.to_owned());
            chain.push(Exception { kind, message, frames: vec![frame], relation: None });
            in_message = true;
            continue;
        }
        in_message = false;
        if chain.is_empty() || !said.is_empty() {
            let Some((kind, message)) = announced(std::mem::take(&mut said)) else { continue };
            chain.push(Exception { kind: kind.to_owned(), message: message.to_owned(), ..Exception::default() });
        }
        if let Some(exception) = chain.last_mut() {
            exception.frames.push(frame);
        }
    }
    chain.reverse();
    let links = chain.len().saturating_sub(1);
    for (at, exception) in chain.iter_mut().enumerate() {
        exception.frames.reverse();
        let (kind, rest) = (&mut exception.kind, exception.message.trim_end().to_owned());
        exception.message = rest;
        if kind.is_empty()
            && let Some((first, more)) = exception.message.split_once('\n')
            && let Some((name, message)) = named(first)
        {
            name.clone_into(kind);
            exception.message = format!("{message}\n{more}");
        }
        exception.relation = (at < links).then_some(Relation::Cause);
    }
    chain
}

/// Rails' tags (`[request id] `) before every line.
fn tag(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default();
    let mut len = 0;
    while let Some(rest) = first.get(len..).filter(|rest| rest.starts_with('['))
        && let Some(close) = rest.find("] ")
    {
        len += close + 2;
    }
    first.get(..len).unwrap_or_default()
}

/// `from app/x.rb:4:in 'f'`, and what follows it on the line.
fn row(line: &str) -> Option<(Frame, &str)> {
    let text = line.trim_start();
    let text = text.strip_prefix("from ").unwrap_or(text);
    let (at, place) = [":in `", ":in '"].iter().find_map(|mark| Some((text.find(mark)?, mark.len())))?;
    let (path, number) = text.get(..at)?.rsplit_once(':')?;
    // The row may stand behind words of the message that was logged.
    let path = path.rsplit(' ').next().unwrap_or(path);
    let inside = text.get(at + place..)?;
    let end = inside.find("':").or_else(|| inside.ends_with('\'').then(|| inside.len() - 1))?;
    let (function, rest) = (inside.get(..end)?, inside.get(end + 1..)?);
    let frame = Frame { path: path.to_owned(), line: number.parse().ok(), function: function.to_owned(), source: None };
    (frame.line.is_some() && !path.is_empty()).then_some((frame, rest))
}

/// `message (Class)`.
fn named(text: &str) -> Option<(&str, &str)> {
    let (message, kind) = text.trim_end().strip_suffix(')')?.rsplit_once(" (")?;
    is_class(kind).then_some((kind, message))
}

fn is_class(text: &str) -> bool {
    text.split("::").all(|part| {
        part.starts_with(|first: char| first.is_ascii_uppercase())
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// `message (Class)`, `Class (message):`, `Class: message`.
fn announced(line: &str) -> Option<(&str, &str)> {
    let rails = || {
        let (kind, message) = line.trim().strip_suffix("):")?.split_once(" (")?;
        is_class(kind).then_some((kind, message))
    };
    let colon = || {
        let (kind, message) = line.trim().split_once(": ")?;
        let kind = kind.rsplit(' ').next().unwrap_or(kind);
        (is_class(kind) || typed(kind).is_some_and(|_| is_class(kind))).then_some((kind, message))
    };
    named(line).or_else(rails).or_else(colon)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uncaught_exception_and_its_cause() {
        let found = parse(
            "t.rb:4:in `rescue in f': outer (AppError)\n\tfrom t.rb:4:in `f'\n\tfrom t.rb:7:in `<main>'\nt.rb:3:in `Integer': bad\nvalue (ArgumentError)\n\tfrom t.rb:3:in `inner'\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].message.as_str(), found[0].relation),
            ("bad\nvalue (ArgumentError)", Some(Relation::Cause))
        );
        assert_eq!((found[1].kind.as_str(), found[1].message.as_str()), ("AppError", "outer"));
        assert_eq!(found[1].frames[0].function, "<main>");
        assert_eq!((found[1].frames[2].line, found[1].frames[2].function.as_str()), (Some(4), "rescue in f"));
    }

    #[test]
    fn a_logged_backtrace() {
        for head in ["outer failed (AppError)", "AppError (outer failed):", "AppError: outer failed"] {
            let found = parse(&format!("{head}\n\napp/x.rb:4:in `f'\napp/y.rb:6:in 'X#g'"));
            assert_eq!((found[0].kind.as_str(), found[0].message.as_str()), ("AppError", "outer failed"), "{head}");
            assert_eq!(found[0].frames[0].function, "X#g");
        }
        assert!(parse("it stands in the file:in 'quotes'").is_empty());
    }
}
