//! Bytes of a connection → messages: RFC 6587's octet counting (`12 <34>1 …`) and lines, told apart message by message.

/// Digits of a length at most.
const MAX_DIGITS: usize = 9;

/// A message is longer than may be, and its end cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} bytes is longer than may be")]
pub struct TooLong(pub usize);

/// What has come and is no whole message yet.
#[derive(Debug)]
pub struct Frames {
    buffer: Vec<u8>,
    max: usize,
    /// Inside a line that was cut.
    skipping: bool,
}

impl Frames {
    /// Messages of at most `max` bytes; of a longer line its beginning is taken.
    pub fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), max: max.max(1), skipping: false }
    }

    /// Appends bytes and gives every message they complete.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Vec<u8>>) -> Result<(), TooLong> {
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let rest = self.buffer.get(at..).unwrap_or_default();
            let Some((taken, message)) = self.next(rest)? else { break };
            if self.skipping {
                self.skipping = false;
            } else if !message.is_empty() {
                out.push(message);
            }
            at += taken;
        }
        self.buffer.drain(..at);
        if self.buffer.len() > self.max && counted(&self.buffer).is_none() {
            let cut = self.buffer.get(..self.max).unwrap_or_default().to_vec();
            if !std::mem::replace(&mut self.skipping, true) {
                out.push(cut);
            }
            self.buffer.clear();
        }
        Ok(())
    }

    fn next(&self, rest: &[u8]) -> Result<Option<(usize, Vec<u8>)>, TooLong> {
        if let Some((digits, length)) = counted(rest).filter(|_| !self.skipping) {
            if length > self.max {
                return Err(TooLong(length));
            }
            let end = digits + 1 + length;
            return Ok(rest.get(digits + 1..end).map(|message| (end, message.trim_ascii_end().to_vec())));
        }
        let end = memchr::memchr(b'\n', rest);
        let cut = |end: usize| rest.get(..end.min(self.max)).unwrap_or_default().trim_ascii_end().to_vec();
        Ok(end.map(|end| (end + 1, cut(end))))
    }

    /// The connection has ended: what is left of a line.
    pub fn finish(self) -> Option<Vec<u8>> {
        let is_line = !self.skipping && counted(&self.buffer).is_none() && !self.buffer.is_empty();
        is_line.then_some(self.buffer)
    }
}

/// The length that a counted message begins with, and its digits.
fn counted(rest: &[u8]) -> Option<(usize, usize)> {
    let digits = rest.iter().take(MAX_DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
    let begins = rest.first().is_some_and(|first| (b'1'..=b'9').contains(first));
    let marked = rest.get(digits) == Some(&b' ') && rest.get(digits + 1).is_none_or(|byte| *byte == b'<');
    let length = std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()?;
    (begins && marked).then_some((digits, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages(chunks: &[&[u8]], max: usize) -> Result<Vec<String>, TooLong> {
        let (mut frames, mut out) = (Frames::new(max), Vec::new());
        for chunk in chunks {
            frames.push(chunk, &mut out)?;
        }
        out.extend(frames.finish());
        Ok(out.iter().map(|message| String::from_utf8_lossy(message).into_owned()).collect())
    }

    #[test]
    fn both_framings_on_one_connection() {
        let text = b"<34>one\n11 <34>t\nwo\n\n\n<34>three\r\n7 <34>fou<34>rest";
        assert_eq!(messages(&[text], 100).unwrap(), ["<34>one", "<34>t\nwo", "<34>three", "<34>fou", "<34>rest"]);
        assert_eq!(messages(&[b"<34>too long a line\n<34>b\n"], 8).unwrap(), ["<34>too", "<34>b"]);
        assert_eq!(messages(&[b"<34>too long", b" a line", b" indeed\n<34>b\n"], 8).unwrap(), ["<34>too ", "<34>b"]);
        assert_eq!(messages(&[b"99 <34>x"], 8), Err(TooLong(99)));
        assert_eq!(messages(&[b"2025-10-01 08:00:00 no header\n"], 100).unwrap(), ["2025-10-01 08:00:00 no header"]);
    }

    proptest! {
        #[test]
        fn chunks_change_nothing(texts in prop::collection::vec("<34>[a-z ]{1,12}", 1..6), counted in any::<bool>(), cut in 0_usize..80) {
            let one = |text: &String| if counted { format!("{} {text}", text.len()) } else { format!("{text}\n") };
            let bytes: Vec<u8> = texts.iter().flat_map(|text| one(text).into_bytes()).collect();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let wanted: Vec<String> = texts.iter().map(|text| text.trim_end().to_owned()).collect();
            prop_assert_eq!(messages(&[first, second], 100).unwrap(), wanted);
        }
    }
}
