//! Levels and dictionary numbers: runs and packed bits (`Encodings.md`, RLE/bit-packing hybrid).

use crate::thrift::Input;
use crate::{Error, Result};

/// Bits that numbers up to `most` take.
pub fn width(most: u32) -> u32 {
    32 - most.leading_zeros()
}

/// Reads `count` numbers of `width` bits.
pub fn read(bytes: &[u8], width: u32, count: usize) -> Result<Vec<u32>> {
    if width > 32 {
        return Err(Error::Corrupt("numbers are too wide"));
    }
    let mut out = Vec::new();
    let mut input = Input::new(bytes);
    let mut rest = bytes;
    while out.len() < count {
        let before = input.position();
        let header = input.varint()?;
        rest = rest
            .get(input.position() - before..)
            .ok_or(Error::Corrupt("levels are cut off"))?;
        let missing = count - out.len();
        let used = match header & 1 {
            0 => run(rest, width, header >> 1, missing, &mut out)?,
            _ => packed(rest, width, header >> 1, missing, &mut out)?,
        };
        rest = &rest[used..];
        input = Input::new(rest);
    }
    Ok(out)
}

/// One number many times; gives the bytes that it took.
fn run(bytes: &[u8], width: u32, len: u64, missing: usize, out: &mut Vec<u32>) -> Result<usize> {
    let size = width.div_ceil(8) as usize;
    let found = bytes
        .get(..size)
        .ok_or(Error::Corrupt("levels are cut off"))?;
    if len == 0 {
        return Err(Error::Corrupt("a run without length"));
    }
    let number = found.iter().rev().fold(0u32, |n, b| n << 8 | u32::from(*b));
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(missing);
    out.resize(out.len() + len, number);
    Ok(size)
}

/// Groups of eight numbers; gives the bytes that they took.
fn packed(
    bytes: &[u8],
    width: u32,
    groups: u64,
    missing: usize,
    out: &mut Vec<u32>,
) -> Result<usize> {
    let size = groups.checked_mul(u64::from(width));
    // The last group may be cut where the numbers end.
    let size = size
        .and_then(|s| usize::try_from(s).ok())
        .map(|s| s.min(bytes.len()))
        .ok_or(Error::Corrupt("levels are cut off"))?;
    let count = usize::try_from(groups.saturating_mul(8))
        .unwrap_or(usize::MAX)
        .min(missing);
    if count == 0 {
        return Err(Error::Corrupt("a run without length"));
    }
    if (size as u64).saturating_mul(8) < (count as u64).saturating_mul(u64::from(width)) {
        return Err(Error::Corrupt("levels are cut off"));
    }
    let (mut held, mut bits, mut at) = (0u64, 0, 0);
    for _ in 0..count {
        while bits < width {
            held |= u64::from(bytes[at]) << bits;
            bits += 8;
            at += 1;
        }
        out.push((held & ((1u64 << width) - 1)) as u32);
        held >>= width;
        bits -= width;
    }
    Ok(size)
}

/// Writes levels of one bit as runs.
pub fn write_bits(levels: &[bool]) -> Vec<u8> {
    let mut out = Vec::new();
    for same in levels.chunk_by(|a, b| a == b) {
        let mut header = (same.len() as u64) << 1;
        while header >= 0x80 {
            out.push(header as u8 | 0x80);
            header >>= 7;
        }
        out.push(header as u8);
        out.push(u8::from(same[0]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packed_numbers() {
        let levels: Vec<bool> = (0..1000).map(|i| i % 7 == 0 || i > 500).collect();
        let read_back = read(&write_bits(&levels), 1, levels.len()).expect("levels");
        assert!(
            levels
                .iter()
                .zip(&read_back)
                .all(|(a, b)| u32::from(*a) == *b)
        );
        // The example of Encodings.md: 0 to 7 in three bits each.
        let packed = [0b11, 0x88, 0xc6, 0xfa];
        assert_eq!(
            read(&packed, 3, 8).expect("numbers"),
            [0, 1, 2, 3, 4, 5, 6, 7]
        );
        assert!(read(&packed[..3], 3, 8).is_err());
        assert!(read(&[], 1, 1).is_err());
        assert_eq!(width(0), 0);
        assert_eq!(width(1), 1);
        assert_eq!(width(4), 3);
    }
}
