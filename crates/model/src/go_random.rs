//! The random numbers that column tags are drawn from: an additive lagged Fibonacci generator
//! (spec 03 §11.2).

const LENGTH: usize = 607;
const TAP: usize = 273;
const PRIME: i64 = (1 << 31) - 1;

/// Words that every seed is mixed with: the generator's own state after 7.8e12 steps.
static WORDS: &[u8; LENGTH * 8] = include_bytes!("../data/go_random_words.bin");

/// A seeded source of 63-bit numbers.
pub(crate) struct GoRandom {
    state: Box<[u64; LENGTH]>,
    tap: usize,
    feed: usize,
}

impl GoRandom {
    pub fn new(seed: i64) -> GoRandom {
        let mut seed = seed % PRIME;
        if seed < 0 {
            seed += PRIME;
        }
        if seed == 0 {
            seed = 89_482_311;
        }
        let mut x = seed as u64;
        let mut next = || {
            x = 48_271 * x % PRIME as u64;
            x
        };
        for _ in 0..20 {
            next();
        }
        let mut state = Box::new([0; LENGTH]);
        for (word, fixed) in state.iter_mut().zip(WORDS.as_chunks::<8>().0) {
            let u = next() << 40;
            let u = u ^ next() << 20;
            *word = u ^ next() ^ u64::from_le_bytes(*fixed);
        }
        GoRandom {
            state,
            tap: 0,
            feed: LENGTH - TAP,
        }
    }

    /// A number of 63 bits.
    pub fn next_63(&mut self) -> u64 {
        self.tap = (self.tap + LENGTH - 1) % LENGTH;
        self.feed = (self.feed + LENGTH - 1) % LENGTH;
        let x = self.state[self.feed].wrapping_add(self.state[self.tap]);
        self.state[self.feed] = x;
        x & (u64::MAX >> 1)
    }
}
