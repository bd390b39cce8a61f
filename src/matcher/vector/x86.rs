//! The vectors of x86-64: the only file with `unsafe`, for calls that the processor must be asked for first, and loads and
//! stores through pointers. Receives a text, gives what the scalar twins in [`super`] give.

#![expect(unsafe_code, reason = "vector instructions; each use says why it is sound")]

#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "forty names of instructions"))]
use std::arch::x86_64::*;

use super::CHUNK;
use super::FOLD;
use super::Hits;
use super::Level;
use super::MULTIPLIER;
use super::OWN_BITS;
use super::SIGNS;

/// See [`super::Grams::find`]: by two bits of a word.
pub(super) fn find_words<const STRIDE: usize, const WORDS: usize>(
    level: Level,
    grams: (&[u64; WORDS], u64),
    text: &[u8],
    hits: &mut Hits,
) {
    if level == Level::Avx512 && has_avx512() {
        // SAFETY: the processor has what the function asks for.
        unsafe { words_avx512::<STRIDE, WORDS>(grams, text, hits) }
    } else if has_avx2() {
        // SAFETY: the same.
        unsafe { words_avx2::<STRIDE, WORDS>(grams, text, hits) }
    }
}

/// See [`super::Grams::find`]: by the signs of eight hashes, in registers. `false` where the processor cannot.
pub(super) fn find_signs<const STRIDE: usize>(
    level: Level,
    grams: (&[u8; SIGNS], u64),
    text: &[u8],
    hits: &mut Hits,
) -> bool {
    let can = level == Level::Avx512 && has_avx512();
    if can {
        // SAFETY: the processor has what the function asks for.
        unsafe { signs_avx512::<STRIDE>(grams, text, hits) }
    }
    can
}

/// Chunks with newlines, added without a branch: one in three has some, which no processor foresees.
struct Ends<'a> {
    chunks: &'a mut Hits,
    len: usize,
}

impl<'a> Ends<'a> {
    /// Behind those in `chunks`, with room for `more`.
    fn behind<const ASKED: bool>(chunks: &'a mut Hits, more: usize) -> Self {
        let len = chunks.len();
        chunks.resize(len + if ASKED { more } else { 0 }, (0, 0));
        Self { chunks, len }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the hot loop: a call costs as much as the work")]
    fn add(&mut self, at: usize, places: u64) {
        if let Some(chunk) = self.chunks.get_mut(self.len) {
            *chunk = (at, places);
        }
        self.len += usize::from(places != 0);
    }

    fn close(self) {
        self.chunks.truncate(self.len);
    }
}

/// See [`super::find_marks`].
pub(super) fn find_marks<const NEWLINES: bool>(level: Level, text: &[u8], hits: &mut Hits, newlines: &mut Hits) {
    if level == Level::Avx512 && has_avx512() {
        // SAFETY: the processor has what the function asks for.
        unsafe { marks_avx512::<NEWLINES>(text, hits, newlines) }
    } else if has_avx2() {
        // SAFETY: the same.
        unsafe { marks_avx2::<NEWLINES>(text, hits, newlines) }
    }
}

/// Whether the processor has 32-byte vectors.
pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Whether the processor has 64-byte vectors and what belongs to them.
pub(super) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512dq")
}

/// How far a hash is shifted for its word and for the two bits.
#[inline]
#[target_feature(enable = "sse2")]
fn shifts<const WORDS: usize>() -> [__m128i; 3] {
    let width = 64 - i64::from(WORDS.ilog2());
    [_mm_cvtsi64_si128(width), _mm_cvtsi64_si128(width - 6), _mm_cvtsi64_si128(width - 12)]
}

/// The words that some hashes name. Loads one by one: a gather takes three times as long on the processors measured.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the hot loop: a call costs as much as the work")]
fn words_at<const WORDS: usize, const LANES: usize>(words: &[u64; WORDS], places: [u64; LANES]) -> [i64; LANES] {
    let last = WORDS as u64 - 1;
    places.map(|place| {
        let word = usize::try_from(place & last).ok().and_then(|place| words.get(place));
        word.copied().unwrap_or_default().cast_signed()
    })
}

/// Bit `n` of `lanes` at place `8 n`.
fn spread(lanes: u8) -> u64 {
    (0..8).fold(0, |all, lane| all | u64::from(lanes >> lane & 1) << (8 * lane))
}

