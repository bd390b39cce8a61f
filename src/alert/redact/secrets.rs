//! Masks what must not travel in a message: credentials, tokens, e-mail addresses, card numbers.
//!
//! Rather a word too many than a password too few; but an alert that says nothing helps nobody, so plain words after a weak key
//! (`token: expected`) and literals (`password=None`) stay.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Captures;
use regex::Regex;
use regex::RegexSet;

/// What stands in the place of a secret.
pub(super) const MASK: &str = "[REDACTED]";
/// What stands in the place of an e-mail address.
pub(super) const EMAIL: &str = "[EMAIL]";
/// What stands in the place of a card number.
pub(super) const CARD: &str = "[CARD]";

/// Longest text looked at, in bytes; what lies beyond is dropped, not passed on unseen.
const MAX_INPUT: usize = 16 * 1024;

/// Times the rules are applied at most; the second time mostly changes nothing.
const MAX_PASSES: usize = 8;

struct Rule {
    pattern: Regex,
    replace: fn(&Captures<'_>) -> String,
}

#[expect(clippy::expect_used, reason = "constant patterns, compiled by every test of this file")]
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    PATTERNS
        .iter()
        .map(|(pattern, replace)| Rule { pattern: Regex::new(pattern).expect("constant"), replace: *replace })
        .collect()
});

/// All rules at once: most texts hold no secret, and this says so in one pass.
#[expect(clippy::expect_used, reason = "constant patterns, compiled by every test of this file")]
static ANY: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(PATTERNS.iter().map(|(pattern, _)| pattern)).expect("constant"));

type Replace = fn(&Captures<'_>) -> String;

/// In this order: what contains other secrets comes first.
const PATTERNS: &[(&str, Replace)] = &[
    (r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)", |_| MASK.to_owned()),
    // user:password@ and token@ in URLs; a password may hold `@`, and (outside of http) even `/`.
    (r"(?i)\b(https?://)(?:([^\s/:@?#]*):)?[^\s/?#]+@", keep_user),
    (r#"(?i)\b([a-z][a-z0-9+.-]*://)(?:([^\s/:@]*):)?[^\s"'<>]+@"#, keep_user),
    (r"(?i)\bhooks\.slack\.com/(?:services|workflows)/[^\s]+", |_| format!("hooks.slack.com/{MASK}")),
    (r#"(?i)\b((?:proxy-)?authorization\\*["']?\s*[:=]\s*)\\*["']?(?:[a-z0-9-]+\s+)?[^\s"',;]+"#, |found| {
        format!("{}{MASK}", group(found, 1))
    }),
    (r#"(?i)\b((?:set-)?cookie\\*["']?\s*[:=]\s*)[^\s=]+=.+"#, |found| format!("{}{MASK}", group(found, 1))),
    (r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*", |_| MASK.to_owned()),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", |_| MASK.to_owned()),
    (r"\b(?:gh[pousr]_|github_pat_|glpat-|npm_|pypi-|dop_v1_|hf_)[A-Za-z0-9_-]{16,}", |_| MASK.to_owned()),
    (r"\bxox[a-z]-[A-Za-z0-9-]{8,}", |_| MASK.to_owned()),
    (r"\b(?:AIza[0-9A-Za-z_-]{30,}|ya29\.[0-9A-Za-z_-]{10,})", |_| MASK.to_owned()),
    (r"\b(?:sk|pk|rk)[_-](?:live|test|proj|ant)?[_-]?[A-Za-z0-9_-]{16,}", |_| MASK.to_owned()),
    (r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", |_| MASK.to_owned()),
    (r"(?i)\b(bearer|basic)\s+([A-Za-z0-9._~+/=-]{8,})", scheme_and_token),
    (r"(?i)(--[a-z-]*(?:password|secret|token|api-key|access-key)\s+)[^\s-]\S*", |found| {
        format!("{}{MASK}", group(found, 1))
    }),
    (
        r"(?i)([?&](?:sig|signature|key|code|x-amz-signature|x-amz-credential|x-goog-signature|x-goog-credential)=)[^\s&#]+",
        |found| format!("{}{MASK}", group(found, 1)),
    ),
    (
        r#"(?i)(?P<key>[a-z0-9_.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|credential|session[_-]?id|jwt)[a-z0-9_-]{0,20})(?P<sep>\\*["']?\s*(?:=>|:=|==?|:)\s*)(?P<value>\[REDACTED\]|\\*"[^"]*"?|\\*'[^']*'?|[^\s&;"'<>]+)"#,
        key_and_value,
    ),
    (r"(?i)[\w.%+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", |_| EMAIL.to_owned()),
    (r"\b[2-6](?:[ -]?[0-9]){12,18}\b", card),
];

/// `text` with every secret masked; applying it twice changes nothing more.
pub fn mask(text: &str) -> String {
    let mut masked = within_bounds(text).to_owned();
    // Word boundaries in other alphabets cost more than the rules one by one.
    if masked.is_ascii() && !ANY.is_match(&masked) {
        return masked;
    }
    // What one rule cuts out may bring together what an earlier one would have taken.
    for _ in 0..MAX_PASSES {
        let before = masked.clone();
        for rule in RULES.iter() {
            if let Cow::Owned(changed) = rule.pattern.replace_all(&masked, rule.replace) {
                masked = changed;
            }
        }
        if masked == before {
            break;
        }
    }
    masked
}

/// Whether a value is a secret by the name it goes under (a capture named `password`).
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "api_key",
        "credential",
        "authorization",
        "cookie",
    ]
    .iter()
    .any(|part| name.contains(part))
}

/// Cuts at a space: half a secret might not look like one.
fn within_bounds(text: &str) -> &str {
    if text.len() <= MAX_INPUT {
        return text;
    }
    let cut = text.get(..text.floor_char_boundary(MAX_INPUT)).unwrap_or_default();
    cut.rfind(char::is_whitespace).and_then(|end| cut.get(..end)).unwrap_or_default()
}

fn group<'t>(found: &Captures<'t>, number: usize) -> &'t str {
    found.get(number).map_or("", |part| part.as_str())
}

