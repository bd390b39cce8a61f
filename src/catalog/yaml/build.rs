//! Parser events → a tree. Aliases are copied under a budget, merge keys are resolved, and what the catalog cannot use is a problem.

use std::collections::HashMap;
use std::ops::Range;

use serde_yaml::granit_parser::ErrorKind;
use serde_yaml::granit_parser::Event;
use serde_yaml::granit_parser::Parser;
use serde_yaml::granit_parser::ScalarStyle;
use serde_yaml::granit_parser::ScanError;
use serde_yaml::granit_parser::Span as Marks;

use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::yaml::At;
use crate::catalog::yaml::Node;
use crate::catalog::yaml::Style;
use crate::catalog::yaml::Value;
use crate::catalog::yaml::split::split;

/// No signature nests deeper; a hostile file does.
const MAX_DEPTH: usize = 64;
/// What the aliases of one document may add, in bytes of text and nodes.
const MAX_EXPANSION: usize = 1 << 20;

/// Every document of the file that parses, in order.
pub(crate) fn documents(report: &mut Report) -> Vec<Node> {
    let text = std::sync::Arc::clone(&report.source.text);
    let mut found = Vec::new();
    for range in split(&text) {
        let Some(document) = text.get(range.clone()) else { continue };
        let before = report.problems.len();
        let node =
            Builder { report, base: range.start, open: Vec::new(), anchors: HashMap::new(), added: 0, root: None }
                .run(document);
        let unreadable = report
            .problems
            .get(before..)
            .is_some_and(|new| new.iter().any(|problem| problem.code != Code::DuplicateKey));
        if let Some(node) = node.filter(|node| !unreadable && !node.is_null()) {
            found.push(node);
        }
    }
    found
}

/// A collection that is still open.
struct Open {
    anchor: usize,
    start: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    /// Entries so far, and the key that waits for its value.
    Map(Vec<(At<String>, Node)>, Option<At<String>>),
}

