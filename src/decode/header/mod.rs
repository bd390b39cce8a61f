//! Reads the header of a plain-text line: time, severity, logger, thread, process, source location, and where the message begins.
//!
//! A part of the line is taken out of the message only where its form leaves no doubt; a doubtful part stays text.

use jiff::Timestamp;

use crate::decode::header::after_level::after_level;
use crate::decode::header::after_level::location_prefix;
use crate::decode::header::cursor::Cursor;
use crate::decode::header::cursor::Header;
use crate::decode::header::cursor::digits;
use crate::decode::header::cursor::identifier;
use crate::decode::line;
use crate::decode::line::Opening;
use crate::decode::severity;
use crate::decode::time;

mod after_level;
mod cursor;
mod families;
mod separated;
mod syslog;

/// Headers inside headers (syslog around uvicorn) are read so deep.
const MAX_DEPTH: u8 = 2;
/// Pairs that may stand before the level.
const MAX_PAIRS: usize = 8;
/// Words and brackets that may stand between time and level.
const MAX_BEFORE_LEVEL: usize = 4;

/// The header of `line`; `None` where the line is none, or is JSON or logfmt, which have readers of their own.
pub(super) fn parse(line: &str) -> Option<Header> {
    parse_nested(line, line::opening(line.as_bytes()), 0)
}

/// The same where it is known how `line` begins.
pub(super) fn parse_opened(line: &str, opening: Option<Opening>) -> Option<Header> {
    parse_nested(line, opening, 0)
}

/// The time of a line whose date names no year (syslog, klog): the latest such date that is not after `written`.
pub(super) fn time_before(line: &str, written: Timestamp) -> Option<Timestamp> {
    let text = match line::opening(line.as_bytes())? {
        Opening::Priority => line.get(line::priority_len(line.as_bytes())?..)?,
        Opening::Stamp => line,
        Opening::Klog => {
            let (date, clock) = line.get(1..)?.split_once(' ')?;
            let (month, day) = date.split_at_checked(2)?;
            return time::leading(format!("{month}-{day} {}", clock.trim_start()).as_bytes())?.latest_before(written);
        }
        _ => return None,
    };
    time::leading(text.as_bytes())?.latest_before(written)
}

fn parse_nested(line: &str, opening: Option<Opening>, depth: u8) -> Option<Header> {
    let Some(opening) = opening else { return headless(line) };
    let mut cursor = Cursor::new(line);
    match opening {
        Opening::Json | Opening::Logfmt => return None,
        Opening::Access => request(&mut cursor),
        Opening::Stamp => {
            let redis = line::redis_len(line.as_bytes());
            cursor.at = redis.unwrap_or(0);
            stamped(&mut cursor);
            if redis.is_some() {
                families::redis(&mut cursor);
            }
        }
        Opening::LabelledStamp(len) => {
            cursor.at = len;
            stamped(&mut cursor);
        }
        Opening::Bracket => separated::brackets(&mut cursor),
        Opening::Level(len) => levelled(&mut cursor, len),
        Opening::Priority => syslog::priority(&mut cursor),
        Opening::Klog => families::klog(&mut cursor),
        Opening::Ruby => families::ruby(&mut cursor),
    }
    cursor.blanks();
    if cursor.header.transport && depth < MAX_DEPTH {
        nested(&mut cursor, depth);
    }
    if cursor.header.severity.is_none() {
        cursor.header.severity = families::severity_in(cursor.rest());
    }
    cursor.header.body = cursor.at;
    Some(cursor.header)
}

/// What a line without a time says of its severity: winston's `error: message`, PHP's own messages.
fn headless(line: &str) -> Option<Header> {
    let winston = ["error", "warn", "info", "http", "verbose", "debug", "silly"];
    if let Some((level, _)) = line.split_once(": ").filter(|(level, _)| winston.contains(level)) {
        return Some(Header { severity: severity::of(level), body: level.len() + 2, ..Header::default() });
    }
    let severity = families::severity_in(line).filter(|_| line.starts_with("PHP "))?;
    Some(Header { severity: Some(severity), ..Header::default() })
}

/// The time in an access log's bracket; the whole line stays the message.
fn request(cursor: &mut Cursor<'_>) {
    let inside = cursor.line.split_once(" [").map(|(_, inside)| inside.as_bytes());
    if let Some(stamp) = inside.and_then(time::leading) {
        cursor.header.took(&stamp);
    }
}

