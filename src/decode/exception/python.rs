//! Python tracebacks of 3.6 to 3.14 and loguru's decorated form: chains, groups, notes, syntax errors.

use crate::decode::exception::Printed;
use crate::decode::exception::typed;
use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Relation;

const START: &str = "Traceback (most recent call last):";
const CAUSE: &str = "The above exception was the direct cause of the following exception:";
const CONTEXT: &str = "During handling of the above exception, another exception occurred:";
/// Behind the exception: where it was logged.
const STACK: &str = "Stack (most recent call last):";
/// Deeper groups are read as text of the group around them.
const MAX_LEVELS: usize = 32;
/// The indentation of a group's traceback is the frame drawn around it.
const DRAWN: usize = usize::MAX;

/// Every exception of the tracebacks in `text`, root first; members of a group before the group.
pub(super) fn parse(text: &str) -> Printed {
    let bare = !text.contains(START);
    if bare && !(text.contains("  File \"") && text.contains("Error: ")) {
        return Printed::default();
    }
    let mut levels = vec![Level::default()];
    for line in text.lines() {
        read(line, bare, &mut levels);
    }
    while levels.len() > 1 {
        close(&mut levels);
    }
    let Some(level) = levels.pop() else { return Printed::default() };
    let ambiguous = level.mixed;
    let chain = level.into_chain();
    Printed { chain: if ambiguous { Vec::new() } else { chain }, ambiguous }
}

/// One traceback text, or one member of a group.
#[derive(Default)]
struct Level {
    chain: Vec<Exception>,
    current: Exception,
    state: State,
    /// Columns in front of the traceback; [`DRAWN`] where a group's frame stands there.
    indent: usize,
    /// Column of the bars around a group's member; 0 outside groups.
    column: usize,
    /// The last line outside a traceback: an exception without one, if a link of the chain follows.
    last_line: String,
    /// A decoration row of loguru was seen since the last frame: what is indented now belongs to it.
    decorated: bool,
    /// A traceback began in the middle of the rows of another: two threads have written at once.
    mixed: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    /// The first line of a group's member: an exception or its traceback.
    Member,
    Frames,
    Message,
}

/// The frame drawn around a group's members, with the column of the members' bars.
enum Margin<'a> {
    /// `+-+---------------- 1 ----------------`
    Open(usize),
    /// `+---------------- 2 ----------------`
    Next(usize),
    /// `+------------------------------------`
    Close(usize),
    /// `| content`
    Content(usize, &'a str),
}

fn read(line: &str, bare: bool, levels: &mut Vec<Level>) {
    let grouped = levels.len() > 1 || levels.first().is_some_and(Level::in_group);
    match margin(line).filter(|_| grouped) {
        Some(Margin::Open(column)) if levels.len() < MAX_LEVELS => {
            close_beyond(column.saturating_sub(1), levels);
            levels.push(Level::member(column));
        }
        Some(Margin::Next(column)) => {
            // The rule that ends a nested group is printed once for all levels that end there.
            close_beyond(column.saturating_sub(1), levels);
            levels.push(Level::member(column));
        }
        Some(Margin::Close(column)) => close_beyond(column.saturating_sub(1), levels),
        Some(Margin::Content(column, content)) => {
            close_beyond(column, levels);
            if let Some(level) = levels.last_mut() {
                level.line(content, bare);
            }
        }
        _ => {
            if line.contains(START) || relation(line).is_some() {
                close_beyond(0, levels);
            }
            if levels.len() == 1
                && let Some(level) = levels.last_mut()
            {
                level.line(line, bare);
            }
        }
    }
}

/// Ends every member whose bars stand right of `column`.
fn close_beyond(column: usize, levels: &mut Vec<Level>) {
    while levels.len() > 1 && levels.last().is_some_and(|level| level.column > column) {
        close(levels);
    }
}

/// Ends the innermost member: its chain goes in front of the group's own exception.
fn close(levels: &mut Vec<Level>) {
    let Some(member) = levels.pop() else { return };
    let mut chain = member.into_chain();
    if let Some(last) = chain.last_mut() {
        last.relation = Some(Relation::Group);
    }
    if let Some(group) = levels.last_mut() {
        group.chain.append(&mut chain);
    }
}

fn margin(line: &str) -> Option<Margin<'_>> {
    let inside = line.trim_start_matches(' ');
    let column = line.len() - inside.len();
    if let Some(content) = inside.strip_prefix('|') {
        return Some(Margin::Content(column, content.strip_prefix(' ').unwrap_or(content)));
    }
    let rule = inside.strip_prefix('+')?;
    if rule.starts_with("-+-") {
        return Some(Margin::Open(column + 2));
    }
    if !rule.starts_with("---") {
        return None;
    }
    let plain = rule.bytes().all(|byte| byte == b'-');
    Some(if plain { Margin::Close(column) } else { Margin::Next(column) })
}

impl Level {
    fn member(column: usize) -> Self {
        Self { state: State::Member, column, ..Self::default() }
    }

    fn in_group(&self) -> bool {
        self.state != State::Outside && self.indent == DRAWN
    }

