//! logfmt lines (`ts=… level=error msg="…" key=value`) → flat key and value pairs.

/// More pairs than this are not read.
const MAX_PAIRS: usize = 1_000;

/// The pairs of `line`, in order; values unquoted.
pub(super) fn pairs(line: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && found.len() < MAX_PAIRS {
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix('=') else {
            rest = after.trim_start();
            continue;
        };
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) if quote == '"' || closes(value) => quoted(value, quote),
            _ => bare(value),
        };
        found.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    found
}

fn bare(text: &str) -> (String, &str) {
    let (value, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
    (value.to_owned(), rest)
}

/// Whether a value in single quotes ends: structlog writes Python's.
fn closes(text: &str) -> bool {
    text.len() > 1 && (text.ends_with('\'') || text.contains("' "))
}

fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, other)) => value.push(other),
                None => {}
            },
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_escapes_and_lone_words() {
        let found = pairs(r#"level=error msg="a \"b\"\nc" lone n=1 open="x"#);
        let expected = [("level", "error"), ("msg", "a \"b\"\nc"), ("n", "1"), ("open", "x")];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