fn nested(cursor: &mut Cursor<'_>, depth: u8) {
    let rest = cursor.rest();
    let Some(inner) = parse_nested(rest, line::opening(rest.as_bytes()), depth + 1) else { return };
    let outer = &mut cursor.header;
    if outer.time.is_none() {
        (outer.time, outer.local) = (inner.time, inner.local);
    }
    outer.severity = inner.severity.or_else(|| outer.severity.take());
    outer.service = inner.service;
    outer.markup = inner.markup;
    outer.attributes.0.extend(inner.attributes.0);
    cursor.at += inner.body;
}

fn stamped(cursor: &mut Cursor<'_>) {
    let Some(stamp) = time::leading(cursor.rest().as_bytes()) else { return };
    cursor.header.took(&stamp);
    cursor.at += stamp.len;
    if stamp.android {
        return families::android(cursor);
    }
    if stamp.syslog {
        return syslog::host_and_tag(cursor);
    }
    let comma = cursor.eat(",") || cursor.eat(";");
    if cursor.eat(":") {
        let len = cursor.rest().bytes().take_while(u8::is_ascii_uppercase).count();
        let level = cursor.rest().get(..len).unwrap_or_default();
        if severity::of(level).is_some() && cursor.rest().get(len..).is_some_and(|rest| rest.starts_with(':')) {
            return levelled(cursor, len);
        }
    }
    let spaces = cursor.blanks();
    let rest = cursor.rest();
    if rest.starts_with('|') {
        separated::pipes(cursor);
    } else if rest.starts_with("- ") && !syslog::supercomputer(cursor) {
        separated::dashes(cursor);
    } else if !syslog::supercomputer(cursor) {
        fields(cursor, comma && spaces == 1);
    }
}

/// Thread, process, logger and level in the order of the libraries that use no separators.
pub(super) fn fields(cursor: &mut Cursor<'_>, windows: bool) {
    let (start, known) = (cursor.at, cursor.header.attributes.0.len());
    pairs(cursor);
    for _ in 0..=MAX_BEFORE_LEVEL {
        cursor.blanks();
        if level_word(cursor) {
            if windows {
                component(cursor);
            }
            return after_level(cursor);
        }
        if !before_level(cursor) {
            break;
        }
    }
    cursor.at = start;
    cursor.header.attributes.0.truncate(known);
    if !syslog::tag_with_process(cursor) {
        location_prefix(cursor);
    }
}

/// Whether the level stands at the cursor; consumes it and its punctuation.
fn level_word(cursor: &mut Cursor<'_>) -> bool {
    if let Some(content) = cursor.bracket() {
        // Twisted names who speaks before the level.
        let twisted = content.split_once('#').filter(|(name, _)| identifier(name));
        let hit = cursor.severity(twisted.map_or(content, |(_, level)| level));
        if hit {
            if let Some((name, _)) = twisted {
                cursor.set("logger.name", name);
            }
            cursor.at += content.len() + 2;
            cursor.eat(":");
        }
        return hit;
    }
    let word = cursor.word();
    if let Some(level) = word.strip_prefix('*').and_then(|word| word.strip_suffix('*'))
        && cursor.severity(level)
    {
        cursor.at += word.len();
        return true;
    }
    let len = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let name = word.get(..len).unwrap_or_default();
    let after = word.get(len..).unwrap_or_default();
    if let Some((_, level)) = word.strip_suffix(':').and_then(|word| word.split_once('.'))
        && level.bytes().all(|byte| byte.is_ascii_uppercase())
        && cursor.severity(level)
    {
        cursor.at += word.len();
        return true;
    }
    if severity::number(name.as_bytes()).is_none() {
        return false;
    }
    let upper = name.bytes().all(|byte| byte.is_ascii_uppercase());
    let spaced = cursor.rest().get(len..).is_some_and(|rest| rest.starts_with("  ") || rest.starts_with('\t'));
    let parted = after.starts_with([':', ',', '|', ';']);
    if !(parted || after.is_empty() && (upper || spaced)) {
        return false;
    }
    cursor.severity(name);
    cursor.at += len;
    if parted && !after.starts_with('|') {
        cursor.at += 1;
    }
    true
}

/// Sidekiq's `pid=12 tid=abc class=Pay jid=1f elapsed=0.1 `: pairs in front of the level, if that is what follows them.
fn pairs(cursor: &mut Cursor<'_>) {
    let start = cursor.at;
    let mut found = Vec::new();
    while let Some((key, value)) = cursor.word().split_once('=').filter(|(key, _)| identifier(key)) {
        found.push((key, value));
        cursor.at += key.len() + 1 + value.len();
        cursor.blanks();
        if found.len() > MAX_PAIRS {
            break;
        }
    }
    let level = cursor.word().split(':').next().unwrap_or_default();
    if severity::number(level.as_bytes()).is_none() || !level.bytes().all(|byte| byte.is_ascii_uppercase()) {
        cursor.at = start;
        return;
    }
    for (key, value) in found {
        cursor.set(if key == "pid" { "process.pid" } else { key }, value);
    }
}

