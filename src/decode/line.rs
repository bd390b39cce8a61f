//! What one line is to record framing, told from its first bytes alone: no allocation, no regex, no look at its neighbours.

use crate::decode::LineClass;
use crate::decode::crash;
use crate::decode::prefix;
use crate::decode::severity;
use crate::decode::text;
use crate::decode::time;

/// A header is recognised within so many visible bytes.
const WINDOW: usize = 192;
/// Rows that continue a record although they are not indented.
const CONTINUATIONS: &[&[u8]] = &[
    b"Traceback (most recent call last):",
    b"During handling of the above exception, another exception occurred:",
    b"The above exception was the direct cause of the following exception:",
    b"Caused by: ",
    b"Suppressed: ",
    b"created by ",
    b"> File \"",
    b"DETAIL:  ",
    b"HINT:  ",
    b"CONTEXT:  ",
    b"LINE 1: ",
];
/// Levels that open a line without punctuation behind them.
pub(super) const LEVELS: &[&[u8]] =
    &[b"TRACE", b"DEBUG", b"INFO", b"NOTICE", b"WARN", b"WARNING", b"ERROR", b"CRITICAL", b"FATAL", b"SEVERE"];
/// First keys of a logfmt line.
const LOGFMT_KEYS: &[&[u8]] =
    &[b"ts", b"time", b"timestamp", b"t", b"at", b"level", b"lvl", b"severity", b"msg", b"event", b"logger", b"caller"];

/// How a header line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// With a date and time.
    Stamp,
    /// With a word and blanks, so many bytes together, before the date and time.
    LabelledStamp(usize),
    /// With a bracket that holds time, level or process.
    Bracket,
    /// With a level of so many bytes.
    Level(usize),
    /// With a syslog priority (`<34>`).
    Priority,
    /// With klog's letter and date.
    Klog,
    /// Ruby's `E, [2025-…`.
    Ruby,
    /// With `key=value`.
    Logfmt,
    /// With a peer's address: an access log.
    Access,
    /// With a JSON object.
    Json,
}

pub(super) fn classify(line: &[u8]) -> LineClass {
    let mut window = [0_u8; WINDOW];
    let line = visible(line, &mut window);
    let at = prefix::prefix_len(line);
    let line = line.get(at..).unwrap_or_default();
    if continues(line) {
        LineClass::Continuation
    } else if opening(line).is_some() || crash::opens(line) {
        LineClass::Header
    } else {
        LineClass::Plain
    }
}

/// The beginning of `line` without escape sequences and NULs.
pub(super) fn visible<'a>(line: &'a [u8], window: &'a mut [u8; WINDOW]) -> &'a [u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let head = line.get(..WINDOW).unwrap_or(line);
    if memchr::memchr2(0x1b, 0, head).is_none() {
        return head;
    }
    let mut filled = 0;
    let mut at = 0;
    while let (Some(&byte), Some(slot)) = (line.get(at), window.get_mut(filled)) {
        let escape = text::escape_len(line.get(at..).unwrap_or_default());
        if escape > 0 {
            at += escape;
            continue;
        }
        at += 1;
        if byte != 0 {
            *slot = byte;
            filled += 1;
        }
        if at > 8 * WINDOW {
            break;
        }
    }
    window.get(..filled).unwrap_or_default()
}

/// Whether a plain line directly behind this one, in a headless stretch, is the exception line of a traceback.
pub(super) fn expects_exception(class: LineClass, line: &[u8]) -> bool {
    let text = line.trim_ascii();
    if class != LineClass::Continuation || text.is_empty() {
        return false;
    }
    // Rows of the languages that print the exception first; a launcher's prefix may stand before them.
    let starts: [&[u8]; 6] = [b"at ", b"... ", b"Caused by", b"Suppressed", b"}", b"#"];
    let rows: [&[u8]; 2] = [b"\tat ", b"   at "];
    !starts.iter().any(|start| text.starts_with(start))
        && !rows.iter().any(|row| memchr::memmem::find(line, row).is_some())
}

