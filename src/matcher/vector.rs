//! The two loops that see every byte, in the vectors of the processor at hand: which sampled grams may be in a table, and where a telling
//! byte stands. Receives a text, gives the places of each chunk of 64 bytes as the bits of a number; every level gives the same.

#[cfg(target_arch = "x86_64")]
mod x86;

/// Chunks in which something was found: where each begins, and a bit for each place in it.
pub(crate) type Hits = Vec<(usize, u64)>;

/// Bytes looked at together.
pub(crate) const CHUNK: usize = 64;
/// A gram that begins in a chunk may end so many bytes behind it.
pub(crate) const AHEAD: usize = 8;
/// Folds ASCII letters, and joins some other bytes in pairs: what is compared in the end is the text itself.
const FOLD: u64 = 0x2020_2020_2020_2020;
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// How many whole chunks with [`AHEAD`] bytes behind them `text` has.
fn chunks(text: &[u8]) -> usize {
    text.len().saturating_sub(AHEAD) / CHUNK
}

/// What a processor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nothing is asked of it.
    Scalar,
    /// 32 bytes at once.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 64 bytes at once.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The levels of this processor, the best one last.
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors = {
            let avx512 = x86::has_avx2() && x86::has_avx512();
            [x86::has_avx2().then_some(Self::Avx2), avx512.then_some(Self::Avx512)]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = [None::<Self>; 0];
        std::iter::once(Self::Scalar).chain(vectors.into_iter().flatten())
    }

    /// The best level of this processor.
    pub(crate) fn best() -> Self {
        Self::available().last().unwrap_or(Self::Scalar)
    }
}

/// Grams as a set that errs to one side: two bits of one word for each, and, of few grams, the signs of eight hashes.
#[derive(Debug)]
pub(crate) struct Grams {
    words: Table,
    /// For each of the eight bytes of a hash, by its lower seven bits, whether a gram has it: bit `n` stands for byte `n`.
    signs: Option<Box<[u8; SIGNS]>>,
    /// The bytes of a gram.
    mask: u64,
}

/// In one of some sizes, so that the compiler knows that an index lies inside.
#[derive(Debug)]
enum Table {
    Small(Box<[u64; 1 << 10]>),
    Medium(Box<[u64; 1 << 12]>),
    Large(Box<[u64; 1 << 15]>),
}

/// Places of the table of signs: what two of the widest registers hold.
const SIGNS: usize = 128;
/// Of more grams the signs tell too little: one place in twenty calls in vain.
const MAX_SIGNED: usize = 150;
/// Bit `n` of byte `n`.
const OWN_BITS: u64 = 0x8040_2010_0804_0201;
/// Bits for each gram, at least.
const BITS_A_GRAM: usize = 16;

impl Grams {
    /// An empty set for so many grams of `len` bytes.
    pub(crate) fn new(grams: usize, len: usize) -> Self {
        let words = match grams * BITS_A_GRAM / 64 {
            0..=0x400 => Table::Small(boxed()),
            0x401..=0x1000 => Table::Medium(boxed()),
            _ => Table::Large(boxed()),
        };
        let signs = (grams <= MAX_SIGNED).then(|| Box::new([0; SIGNS]));
        Self { words, signs, mask: u64::MAX >> (64 - 8 * len.clamp(1, 8)) }
    }

    /// The gram that `text` begins with, if eight bytes of it are there.
    pub(crate) fn first(&self, text: &[u8]) -> Option<u64> {
        text.first_chunk().map(|bytes| (u64::from_le_bytes(*bytes) | FOLD) & self.mask)
    }

    /// `gram` is at most as long as the set's grams are.
    pub(crate) fn insert(&mut self, gram: u64) {
        match &mut self.words {
            Table::Small(words) => insert(words, gram),
            Table::Medium(words) => insert(words, gram),
            Table::Large(words) => insert(words, gram),
        }
        let hash = gram.wrapping_mul(MULTIPLIER);
        let bytes = (hash ^ (hash >> 32)).to_le_bytes();
        for (own, byte) in bytes.into_iter().enumerate() {
            if let Some(sign) = self.signs.as_mut().and_then(|signs| signs.get_mut(usize::from(byte) % SIGNS)) {
                *sign |= 1 << own;
            }
        }
    }

    /// For each chunk of `text` with [`AHEAD`] bytes behind it, the places at multiples of `STRIDE` (1, 4 or 8) where a gram may begin that
    /// is in the set; only chunks that have any are told, by where they begin. Gives where the chunks end.
    pub(crate) fn find<const STRIDE: usize>(&self, level: Level, text: &[u8], hits: &mut Hits) -> usize {
        #[cfg(target_arch = "x86_64")]
        if let Some(signs) = &self.signs
            && x86::find_signs::<STRIDE>(level, (signs, self.mask), text, hits)
        {
            return chunks(text) * CHUNK;
        }
        match &self.words {
            Table::Small(words) => find_words::<STRIDE, _>(level, (words, self.mask), text, hits),
            Table::Medium(words) => find_words::<STRIDE, _>(level, (words, self.mask), text, hits),
            Table::Large(words) => find_words::<STRIDE, _>(level, (words, self.mask), text, hits),
        }
        chunks(text) * CHUNK
    }
}