/// `shop[12]`, `shop[12]:`, and a host before it where the word is none that speaks for itself.
fn process_word(cursor: &mut Cursor<'_>) -> bool {
    let numbered = |word: &str| {
        let (name, rest) = word.trim_end_matches(':').split_once('[').map(|(name, rest)| (name.to_owned(), rest))?;
        let process = rest.strip_suffix(']').filter(|process| digits(process))?;
        identifier(&name).then(|| (name, process.to_owned()))
    };
    let word = cursor.word();
    let next = cursor.rest().get(word.len()..).unwrap_or_default().trim_start();
    let next = next.split(' ').next().unwrap_or_default();
    let (host, word) = if numbered(word).is_none() && identifier(word) { (word, next) } else { ("", word) };
    let Some((name, process)) = numbered(word) else { return false };
    cursor.set("logger.name", &name);
    cursor.set("process.pid", &process);
    if !host.is_empty() {
        cursor.header.host = Some(host.to_owned());
        cursor.at += host.len();
        cursor.blanks();
    }
    cursor.at += word.len();
    true
}

/// One thread, process or name before the level; `false` where the text cannot be one.
fn before_level(cursor: &mut Cursor<'_>) -> bool {
    if let Some(content) = cursor.bracket() {
        let key = if digits(content) { "process.pid" } else { "thread.name" };
        cursor.set(key, content.trim());
        cursor.at += content.len() + 2;
        cursor.eat(":");
        return true;
    }
    let word = cursor.word();
    if let Some(place) = word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
        // Airflow: `{taskinstance.py:12}`.
        let known = cursor.location(place);
        cursor.at += if known { word.len() } else { 0 };
        return known;
    }
    if process_word(cursor) {
        return true;
    }
    if digits(word) {
        cursor.set("process.pid", word);
    } else if identifier(word) && word.contains(['.', '-', '_', '@', ':']) || word == "root" {
        cursor.set("logger.name", word.trim_end_matches(':'));
    } else {
        return false;
    }
    cursor.at += word.len();
    true
}

/// Windows' component column: `, Info                  CBS    Loaded …`.
fn component(cursor: &mut Cursor<'_>) {
    let wide = cursor.blanks() >= 3;
    let word = cursor.word();
    if wide && cursor.rest().get(word.len()..).is_some_and(|rest| rest.starts_with("  ")) {
        cursor.set("logger.name", word);
        cursor.at += word.len();
    }
}

/// Whether a time is all that stands in a bracket; takes it.
fn took_inside(cursor: &mut Cursor<'_>, content: &str) -> bool {
    let stamp = time::leading(content.as_bytes()).filter(|stamp| stamp.len == content.len());
    if let Some(stamp) = &stamp {
        cursor.header.took(stamp);
    }
    stamp.is_some()
}

/// `INFO:     message`, `ERROR:root:message`, `ERROR 2025-… module 1 2 message`, `INFO[0001] message`.
fn levelled(cursor: &mut Cursor<'_>, len: usize) {
    let level = cursor.rest().get(..len).unwrap_or_default();
    cursor.severity(level);
    cursor.at += len;
    if cursor.eat(":") {
        let rest = cursor.rest();
        if families::dotnet(cursor) {
            return;
        }
        if let Some((name, _)) = rest.split_once(':').filter(|(name, _)| identifier(name)) {
            cursor.set("logger.name", name);
            cursor.at += name.len() + 1;
            return;
        }
        cursor.blanks();
        if cursor.stamp() {
            cursor.blanks();
            location_prefix(cursor);
        }
        return;
    }
    if let Some(content) = cursor.bracket() {
        took_inside(cursor, content);
        cursor.at += content.len() + 2;
        return;
    }
    cursor.blanks();
    // Dropwizard: `INFO  [2025-09-08 08:47:01,122] shop.Pay: message`.
    if let Some(content) = cursor.bracket()
        && took_inside(cursor, content)
    {
        cursor.at += content.len() + 2;
        return after_level(cursor);
    }
    if cursor.stamp() {
        cursor.blanks();
        families::django(cursor);
    } else {
        after_level(cursor);
    }
}
