//! SHA-512 with AVX-512: the message schedule of one message in vectors beside its rounds, and
//! eight messages in eight lanes (FIPS 180-4 §6.4).

use std::arch::x86_64::*;
use std::array;

use crate::Digest;

/// Messages that are hashed at once.
pub(crate) const LANES: usize = 8;

type Block = [u8; 128];

/// The round constants (FIPS 180-4 §4.2.3).
#[rustfmt::skip]
static K: [u64; 80] = [
    0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538, 0x59f1_11f1_b605_d019, 0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242, 0x1283_5b01_4570_6fbe, 0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235, 0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3, 0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275, 0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab, 0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f, 0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725, 0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc, 0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed, 0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6, 0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001, 0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218, 0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53, 0x2748_774c_df8e_eb99, 0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb, 0x5b9c_ca4f_7763_e373, 0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc, 0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915, 0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c, 0xd186_b8c7_21c0_c207, 0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba, 0x0a63_7dc5_a2c8_98a6, 0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc, 0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a, 0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
];

/// The initial hash value (FIPS 180-4 §5.3.5).
#[rustfmt::skip]
const INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
];

/// Says that the processor has the instructions; only [`Avx512::detect`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// Whether this processor has what is needed. The answer is remembered by `std`.
    pub fn detect() -> Option<Avx512> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Avx512(()))
    }

    /// The digest of one message.
    pub fn digest(self, message: &[u8]) -> Digest {
        let mut state = INITIAL;
        self.finish(&mut state, Rest::of(message));
        bytes_of(&state)
    }

    /// The digests of messages, in their order.
    pub fn digests(self, messages: &[&[u8]]) -> Vec<Digest> {
        let mut digests = vec![[0; 64]; messages.len()];
        let mut waiting = messages.iter().map(|m| Rest::of(m)).enumerate();
        let mut lanes: [Option<(usize, Rest<'_>)>; LANES] = array::from_fn(|_| waiting.next());
        let mut states = [INITIAL; LANES];
        loop {
            let mut active = lanes.iter().flatten();
            let Some((_, first)) = active.next() else {
                return digests;
            };
            if active.next().is_none() {
                // One message alone is faster by itself.
                for (lane, state) in lanes.iter_mut().zip(&mut states) {
                    if let Some((i, rest)) = lane.take() {
                        self.finish(state, rest);
                        digests[i] = bytes_of(state);
                    }
                }
                return digests;
            }
            let spare = first.blocks();
            let n = lanes.iter().flatten().map(|(_, rest)| rest.blocks().len());
            let n = n.min().unwrap_or(0);
            // Lanes without a message work on another's; nobody looks at what comes of it.
            let blocks = array::from_fn(|i| match &lanes[i] {
                Some((_, rest)) => &rest.blocks()[..n],
                None => &spare[..n],
            });
            // SAFETY: `self` says that the processor has the instructions.
            #[allow(unsafe_code)]
            unsafe {
                compress_lanes(&mut states, blocks);
            }
            for (lane, state) in lanes.iter_mut().zip(&mut states) {
                let Some((i, rest)) = lane else { continue };
                if !rest.advance(n) {
                    digests[*i] = bytes_of(state);
                    *state = INITIAL;
                    *lane = waiting.next();
                }
            }
        }
    }

    fn finish(self, state: &mut [u64; 8], mut rest: Rest<'_>) {
        loop {
            let blocks = rest.blocks();
            // SAFETY: `self` says that the processor has the instructions.
            #[allow(unsafe_code)]
            unsafe {
                compress(state, blocks);
            }
            let n = blocks.len();
            if !rest.advance(n) {
                return;
            }
        }
    }
}

fn bytes_of(state: &[u64; 8]) -> Digest {
    let mut digest = [0; 64];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

/// What is left to hash of a message: its whole blocks, then one or two with its end and the
/// padding.
struct Rest<'m> {
    whole: &'m [Block],
    padded: [Block; 2],
    /// Which of `padded` are left.
    left: std::ops::Range<usize>,
}

impl<'m> Rest<'m> {
    fn of(message: &'m [u8]) -> Rest<'m> {
        let (whole, end) = message.as_chunks();
        let mut padded = [[0; 128]; 2];
        // The length takes sixteen bytes, a one bit goes before it.
        let blocks = if end.len() < 112 { 1 } else { 2 };
        let bytes = padded.as_flattened_mut();
        bytes[..end.len()].copy_from_slice(end);
        bytes[end.len()] = 0x80;
        let bits = (message.len() as u128 * 8).to_be_bytes();
        bytes[128 * blocks - 16..128 * blocks].copy_from_slice(&bits);
        Rest {
            whole,
            padded,
            left: 0..blocks,
        }
    }

    /// Blocks that lie one after the other; never none.
    fn blocks(&self) -> &[Block] {
        match self.whole.is_empty() {
            true => &self.padded[self.left.clone()],
            false => self.whole,
        }
    }

    /// Goes on by some of [`Rest::blocks`]; whether anything is left.
    fn advance(&mut self, blocks: usize) -> bool {
        match self.whole.is_empty() {
            true => self.left.start += blocks,
            false => self.whole = &self.whole[blocks..],
        }
        !self.left.is_empty()
    }
}

/// A round of one message. `$bc` is the `$b ^ $c` that the round before left as its `a ^ b`,
/// which gives the majority of three in three operations.
macro_rules! round {
    ($a:ident, $b:ident, $c:ident, $d:ident, $e:ident, $f:ident, $g:ident, $h:ident, $bc:ident, $wk:expr) => {
        let x = $h
            .wrapping_add($wk)
            .wrapping_add(!$e & $g)
            .wrapping_add($e & $f);
        // Added up apart from `x + s`, so that the next round need not wait for both.
        let dx = $d.wrapping_add(x);
        let s = $e.rotate_right(14) ^ $e.rotate_right(18) ^ $e.rotate_right(41);
        let ab = $a ^ $b;
        let majority = (ab & $bc) ^ $b;
        $bc = ab;
        $d = dx.wrapping_add(s);
        $h = x
            .wrapping_add(majority)
            .wrapping_add(s)
            .wrapping_add($a.rotate_right(28) ^ $a.rotate_right(34) ^ $a.rotate_right(39));
    };
}

/// Takes blocks into a state. Calling it is sound where the processor has the features named.
#[target_feature(enable = "avx2,avx512f,avx512vl,bmi1,bmi2")]
fn compress(state: &mut [u64; 8], blocks: &[Block]) {
    #[repr(align(16))]
    struct Schedule([u64; 16]);

    let big_endian = _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for block in blocks {
        // Sixteen words of the schedule, two to a vector; and the same with their constants.
        let mut x = [_mm_setzero_si128(); 8];
        let mut wk = Schedule([0; 16]);
        for (i, pair) in x.iter_mut().enumerate() {
            // SAFETY: loads and stores lie within `block` (128 bytes), `K` and `wk` (16 words,
            // aligned to 16 bytes).
            #[allow(unsafe_code)]
            unsafe {
                let words = _mm_loadu_si128(block.as_ptr().add(16 * i).cast());
                *pair = _mm_shuffle_epi8(words, big_endian);
                let k = _mm_loadu_si128(K.as_ptr().add(2 * i).cast());
                _mm_store_si128(wk.0.as_mut_ptr().add(2 * i).cast(), _mm_add_epi64(*pair, k));
            }
        }
        let before = [a, b, c, d, e, f, g, h];
        let mut bc = b ^ c;
        // A plain read would be made into a move out of the vector, which is slower than memory.
        macro_rules! word {
            ($i:expr) => {{
                let from: &u64 = &wk.0[$i];
                // SAFETY: a reference can be read from.
                #[allow(unsafe_code)]
                unsafe {
                    std::ptr::read_volatile(from)
                }
            }};
        }
        for t in (16..80).step_by(16) {
            // Two rounds, between them the words that the same two rounds use sixteen later.
            macro_rules! two {
                ($i:expr, $a:ident, $b:ident, $c:ident, $d:ident, $e:ident, $f:ident, $g:ident, $h:ident) => {
                    let (first, second) = (word!(2 * $i), word!(2 * $i + 1));
                    round!($a, $b, $c, $d, $e, $f, $g, $h, bc, first);
                    let w1 = _mm_alignr_epi8(x[($i + 1) % 8], x[$i], 8);
                    let w9 = _mm_alignr_epi8(x[($i + 5) % 8], x[($i + 4) % 8], 8);
                    let w14 = x[($i + 7) % 8];
                    let s0 = _mm_ternarylogic_epi64(
                        _mm_ror_epi64(w1, 1),
                        _mm_ror_epi64(w1, 8),
                        _mm_srli_epi64(w1, 7),
                        XOR,
                    );
                    let s1 = _mm_ternarylogic_epi64(
                        _mm_ror_epi64(w14, 19),
                        _mm_ror_epi64(w14, 61),
                        _mm_srli_epi64(w14, 6),
                        XOR,
                    );
                    x[$i] = _mm_add_epi64(_mm_add_epi64(x[$i], w9), _mm_add_epi64(s0, s1));
                    // SAFETY: `t` is 64 at most and `$i` 7, within `K` (80 words); `wk` as above.
                    #[allow(unsafe_code)]
                    unsafe {
                        let k = _mm_loadu_si128(K.as_ptr().add(t + 2 * $i).cast());
                        let at = wk.0.as_mut_ptr().add(2 * $i).cast();
                        _mm_store_si128(at, _mm_add_epi64(x[$i], k));
                    }
                    round!($h, $a, $b, $c, $d, $e, $f, $g, bc, second);
                };
            }
            two!(0, a, b, c, d, e, f, g, h);
            two!(1, g, h, a, b, c, d, e, f);
            two!(2, e, f, g, h, a, b, c, d);
            two!(3, c, d, e, f, g, h, a, b);
            two!(4, a, b, c, d, e, f, g, h);
            two!(5, g, h, a, b, c, d, e, f);
            two!(6, e, f, g, h, a, b, c, d);
            two!(7, c, d, e, f, g, h, a, b);
        }
        macro_rules! last_two {
            ($i:expr, $a:ident, $b:ident, $c:ident, $d:ident, $e:ident, $f:ident, $g:ident, $h:ident) => {
                round!($a, $b, $c, $d, $e, $f, $g, $h, bc, word!(2 * $i));
                round!($h, $a, $b, $c, $d, $e, $f, $g, bc, word!(2 * $i + 1));
            };
        }
        last_two!(0, a, b, c, d, e, f, g, h);
        last_two!(1, g, h, a, b, c, d, e, f);
        last_two!(2, e, f, g, h, a, b, c, d);
        last_two!(3, c, d, e, f, g, h, a, b);
        last_two!(4, a, b, c, d, e, f, g, h);
        last_two!(5, g, h, a, b, c, d, e, f);
        last_two!(6, e, f, g, h, a, b, c, d);
        last_two!(7, c, d, e, f, g, h, a, b);
        let _ = bc;
        let after = [a, b, c, d, e, f, g, h];
        [a, b, c, d, e, f, g, h] = array::from_fn(|i| before[i].wrapping_add(after[i]));
    }
    *state = [a, b, c, d, e, f, g, h];
}

/// Truth tables of three inputs, as `vpternlogq` takes them.
const XOR: i32 = 0x96;
const CHOOSE: i32 = 0xca;
const MAJORITY: i32 = 0xe8;

/// Takes blocks into eight states, lane by lane; all lanes have equally many. Calling it is
/// sound where the processor has the features named.
#[allow(clippy::needless_range_loop)] // `block` is one of every lane
#[target_feature(enable = "avx512f,avx512bw")]
fn compress_lanes(states: &mut [[u64; 8]; LANES], blocks: [&[Block]; LANES]) {
    let count = blocks[0].len();
    assert!(blocks.iter().all(|b| b.len() == count));
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] =
        transposed(array::from_fn(|lane| row(&states[lane])));
    for block in 0..count {
        let [low, high] = array::from_fn(|half| {
            let rows = array::from_fn(|lane| {
                // SAFETY: 64 bytes from the start or the middle of a block of 128.
                #[allow(unsafe_code)]
                unsafe {
                    _mm512_loadu_si512(blocks[lane][block].as_ptr().add(64 * half).cast())
                }
            });
            transposed(rows).map(|words| big_endian(words))
        });
        let mut w: [__m512i; 16] = array::from_fn(|i| if i < 8 { low[i] } else { high[i - 8] });
        let before = [a, b, c, d, e, f, g, h];
        macro_rules! round_of_lanes {
            ($a:ident, $b:ident, $c:ident, $d:ident, $e:ident, $f:ident, $g:ident, $h:ident, $i:expr, $t:expr) => {
                let wk = _mm512_add_epi64(w[$i], _mm512_set1_epi64(K[$t + $i] as i64));
                let x = _mm512_add_epi64(
                    _mm512_add_epi64($h, wk),
                    _mm512_ternarylogic_epi64($e, $f, $g, CHOOSE),
                );
                let s1 = _mm512_ternarylogic_epi64(
                    _mm512_ror_epi64($e, 14),
                    _mm512_ror_epi64($e, 18),
                    _mm512_ror_epi64($e, 41),
                    XOR,
                );
                let t1 = _mm512_add_epi64(x, s1);
                $d = _mm512_add_epi64($d, t1);
                let s0 = _mm512_ternarylogic_epi64(
                    _mm512_ror_epi64($a, 28),
                    _mm512_ror_epi64($a, 34),
                    _mm512_ror_epi64($a, 39),
                    XOR,
                );
                let majority = _mm512_ternarylogic_epi64($a, $b, $c, MAJORITY);
                $h = _mm512_add_epi64(_mm512_add_epi64(t1, majority), s0);
            };
        }
        macro_rules! eight_rounds {
            ($i:expr, $t:expr) => {
                round_of_lanes!(a, b, c, d, e, f, g, h, $i, $t);
                round_of_lanes!(h, a, b, c, d, e, f, g, $i + 1, $t);
                round_of_lanes!(g, h, a, b, c, d, e, f, $i + 2, $t);
                round_of_lanes!(f, g, h, a, b, c, d, e, $i + 3, $t);
                round_of_lanes!(e, f, g, h, a, b, c, d, $i + 4, $t);
                round_of_lanes!(d, e, f, g, h, a, b, c, $i + 5, $t);
                round_of_lanes!(c, d, e, f, g, h, a, b, $i + 6, $t);
                round_of_lanes!(b, c, d, e, f, g, h, a, $i + 7, $t);
            };
        }
        // The words of the schedule sixteen rounds later, in place of those that are used up.
        macro_rules! next_words {
            ($($i:expr),*) => {$(
                let (w1, w14) = (w[($i + 1) % 16], w[($i + 14) % 16]);
                let s0 = _mm512_ternarylogic_epi64(
                    _mm512_ror_epi64(w1, 1),
                    _mm512_ror_epi64(w1, 8),
                    _mm512_srli_epi64(w1, 7),
                    XOR,
                );
                let s1 = _mm512_ternarylogic_epi64(
                    _mm512_ror_epi64(w14, 19),
                    _mm512_ror_epi64(w14, 61),
                    _mm512_srli_epi64(w14, 6),
                    XOR,
                );
                w[$i] = _mm512_add_epi64(
                    _mm512_add_epi64(w[$i], w[($i + 9) % 16]),
                    _mm512_add_epi64(s0, s1),
                );
            )*};
        }
        eight_rounds!(0, 0);
        eight_rounds!(8, 0);
        for t in (16..80).step_by(16) {
            next_words!(0, 1, 2, 3, 4, 5, 6, 7);
            eight_rounds!(0, t);
            next_words!(8, 9, 10, 11, 12, 13, 14, 15);
            eight_rounds!(8, t);
        }
        let after = [a, b, c, d, e, f, g, h];
        [a, b, c, d, e, f, g, h] = array::from_fn(|i| _mm512_add_epi64(before[i], after[i]));
    }
    let rows = transposed([a, b, c, d, e, f, g, h]);
    for (state, row) in states.iter_mut().zip(rows) {
        // SAFETY: a state is 64 bytes.
        #[allow(unsafe_code)]
        unsafe {
            _mm512_storeu_si512(state.as_mut_ptr().cast(), row);
        }
    }
}

#[target_feature(enable = "avx512f")]
fn row(state: &[u64; 8]) -> __m512i {
    // SAFETY: a state is 64 bytes.
    #[allow(unsafe_code)]
    unsafe {
        _mm512_loadu_si512(state.as_ptr().cast())
    }
}

/// Words that were read from bytes, the other way round.
#[target_feature(enable = "avx512f,avx512bw")]
fn big_endian(words: __m512i) -> __m512i {
    let two = _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(two))
}

