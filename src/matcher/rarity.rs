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

/// What is known of the logs and of the catalog.
#[derive(Debug, Clone)]
pub(crate) struct Rarity {
    phrases: Counters,
    logs: Option<Counters>,
    catalog: Option<Counters>,
}

impl Default for Rarity {
    fn default() -> Self {
        let mut phrases = Counters::default();
        for phrase in COMMON {
            phrases.add(phrase.as_bytes());
        }
        Self { phrases, logs: None, catalog: None }
    }
}

impl Rarity {
    /// Counts in how many texts of a catalog a gram stands: what many signatures share tells none of them.
    pub(crate) fn of_catalog<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut counters = Counters::default();
        for text in texts {
            counters.add(text.as_bytes());
        }
        Self { catalog: Some(counters), ..Self::default() }
    }

    /// Counts the grams of a piece of the log too.
    pub(crate) fn with_sample(&self, sample: &[u8]) -> Self {
        let mut counters = Counters::default();
        counters.add(sample);
        Self { logs: Some(counters), ..self.clone() }
    }

    /// How often `text`, of any length, stood in the sample: at most so many times. 0 where nothing was measured.
    pub(crate) fn count(&self, text: &[u8]) -> u64 {
        self.logs.as_ref().map_or(0, |counters| counters.at_most(text))
    }

    /// In how many texts of the catalog `text` stands: at most so many.
    pub(crate) fn shared(&self, text: &[u8]) -> u64 {
        self.catalog.as_ref().map_or(0, |counters| counters.at_most(text))
    }

    /// A number that grows with how often a gram is met, lower case or not.
    pub(crate) fn commonness(&self, gram: &[u8]) -> u64 {
        let bits: u32 = gram.iter().map(|byte| bits(*byte)).sum();
        let guess = (1_u64 << 40) >> bits.min(40);
        let phrase = self.phrases.at_most(gram) > 0;
        let guess = if phrase { guess.max(1) * PHRASE } else { guess };
        let met = self.count(gram).saturating_mul(1 << 20).saturating_add(guess);
        // Each time it is met, every literal that holds it is compared.
        met.saturating_mul(1 + self.shared(gram))
    }
}

/// How often each gram was met, letters folded.
#[derive(Debug, Clone)]
struct Counters(Box<[u32]>);

impl Default for Counters {
    fn default() -> Self {
        Self(vec![0; COUNTERS].into())
    }
}

impl Counters {
    fn add(&mut self, text: &[u8]) {
        for gram in text.windows(GRAM) {
            if let Some(counter) = self.0.get_mut(counter(gram)) {
                *counter = counter.saturating_add(1);
            }
        }
    }

    /// Of a text too short to be counted nothing is known.
    fn at_most(&self, text: &[u8]) -> u64 {
        let counts = text.windows(GRAM).map(|gram| self.0.get(counter(gram)).copied().unwrap_or_default());
        counts.min().map_or(0, u64::from)
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
        let seen = blind.with_sample(b"a zqxjk here, ZQXJK there");
        assert!(seen.commonness(b"zqxjk") > seen.commonness(b"tions"));
        assert_eq!((seen.count(b"zqxjk"), seen.count(b"a zqxjk h"), seen.count(b"absent text")), (2, 1, 0));
    }
}