fn find_words<const STRIDE: usize, const WORDS: usize>(
    level: Level,
    grams: (&[u64; WORDS], u64),
    text: &[u8],
    hits: &mut Hits,
) {
    match level {
        Level::Scalar => find_scalar::<STRIDE, WORDS>(grams, text, hits),
        #[cfg(target_arch = "x86_64")]
        level => x86::find_words::<STRIDE, WORDS>(level, grams, text, hits),
    }
}

fn boxed<const WORDS: usize>() -> Box<[u64; WORDS]> {
    let words: Result<_, Box<[u64]>> = vec![0; WORDS].into_boxed_slice().try_into();
    words.unwrap_or_else(|_| Box::new([0; WORDS]))
}

/// Place of a gram: a word, and two bits of it.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the hot loop: a call costs as much as the work")]
fn place<const WORDS: usize>(gram: u64) -> (usize, u32, u32) {
    let hash = gram.wrapping_mul(MULTIPLIER);
    let width = 64 - WORDS.ilog2();
    let low = |shift: u32| u32::try_from((hash >> shift) & 63).unwrap_or_default();
    (usize::try_from(hash >> width).unwrap_or_default(), low(width - 6), low(width - 12))
}

fn insert<const WORDS: usize>(words: &mut [u64; WORDS], gram: u64) {
    let (word, one, other) = place::<WORDS>(gram);
    if let Some(word) = words.get_mut(word) {
        *word |= 1 << one | 1 << other;
    }
}

fn find_scalar<const STRIDE: usize, const WORDS: usize>(
    (words, mask): (&[u64; WORDS], u64),
    text: &[u8],
    hits: &mut Hits,
) {
    for (number, chunk) in text.windows(CHUNK + AHEAD).step_by(CHUNK).take(chunks(text)).enumerate() {
        let Some(chunk) = chunk.first_chunk::<{ CHUNK + AHEAD }>() else { continue };
        let mut places = 0;
        for at in (0..CHUNK).step_by(STRIDE) {
            let gram =
                chunk.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |gram| u64::from_le_bytes(*gram));
            let (word, one, other) = place::<WORDS>((gram | FOLD) & mask);
            let word = words.get(word).copied().unwrap_or_default();
            places |= ((word >> one) & (word >> other) & 1) << at;
        }
        if places != 0 {
            hits.push((number * CHUNK, places));
        }
    }
}

/// For each chunk of `text` with [`AHEAD`] bytes behind it, where a telling byte stands: an escape character, NUL, a backslash, `<`, a byte
/// outside ASCII, and `v` before `"`. Only chunks that have any are told. The same of newlines, if they are asked for: the bytes are at
/// hand. Gives where the chunks end.
pub(crate) fn find_marks(level: Level, text: &[u8], hits: &mut Hits, newlines: Option<&mut Hits>) -> usize {
    let mut unasked = Hits::new();
    let (asked, newlines) = (newlines.is_some(), newlines.unwrap_or(&mut unasked));
    match level {
        Level::Scalar => {
            marks_scalar(text, hits);
            if asked {
                newlines_scalar(text, newlines);
            }
        }
        #[cfg(target_arch = "x86_64")]
        level if asked => x86::find_marks::<true>(level, text, hits, newlines),
        #[cfg(target_arch = "x86_64")]
        level => x86::find_marks::<false>(level, text, hits, newlines),
    }
    chunks(text) * CHUNK
}

fn newlines_scalar(text: &[u8], newlines: &mut Hits) {
    for (number, chunk) in text.chunks_exact(CHUNK).enumerate().take(chunks(text)) {
        let places = memchr::memchr_iter(b'\n', chunk).fold(0, |all: u64, at| all | 1 << at);
        if places != 0 {
            newlines.push((number * CHUNK, places));
        }
    }
}

/// Whether `byte` tells, `next` being the one behind it.
pub(crate) fn is_mark(byte: u8, next: u8) -> bool {
    matches!(byte, 0x1b | 0 | b'\\' | b'<' | 0x80..) || (byte | 0x20 == b'v' && next == b'"')
}

