//! Rust panics with or without their backtrace, and the `Caused by:` lists of error reports.

use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Relation;

const PANICKED: &str = " panicked at ";
const CAUSES: &str = "Caused by:\n";

/// The panic or error report in `text`; empty where neither is.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    panics(text).flatten().collect()
}

fn panics(text: &str) -> impl Iterator<Item = Vec<Exception>> {
    text.match_indices(PANICKED).filter_map(|(at, _)| {
        let line = text.get(..at)?.rsplit('\n').next()?;
        let said = text.get(at + PANICKED.len()..)?;
        // A hook may leave the thread out.
        let told = line.contains("thread '") || said.split_once('\n').is_some_and(|(first, _)| first.ends_with(':'));
        told.then(|| panic(said)).flatten()
    })
}

/// `src/main.rs:1:33:` and the message on the next lines, or, before Rust 1.73, `'message', src/main.rs:1:33`.
fn panic(text: &str) -> Option<Vec<Exception>> {
    let (first, below) = text.split_once('\n').unwrap_or((text, ""));
    let ends = ["\nstack backtrace:", "\nnote: ", "\nthread '", "\n\n"];
    let until = |text: &str| ends.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    let quoted = first.strip_prefix('\'').and_then(|quoted| quoted.rsplit_once("', "));
    let (place, message) = if let Some((message, place)) = quoted {
        (place, message.to_owned())
    } else {
        // Where nothing is said, the next line is not the message.
        let said = format!("\n{below}");
        (first.trim_end().strip_suffix(':')?, said.get(..until(&said))?.trim().to_owned())
    };
    let (path, line) = located(place)?;
    let stack = below.split_once("stack backtrace:\n").filter(|(said, _)| !said.contains(PANICKED));
    let mut frames = stack.map(|(_, rows)| self::frames(rows)).unwrap_or_default();
    match frames.iter().position(|frame| frame.line == line && ends_alike(&frame.path, path)) {
        // What follows inside it is the machinery of panicking.
        Some(site) => drop(frames.drain(..site)),
        None => frames = vec![Frame { path: path.to_owned(), line, ..Frame::default() }],
    }
    frames.reverse();
    let mut chain = causes(below.get(..below.find("\nthread '").unwrap_or(below.len())).unwrap_or_default());
    chain.push(Exception { kind: "panic".to_owned(), message, frames, relation: None });
    Some(chain)
}

fn ends_alike(path: &str, site: &str) -> bool {
    path.trim_start_matches("./").ends_with(site.trim_start_matches("./"))
}

/// `src/main.rs:1:33` → path and line.
fn located(place: &str) -> Option<(&str, Option<u32>)> {
    let (place, column) = place.trim().rsplit_once(':')?;
    column.parse::<u32>().ok()?;
    let (path, line) = place.rsplit_once(':')?;
    Some((path, Some(line.parse().ok()?)))
}

/// `   5: shop::f` and `             at ./src/main.rs:1:33`, innermost first.
fn frames(rows: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for row in rows.lines() {
        let text = row.trim_start();
        if let Some(place) = text.strip_prefix("at ") {
            if let Some((frame, (path, line))) = frames.last_mut().zip(located(place)) {
                (frame.path, frame.line) = (path.to_owned(), line);
            }
        } else if let Some((_, function)) = text.split_once(": ").filter(|(number, _)| number.parse::<u32>().is_ok()) {
            frames.push(Frame { function: named(function).to_owned(), ..Frame::default() });
        } else {
            break;
        }
    }
    frames
}

/// A function without its address (`0x55d8 - `) and hash (`::hd4b0…`), which a full backtrace prints.
fn named(function: &str) -> &str {
    let function = function.trim_start();
    let function = match function.split_once(" - ") {
        Some((address, function)) if address.starts_with("0x") => function,
        _ => function,
    };
    let hash = function.rsplit_once("::h").filter(|(_, hash)| hash.len() == 16);
    hash.filter(|(_, hash)| hash.bytes().all(|byte| byte.is_ascii_hexdigit())).map_or(function, |(name, _)| name)
}

/// `Error: outer`, blank line, `Caused by:`, then a message a line, outermost first, numbered where there are several: root first. Each row
/// may be indented, as a logger does it.
pub(in crate::decode) fn report(text: &str) -> Vec<Exception> {
    if text.contains(PANICKED) {
        return Vec::new();
    }
    let Some((before, _)) = text.split_once(CAUSES) else { return Vec::new() };
    let above = before.trim_end_matches(' ').strip_suffix('\n').map(str::trim_end).unwrap_or_default();
    let outer = above.rsplit('\n').next().unwrap_or_default().trim_start();
    let mut chain = causes(text);
    if chain.is_empty() || outer.is_empty() {
        return Vec::new();
    }
    let outer = outer.strip_prefix("Error: ").unwrap_or(outer);
    let stack = text.split_once("Stack backtrace:\n").map_or_else(Vec::new, |(_, rows)| frames(rows));
    let frames = stack.into_iter().rev().collect();
    chain.push(Exception { message: outer.to_owned(), frames, ..Exception::default() });
    chain
}

/// The messages below the first `Caused by:` in `text`, root first.
fn causes(text: &str) -> Vec<Exception> {
    let Some((before, after)) = text.split_once(CAUSES) else { return Vec::new() };
    let margin = before.rsplit('\n').next().unwrap_or_default();
    if !margin.trim().is_empty() {
        return Vec::new();
    }
    let indented = format!("{margin}    ");
    let rows = after.lines().take_while(|row| row.starts_with(&indented) && !row.trim().is_empty());
    let numbered = |row: &'_ str| {
        let (number, message) = row.trim().split_once(": ")?;
        number.parse::<u32>().ok().map(|_| message.to_owned())
    };
    let link = |message| Exception { message, relation: Some(Relation::Cause), ..Exception::default() };
    let mut rows = rows.take(super::MAX_EXCEPTIONS).peekable();
    // A cause alone has no number.
    let alone = rows.peek().filter(|row| numbered(row).is_none()).map(|row| row.trim().to_owned());
    let mut chain: Vec<Exception> = match alone {
        Some(message) => vec![link(message)],
        None => rows.map_while(numbered).map(link).collect(),
    };
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_where_it_was_raised() {
        let found = parse(
            "thread 'main' (598) panicked at src/t.rs:1:33:\ncalled it\non none\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/5980/library/std/src/panicking.rs:689:5\n   1: t::f\n             at ./src/t.rs:1:33\n   2: t::main\n             at ./src/t.rs:3:35\nnote: Some details\n",
        );
        assert_eq!((found[0].kind.as_str(), found[0].message.as_str()), ("panic", "called it\non none"));
        let names: Vec<_> = found[0].frames.iter().map(|frame| frame.function.as_str()).collect();
        assert_eq!(names, ["t::main", "t::f"]);
        let old = parse("thread '<unnamed>' panicked at 'boom', src/t.rs:3:9\nnote: run with `RUST_BACKTRACE=1`");
        assert_eq!((old[0].message.as_str(), old[0].frames[0].line), ("boom", Some(3)));
    }

    #[test]
    fn an_error_report_is_a_chain_of_messages() {
        let found = report("Error: could not start\n\nCaused by:\n    0: config\n    1: no such file\n");
        let told: Vec<_> = found.iter().map(|link| (link.message.as_str(), link.relation)).collect();
        assert_eq!(
            told,
            [("no such file", Some(Relation::Cause)), ("config", Some(Relation::Cause)), ("could not start", None)]
        );
        assert!(parse("he panicked at the sight").is_empty() && report("x\n\nCaused by: y").is_empty());
    }
}
