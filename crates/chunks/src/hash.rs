//! Addresses of chunks (spec 01 §2).

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::str::FromStr;

/// Address of a chunk: the first 20 bytes of SHA-512 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Hash(pub [u8; 20]);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

impl Hash {
    /// Bytes of a hash.
    pub const LEN: usize = 20;
    /// Characters of its text form.
    pub const TEXT_LEN: usize = 32;
    /// Twenty zero bytes: absent.
    pub const EMPTY: Hash = Hash([0; 20]);

    /// The address of these bytes.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash::of_digest(&sha512::digest(bytes))
    }

    /// The addresses of several chunks' bytes, in their order. Eight or more at once cost a
    /// quarter of as many calls of [`Hash::of`] where the processor has the instructions.
    pub fn of_each(chunks: &[&[u8]]) -> Vec<Hash> {
        let digests = sha512::digests(chunks);
        digests.iter().map(Hash::of_digest).collect()
    }

    fn of_digest(digest: &sha512::Digest) -> Hash {
        Hash(*digest.first_chunk().expect("a digest is longer"))
    }

    /// A hash from exactly 20 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }

    /// Whether this is [`Hash::EMPTY`].
    pub fn is_empty(&self) -> bool {
        *self == Hash::EMPTY
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// First eight bytes, by which indexes are sorted.
    pub fn prefix(&self) -> u64 {
        let mut p = [0; 8];
        p.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(p)
    }

    /// The twelve bytes after the prefix.
    pub fn suffix(&self) -> &[u8] {
        &self.0[8..]
    }

    fn text(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (five, eight) in self.0.chunks_exact(5).zip(out.chunks_exact_mut(8)) {
            let bits = five.iter().fold(0u64, |n, &b| n << 8 | u64::from(b));
            for (i, c) in eight.iter_mut().enumerate() {
                *c = ALPHABET[(bits >> (35 - 5 * i)) as usize & 31];
            }
        }
        out
    }
}

impl std::hash::Hash for Hash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.prefix());
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        f.pad(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not parse Hash: {0}")]
pub struct ParseHashError(pub String);

impl FromStr for Hash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Hash, ParseHashError> {
        let fail = || ParseHashError(text.to_owned());
        if text.len() != Hash::TEXT_LEN {
            return Err(fail());
        }
        let mut out = [0; 20];
        for (eight, five) in text.as_bytes().chunks_exact(8).zip(out.chunks_exact_mut(5)) {
            let mut bits = 0u64;
            for &c in eight {
                let digit = match c {
                    b'0'..=b'9' => c - b'0',
                    b'a'..=b'v' => c - b'a' + 10,
                    _ => return Err(fail()),
                };
                bits = bits << 5 | u64::from(digit);
            }
            five.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        Ok(Hash(out))
    }
}

/// Hashes are uniform already; tables of them need no further hashing.
#[derive(Clone, Copy, Default)]
pub struct Uniform(u64);

impl Hasher for Uniform {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*b);
        }
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// A map keyed by [`Hash`].
pub type HashMap<V> = std::collections::HashMap<Hash, V, BuildHasherDefault<Uniform>>;
/// A set of [`Hash`].
pub type HashSet = std::collections::HashSet<Hash, BuildHasherDefault<Uniform>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_one() {
        // Spec 01 §6.1: a root record and the address in it.
        let bytes = [
            0x5a, 0x7a, 0xc7, 0x71, 0x27, 0x24, 0xa3, 0x74, 0x96, 0x8d, 0x6b, 0x88, 0x71, 0x6c,
            0xe6, 0xaf, 0x81, 0x7e, 0x3f, 0x14,
        ];
        let hash = Hash(bytes);
        assert_eq!(hash.to_string().parse::<Hash>(), Ok(hash));
        assert_eq!(Hash::EMPTY.to_string(), "0".repeat(32));
        assert_eq!(Hash([255; 20]).to_string(), "v".repeat(32));
        assert!("0".repeat(31).parse::<Hash>().is_err());
        assert_eq!(
            "V".repeat(32).parse::<Hash>().unwrap_err().to_string(),
            format!("could not parse Hash: {}", "V".repeat(32))
        );
        // Spec 02 §2: the empty commit closure.
        let closure = [
            0x1b, 0, 0, 0x1c, 0x10, 0, 0, 0, 0x43, 0x4d, 0x43, 0x4c, 0, 0, 6, 0, 8, 0, 4, 0, 6, 0,
            0, 0, 4, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(
            Hash::of(&closure).to_string(),
            "ors33cm97i640t2rs60olpf1nvc30lei"
        );
    }
}
