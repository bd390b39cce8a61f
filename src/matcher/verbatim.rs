//! What stands in raw bytes as a decoder tells it, and what it prints anew. In text (lines, JSON) numbers stand as they are told; in
//! protobuf only texts do, with lengths and numbers between them that look like anything.

/// What the raw bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines or JSON.
    Text,
    /// Protobuf.
    Protobuf,
}

impl Form {
    /// Whether what ends at `end` and may interrupt a literal does so. In protobuf a lone ESC or NUL is a length or a number; a text that
    /// holds one keeps it when it is decoded, unless a control sequence begins there.
    pub(crate) fn interrupts(self, bytes: &[u8], end: usize) -> bool {
        match (self, bytes.get(end.wrapping_sub(1)), bytes.get(end)) {
            (Self::Protobuf, Some(0x1b), next) => matches!(next, Some(b'[' | b']')),
            (Self::Protobuf, Some(0), _) => false,
            _ => true,
        }
    }
}

/// Whether `literal` may be part of what is printed of numbers and truth values: in protobuf it stands nowhere then.
pub(crate) fn may_be_printed(literal: &[u8]) -> bool {
    const PRINTED: [&str; 5] = ["true", "false", "null", "infinity", "nan"];
    let is_printed = |word: &[u8]| {
        let number = word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'e');
        let word = String::from_utf8_lossy(word);
        number || PRINTED.iter().any(|printed| printed.contains(&*word))
    };
    literal.split(|byte| !byte.is_ascii_alphanumeric()).all(is_printed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_truth_values_may_be_printed_and_words_not() {
        for printed in [&b"503"[..], b"1.5", b"1e9", b"true", b"als", b"-7", b"nan", b": 12"] {
            assert!(may_be_printed(printed), "{printed:?}");
        }
        for told in [&b"timeout"[..], b"e503x", b"error 503", b"deadbeef", b"true story"] {
            assert!(!may_be_printed(told), "{told:?}");
        }
    }

    #[test]
    fn lengths_of_protobuf_interrupt_nothing_and_colours_do() {
        let interrupts = |bytes: &[u8]| Form::Protobuf.interrupts(bytes, 1);
        assert!(interrupts(b"\x1b[31m") && interrupts(b"\x1b]0;x") && interrupts(b"</red>"));
        assert!(!interrupts(b"\x1bTwenty-seven characters xx") && !interrupts(b"\0abc"));
        assert!(Form::Text.interrupts(b"\x1bM", 1) && Form::Text.interrupts(b"\0abc", 1));
    }
}
