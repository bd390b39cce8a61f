//! Walks over the bytes of a stamp.
//!
//! Receives a text and gives its digits, words and separators, one after the other, without a copy.

/// Reads a text from left to right; every function may leave it in the middle of what did not fit.
pub(super) struct Reader<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    pub(super) fn ahead(&self, by: usize) -> u8 {
        self.text.get(self.at + by).copied().unwrap_or(0)
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let hit = self.peek() == byte;
        self.at += usize::from(hit);
        hit
    }

    pub(super) fn any(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = self.peek();
        (byte != 0 && bytes.contains(&byte)).then(|| {
            self.at += 1;
            byte
        })
    }

    pub(super) fn digits_ahead(&self) -> usize {
        self.text.iter().skip(self.at).take(20).take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// Exactly `count` digits, as a number of at most `max`.
    pub(super) fn digits(&mut self, count: usize, max: u32) -> Option<u32> {
        let mut value = 0_u32;
        for _ in 0..count {
            let digit = self.peek();
            if !digit.is_ascii_digit() {
                return None;
            }
            value = value * 10 + u32::from(digit - b'0');
            self.at += 1;
        }
        (value <= max).then_some(value)
    }

    pub(super) fn small(&mut self, count: usize, max: u32) -> Option<i8> {
        self.digits(count, max).and_then(|value| i8::try_from(value).ok())
    }

    pub(super) fn name(&mut self, names: &[&[u8; 3]]) -> Option<i8> {
        let word = [self.ahead(0), self.ahead(1), self.ahead(2)].map(|byte| byte.to_ascii_lowercase());
        let index = names.iter().position(|name| **name == word)?;
        self.at += 3;
        i8::try_from(index + 1).ok()
    }
}
