//! SHA-512 (FIPS 180-4) of one message and of many at once.
//!
//! A chunk's address is the SHA-512 of its bytes, and hashing is what building a tree costs
//! most. One message is a chain of additions that no processor can widen; eight messages side by
//! side in the lanes of AVX-512 registers take hardly longer than one. Processors without these
//! instructions use the `sha2` crate (docs/decisions/hashing-in-lanes.md).

#[cfg(target_arch = "x86_64")]
mod avx512;

use sha2::{Digest as _, Sha512};

/// The 64 bytes of a SHA-512.
pub type Digest = [u8; 64];

/// The digest of a message.
pub fn digest(message: &[u8]) -> Digest {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx512) = avx512::Avx512::detect() {
        return avx512.digest(message);
    }
    Sha512::digest(message).into()
}

/// The digests of messages, in their order.
pub fn digests(messages: &[&[u8]]) -> Vec<Digest> {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx512) = avx512::Avx512::detect() {
        return avx512.digests(messages);
    }
    messages.iter().map(|m| Sha512::digest(m).into()).collect()
}

/// How many messages [`digests`] works on at once here; 1 if it takes one after the other.
pub fn lanes() -> usize {
    #[cfg(target_arch = "x86_64")]
    if avx512::Avx512::detect().is_some() {
        return avx512::LANES;
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: usize, seed: u64) -> Vec<u8> {
        let mut x = seed | 1;
        let next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x as u8
        };
        std::iter::repeat_with(next).take(len).collect()
    }

    #[test]
    fn every_length_around_the_padding_is_as_the_reference_says() {
        for len in (0..520).chain([4095, 4096, 4800, 65_535, 65_536]) {
            let message = message(len, len as u64 + 7);
            let reference: Digest = Sha512::digest(&message).into();
            assert_eq!(digest(&message), reference, "{len} bytes");
        }
    }

    #[test]
    fn messages_of_any_number_and_length_keep_their_digests() {
        let mut x = 0x9e37_79b9_7f4a_7c15u64;
        for count in 0..70 {
            let messages: Vec<Vec<u8>> = (0..count)
                .map(|i| {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i);
                    let most = [4, 200, 5_000, 20_000][(x >> 60) as usize % 4];
                    message((x >> 33) as usize % most, x)
                })
                .collect();
            let views: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let reference: Vec<Digest> = views.iter().map(|m| Sha512::digest(m).into()).collect();
            assert_eq!(digests(&views), reference, "{count} messages");
        }
    }

    /// FIPS 180-4's examples, so that the reference is not only itself.
    #[test]
    fn the_standards_examples() {
        let hex = |d: Digest| d.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let abc = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                   2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert_eq!(hex(digest(b"abc")), abc);
        let long = "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018\
                    501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909";
        let text = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
        assert_eq!(hex(digest(text)), long);
        assert_eq!(hex(digests(&[text, b"abc", b""])[1]), abc);
    }
}