    fn line(&mut self, line: &str, bare: bool) {
        if let Some(at) = line.find(START) {
            return self.begin(line, at);
        }
        let text = self.dedent(line);
        match self.state {
            State::Outside => {
                if bare && line.starts_with("  File \"") && frame(line).is_some() {
                    self.state = State::Frames;
                    self.frame_row(line);
                } else if let Some(relation) = relation(text) {
                    self.link_without_traceback(relation);
                } else if !text.trim().is_empty() {
                    text.clone_into(&mut self.last_line);
                }
            }
            State::Member => {
                if !text.trim().is_empty() {
                    self.exception_line(text);
                }
            }
            State::Frames => self.frames_line(line, text),
            State::Message => match relation(text) {
                Some(relation) => self.end(Some(relation)),
                None if text == "\"\"\"" || text == STACK => self.end(None),
                None => {
                    self.current.message.push('\n');
                    self.current.message.push_str(text);
                }
            },
        }
    }

    /// A traceback begins at byte `at` of `line`.
    fn begin(&mut self, line: &str, at: usize) {
        let before = line.get(..at).unwrap_or_default();
        self.mixed |= self.state == State::Frames && before.trim().is_empty();
        if matches!(self.state, State::Message | State::Frames) {
            self.end(None);
        }
        self.indent = if before.trim_end().ends_with("+ Exception Group") {
            DRAWN
        } else if before.trim().is_empty() {
            before.len()
        } else {
            0
        };
        self.state = State::Frames;
        self.decorated = false;
    }

    fn dedent<'a>(&self, line: &'a str) -> &'a str {
        if self.indent == DRAWN {
            return line;
        }
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        line.get(blanks.min(self.indent)..).unwrap_or(line)
    }

    fn frames_line(&mut self, line: &str, text: &str) {
        let outdented = self.indent != DRAWN && line.len() - line.trim_start().len() < self.indent;
        if text.trim().is_empty() {
            return;
        }
        if frame(text.strip_prefix('>').unwrap_or(text)).is_some() {
            self.frame_row(text);
        } else if text.starts_with([' ', '\t']) {
            self.source_row(text);
        } else if outdented || typed(text).is_none() && self.current.frames.is_empty() {
            self.state = State::Outside;
            self.current = Exception::default();
            text.clone_into(&mut self.last_line);
        } else {
            self.exception_line(text);
        }
    }

    fn frame_row(&mut self, text: &str) {
        self.current.frames.extend(frame(text.strip_prefix('>').unwrap_or(text)));
        self.decorated = false;
    }

    /// A row under a frame: source text, unless it marks a place in the source or shows a value.
    fn source_row(&mut self, text: &str) {
        let row = text.trim();
        let marks = row.bytes().all(|byte| matches!(byte, b'^' | b'~' | b' '));
        if row.starts_with('│') || row.starts_with('└') || row.starts_with("[Previous line repeated ") {
            self.decorated = true;
        }
        if marks || self.decorated {
            return;
        }
        let Some(frame) = self.current.frames.last_mut() else { return };
        match &mut frame.source {
            Some(source) => {
                source.push('\n');
                source.push_str(row);
            }
            None => frame.source = Some(row.to_owned()),
        }
    }

    fn exception_line(&mut self, text: &str) {
        let (kind, message) = typed(text).unwrap_or(("", text));
        kind.clone_into(&mut self.current.kind);
        message.clone_into(&mut self.current.message);
        self.state = State::Message;
    }

    /// The exception under construction is complete.
    fn end(&mut self, relation: Option<Relation>) {
        let mut done = std::mem::take(&mut self.current);
        let complete = self.state == State::Message || !done.frames.is_empty();
        done.message.truncate(done.message.trim_end().len());
        done.relation = relation;
        if complete {
            self.chain.push(done);
        } else if let (Some(last), Some(_)) = (self.chain.last_mut(), relation) {
            last.relation = relation;
        }
        self.state = State::Outside;
        self.last_line.clear();
    }

    /// A chain phrase outside a traceback: the link before it was printed without one, or has just ended.
    fn link_without_traceback(&mut self, relation: Relation) {
        let line = std::mem::take(&mut self.last_line);
        let known = typed(&line).map(|(kind, message)| (kind.to_owned(), message.to_owned()));
        if let Some((kind, message)) = known {
            self.chain.push(Exception { kind, message, frames: Vec::new(), relation: Some(relation) });
        } else if let Some(last) = self.chain.last_mut() {
            last.relation = Some(relation);
        }
    }

    fn into_chain(mut self) -> Vec<Exception> {
        if matches!(self.state, State::Message | State::Frames) {
            self.end(None);
        }
        self.chain
    }
}

fn relation(text: &str) -> Option<Relation> {
    match text.trim() {
        CAUSE => Some(Relation::Cause),
        CONTEXT => Some(Relation::Context),
        _ => None,
    }
}

/// `  File "path", line 12, in function`; a syntax error's own frame names no function.
fn frame(text: &str) -> Option<Frame> {
    let inside = text.trim_start().strip_prefix("File \"")?;
    let (path, after) = inside.rsplit_once("\", line ")?;
    let (line, function) = after.split_once(", in ").unwrap_or((after, ""));
    let line = line.trim().parse().ok()?;
    Some(Frame { path: path.to_owned(), line: Some(line), function: function.trim_end().to_owned(), source: None })
}
