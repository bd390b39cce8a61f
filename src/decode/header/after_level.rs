//! What libraries put between the level and the message: process, thread, logger, source location, trace ids.

use crate::decode::header::cursor::Cursor;
use crate::decode::header::cursor::digits;
use crate::decode::header::cursor::exception_word;
use crate::decode::header::cursor::identifier;
use crate::decode::header::cursor::logger_name;
use crate::decode::header::separated;

/// What may stand between level and message.
pub(in crate::decode::header) fn after_level(cursor: &mut Cursor<'_>) {
    cursor.blanks();
    let rest = cursor.rest();
    if rest.starts_with('|') {
        return separated::pipes(cursor);
    }
    if let Some((process, message)) = rest.split_once(' ')
        && (digits(process) && message.starts_with("--- ")
            || process
                .strip_suffix(':')
                .and_then(|ids| ids.split_once('#'))
                .is_some_and(|(a, b)| digits(a) && digits(b)))
    {
        cursor.set("process.pid", process.split('#').next().unwrap_or(process));
        cursor.at += process.len() + 1;
        cursor.eat("--- ");
    }
    if cursor.eat("-- : ") || cursor.eat("- ") {
        cursor.blanks();
    }
    if cursor.rest().starts_with("in ")
        && let Some((name, _)) = cursor.rest().get(3..).and_then(|rest| rest.split_once(": "))
        && !name.contains(' ')
    {
        cursor.set("logger.name", name);
        cursor.at += 5 + name.len();
        return;
    }
    pino_pretty(cursor);
    let threaded = bracket_after_level(cursor);
    cursor.blanks();
    if !location_prefix(cursor) {
        logger_prefix(cursor, threaded);
    }
}

/// Whether Spring's dashes stand near the beginning of `text`.
fn dashed(text: &str) -> bool {
    let near = text.as_bytes().get(..160).unwrap_or(text.as_bytes());
    near.first() == Some(&b'[') && memchr::memmem::find(near, b" --- [").is_some()
}

/// `(7): ` or `(shop/7 on web-1): `: what pino-pretty prints behind the level.
fn pino_pretty(cursor: &mut Cursor<'_>) {
    let rest = cursor.rest();
    let inside = rest.strip_prefix('(').and_then(|rest| rest.split_once("): ")).map(|(inside, _)| inside);
    let Some(inside) = inside.filter(|inside| inside.len() <= 120) else { return };
    let (who, host) = inside.split_once(" on ").unwrap_or((inside, ""));
    let (name, process) = who.rsplit_once('/').unwrap_or(("", who));
    if !digits(process) {
        return;
    }
    cursor.set("process.pid", process);
    cursor.header.service = Some(name.to_owned()).filter(|name| !name.is_empty());
    cursor.header.host = Some(host.to_owned()).filter(|host| !host.is_empty());
    cursor.at += inside.len() + 4;
}

/// Spring Boot 3's `[5a3f…-00f0…]`, blank outside a trace: the trace and the span behind the thread.
fn is_correlation(content: &str) -> bool {
    let hex = |id: &str, len: usize| id.len() == len && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    content.len() == 49
        && (content.trim().is_empty()
            || content.split_once('-').is_some_and(|(trace, span)| hex(trace, 32) && hex(span, 16)))
}

fn correlation(cursor: &mut Cursor<'_>, content: &str) {
    if let Some((trace, span)) = content.split_once('-') {
        cursor.set("trace_id", trace);
        cursor.set("span_id", span);
    }
    cursor.at += content.len() + 2;
    cursor.blanks();
}

/// Spring's `[shop] [main] `, Sleuth's `[shop,trace,span] 1 --- [main] `: everything up to the last bracket, which names the thread.
fn spring_brackets(cursor: &mut Cursor<'_>) {
    while let Some(content) = cursor.bracket() {
        let after = cursor.rest().get(content.len() + 2..).unwrap_or_default();
        let mut ids = content.split(',');
        let (service, trace, span) = (ids.next().unwrap_or_default(), ids.next(), ids.next());
        let hex = |id: &str| matches!(id.len(), 16 | 32) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let traced =
            trace.zip(span).filter(|(trace, span)| hex(trace) && hex(span) || trace.is_empty() && span.is_empty());
        if is_correlation(content) {
            correlation(cursor, content);
            return;
        }
        if let Some((trace, span)) = traced {
            cursor.set("trace_id", trace);
            cursor.set("span_id", span);
            cursor.header.service = Some(service.to_owned()).filter(|name| !name.is_empty());
        } else if !after.starts_with(" [") {
            return;
        } else if after
            .strip_prefix(" [")
            .and_then(|next| next.split_once(']'))
            .is_some_and(|(next, _)| is_correlation(next))
        {
            cursor.set("thread.name", content.trim());
        } else if !content.trim().is_empty() {
            cursor.header.service = Some(content.trim().to_owned());
        }
        cursor.at += content.len() + 2;
        cursor.blanks();
        let process = cursor.word();
        if digits(process) && cursor.rest().get(process.len()..).is_some_and(|rest| rest.starts_with(" --- ")) {
            cursor.set("process.pid", process);
            cursor.at += process.len() + 5;
        }
    }
}