fn keep_user(found: &Captures<'_>) -> String {
    match found.get(2) {
        Some(user) => format!("{}{}:{MASK}@", group(found, 1), user.as_str()),
        None => format!("{}{MASK}@", group(found, 1)),
    }
}

/// "Bearer authentication" is prose; a token has digits, punctuation or sheer length.
fn scheme_and_token(found: &Captures<'_>) -> String {
    let token = group(found, 2);
    if token.len() < 24 && token.chars().all(|c| c.is_ascii_alphabetic() || c == '-') {
        return group(found, 0).to_owned();
    }
    format!("{} {MASK}", group(found, 1))
}

fn key_and_value(found: &Captures<'_>) -> String {
    let part = |name| found.name(name).map_or("", |part| part.as_str());
    let (key, separator, value) = (part("key"), part("sep"), part("value"));
    let bare = value.trim_matches(|c| matches!(c, '"' | '\'' | '\\' | ',' | ')' | '}' | ']'));
    let literal =
        ["", "none", "null", "nil", "true", "false", "undefined"].contains(&bare.to_ascii_lowercase().as_str());
    let lower = key.to_ascii_lowercase();
    let weak = ["token", "jwt", "session"].iter().any(|part| lower.contains(part)) && !lower.contains("secret");
    let count = bare.len() <= 6 && bare.chars().all(|c| c.is_ascii_digit());
    let prose = separator.contains(':')
        && value.len() == bare.len()
        && bare.len() < 16
        && bare.chars().all(|c| c.is_ascii_alphabetic());
    if literal || (weak && (count || prose)) {
        return group(found, 0).to_owned();
    }
    format!("{key}{separator}{MASK}")
}

