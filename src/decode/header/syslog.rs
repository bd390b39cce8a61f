//! Syslog headers (RFC 3164 and 5424) and the supercomputer logs that wrap them.

use crate::decode::header::cursor::Cursor;
use crate::decode::header::cursor::digits;
use crate::decode::header::cursor::identifier;
use crate::decode::line;
use crate::decode::severity;
use crate::decode::time;
use crate::model::record::Severity;

/// Longest `app[12] (detail)` before the colon.
const MAX_TAG: usize = 120;

/// `<34>1 2025-… host app 12 ID [data] message` or `<34>Sep  8 08:47:01 host app[12]: message`.
pub(super) fn priority(cursor: &mut Cursor<'_>) {
    let Some(len) = line::priority_len(cursor.rest().as_bytes()) else { return };
    let code = cursor.rest().get(1..len - 1).and_then(|code| code.parse::<u64>().ok()).unwrap_or_default();
    let (text, number) = severity::syslog(code);
    cursor.header.severity = Some(Severity { text: text.to_owned(), number });
    cursor.at += len;
    if !cursor.eat("1 ") {
        if cursor.stamp() {
            host_and_tag(cursor);
        }
        return;
    }
    cursor.header.transport = true;
    if !cursor.stamp() {
        cursor.eat("-");
    }
    for key in ["host.name", "syslog.appname", "process.pid", "syslog.msgid"] {
        cursor.blanks();
        let word = cursor.word();
        match (key, word) {
            (_, "-") => {}
            ("host.name", host) => cursor.header.host = Some(host.to_owned()),
            (key, value) => cursor.set(key, value),
        }
        cursor.at += word.len();
    }
    cursor.blanks();
    if cursor.eat("-") {
        return;
    }
    while let Some(data) = cursor.bracket() {
        cursor.set("syslog.structured_data", data);
        cursor.at += data.len() + 2;
    }
}

/// ` host app[12]: message` behind the time of RFC 3164.
pub(super) fn host_and_tag(cursor: &mut Cursor<'_>) {
    cursor.blanks();
    cursor.header.transport = true;
    let start = cursor.at;
    let host = cursor.word();
    // The terminal of Rust's slog: no host, but a level.
    let level = ["TRCE", "DEBG", "INFO", "WARN", "ERRO", "CRIT"].contains(&host);
    if level && cursor.severity(if host == "DEBG" { "debug" } else { host }) {
        cursor.at += host.len();
        return;
    }
    if host.ends_with(':') || host.ends_with("]:") {
        tag(cursor);
        return;
    }
    cursor.header.host = Some(host.to_owned());
    cursor.at += host.len();
    cursor.blanks();
    if !tag(cursor) && cursor.rest().is_empty() {
        cursor.at = start;
    }
}

/// `app[12]: `, `sshd(pam_unix)[12]: `, `com.apple.launchd[1] (detail): `, `syslogd 1.4.1: `.
fn tag(cursor: &mut Cursor<'_>) -> bool {
    let rest = cursor.rest();
    let end = match rest.find(": ") {
        Some(end) => end,
        None if rest.ends_with(':') => rest.len() - 1,
        None => return false,
    };
    let Some(tag) = rest.get(..end).filter(|tag| tag.len() <= MAX_TAG) else { return false };
    let (name, detail) = tag.split_once(' ').unwrap_or((tag, ""));
    let version = detail.starts_with(|first: char| first.is_ascii_digit()) && !detail.contains(' ');
    let known = detail.is_empty() || version || detail.starts_with('(') && detail.ends_with(')');
    if !known || name.is_empty() || name.contains(['"', '=', '{']) {
        return false;
    }
    let (app, process) = name.strip_suffix(']').and_then(|name| name.rsplit_once('[')).unwrap_or((name, ""));
    cursor.set("syslog.appname", app);
    if digits(process) {
        cursor.set("process.pid", process);
    }
    cursor.at += (end + 2).min(rest.len());
    true
}

/// `host app[12]: ` behind a full time (rsyslog's own format, `journalctl -o short-iso`): only with a process number.
pub(super) fn tag_with_process(cursor: &mut Cursor<'_>) -> bool {
    let host = cursor.word();
    let after = cursor.rest().get(host.len()..).unwrap_or_default().trim_start();
    let app = after.split(' ').next().unwrap_or_default();
    let process = app.strip_suffix("]:").and_then(|app| app.rsplit_once('[')).map(|(_, process)| process);
    if host.is_empty()
        || host.ends_with(':')
        || !process.is_some_and(|process| digits(process) || process.contains('.'))
    {
        return false;
    }
    cursor.header.host = Some(host.to_owned());
    cursor.header.transport = true;
    cursor.at += host.len();
    cursor.blanks();
    tag(cursor)
}

/// Behind an epoch time: `2005.06.03 node 2005-06-03-15.42.50.675872 node RAS KERNEL INFO message` (Blue Gene), or a node and
/// a syslog header (Thunderbird). `false`, and nothing consumed, where it is neither.
pub(super) fn supercomputer(cursor: &mut Cursor<'_>) -> bool {
    let rest = cursor.rest();
    let date = rest.bytes().take(10).enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'.',
        _ => byte.is_ascii_digit(),
    });
    if !date || rest.as_bytes().get(10) != Some(&b' ') {
        return false;
    }
    let start = cursor.at;
    cursor.at += 11;
    let node = cursor.word();
    cursor.at += node.len();
    cursor.blanks();
    let Some(stamp) = time::leading(cursor.rest().as_bytes()) else {
        cursor.at = start;
        return false;
    };
    cursor.at += stamp.len;
    cursor.header.host = Some(node.to_owned());
    if stamp.syslog {
        host_and_tag(cursor);
        return true;
    }
    for key in ["host.id", "event.kind", "logger.name"] {
        cursor.blanks();
        let word = cursor.word();
        if key != "host.id" && !identifier(word) {
            return true;
        }
        cursor.set(key, word);
        cursor.at += word.len();
    }
    cursor.blanks();
    let level = cursor.word();
    if cursor.severity(level) {
        cursor.at += level.len();
    }
    true
}