pub(super) fn continues(line: &[u8]) -> bool {
    match line.first() {
        None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'}' | b')' | b']' | b'^' | b'~' | b'|') => true,
        Some(b'+') => line.starts_with(b"+-") || line.starts_with(b"+ Exception Group"),
        Some(b'g') => line.starts_with(b"goroutine ") && line.get(10).is_some_and(u8::is_ascii_digit),
        Some(b'T' | b'D' | b'C' | b'S' | b'c' | b'>' | b'H' | b'L') => {
            CONTINUATIONS.iter().any(|row| line.starts_with(row)) || crash::continues(line)
        }
        Some(b'#' | b'[' | b's' | b'n' | b'N') => crash::continues(line) || crash::is_row_of_ruby(line),
        _ => crash::is_row_of_ruby(line),
    }
}

/// How the header in `line` begins; `None` where the line is no header. Looks at the first bytes only, which also bounds its
/// recursion.
pub(super) fn opening(line: &[u8]) -> Option<Opening> {
    let line = line.get(..WINDOW).unwrap_or(line);
    match *line.first()? {
        b'{' => matches!(line, [b'{', b'"', ..] | [b'{', b' ', b'"', ..]).then_some(Opening::Json),
        b'[' => bracket(line).then_some(Opening::Bracket),
        b'<' => priority_len(line).map(|_| Opening::Priority),
        b'0'..=b'9' => {
            if time::leading(line).is_some() || redis(line) {
                Some(Opening::Stamp)
            } else {
                access(line).then_some(Opening::Access)
            }
        }
        b'-' => line.strip_prefix(b"- ").and_then(time::leading).map(|_| Opening::LabelledStamp(2)),
        b':' => access(line).then_some(Opening::Access),
        first if first.is_ascii_alphabetic() => word(line),
        _ => None,
    }
}

/// Length of `<34>`.
pub(super) fn priority_len(line: &[u8]) -> Option<usize> {
    let digits = line.iter().skip(1).take(3).take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0 && line.get(digits + 1) == Some(&b'>') && line.get(digits + 2).is_some_and(u8::is_ascii_alphanumeric))
        .then_some(digits + 2)
}

fn bracket(line: &[u8]) -> bool {
    let inside = line.get(1..).unwrap_or_default();
    let inside = inside.trim_ascii_start();
    if time::leading(inside).is_some() || inside.starts_with(b"Nest]") {
        return true;
    }
    let Some(end) = inside.iter().take(80).position(|byte| *byte == b']') else { return false };
    let content = inside.get(..end).unwrap_or_default().trim_ascii();
    // Tornado and Jupyter: `[E 250908 08:47:01 web:12]`.
    if let [letter, b' ', stamp @ ..] = content
        && severity::letter(*letter).is_some()
    {
        return time::leading(stamp).is_some();
    }
    let after = inside.get(end + 1..).unwrap_or_default();
    if severity::number(content).is_some() {
        return true;
    }
    let numbers = content.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if numbers && !content.is_empty() {
        let seconds = content.iter().rev().position(|byte| *byte == b'.') == Some(6);
        return seconds || after.strip_prefix(b" ").is_some_and(|next| next.starts_with(b"[") && bracket(next));
    }
    // Proxifier: `[10.30 16:49:06]`.
    matches!(content, [b'0'..=b'1', _, b'.', b'0'..=b'3', _, b' ', clock @ ..] if time::leading(clock).is_some())
}

/// `1:M 08 Sep 2025 08:47:01.122 * msg`: Redis.
fn redis(line: &[u8]) -> bool {
    redis_len(line).is_some()
}

/// Length of Redis' process and role.
pub(super) fn redis_len(line: &[u8]) -> Option<usize> {
    let digits = line.iter().take(8).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = line.get(digits..)?;
    let [b':', b'X' | b'C' | b'S' | b'M', b' ', stamp @ ..] = rest else { return None };
    time::leading(stamp).map(|_| digits + 3)
}

/// `169.254.169.126:49880 - "GET`, `127.0.0.1 - - [08/Sep/2025:08:47:01 +0000] "GET`.
fn access(line: &[u8]) -> bool {
    let peer = line
        .iter()
        .take(64)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_' | b'[' | b']'))
        .count();
    let Some(rest) = line.get(peer..).and_then(|rest| rest.strip_prefix(b" - ")) else { return false };
    if rest.starts_with(b"\"") {
        return line.iter().take(peer).any(|byte| matches!(byte, b'.' | b':'));
    }
    let user = rest.iter().take(64).take_while(|byte| !byte.is_ascii_whitespace()).count();
    rest.get(user..).and_then(|rest| rest.strip_prefix(b" [")).is_some_and(|inside| time::leading(inside).is_some())
}

