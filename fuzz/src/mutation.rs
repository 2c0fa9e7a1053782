//! Damage by a seeded generator, for where there is no libFuzzer.

use std::time::{Duration, Instant};

use crate::Target;

/// A small generator (xorshift), seeded so that a failure repeats.
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.number() % n.max(1) as u64) as usize
    }
}

const NUMBERS: [u64; 14] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// Longest input.
const LONGEST: usize = 1 << 16;

/// Damages `bytes` in one to eight ways.
pub fn damage(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() + 1);
        let n = 1 + random.below(16);
        match random.below(11) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = random.number() as u8,
            3 => bytes.truncate(at),
            4 => {
                let new: Vec<u8> = (0..n).map(|_| random.number() as u8).collect();
                bytes.splice(at..at, new);
            }
            5 => {
                bytes.drain(at..(at + n).min(bytes.len()));
            }
            6 => {
                let from = random.below(other.len() + 1);
                let part = other[from..(from + 4 * n).min(other.len())].to_vec();
                bytes.splice(at..at, part);
            }
            7 => {
                let from = random.below(other.len() + 1);
                let part = other[from..(from + 4 * n).min(other.len())].to_vec();
                let end = (at + part.len()).min(bytes.len());
                bytes.splice(at..end, part);
            }
            8 => {
                let part = bytes[at..(at + 4 * n).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            9 | 10 => {
                let number = NUMBERS[random.below(NUMBERS.len())];
                let number = number.wrapping_add_signed(random.below(5) as i64 - 2);
                let width = [1, 2, 4, 8][random.below(4)];
                let little = number.to_le_bytes();
                let mut part = little[..width].to_vec();
                if random.below(2) == 0 {
                    part.reverse();
                }
                let end = (at + width).min(bytes.len());
                bytes.splice(at..end, part);
            }
            _ => {}
        }
    }
    bytes.truncate(LONGEST.max(other.len()));
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Inputs that were read.
    pub inputs: u64,
    /// The longest that one took.
    pub slowest: Duration,
}

/// Reads the seeds, then damaged ones until `enough` says so. `before` sees each input first, so
/// that it is known should it not return.
pub fn drive(
    target: &Target,
    seed: u64,
    before: &mut dyn FnMut(&[u8]),
    enough: &mut dyn FnMut(u64) -> bool,
) -> Figures {
    let seeds = (target.seeds)();
    let mut random = Random::new(seed);
    let mut figures = Figures::default();
    let mut one = |bytes: &[u8]| {
        before(bytes);
        let start = Instant::now();
        (target.run)(bytes);
        figures.inputs += 1;
        figures.slowest = figures.slowest.max(start.elapsed());
        figures.inputs
    };
    for bytes in &seeds {
        one(bytes);
    }
    one(b"");
    loop {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        let other = &seeds[random.below(seeds.len())];
        damage(&mut bytes, other, &mut random);
        if enough(one(&bytes)) {
            return figures;
        }
    }
}