struct Builder<'r> {
    report: &'r mut Report,
    /// Where the document begins in the file.
    base: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    added: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn run(mut self, document: &str) -> Option<Node> {
        let options = serde_yaml::granit_parser::options! {
            emit_unresolved_aliases: true,
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        for event in Parser::new_from_str_with_options(document, options) {
            match event {
                Ok((event, marks)) => self.event(event, &marks)?,
                Err(error) => {
                    self.syntax_error(&error, document);
                    return None;
                }
            }
        }
        self.root
    }

    /// `None` when it is not worth going on.
    fn event(&mut self, event: Event<'_>, marks: &Marks) -> Option<()> {
        let span = self.range(marks);
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let style = style_of(style);
                let span = self.first_line(span, style);
                let value = Value::Scalar(text.into_owned(), style);
                self.put(Node { span, value }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.start(anchor, span.start, Content::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => self.start(anchor, span.start, Content::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.end(span.end),
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let message = format!("no anchor `&{name}` stands before this alias");
                let help = "a text that begins with `*` needs quotes; anchors do not reach into other documents";
                self.report.add_with_help(Code::UnsupportedYaml, &span, message, help);
                None
            }
            _ => Some(()),
        }
    }

    fn range(&self, marks: &Marks) -> Range<usize> {
        let range = marks.byte_range().unwrap_or_default();
        self.base + range.start..self.base + range.end
    }

    /// A block scalar is pointed at by its first line.
    fn first_line(&self, span: Range<usize>, style: Style) -> Range<usize> {
        let text = self.report.source.text.get(span.clone()).unwrap_or_default();
        match (style, text.find(['\r', '\n'])) {
            (Style::Literal | Style::Folded, Some(length)) => span.start..span.start + length,
            _ => span,
        }
    }

    fn start(&mut self, anchor: usize, start: usize, content: Content) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            self.report.add(Code::TooLarge, &(start..start + 1), format!("nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        self.open.push(Open { anchor, start, content });
        Some(())
    }

    fn end(&mut self, end: usize) -> Option<()> {
        let open = self.open.pop()?;
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Map(entries, _) => Value::Map(self.merge(entries)?),
        };
        self.put(Node { span: open.start..end.max(open.start), value }, open.anchor)
    }

    fn alias(&mut self, id: usize, span: Range<usize>) -> Option<()> {
        let Some(target) = self.anchors.get(&id) else {
            self.report.add(Code::UnsupportedYaml, &span, "an alias inside of what it names");
            return None;
        };
        self.added += weight(target);
        if self.added > MAX_EXPANSION {
            self.report.add(Code::TooLarge, &span, "aliases expand to more than 1 MiB");
            return None;
        }
        if self.open.len() + depth(target) > MAX_DEPTH {
            self.report.add(Code::TooLarge, &span, format!("nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        let node = Node { span, value: target.value.clone() };
        self.put(node, 0)
    }

    /// Adds a finished node to what is open.
    fn put(&mut self, node: Node, anchor: usize) -> Option<()> {
        if anchor != 0 {
            self.added += weight(&node);
            if self.added > MAX_EXPANSION {
                self.report.add(Code::TooLarge, &node.span, "anchors hold more than 1 MiB");
                return None;
            }
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries, waiting)) => {
                if let Some(key) = waiting.take() {
                    entries.push((key, node));
                } else {
                    let Value::Scalar(value, style) = node.value else {
                        let help = "a value that begins with `{` or `[` needs quotes";
                        self.report.add_with_help(Code::UnsupportedYaml, &node.span, "a key must be a text", help);
                        return None;
                    };
                    *waiting = Some(At { value, span: node.span, style });
                }
            }
        }
        Some(())
    }

    /// Reports keys written twice and puts in what `<<` names: a map or a list of maps, whose entries never override.
    fn merge(&mut self, entries: Vec<(At<String>, Node)>) -> Option<Vec<(At<String>, Node)>> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut own = Vec::new();
        let mut merged = Vec::new();
        for (key, node) in entries {
            if key.value == "<<" && key.style == Style::Plain {
                merged.push(node);
            } else if let Some(first) = seen.insert(key.value.clone(), key.span.start) {
                let line = self.report.source.line(first);
                let message = format!("{} is written twice in one map", quoted(&key.value));
                self.report.add_with_help(
                    Code::DuplicateKey,
                    &key.span,
                    message,
                    format!("the first one is on line {line}"),
                );
            } else {
                own.push((key, node));
            }
        }
        for node in merged {
            let maps = match node.value {
                Value::List(items) => items,
                _ => vec![node],
            };
            for map in maps {
                let Value::Map(entries) = map.value else {
                    self.report.add(Code::UnsupportedYaml, &map.span, "`<<` wants a map to merge");
                    return None;
                };
                own.extend(entries.into_iter().filter(|(key, _)| seen.insert(key.value.clone(), 0).is_none()));
            }
        }
        Some(own)
    }

    fn syntax_error(&mut self, error: &ScanError, document: &str) {
        let at = error.marker().byte_offset().unwrap_or(document.len());
        let last = document.trim_end().char_indices().next_back().map_or(0, |(at, _)| at);
        let at = self.base + at.min(last);
        let width = self.report.source.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let span = at..at + width;
        let code = match error.kind() {
            ErrorKind::RecursionLimitExceeded => Code::TooLarge,
            _ => Code::YamlSyntax,
        };
        let message = match error.kind() {
            ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
                "a quoted text is not closed".to_owned()
            }
            _ => error.info(),
        };
        match advice(error.kind()) {
            Some(help) => self.report.add_with_help(code, &span, message, help),
            None => self.report.add(code, &span, message),
        }
    }
}

/// What usually lies behind a syntax error in a file full of patterns.
fn advice(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::UnknownQuotedScalarEscape | ErrorKind::InvalidQuotedScalarHexEscape => {
            Some("put patterns in single quotes: `'\\bname\\(\\)'`; a backslash in double quotes is an escape of YAML")
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            Some("a text that contains `: ` needs quotes, best single ones; a key needs `: ` behind it")
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            Some("close the quote; inside single quotes a quote is written twice (`''`)")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            Some("the quotes must hold the whole value; inside single quotes a quote is written twice (`''`)")
        }
        ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar => Some("indent with spaces"),
        ErrorKind::UnexpectedCharacter { .. } => Some("a text that begins with a special character needs quotes"),
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            Some("inside `{…}` and `[…]` a text that contains `,`, `[`, `]`, `{` or `}` needs quotes")
        }
        _ => None,
    }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

/// Levels of collections; aliases of aliases must not build what cannot be walked.
fn depth(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(..) => 0,
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| depth(node)).max().unwrap_or_default(),
    }
}

/// Nodes and bytes of text.
fn weight(node: &Node) -> usize {
    1 + match &node.value {
        Value::Scalar(text, _) => text.len(),
        Value::List(items) => items.iter().map(weight).sum(),
        Value::Map(entries) => entries.iter().map(|(key, node)| key.value.len() + weight(node)).sum(),
    }
}
