//! Headers whose parts are separated by bars, dashes or brackets: loguru, the common Python formats, gunicorn, Celery, Apache.

use crate::decode::header::after_level::after_level;
use crate::decode::header::cursor::Cursor;
use crate::decode::header::cursor::digits;
use crate::decode::header::cursor::identifier;
use crate::decode::header::fields;
use crate::decode::severity;
use crate::decode::time;
use crate::model::record::Severity;

/// `| LEVEL | module:function:line | message`, loguru's default with ` - ` included.
pub(super) fn pipes(cursor: &mut Cursor<'_>) {
    let mut located = false;
    for _ in 0..4 {
        if !cursor.eat("|") {
            break;
        }
        cursor.blanks();
        let rest = cursor.rest();
        let segment = rest.split('|').next().unwrap_or_default();
        let last = segment.len() == rest.len();
        let known = cursor.header.severity.is_some();
        if !known && cursor.severity(segment) {
            cursor.at += segment.len();
        } else if let Some((place, _)) =
            rest.split_once(" - ").filter(|(place, _)| !located && python_place(cursor, place))
        {
            cursor.at += place.len() + 3;
            break;
        } else if !last && !located && python_place(cursor, segment.trim()) {
            located = true;
            cursor.at += segment.len();
        } else if !last && !located && !segment.trim().contains(' ') && segment.len() <= 64 {
            let key = if digits(segment.trim()) { "process.pid" } else { "logger.name" };
            cursor.set(key, segment.trim());
            cursor.at += segment.len();
        } else {
            break;
        }
    }
    cursor.header.markup = true;
    cursor.blanks();
}

/// loguru's `module:function:line`.
fn python_place(cursor: &mut Cursor<'_>, text: &str) -> bool {
    let mut parts = text.rsplitn(3, ':');
    let (Some(line), Some(function), Some(module)) = (parts.next(), parts.next(), parts.next()) else { return false };
    if !digits(line) || text.contains(' ') {
        return false;
    }
    cursor.set("code.namespace", module);
    cursor.set("code.function.name", function);
    cursor.set("code.line.number", line);
    true
}

/// `- service - logger - LEVEL - message`, in any order of names before the level.
pub(super) fn dashes(cursor: &mut Cursor<'_>) {
    let tail = cursor.rest().get(2..).unwrap_or_default();
    cursor.at += 2;
    let mut names = [""; 4];
    let mut offset = 0;
    for known in 0..5 {
        let part = dashed(tail.get(offset..).unwrap_or_default());
        let word = part.trim();
        let first = memchr::memchr2(b' ', b':', word.as_bytes()).and_then(|end| word.get(..end)).unwrap_or(word);
        let beside = word.get(first.len()..).unwrap_or_default().trim();
        let bracketed = beside.starts_with('[') && beside.ends_with(']');
        let led = beside.starts_with(':') || beside.starts_with('[');
        if severity::number(first.as_bytes()).is_some() && (beside.is_empty() || bracketed || led) {
            cursor.severity(first);
            let margin = part.len() - part.trim_start().len();
            cursor.at += offset + margin + first.len();
            name_parts(cursor, names.get(..known).unwrap_or_default());
            cursor.eat(":");
            return after_level(cursor);
        }
        let Some(name) = names.get_mut(known).filter(|_| !word.contains(' ') && !word.is_empty()) else { break };
        *name = word;
        offset += part.len() + 3;
    }
}

/// What stands before the next ` - `.
fn dashed(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut dashes = memchr::memchr_iter(b'-', bytes);
    let parts = |at: usize| at > 0 && bytes.get(at - 1) == Some(&b' ') && bytes.get(at + 1) == Some(&b' ');
    dashes.find(|at| parts(*at)).and_then(|at| text.get(..at - 1)).unwrap_or(text)
}

fn name_parts(cursor: &mut Cursor<'_>, names: &[&str]) {
    if let Some(process) = names.iter().find(|name| digits(name)) {
        cursor.set("process.pid", process);
    }
    let mut words = names.iter().filter(|name| !digits(name));
    match (words.next(), words.next_back()) {
        (Some(service), Some(logger)) => {
            cursor.header.service = identifier(service).then(|| (*service).to_owned());
            cursor.set("logger.name", logger);
        }
        (Some(logger), None) => cursor.set("logger.name", logger),
        _ => {}
    }
}