fn word(line: &[u8]) -> Option<Opening> {
    let len = line.iter().take(72).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = line.get(..len)?;
    let next = line.get(len).copied().unwrap_or(b' ');
    if severity::number(name).is_some() && level(name, next, line) {
        return Some(Opening::Level(len));
    }
    if time::leading(line).is_some() {
        return Some(Opening::Stamp);
    }
    if len >= 5 && klog(line) {
        return Some(Opening::Klog);
    }
    if let [b'A'..=b'Z', b',', b' ', b'[', stamp @ ..] = line
        && time::leading(stamp).is_some()
    {
        return Some(Opening::Ruby);
    }
    if matches!(next, b'=' | b'_' | b'.' | b'-') && logfmt(line) {
        return Some(Opening::Logfmt);
    }
    labelled(line)
}

fn level(name: &[u8], next: u8, line: &[u8]) -> bool {
    if name.iter().all(u8::is_ascii_uppercase) {
        return match next {
            b':' | b'[' => true,
            b' ' | b'\t' | b'|' => LEVELS.contains(&name),
            _ => false,
        };
    }
    // .NET's console logger: `fail: Some.Category[0]`.
    matches!(name, b"trce" | b"dbug" | b"info" | b"warn" | b"fail" | b"crit")
        && next == b':'
        && line.get(name.len() + 1) == Some(&b' ')
        && line.iter().take(WINDOW).rev().find(|byte| !byte.is_ascii_whitespace()) == Some(&b']')
}

/// `E0908 08:47:01.122345`.
fn klog(line: &[u8]) -> bool {
    line.first().is_some_and(|first| severity::letter(*first).is_some())
        && line.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count() % 4 == 0
        && line
            .iter()
            .position(|byte| *byte == b' ')
            .and_then(|blank| line.get(blank + 1..))
            .is_some_and(|clock| time::leading(clock).is_some())
        && matches!(line, [_, month, _, day, _, ..] if month.is_ascii_digit() && day.is_ascii_digit())
}

/// Whether `line` begins with `key=value key=`, the first key being one that loggers begin with, or a level among the rest.
fn logfmt(line: &[u8]) -> bool {
    let line = line.get(..WINDOW).unwrap_or(line);
    let key = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-@/".contains(byte);
    let len = line.iter().take_while(|byte| key(byte)).count();
    let (Some(name), Some(b'=')) = (line.get(..len), line.get(len)) else { return false };
    let value = line.get(len + 1..).unwrap_or_default();
    let known = LOGFMT_KEYS.contains(&name);
    let level = || {
        [b" level=".as_slice(), b" lvl=", b" severity="].iter().any(|key| memchr::memmem::find(value, key).is_some())
    };
    if !known && !level() {
        return false;
    }
    let quote = if value.first() == Some(&b'\'') { b'\'' } else { b'"' };
    let mut quoted = false;
    let mut after_blank = false;
    for (at, byte) in value.iter().enumerate() {
        match byte {
            mark if *mark == quote && (at == 0 || value.get(at - 1) != Some(&b'\\')) => quoted = !quoted,
            b' ' if !quoted => after_blank = true,
            b'=' if !quoted => return after_blank,
            byte if after_blank && !quoted && !key(byte) => return false,
            _ => {}
        }
    }
    false
}

/// A word and then a full date and time: `OpenStack`'s file names, BGL's alert labels, access logs by host name.
fn labelled(line: &[u8]) -> Option<Opening> {
    if access(line) {
        return Some(Opening::Access);
    }
    let blank = line.iter().take(80).position(|byte| *byte == b' ')?;
    let label = line.get(..blank)?;
    let technical = label.iter().any(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_'))
        || (blank > 2 && label.iter().all(u8::is_ascii_uppercase));
    let blanks = line.iter().skip(blank).take(16).take_while(|byte| **byte == b' ').count();
    let stamp = time::leading(line.get(blank + blanks..)?)?;
    (technical && stamp.len >= 10).then_some(Opening::LabelledStamp(blank + blanks))
}
