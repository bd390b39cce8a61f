//! Severity words and numbers of logging libraries → OpenTelemetry `SeverityNumber` (1–24).

use crate::model::record::Severity;

/// The OpenTelemetry number of a severity word, whatever its case; `None` for any other word.
pub(super) fn number(word: &[u8]) -> Option<u8> {
    let mut lower = [0_u8; 13];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"trace" | b"trac" | b"trce" | b"trc" | b"finest" | b"verbose" | b"silly" => 1,
        b"debug" | b"debu" | b"dbug" | b"dbg" | b"fine" | b"finer" => 5,
        b"info" | b"inf" | b"information" | b"informational" | b"log" | b"config" | b"success" => 9,
        b"notice" => 10,
        b"warn" | b"warning" | b"wrn" => 13,
        b"error" | b"err" | b"erro" | b"severe" | b"fail" | b"failure" => 17,
        b"critical" | b"crit" | b"fatal" | b"fata" | b"ftl" | b"panic" | b"pani" | b"dpanic" => 21,
        b"alert" => 22,
        b"emergency" | b"emerg" => 24,
        _ => return None,
    })
}

/// Number of the one-letter levels of klog and Android.
pub(super) fn letter(byte: u8) -> Option<u8> {
    Some(match byte {
        b'V' => 1,
        b'D' => 5,
        b'I' => 9,
        b'W' => 13,
        b'E' => 17,
        b'F' | b'C' => 21,
        _ => return None,
    })
}

/// Keyword and number of a syslog severity (0 emergency … 7 debug).
pub(super) fn syslog(code: u64) -> (&'static str, u8) {
    match code & 7 {
        0 => ("emerg", 24),
        1 => ("alert", 22),
        2 => ("crit", 21),
        3 => ("err", 17),
        4 => ("warning", 13),
        5 => ("notice", 10),
        6 => ("info", 9),
        _ => ("debug", 5),
    }
}

/// Number of a pino or bunyan level (10 trace … 60 fatal).
pub(super) fn pino(level: u64) -> Option<u8> {
    Some(match level {
        10..20 => 1,
        20..30 => 5,
        30..40 => 9,
        40..50 => 13,
        50..60 => 17,
        60..=100 => 21,
        _ => return None,
    })
}

/// Number of a Python `levelno` (10 debug … 50 critical).
pub(super) fn python(level: u64) -> Option<u8> {
    Some(match level {
        1..10 => 1,
        10..20 => 5,
        20..30 => 9,
        30..40 => 13,
        40..50 => 17,
        50..=100 => 21,
        _ => return None,
    })
}

/// The severity a word means; `None` for a word that is no severity.
pub(super) fn of(word: &str) -> Option<Severity> {
    let word = word.trim();
    number(word.as_bytes()).map(|number| Severity { text: word.to_owned(), number })
}

/// OpenTelemetry's short name of a severity number.
pub(super) fn name(number: u8) -> &'static str {
    match number {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        _ => "FATAL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_any_case_and_only_words() {
        assert_eq!(number(b"Warning"), Some(13));
        assert_eq!(number(b"ERROR"), Some(17));
        assert_eq!(number(b"informational"), Some(9));
        assert_eq!(number(b"errors"), None);
        assert_eq!(number(b"a word longer than any"), None);
        assert_eq!(number(b""), None);
    }
}