/// Brackets first: gunicorn, Celery, Apache, Flask, Laravel, AWS Lambda, `[ERROR] message`.
pub(super) fn brackets(cursor: &mut Cursor<'_>) {
    if cursor.eat("[Nest] ") {
        let process = cursor.word();
        cursor.set("process.pid", process);
        cursor.at += process.len();
        cursor.blanks();
        cursor.eat("- ");
        cursor.stamp();
        return fields(cursor, false);
    }
    for _ in 0..6 {
        cursor.blanks();
        let Some(content) = cursor.bracket() else { break };
        if !bracket_part(cursor, content.trim()) {
            break;
        }
        cursor.at += content.len() + 2;
    }
    cursor.eat(":");
    cursor.blanks();
    cursor.stamp();
    cursor.blanks();
    if cursor.header.severity.is_some() {
        after_level(cursor);
    } else if cursor.rest().starts_with("- ") {
        dashes(cursor);
    } else {
        fields(cursor, false);
    }
}

/// Tornado's `E 250908 08:47:01 web:12`, Jupyter's `I 2025-09-08 08:47:01.122 ServerApp`.
fn lettered(cursor: &mut Cursor<'_>, content: &str) -> bool {
    let Some((letter, rest)) = content.split_once(' ').filter(|(letter, _)| letter.len() == 1) else { return false };
    let number = letter.bytes().next().and_then(severity::letter);
    let (Some(number), Some(stamp)) = (number, time::leading(rest.as_bytes())) else { return false };
    cursor.header.took(&stamp);
    cursor.header.severity = Some(Severity { text: letter.to_owned(), number });
    let name = rest.get(stamp.len..).unwrap_or_default().trim();
    match name.rsplit_once(':').filter(|(_, line)| digits(line)) {
        Some((module, line)) => {
            cursor.set("code.namespace", module);
            cursor.set("code.line.number", line);
        }
        None => cursor.set("logger.name", name),
    }
    true
}

/// Rich's `09/08/25 08:47:01`, the date as C writes it: what stands in a bracket never begins with a year of two digits.
fn american(cursor: &mut Cursor<'_>, content: &str) -> bool {
    let short = |part: &str| part.len() == 2 && digits(part);
    let Some((date, clock)) = content.split_once(' ') else { return false };
    let mut parts = date.split('/');
    let (Some(month), Some(day), Some(year), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if ![month, day, year].into_iter().all(short) {
        return false;
    }
    let stamp = time::leading(format!("20{year}-{month}-{day} {clock}").as_bytes());
    if let Some(stamp) = &stamp {
        cursor.header.took(stamp);
    }
    stamp.is_some()
}

fn bracket_part(cursor: &mut Cursor<'_>, content: &str) -> bool {
    let known = cursor.header.severity.is_some();
    if !known && (lettered(cursor, content) || american(cursor, content)) {
        return true;
    }
    if let Some(stamp) = time::leading(content.as_bytes()) {
        cursor.header.took(&stamp);
        let process = content.get(stamp.len..).unwrap_or_default();
        if let Some((level, process)) = process.strip_prefix(": ").and_then(|rest| rest.split_once('/')) {
            cursor.severity(level);
            cursor.set("thread.name", process);
        } else {
            // Serilog's `[08:47:01 ERR]`, env_logger's `[2025-09-08T08:47:01Z ERROR shop::api]`.
            let mut words = process.split_ascii_whitespace();
            if words.next().is_some_and(|level| cursor.severity(level)) {
                cursor.set("logger.name", words.next().unwrap_or_default());
            }
        }
        return true;
    }
    if known {
        return false;
    }
    if digits(content) {
        cursor.set("process.pid", content);
        return true;
    }
    if let Some((module, level)) = content.rsplit_once(':')
        && cursor.severity(level)
    {
        cursor.set("logger.name", module);
        return true;
    }
    let seconds = content.split_once('.').is_some_and(|(whole, part)| digits(whole) && digits(part));
    let proxifier = content.contains(':') && content.starts_with(|first: char| first.is_ascii_digit());
    cursor.severity(content) || seconds || proxifier
}
