//! First lines of what runtimes print by themselves when a program fails: they begin a record although they have no header, so that a
//! dump is not read as part of whatever was logged before it. And the rows of such dumps that are not indented.

use crate::decode::severity;

/// What such lines begin with.
const OPENINGS: &[&[u8]] = &[
    b"panic: ",
    b"fatal error: ",
    b"Exception in thread ",
    b"Exception ignored in",
    b"--- Logging error ---",
    b"Internal Server Error: /",
    b"FATAL ERROR: ",
    b"<--- Last few GCs --->",
    b"#<Thread:0x",
    b"runtime: goroutine stack exceeds ",
    b"Unhandled exception. ",
    b"Unhandled Exception:",
    b"Fatal error: Uncaught ",
    b"PHP Fatal error:  ",
    b"PHP Parse error:  ",
    b"PHP Warning:  ",
    b"PHP Notice:  ",
    b"PHP Deprecated:  ",
    b"error: Uncaught ",
    b"Fatal Python error: ",
];
/// Endings of files that Node and its relatives run.
const SCRIPTS: &[&[u8]] = &[b".js", b".mjs", b".cjs", b".ts", b".tsx", b".jsx"];

/// Whether `line` begins a dump.
pub(super) fn opens(line: &[u8]) -> bool {
    match line.first() {
        Some(b'p' | b'f' | b'E' | b'U' | b'F' | b'P' | b'e' | b'-' | b'I' | b'<' | b'#' | b'r')
            if OPENINGS.iter().any(|opening| line.starts_with(opening)) =>
        {
            true
        }
        Some(b't') => {
            let told = |what: &[u8]| memchr::memmem::find(line, what).is_some();
            line.starts_with(b"thread '") && (told(b"' panicked at ") || told(b" has overflowed its stack"))
                || rust(line)
        }
        Some(b'(') => node_warning(line),
        Some(b'T') if line.starts_with(b"Timeout (") => line.trim_ascii_end().ends_with(b")!"),
        Some(b'P') if line.starts_with(b"Process ") => {
            let name = line.trim_ascii_end().get(8..).and_then(|name| name.strip_suffix(b":")).unwrap_or(b" ");
            !name.contains(&b' ') && name.contains(&b'-')
        }
        Some(b'/' | b'f' | b'n' | b'A'..=b'Z') => script(line),
        _ => false,
    }
}

/// `(node:12) [DEP0001] DeprecationWarning: …`.
fn node_warning(line: &[u8]) -> bool {
    let Some(inside) = line.strip_prefix(b"(node:") else { return false };
    let digits = inside.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && inside.get(digits..).is_some_and(|rest| rest.starts_with(b") "))
}

/// `thread 'main' (12) panicked at src/main.rs:1:33:`: newer compilers add a number.
fn rust(line: &[u8]) -> bool {
    line.starts_with(b"thread '") && memchr::memmem::find(line, b") panicked at ").is_some()
}

/// `/srv/app/x.js:12`, `file:///srv/x.mjs:3`, `node:internal/fs:12`: the place above the source that Node prints.
fn script(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let Some(colon) = memchr::memrchr(b':', line) else { return false };
    let (place, number) = line.split_at(colon);
    let number = number.get(1..).unwrap_or_default();
    let numbered = !number.is_empty() && number.len() <= 7 && number.iter().all(u8::is_ascii_digit);
    let known = place.starts_with(b"node:") || SCRIPTS.iter().any(|ending| place.ends_with(ending));
    numbered && known && !place.contains(&b' ')
}

/// Rows of a dump: PHP's `Stack trace:`, `#0 …`, `Next X: …`; Go's `[signal …`; Rust's `stack backtrace:`.
pub(super) fn continues(line: &[u8]) -> bool {
    match line {
        [b'#', b'0'..=b'9', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            rest.get(digits) == Some(&b' ')
        }
        [b'[', ..] => line.starts_with(b"[signal ") || line == b"[stacktrace]",
        [b'S', ..] => {
            line == b"Stack trace:" || line == b"Stack backtrace:" || line == b"Stack (most recent call last):"
        }
        [b's', ..] => line == b"stack backtrace:",
        [b'n', ..] => {
            line.starts_with(b"note: run with `RUST_BACKTRACE") || line.starts_with(b"note: Some details are omitted")
        }
        [b'C', ..] => line == b"Caused by:",
        [b'N', b'e', b'x', b't', b' ', rest @ ..] => {
            let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"\\_".contains(byte)).count();
            let class = rest.get(..name).unwrap_or_default();
            (class.ends_with(b"Exception") || class.ends_with(b"Error")) && rest.get(name) == Some(&b':')
        }
        _ => false,
    }
}

/// A row of Ruby's backtrace: `app/pay.rb:12:in 'Pay#call'`.
pub(super) fn is_row_of_ruby(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let within = || memchr::memmem::find(line, b":in `").or_else(|| memchr::memmem::find(line, b":in '"));
    let numbered = |at: usize| at.checked_sub(1).and_then(|at| line.get(at)).is_some_and(u8::is_ascii_digit);
    line.last() == Some(&b'\'')
        && within().is_some_and(|at| numbered(at) && !line.get(..at).unwrap_or_default().contains(&b'"'))
}

/// Whether `line` is the second line of a header that Java's own logger writes on two: `Nov 21, 2026 4:03:10 PM shop.Checkout pay`,
/// then `SEVERE: message`.
pub(super) fn is_second_of_header(before: &[u8], line: &[u8]) -> bool {
    let Some(colon) = line.iter().take(8).position(|byte| *byte == b':') else { return false };
    let level = line.get(..colon).unwrap_or_default();
    if severity::number(level).is_none() || !level.iter().all(u8::is_ascii_uppercase) {
        return false;
    }
    let month = matches!(before, [b'A'..=b'Z', b'a'..=b'z', b'a'..=b'z', b' ', b'0'..=b'9', ..]);
    // Newer versions put a narrow blank before the half of the day.
    let halves = [b" AM ".as_slice(), b" PM ", "\u{202f}".as_bytes()];
    let stamp = before.get(..40).unwrap_or(before);
    month && halves.iter().any(|half| memchr::memmem::find(stamp, half).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_and_what_is_none() {
        for line in [
            "panic: runtime error: x",
            "thread 'main' (598) panicked at src/main.rs:1:33:",
            "thread 'a' panicked at 'x', src/main.rs:1:33",
            "/srv/app/t.js:2",
            "node:internal/process/promises:288",
            "Exception in thread \"main\" java.lang.Error",
        ] {
            assert!(opens(line.as_bytes()), "{line}");
        }
        for line in
            ["the panic: x", "/srv/app/t.js:2:3 is odd", "/srv/app.log:12", "thread 'x' started", "Next: x", "#12"]
        {
            assert!(!opens(line.as_bytes()) && !continues(line.as_bytes()), "{line}");
        }
        for line in ["#0 /t.php(4): f()", "Next App\\AppError: x", "Stack trace:", "[signal SIGSEGV: x]"] {
            assert!(continues(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn javas_header_has_two_lines() {
        let first = b"Nov 21, 2026 6:05:50 PM shop.Checkout pay";
        assert!(is_second_of_header(first, b"SEVERE: failed"));
        assert!(is_second_of_header("Nov 21, 2026, 6:05:50\u{202f}PM shop.Checkout pay".as_bytes(), b"INFO: x"));
        assert!(!is_second_of_header(b"Nov 21 18:05:50 host app: x", b"INFO: x"));
        assert!(!is_second_of_header(first, b"SEVERE failed"));
    }
}