fn card(found: &Captures<'_>) -> String {
    let text = group(found, 0);
    let digits = text.chars().filter_map(|c| c.to_digit(10)).rev();
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    if sum.is_multiple_of(10) { CARD.to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::mask;

    /// (text, what must be gone, what must still be readable)
    const SECRETS: &[(&str, &str, &str)] = &[
        ("postgres://app:s3cr3t@db:5432/x refused", "s3cr3t", "postgres://app:[REDACTED]@db:5432/x refused"),
        ("redis://:hunter2@cache/0", "hunter2", "@cache/0"),
        ("mysql://u:p@ss/w@rd@db/x", "ss/w", "@db/x"),
        ("clone https://ghp_0123456789abcdefghij@github.com/o/r", "ghp_", "@github.com/o/r"),
        ("Authorization: Bearer abc.def.ghi-123", "abc.def", "Authorization: "),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "dXNl", "Authorization"),
        ("sent bearer 0123456789abcdef", "0123456789", "bearer"),
        ("Cookie: sid=1234; theme=dark", "1234", "Cookie: "),
        ("password=hunter2, retrying", "hunter2", "retrying"),
        (r#"{"password": "hun ter2", "user": "bob"}"#, "hun ter2", "bob"),
        (r#"{\"client_secret\":\"abc\",\"user\":\"bob\"}"#, "abc", "bob"),
        ("AWS_SECRET_ACCESS_KEY=abc/def+ghi", "abc/def", "AWS_SECRET_ACCESS_KEY="),
        ("api-key: 5d41402abc", "5d41402", "api-key"),
        ("DB_PWD := letmein", "letmein", "DB_PWD"),
        ("psql --password hunter2 -h db", "hunter2", "-h db"),
        ("GET /x?user=1&token=abcdef&page=2", "abcdef", "page=2"),
        ("GET /blob?sv=1&sig=abc%2Bdef HTTP/1.1", "abc%2B", "HTTP/1.1"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def", "eyJ", "got "),
        ("cut eyJhbGciOiJIUzI1NiJ9", "eyJ", "cut "),
        ("key AKIAIOSFODNN7EXAMPLE used", "AKIA", "used"),
        ("https://hooks.slack.com/services/T0/B0/xyz failed", "xyz", "failed"),
        ("xoxb-123456789012-abcdef", "123456789012", ""),
        ("sk-proj-abcdefghijklmnop1234", "abcdefgh", ""),
        ("user ana.b+c@mail.example.com not found", "ana", "not found"),
        ("card 4111 1111 1111 1111 declined", "4111", "declined"),
        ("card 5500-0000-0000-0004", "5500", "card"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc", "MIIE", ""),
        ("session_id=af82b1c0 expired", "af82", "expired"),
        ("http://a@b?coa@b\"coa@b\u{b}co", "coa@b", "http://"),
    ];

    const HARMLESS: &[&str] = &[
        "create_user_context() got an unexpected keyword argument 'websocket_connection_id'",
        "SyntaxError: unexpected token: expected",
        "Using cached token validation for user 12",
        "max_tokens: 4096, tokens=17",
        "connect(user='bob', password=None)",
        "Bearer authentication required",
        "1757318400123456789 4111111111111112 took 5s",
        "http://backend:8080/users?page=2",
        "app@2.10.0 at 2025-09-08T08:47:01Z",
        "JWT verification failed",
    ];

    #[test]
    fn secrets_are_masked_and_the_rest_stays_readable() {
        for (text, gone, kept) in SECRETS {
            let masked = mask(text);
            assert!(!masked.contains(gone), "{text:?} became {masked:?}");
            assert!(masked.contains(kept), "{text:?} became {masked:?}");
            assert_eq!(mask(&masked), masked, "masking twice");
        }
    }

    #[test]
    fn what_is_no_secret_is_left_alone() {
        for text in HARMLESS {
            assert_eq!(mask(text), *text);
        }
    }

    #[test]
    fn an_endless_text_is_cut_and_not_passed_on_unseen() {
        let long = format!("{} password=hunter2", "x".repeat(100_000));
        assert!(mask(&long).len() <= 16 * 1024);
        assert_eq!(mask(&"x".repeat(100_000)), "");
    }

    proptest! {
        #[test]
        fn masking_twice_changes_nothing_more(text in "[a-z0-9 :=@/.\"'&?_-]{0,60}|(?:password|token|http://|bearer |[a-z]@b.co| |=|:|4111111111111111){0,8}") {
            let once = mask(&text);
            prop_assert_eq!(mask(&once), once);
        }

        #[test]
        fn a_password_in_any_surrounding_is_gone(before in "[a-zA-Z ]{0,20}", value in "[A-Z]{3}[0-9]{5}", after in "[ ,;]?[a-z ]{0,20}") {
            for text in [format!("{before} password={value}{after}"), format!("{before} 'api_key': '{value}'{after}"), format!("{before} amqp://u:{value}@h/{after}")] {
                prop_assert!(!mask(&text).contains(&value), "{text}");
            }
        }
    }
}
