//! Where nodes end: a Weibull-distributed size, decided by the hash of each key (spec 02 §8.1).

use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64_with_seed;

const MIN: usize = 512;
const MAX: usize = 16384;
const TARGET: f64 = 4096.0;
/// Trees cannot grow higher than there are salts.
pub(crate) const MAX_LEVELS: usize = 15;

/// One salt per level, so that a key that ends a leaf need not end its parent.
const SALTS: [u64; MAX_LEVELS] = [
    0xddfb_c136_68b6_547b,
    0x53a8_57b6_c948_b8fa,
    0xaa94_df7d_81f5_5be4,
    0x135b_7b50_25c7_b8b5,
    0x2cfa_558a_443e_5f09,
    0x047c_5bf9_7d08_1558,
    0xb610_e6df_a111_5d36,
    0xb801_0bf4_f86b_5af6,
    0xbba2_5ed3_f85b_7bf2,
    0xe586_86ca_3888_68be,
    0x0fbc_df6f_2bff_7c52,
    0xa444_571e_649a_b32a,
    0x2a04_7bf3_cc02_719f,
    0x2e88_18c8_7b88_473e,
    0xd663_69bd_2feb_a7c5,
];

/// The distribution's cumulative probability at every size.
static CUMULATIVE: LazyLock<Box<[f64]>> = LazyLock::new(|| {
    (0..=MAX)
        .map(|size| {
            let x = size as f64 / TARGET;
            -libm::expm1(-(x * x * x * x))
        })
        .collect()
});

/// Low half of a key's hash at a level.
pub(crate) fn key_hash(level: usize, key: &[u8]) -> u32 {
    xxh3_64_with_seed(key, SALTS[level]) as u32
}

/// Whether an item that brings a node to `size` ends it, the item being `len` bytes.
pub(crate) fn ends_node(size: usize, len: usize, hash: u32) -> bool {
    let cumulative = &CUMULATIVE;
    let start = cumulative[size - len];
    let rest = 1.0 - start;
    rest <= 0.0 || f64::from(hash) / 4294967295.0 < (cumulative[size] - start) / rest
}

/// Decides where the nodes of one level end.
pub(crate) struct Splitter {
    level: usize,
    size: usize,
}

impl Splitter {
    pub fn new(level: usize) -> Splitter {
        Splitter { level, size: 0 }
    }

    /// Takes one more item; whether the node ends with it.
    pub fn append(&mut self, key: &[u8], value_len: usize) -> bool {
        let len = key.len() + value_len;
        self.size += len;
        if self.size < MIN {
            return false;
        }
        self.size > MAX || ends_node(self.size, len, key_hash(self.level, key))
    }

    /// Starts the next node.
    pub fn reset(&mut self) {
        self.size = 0;
    }
}

/// The boundary rule of indexed JSON documents, which looks at the whole segment each time
/// (spec 02 §15).
pub(crate) fn ends_segment(size: usize, location: &[u8]) -> bool {
    match size {
        0..MIN => false,
        MIN..=MAX => ends_node(size, size, key_hash(0, location)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_of_spec_02() {
        assert_eq!(key_hash(0, &[1, 0, 0, 0, 1, 0]), 2206805113);
    }
}
