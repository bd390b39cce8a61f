//! Headers of one library each that fit no general form: klog, Android, Ruby, Django's verbose format.

use crate::decode::header::cursor::Cursor;
use crate::decode::header::cursor::digits;
use crate::decode::header::cursor::identifier;
use crate::decode::header::fields;
use crate::decode::severity;
use crate::decode::time;
use crate::model::record::Severity;

/// Django's verbose format: `module 14 140123 message`.
pub(super) fn django(cursor: &mut Cursor<'_>) {
    let mut words = cursor.rest().splitn(4, ' ');
    let (Some(module), Some(process), Some(thread)) = (words.next(), words.next(), words.next()) else { return };
    if identifier(module) && digits(process) && digits(thread) {
        cursor.set("logger.name", module);
        cursor.set("process.pid", process);
        cursor.set("thread.id", thread);
        cursor.at += module.len() + process.len() + thread.len() + 3;
    }
}

/// `E0908 08:47:01.122345       1 file.go:12] message`: no year, so no moment.
pub(super) fn klog(cursor: &mut Cursor<'_>) {
    let letter = cursor.rest().get(..1).unwrap_or_default();
    if let Some(number) = letter.bytes().next().and_then(severity::letter) {
        cursor.header.severity = Some(Severity { text: letter.to_owned(), number });
    }
    cursor.at += cursor.word().len() + 1;
    cursor.stamp();
    cursor.blanks();
    let process = cursor.word();
    let after = cursor.rest().get(process.len()..).unwrap_or_default().trim_start();
    if digits(process)
        && let Some((place, message)) = after.split_once(']')
        && cursor.location(place)
    {
        cursor.set("process.pid", process);
        cursor.at = cursor.line.len() - message.len();
    }
}

/// `03-17 16:13:38.811  1702  2395 D Tag: message`.
pub(super) fn android(cursor: &mut Cursor<'_>) {
    let mut words = cursor.rest().split_ascii_whitespace();
    let (Some(process), Some(thread), Some(letter)) = (words.next(), words.next(), words.next()) else { return };
    let number = letter.bytes().next().filter(|_| letter.len() == 1).and_then(severity::letter);
    let (Some(number), true, true) = (number, digits(process), digits(thread)) else {
        cursor.blanks();
        return fields(cursor, false);
    };
    cursor.header.severity = Some(Severity { text: letter.to_owned(), number });
    cursor.set("process.pid", process);
    cursor.set("thread.id", thread);
    for word in [process, thread, letter] {
        cursor.blanks();
        cursor.at += word.len();
    }
    cursor.blanks();
    if let Some((tag, _)) = cursor.rest().split_once(": ").filter(|(tag, _)| tag.len() <= 80 && !tag.contains("  ")) {
        cursor.set("logger.name", tag.trim_end());
        cursor.at += tag.len() + 2;
    }
}

/// `E, [2025-09-08T08:47:01.122 #12] ERROR -- : message`.
pub(super) fn ruby(cursor: &mut Cursor<'_>) {
    cursor.eat(cursor.rest().get(..3).unwrap_or_default());
    let Some(content) = cursor.bracket() else { return };
    if let Some(stamp) = time::leading(content.as_bytes()) {
        cursor.header.took(&stamp);
    }
    if let Some((_, process)) = content.split_once('#') {
        cursor.set("process.pid", process);
    }
    cursor.at += content.len() + 2;
    cursor.blanks();
    let level = cursor.word();
    if cursor.severity(level) {
        cursor.at += level.len();
        cursor.blanks();
    }
    let program = cursor.rest();
    if let Some((_, message)) =
        program.split_once(": ").filter(|(before, _)| before.starts_with("-- ") && before.len() < 40)
    {
        cursor.at = cursor.line.len() - message.len();
    }
}

/// Redis' mark before the message: `# Server initialized`.
pub(super) fn redis(cursor: &mut Cursor<'_>) {
    let (text, number) = match cursor.rest().get(..2) {
        Some(". ") => ("debug", 5),
        Some("- ") => ("verbose", 5),
        Some("* ") => ("notice", 10),
        Some("# ") => ("warning", 13),
        _ => return,
    };
    cursor.header.severity = Some(Severity { text: text.to_owned(), number });
    cursor.at += 2;
}

/// .NET's console logger, behind `fail:`: ` Shop.Orders[0]`, and the message on the next line.
pub(super) fn dotnet(cursor: &mut Cursor<'_>) -> bool {
    let text = cursor.rest().trim();
    let name = text.strip_suffix(']').and_then(|text| text.split_once('[')).filter(|(_, event)| digits(event));
    let Some((name, event)) = name.filter(|(name, _)| identifier(name)) else { return false };
    cursor.set("logger.name", name);
    cursor.set("event.id", event);
    cursor.at = cursor.line.len();
    true
}

/// What the message of a line says of its severity where the header does not: `PostgreSQL`'s `ERROR:  `, PHP's `PHP Warning:  `.
pub(super) fn severity_in(message: &str) -> Option<Severity> {
    let said = |text: &str, number: u8| Some(Severity { text: text.to_owned(), number });
    if let Some(php) = message.strip_prefix("PHP ") {
        let (kind, _) = php.split_once(":  ")?;
        return match kind {
            "Fatal error" => said(kind, 21),
            "Parse error" | "Recoverable fatal error" => said(kind, 17),
            "Warning" | "Deprecated" => said(kind, 13),
            "Notice" => said(kind, 10),
            _ => None,
        };
    }
    let (before, _) = message.get(..message.len().min(200)).unwrap_or(message).split_once(":  ")?;
    let word = before.rsplit(' ').next().unwrap_or(before);
    match word {
        "ERROR" | "WARNING" | "NOTICE" | "LOG" | "INFO" => said(word, severity::number(word.as_bytes())?),
        "FATAL" | "PANIC" => said(word, 21),
        "STATEMENT" | "DETAIL" | "HINT" => said(word, 9),
        _ => None,
    }
}
