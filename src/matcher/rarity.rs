//! How common a run of bytes is in logs: by letter and by phrase where nothing is known, by count where a piece of the host's own log was
//! looked at. Receives grams and texts, gives numbers to compare. It decides what is looked for, never what is found.

/// Texts that ordinary logs are full of: what stands in one of them filters little.
pub(crate) const COMMON: &[&str] = &[
    "error:",
    "exception:",
    "failed to",
    "traceback (most recent call last):",
    "typeerror",
    "valueerror",
    "keyerror",
    "warning",
    "runtimeerror",
    "attributeerror",
    "critical",
    "connection",
    "request",
    "response",
    "message",
    "not found",
    "invalid",
    "timeout",
    "could not",
    "unable to",
    "debug",
    "info",
    "http",
    "severity",
    "timestamp",
    "service",
    "websocket",
];
/// Grams are counted by so many bytes.
const GRAM: usize = 5;
/// Counters of the sample: a shared one makes a gram look more common than it is.
const COUNTERS: usize = 1 << 16;
/// What a gram inside a common phrase counts more.
const PHRASE: u64 = 256;

/// What is known of the logs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rarity {
    counters: Option<Box<[u32]>>,
}

impl Rarity {
    /// Counts the grams of a piece of the log.
    pub(crate) fn measured(sample: &[u8]) -> Self {
        let mut counters = vec![0_u32; COUNTERS].into_boxed_slice();
        for gram in sample.windows(GRAM) {
            if let Some(counter) = counters.get_mut(counter(gram)) {
                *counter += 1;
            }
        }
        Self { counters: Some(counters) }
    }

    /// How often `text`, of any length, stood in the sample: at most so many times. 0 where nothing was measured.
    pub(crate) fn count(&self, text: &[u8]) -> u64 {
        let Some(counters) = &self.counters else { return 0 };
        let counts = text.windows(GRAM).map(|gram| counters.get(counter(gram)).copied().unwrap_or_default());
        counts.min().map_or(u64::MAX, u64::from)
    }

    /// A number that grows with how often a gram is met, lower case or not.
    pub(crate) fn commonness(&self, gram: &[u8]) -> u64 {
        let bits: u32 = gram.iter().map(|byte| bits(*byte)).sum();
        let guess = (1_u64 << 40) >> bits.min(40);
        let gram = gram.to_ascii_lowercase();
        let phrase = COMMON.iter().any(|phrase| memchr::memmem::find(phrase.as_bytes(), &gram).is_some());
        let guess = if phrase { guess.max(1) * PHRASE } else { guess };
        self.count(&gram).saturating_mul(1 << 20).saturating_add(guess)
    }
}

/// Rough information of a byte of a log, in bits.
fn bits(byte: u8) -> u32 {
    match byte.to_ascii_lowercase() {
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b'0'..=b'9' => 4,
        b'd' | b'l' | b'c' | b'u' | b'm' | b'p' | b'g' | b'.' | b'-' | b':' | b'_' | b'"' => 5,
        b'f' | b'h' | b'b' | b'y' | b'v' | b'w' | b'k' | b',' | b'/' | b'=' => 6,
        _ => 7,
    }
}

fn counter(gram: &[u8]) -> usize {
    let number = gram.iter().fold(0_u64, |number, byte| number << 8 | u64::from(byte | 0x20));
    usize::try_from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_letters_and_measured_absence_count() {
        let blind = Rarity::default();
        assert!(blind.commonness(b"zqxjk") < blind.commonness(b"tions"));
        assert!(blind.commonness(b"timeo") > blind.commonness(b"tomei"), "part of a phrase");
        let seen = Rarity::measured(b"a zqxjk here, ZQXJK there");
        assert!(seen.commonness(b"zqxjk") > seen.commonness(b"tions"));
        assert_eq!((seen.count(b"zqxjk"), seen.count(b"a zqxjk h"), seen.count(b"absent text")), (2, 1, 0));
    }
}