fn marks_scalar(text: &[u8], hits: &mut Hits) {
    for number in 0..chunks(text) {
        let at = number * CHUNK;
        let chunk = text.get(at..).and_then(|text| text.first_chunk::<CHUNK>());
        let after = text.get(at + 1..).and_then(|text| text.first_chunk::<CHUNK>());
        let Some((chunk, after)) = chunk.zip(after) else { continue };
        // Written so that the compiler makes vectors of it: lanes that do not depend on each other, no branch.
        let any = chunk.iter().zip(after).fold(0, |any, (byte, next)| any | tells(*byte, *next));
        if any != 0 {
            let places = chunk.iter().zip(after).enumerate();
            let places = places.fold(0, |all, (at, (byte, next))| all | u64::from(is_mark(*byte, *next)) << at);
            hits.push((at, places));
        }
    }
}

/// [`is_mark`] without a branch: numbers, because a branch would keep the compiler from vectors.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the hot loop: a call costs as much as the work")]
fn tells(byte: u8, next: u8) -> u8 {
    let pair = u8::from(byte | 0x20 == b'v') & u8::from(next == b'"');
    let rare = u8::from(byte == 0x1b) | u8::from(byte == 0);
    pair | rare | u8::from(byte == b'\\') | u8::from(byte == b'<') | (byte >> 7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places<const STRIDE: usize>(level: Level, grams: &Grams, text: &[u8]) -> (Vec<(usize, u64)>, usize) {
        let mut hits = Vec::new();
        let end = grams.find::<STRIDE>(level, text, &mut hits);
        (hits, end)
    }

    fn grams(wanted: &[u64], size: usize, len: usize) -> Grams {
        let mut grams = Grams::new(size, len);
        let folded = wanted.iter().map(|gram| (gram | FOLD) & grams.mask).collect::<Vec<_>>();
        for gram in folded {
            grams.insert(gram);
        }
        grams
    }

    proptest! {
        #[test]
        fn every_level_finds_every_gram_and_by_words_the_same(
            text in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(b'B')], 0..700),
            picked in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            size in prop::sample::select(vec![1_usize, 400, 9_000, 60_000]),
            len in prop::sample::select(vec![4_usize, 5, 8]),
        ) {
            let starts: Vec<usize> = picked.iter().filter(|_| text.len() > 8).map(|at| at.index(text.len() - 8)).collect();
            let wanted: Vec<u64> = starts.iter().map(|at| u64::from_le_bytes(text[*at..at + 8].try_into().unwrap())).collect();
            let grams = grams(&wanted, size, len);
            for level in Level::available() {
                let each = places::<1>(level, &grams, &text);
                prop_assert_eq!(each.1, chunks(&text) * CHUNK);
                let told = |at: usize| each.0.iter().any(|(start, places)| start / CHUNK == at / CHUNK && places >> (at % CHUNK) & 1 == 1);
                prop_assert!(starts.iter().all(|at| *at >= each.1 || told(*at)), "{:?}", level);
                let sampled = |stride: u64| each.0.iter().map(|(at, places)| (*at, places & stride)).filter(|hit| hit.1 != 0).collect::<Vec<_>>();
                prop_assert_eq!(places::<8>(level, &grams, &text).0, sampled(0x0101_0101_0101_0101));
                prop_assert_eq!(places::<4>(level, &grams, &text).0, sampled(0x1111_1111_1111_1111));
                if grams.signs.is_none() {
                    prop_assert_eq!(each.0, places::<1>(Level::Scalar, &grams, &text).0);
                }
            }
        }

        #[test]
        fn every_level_finds_the_same_marks(
            text in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'v'), Just(b'"'), Just(b'\n')], 0..400),
            asked: bool,
        ) {
            for level in Level::available() {
                let (mut hits, mut newlines) = (Vec::new(), Vec::new());
                let end = find_marks(level, &text, &mut hits, asked.then_some(&mut newlines));
                let told = |hits: &Hits, at: usize| hits.iter().any(|(start, places)| at.wrapping_sub(*start) < CHUNK && places >> (at - start) & 1 == 1);
                for at in 0..end {
                    prop_assert_eq!(told(&hits, at), is_mark(text[at], text[at + 1]), "{:?} at {}", level, at);
                    prop_assert_eq!(told(&newlines, at), asked && text[at] == b'\n', "{:?} at {}", level, at);
                }
                prop_assert!(end + CHUNK + AHEAD > text.len());
            }
        }
    }

    /// What a wrong vector would do: the comparison above sees it.
    #[test]
    fn another_set_finds_something_else() {
        let text: Vec<u8> = (0..200).collect();
        let own = grams(&[u64::from_le_bytes([64, 65, 66, 67, 68, 69, 70, 71])], 1, 8);
        let other = grams(&[7], 1, 8);
        for level in Level::available() {
            // The fold makes 96 of 64.
            assert_eq!(places::<8>(level, &own, &text).0, [(64, 1 | 1 << 32)]);
            assert_ne!(places::<8>(level, &own, &text), places::<8>(level, &other, &text));
        }
    }
}