/// The grams of eight bytes, cut to `mask`, that begin at every eighth place from `at` on, hashed.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
fn hashes_avx512(text: &[u8], at: usize, mask: __m512i) -> __m512i {
    // SAFETY: a chunk has `AHEAD` bytes behind it, and `at` is less than that behind the beginning of one.
    let loaded = unsafe { _mm512_loadu_si512(text.as_ptr().add(at).cast()) };
    let gram = _mm512_and_si512(_mm512_or_si512(loaded, _mm512_set1_epi64(FOLD.cast_signed())), mask);
    _mm512_mullo_epi64(gram, _mm512_set1_epi64(MULTIPLIER.cast_signed()))
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
fn words_avx512<const STRIDE: usize, const WORDS: usize>(
    (words, mask): (&[u64; WORDS], u64),
    text: &[u8],
    hits: &mut Hits,
) {
    let [width, one, other] = shifts::<WORDS>();
    let mask = _mm512_set1_epi64(mask.cast_signed());
    let (low, single) = (_mm512_set1_epi64(63), _mm512_set1_epi64(1));
    for at in (0..super::chunks(text)).map(|number| number * CHUNK) {
        let mut lanes = [0_u8; 8];
        for (offset, lanes) in (0..8).step_by(STRIDE).zip(&mut lanes) {
            let hash = hashes_avx512(text, at + offset, mask);
            let mut places = [0; 8];
            // SAFETY: the array is as long as the register.
            unsafe { _mm512_storeu_si512(places.as_mut_ptr().cast(), _mm512_srl_epi64(hash, width)) };
            let [w0, w1, w2, w3, w4, w5, w6, w7] = words_at(words, places);
            let word = _mm512_setr_epi64(w0, w1, w2, w3, w4, w5, w6, w7);
            let first = _mm512_srlv_epi64(word, _mm512_and_si512(_mm512_srl_epi64(hash, one), low));
            let second = _mm512_srlv_epi64(word, _mm512_and_si512(_mm512_srl_epi64(hash, other), low));
            *lanes = _mm512_test_epi64_mask(_mm512_and_si512(first, second), single);
        }
        if u64::from_le_bytes(lanes) != 0 {
            hits.push((at, joined::<STRIDE>(lanes)));
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi")]
fn signs_avx512<const STRIDE: usize>((signs, mask): (&[u8; SIGNS], u64), text: &[u8], hits: &mut Hits) {
    // SAFETY: the table is as long as two registers.
    let (lower, upper) = unsafe {
        (_mm512_loadu_si512(signs.as_ptr().cast()), _mm512_loadu_si512(signs.as_ptr().add(SIGNS / 2).cast()))
    };
    let (mask, own) = (_mm512_set1_epi64(mask.cast_signed()), _mm512_set1_epi64(OWN_BITS.cast_signed()));
    for at in (0..super::chunks(text)).map(|number| number * CHUNK) {
        let mut lanes = [0_u8; 8];
        for (offset, lanes) in (0..8).step_by(STRIDE).zip(&mut lanes) {
            let hash = hashes_avx512(text, at + offset, mask);
            let hash = _mm512_xor_si512(hash, _mm512_srli_epi64::<32>(hash));
            // Only seven bits of each byte count.
            let met = _mm512_and_si512(_mm512_permutex2var_epi8(lower, hash, upper), own);
            *lanes = _mm512_cmpeq_epi64_mask(met, own);
        }
        if u64::from_le_bytes(lanes) != 0 {
            hits.push((at, joined::<STRIDE>(lanes)));
        }
    }
}

/// The places of the grams that begin at each of some offsets.
fn joined<const STRIDE: usize>(lanes: [u8; 8]) -> u64 {
    (0..8).step_by(STRIDE).zip(lanes).fold(0, |all, (offset, lanes)| all | spread(lanes) << offset)
}

#[target_feature(enable = "avx2")]
fn words_avx2<const STRIDE: usize, const WORDS: usize>(
    (words, mask): (&[u64; WORDS], u64),
    text: &[u8],
    hits: &mut Hits,
) {
    let [width, one, other] = shifts::<WORDS>();
    let all = |number: u64| _mm256_set1_epi64x(number.cast_signed());
    let (fold, mask, low) = (all(FOLD), all(mask), all(63));
    let (low_half, high_half) = (all(MULTIPLIER & 0xffff_ffff), all(MULTIPLIER >> 32));
    for at in (0..super::chunks(text)).map(|number| number * CHUNK) {
        let mut lanes = [0_u8; 8];
        for (offset, lanes) in (0..8).step_by(STRIDE).zip(&mut lanes) {
            for half in 0..2 {
                // SAFETY: a chunk has `AHEAD` bytes behind it, and `offset` is less than that.
                let loaded = unsafe { _mm256_loadu_si256(text.as_ptr().add(at + offset + 32 * half).cast()) };
                let gram = _mm256_and_si256(_mm256_or_si256(loaded, fold), mask);
                // Multiplies 64 bits by 64, of which the lower half is kept.
                let high = _mm256_mul_epu32(_mm256_srli_epi64::<32>(gram), low_half);
                let cross = _mm256_add_epi64(high, _mm256_mul_epu32(gram, high_half));
                let hash = _mm256_add_epi64(_mm256_mul_epu32(gram, low_half), _mm256_slli_epi64::<32>(cross));
                let mut places = [0; 4];
                // SAFETY: the array is as long as the register.
                unsafe { _mm256_storeu_si256(places.as_mut_ptr().cast(), _mm256_srl_epi64(hash, width)) };
                let [a, b, c, d] = words_at(words, places);
                let word = _mm256_setr_epi64x(a, b, c, d);
                let first = _mm256_srlv_epi64(word, _mm256_and_si256(_mm256_srl_epi64(hash, one), low));
                let second = _mm256_srlv_epi64(word, _mm256_and_si256(_mm256_srl_epi64(hash, other), low));
                let bits = _mm256_slli_epi64::<63>(_mm256_and_si256(first, second));
                let set = _mm256_movemask_pd(_mm256_castsi256_pd(bits));
                *lanes |= u8::try_from(set).unwrap_or_default() << (4 * half);
            }
        }
        if u64::from_le_bytes(lanes) != 0 {
            hits.push((at, joined::<STRIDE>(lanes)));
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn marks_avx512<const NEWLINES: bool>(text: &[u8], hits: &mut Hits, newlines: &mut Hits) {
    let chunks = super::chunks(text);
    let equals = |bytes, byte: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte.cast_signed()));
    let mut ends = Ends::behind::<NEWLINES>(newlines, chunks);
    for at in (0..chunks).map(|number| number * CHUNK) {
        // SAFETY: a chunk has `AHEAD` bytes behind it.
        let (bytes, next) = unsafe {
            let start = text.as_ptr().add(at);
            (_mm512_loadu_si512(start.cast()), _mm512_loadu_si512(start.add(1).cast()))
        };
        let folded = _mm512_or_si512(bytes, _mm512_set1_epi8(0x20));
        let pair = equals(folded, b'v') & equals(next, b'"');
        let rare = equals(bytes, 0x1b) | equals(bytes, 0) | equals(bytes, b'\\') | equals(bytes, b'<');
        let places = pair | rare | _mm512_movepi8_mask(bytes);
        if places != 0 {
            hits.push((at, places));
        }
        if NEWLINES {
            ends.add(at, equals(bytes, b'\n'));
        }
    }
    ends.close();
}

#[target_feature(enable = "avx2")]
fn marks_avx2<const NEWLINES: bool>(text: &[u8], hits: &mut Hits, newlines: &mut Hits) {
    let chunks = super::chunks(text);
    let equals = |bytes, byte: u8| _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte.cast_signed()));
    let mask = |bytes| u64::from(_mm256_movemask_epi8(bytes).cast_unsigned());
    let mut ends = Ends::behind::<NEWLINES>(newlines, chunks);
    for at in (0..chunks).map(|number| number * CHUNK) {
        let half = |half: usize| {
            // SAFETY: a chunk has `AHEAD` bytes behind it.
            let (bytes, next) = unsafe {
                let start = text.as_ptr().add(at + 32 * half);
                (_mm256_loadu_si256(start.cast()), _mm256_loadu_si256(start.add(1).cast()))
            };
            let folded = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
            let pair = _mm256_and_si256(equals(folded, b'v'), equals(next, b'"'));
            let rare = _mm256_or_si256(equals(bytes, 0x1b), equals(bytes, 0));
            let other = _mm256_or_si256(equals(bytes, b'\\'), equals(bytes, b'<'));
            // The sign bit of a byte outside ASCII is set as it is.
            _mm256_or_si256(_mm256_or_si256(pair, bytes), _mm256_or_si256(rare, other))
        };
        let places = mask(half(0)) | mask(half(1)) << 32;
        if places != 0 {
            hits.push((at, places));
        }
        if NEWLINES {
            let half = |half: usize| {
                // SAFETY: the same.
                let bytes = unsafe { _mm256_loadu_si256(text.as_ptr().add(at + 32 * half).cast()) };
                mask(equals(bytes, b'\n'))
            };
            ends.add(at, half(0) | half(1) << 32);
        }
    }
    ends.close();
}
