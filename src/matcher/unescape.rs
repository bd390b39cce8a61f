//! What may stand inside a text and is not part of it: escape sequences of terminals, NULs, colour markup, and characters an encoder
//! wrote as `\u00XX`. Receives one raw line or record, gives a copy without them, so that a literal interrupted by one is found.
//! The copy is for the prefilter only: it may join too much, never too little.

use crate::decode::text::MARKUP;

/// Where a line holds one of these, its copy is looked at too.
pub(crate) const INTERRUPTIONS: &[&[u8]] = &[b"\x1b", b"\0", b"\xc2\x9b", b"\\u00", b"</", b"<light-"];

/// What some encoders write for `/`: an interruption where a window holds one.
pub(crate) const SLASH: &[u8] = b"\\/";

/// The opening tags, as the prefilter looks for them.
pub(crate) fn opening_tags() -> impl Iterator<Item = Vec<u8>> {
    MARKUP.iter().map(|name| format!("<{name}>").into_bytes())
}

/// Writes `raw` without interruptions to `clean`. `false` = it holds a sequence that terminals do not agree on: `clean` proves
/// nothing then.
pub(crate) fn write_clean(raw: &[u8], clean: &mut Vec<u8>) -> bool {
    clean.clear();
    unescape(raw, clean);
    let certain = strip_sequences(clean);
    strip_markup(clean);
    certain
}

/// Any number of backslashes before `u00XX` or `/` is one escape, however deep JSON stands in JSON.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(at);
        out.extend_from_slice(before);
        let slashes = escape.iter().take_while(|byte| **byte == b'\\').count();
        let (run, after) = escape.split_at(slashes);
        if let Some((byte, after)) = code_point(after) {
            // C1 controls are two bytes in UTF-8, as they are in a decoded text.
            if byte < 0x80 {
                out.push(byte);
            } else {
                out.extend_from_slice(char::from(byte).encode_utf8(&mut [0; 2]).as_bytes());
            }
            rest = after;
        } else if after.first() == Some(&b'/') {
            rest = after;
        } else {
            out.extend_from_slice(run);
            rest = after;
        }
    }
    out.extend_from_slice(rest);
}

fn code_point(text: &[u8]) -> Option<(u8, &[u8])> {
    let (head, after) = text.split_at_checked(5)?;
    let hex = std::str::from_utf8(head.strip_prefix(b"u00").or_else(|| head.strip_prefix(b"U00"))?).ok()?;
    Some((u8::from_str_radix(hex, 16).ok()?, after))
}

/// Takes out colour sequences (ESC `[` parameters, final byte) and NULs. Everything else behind an ESC is uncertain.
fn strip_sequences(text: &mut Vec<u8>) -> bool {
    let mut certain = true;
    let mut kept = 0;
    let mut at = 0;
    while let Some(len) = memchr::memchr3(0x1b, 0, 0xc2, text.get(at..).unwrap_or_default()) {
        let found = at + len;
        let sequence = match text.get(found..).unwrap_or_default() {
            [0x1b, b'[', parameters @ ..] => colour_len(parameters).map(|len| len + 2),
            [0, ..] => Some(1),
            [0x1b, ..] | [0xc2, 0x9b, ..] => None,
            _ => Some(0),
        };
        certain &= sequence.is_some();
        let (stays, goes) = if sequence == Some(0) { (1, 0) } else { (0, sequence.unwrap_or(1)) };
        text.copy_within(at..found + stays, kept);
        kept += len + stays;
        at = found + stays + goes;
    }
    text.copy_within(at.., kept);
    text.truncate(kept + text.len().saturating_sub(at));
    certain
}

fn colour_len(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.iter().take(64).take_while(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')).count();
    bytes.get(parameters).filter(|byte| byte.is_ascii_alphabetic()).map(|_| parameters + 1)
}

fn strip_markup(text: &mut Vec<u8>) {
    let (mut kept, mut at) = (0, 0);
    while let Some(len) = memchr::memchr(b'<', text.get(at..).unwrap_or_default()) {
        let found = at + len;
        let goes = tag_len(text.get(found..).unwrap_or_default());
        let stays = usize::from(goes == 0);
        text.copy_within(at..found + stays, kept);
        kept += len + stays;
        at = found + stays + goes;
    }
    text.copy_within(at.., kept);
    text.truncate(kept + text.len().saturating_sub(at));
}

fn tag_len(text: &[u8]) -> usize {
    let Some(end) = text.iter().take(24).position(|byte| *byte == b'>') else { return 0 };
    let name = text.get(1..end).unwrap_or_default();
    let name = name.strip_prefix(b"/").unwrap_or(name);
    let name = name.strip_prefix(b"light-").unwrap_or(name);
    if MARKUP.iter().any(|known| known.as_bytes() == name) { end + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(raw: &[u8]) -> (String, bool) {
        let mut clean = Vec::new();
        let certain = write_clean(raw, &mut clean);
        (String::from_utf8_lossy(&clean).into_owned(), certain)
    }

    #[test]
    fn interruptions_go() {
        assert_eq!(clean(b"ti\x1b[1;31mme\x1b[0mo\0ut"), ("timeout".to_owned(), true));
        assert_eq!(clean(br"it\u0027s \\u0027x"), ("it's 'x".to_owned(), true));
        assert_eq!(clean(br"ti\u001b[31mmeout"), ("timeout".to_owned(), true));
        assert_eq!(clean(br"C:\users \u00"), (r"C:\users \u00".to_owned(), true));
        assert_eq!(clean(b"ti<red>me</red>out <b>"), ("timeout <b>".to_owned(), true));
        assert_eq!(clean(br"a\/b\\/c / \"), (r"a/b/c / \".to_owned(), true));
        assert_eq!(clean("é".as_bytes()), ("é".to_owned(), true));
    }

    #[test]
    fn what_terminals_disagree_on_is_uncertain() {
        for raw in
            [&b"ti\x1b]0;title\x07meout"[..], b"ti\x1b[31", b"ti\xc2\x9b31mmeout", b"ti\x1b(Bmeout", br"ti\u009b1mx"]
        {
            assert!(!clean(raw).1, "{}", raw.escape_ascii());
        }
    }
}
