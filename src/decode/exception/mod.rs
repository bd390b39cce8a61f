//! Exception chains as printed → data, root first.
//!
//! Receives the text of a record (header removed or not) and gives every exception printed in it. Text that merely mentions an
//! exception is none: a stack or one of the phrases that link a chain has to be there.

use std::borrow::Cow;

use crate::model::record::Exception;

mod at_rows;
mod dotnet;
pub(super) mod go;
mod javascript;
mod php;
mod python;
mod rich;
mod ruby;
pub(super) mod rust;

/// A text with more links than this is not a chain but a flood.
const MAX_EXCEPTIONS: usize = 128;

/// A reader of one language's stacks.
type Reader = fn(&str) -> Vec<Exception>;

/// Asked in this order; what holds others is read before what stands alone.
const READERS: [Reader; 9] = [
    rich::parse,
    rust::report,
    dotnet::parse,
    javascript::parse,
    at_rows::parse,
    go::parse,
    php::parse,
    ruby::parse,
    rust::parse,
];

/// What is printed in a text.
#[derive(Debug, Default)]
pub(super) struct Printed {
    /// Every exception, root first.
    pub(super) chain: Vec<Exception>,
    /// The rows of several tracebacks are mixed up, so the chain is left out.
    pub(super) ambiguous: bool,
}

/// What is printed in `text`.
pub(super) fn read(text: &str) -> Printed {
    if memchr::memchr2(b'\n', b'\\', text.as_bytes()).is_none() && !text.starts_with(php::OBJECT) {
        return Printed::default();
    }
    let text = unescape(text);
    let mut printed = python::parse(&text);
    if printed.chain.is_empty() && !printed.ambiguous {
        printed.chain = READERS.iter().map(|read| read(&text)).find(|chain| !chain.is_empty()).unwrap_or_default();
    }
    printed.chain.truncate(MAX_EXCEPTIONS);
    printed
}

/// Every exception in `text`, root first.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    read(text).chain
}

/// `ValueError: x`, as a span's status says it: an exception without frames.
pub(super) fn one(text: &str) -> Option<Exception> {
    let (kind, message) = typed(text)?;
    let known = kind.ends_with("Error") || kind.ends_with("Exception");
    known.then(|| Exception { kind: kind.to_owned(), message: message.to_owned(), ..Exception::default() })
}

/// A traceback whose newlines arrived as the two characters `\n` gets its lines back.
fn unescape(text: &str) -> Cow<'_, str> {
    if text.contains('\n') || !text.contains(r"Traceback (most recent call last):\n") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some(quoted @ ('"' | '\'' | '\\')) => plain.push(quoted),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    Cow::Owned(plain)
}

/// `pkg.Class: message` or `pkg.Class` in two; `None` where the line is not of that form.
fn typed(line: &str) -> Option<(&str, &str)> {
    let (kind, message) = match line.split_once(':') {
        Some((kind, rest)) => (kind, rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?),
        None => (line.trim_end(), ""),
    };
    let name = |part: &str| {
        part == "<locals>"
            || part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
    };
    (!kind.is_empty() && kind.len() <= 256 && kind.split('.').all(name)).then_some((kind, message))
}

/// A class with Node's code for the error behind it: `TypeError [ERR_INVALID_ARG_TYPE]`.
fn coded(line: &str) -> Option<(&str, &str)> {
    let (kind, rest) = line.split_once(" [")?;
    let (code, message) = rest.split_once("]: ")?;
    let known = code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    (known && kind.ends_with("Error") && typed(kind).is_some()).then_some((kind, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_what_is_none() {
        assert_eq!(typed("pkg.mod.Class: a: b"), Some(("pkg.mod.Class", "a: b")));
        assert_eq!(typed("__main__.f.<locals>.E: x"), Some(("__main__.f.<locals>.E", "x")));
        assert_eq!(typed("KeyboardInterrupt"), Some(("KeyboardInterrupt", "")));
        assert_eq!(typed("ValueError:"), Some(("ValueError", "")));
        assert_eq!(typed("two words: x"), None);
        assert_eq!(typed("a:b"), None);
    }

    #[test]
    fn literal_newlines_only_in_a_flattened_traceback() {
        let flat = r#"boom Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nKeyError: 'x'"#;
        let found = parse(flat);
        assert_eq!(found[0].kind, "KeyError");
        assert_eq!(found[0].frames[0].path, "a.py");
        assert!(parse(r"a path C:\new\n").is_empty());
    }
}