/// `[main] `, `[app.models] `, `[views.py:12] `; `true` where a logger's name may follow without a dot in it.
fn bracket_after_level(cursor: &mut Cursor<'_>) -> bool {
    let spring = cursor.header.attributes.get("process.pid").is_some() || dashed(cursor.rest());
    if spring {
        spring_brackets(cursor);
    }
    let Some(content) = cursor.bracket() else { return false };
    let after = cursor.rest().get(content.len() + 2..).unwrap_or_default();
    let next = after.trim_start();
    let word = next.split([' ', '\t']).next().unwrap_or_default();
    let name = word.strip_suffix(':').unwrap_or(word);
    let follows = next.get(word.len()..).unwrap_or_default().trim_start_matches(' ');
    let parted = ["- ", "-- ", ": "].iter().any(|mark| follows.starts_with(mark)) || java_place(follows) > 0;
    // Tomcat: `[main] org.apache.catalina.core.StandardService.start message`.
    let method = name.matches('.').count() >= 2 && logger_name(name);
    let spoken = exception_word(name) && word.ends_with(':');
    let named = identifier(name) && !spoken && (word.ends_with(':') || parted || method);
    if cursor.location(content) || logger_name(content) {
        if cursor.header.attributes.get("code.file.path").is_none() {
            cursor.set("logger.name", content);
        }
        cursor.at += content.len() + 2;
        cursor.blanks();
        cursor.eat("- ");
        jboss_thread(cursor);
    } else if named || after.starts_with(" - ") {
        cursor.set("thread.name", content.trim());
        cursor.at += content.len() + 2;
        cursor.blanks();
        cursor.eat("- ");
        return true;
    }
    false
}

/// `(executor-thread-1) ` behind the logger: `WildFly` and Quarkus.
fn jboss_thread(cursor: &mut Cursor<'_>) {
    let inside = cursor.rest().strip_prefix('(').and_then(|rest| rest.split_once(") ")).map(|(inside, _)| inside);
    if let Some(thread) = inside.filter(|inside| inside.len() <= 64 && !inside.contains(['(', '"'])) {
        cursor.set("thread.name", thread);
        cursor.at += thread.len() + 3;
    }
}

/// `main.go:12: `, `app/main.go:12\t`, `views.py:3 - ` before the message.
pub(in crate::decode::header) fn location_prefix(cursor: &mut Cursor<'_>) -> bool {
    let word = cursor.word();
    let place = word.strip_suffix(':').unwrap_or(word);
    let after = cursor.rest().get(word.len()..).unwrap_or_default();
    // zerolog's console: `pay.go:12 > message`.
    let parted = word.ends_with(':') || [" - ", " > ", "\t"].iter().any(|mark| after.starts_with(mark));
    if !parted || !cursor.location(place) {
        return false;
    }
    cursor.at += word.len();
    cursor.blanks();
    let _ = cursor.eat("- ") || cursor.eat("> ");
    true
}

/// Length of log4j's `(Foo.java:12) - `.
fn java_place(text: &str) -> usize {
    let inside = text.strip_prefix('(').and_then(|text| text.split_once(") - ")).map(|(inside, _)| inside);
    inside.filter(|inside| inside.contains(':') && !inside.contains(' ')).map_or(0, |inside| inside.len() + 5)
}

/// `org.apache.Foo: `, `c.e.Foo - `, `nova.compute [req-…] ` before the message.
fn logger_prefix(cursor: &mut Cursor<'_>, threaded: bool) {
    let word = cursor.word();
    let name = word.strip_suffix(':').unwrap_or(word);
    let after = cursor.rest().get(word.len()..).unwrap_or_default();
    let aligned = after.trim_start_matches(' ');
    let place = java_place(aligned);
    let separator = if word.ends_with(':') && after.starts_with(' ') {
        0
    } else if place > 0 {
        let inside = aligned.get(1..place).and_then(|place| place.split_once(')')).map_or("", |(inside, _)| inside);
        cursor.location(inside);
        after.len() - aligned.len() + place
    } else if aligned.starts_with("-- ") {
        after.len() - aligned.len() + 3
    } else if aligned.starts_with(": ") || aligned.starts_with("- ") {
        after.len() - aligned.len() + 2
    } else if after.starts_with(" [req-") || threaded && after.starts_with(' ') && word.matches('.').count() >= 2 {
        1
    } else {
        return;
    };
    let spoken = exception_word(name) && word.ends_with(':');
    if spoken || !(logger_name(name) || threaded && identifier(name)) {
        return;
    }
    cursor.set("logger.name", name);
    cursor.at += word.len() + separator;
    cursor.blanks();
    if let Some(request) = cursor.bracket().filter(|content| content.starts_with("req-")) {
        cursor.set("request.id", request.trim_end_matches([' ', '-']));
        cursor.at += request.len() + 2;
    }
}