/// Eight rows of eight words as eight columns.
#[target_feature(enable = "avx512f")]
fn transposed(rows: [__m512i; 8]) -> [__m512i; 8] {
    let mut columns = rows;
    for odd in 0..2 {
        // Words of two rows next to each other; then pairs of them from four rows, from eight.
        let pairs: [__m512i; 4] = array::from_fn(|i| match odd {
            0 => _mm512_unpacklo_epi64(rows[2 * i], rows[2 * i + 1]),
            _ => _mm512_unpackhi_epi64(rows[2 * i], rows[2 * i + 1]),
        });
        let low = [
            _mm512_shuffle_i64x2(pairs[0], pairs[1], 0x88),
            _mm512_shuffle_i64x2(pairs[2], pairs[3], 0x88),
        ];
        let high = [
            _mm512_shuffle_i64x2(pairs[0], pairs[1], 0xdd),
            _mm512_shuffle_i64x2(pairs[2], pairs[3], 0xdd),
        ];
        columns[odd] = _mm512_shuffle_i64x2(low[0], low[1], 0x88);
        columns[odd + 4] = _mm512_shuffle_i64x2(low[0], low[1], 0xdd);
        columns[odd + 2] = _mm512_shuffle_i64x2(high[0], high[1], 0x88);
        columns[odd + 6] = _mm512_shuffle_i64x2(high[0], high[1], 0xdd);
    }
    columns
}
