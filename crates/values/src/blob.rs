//! Bytes stored outside their tuple, by the address of a blob tree (spec 02 §14).

use crate::{Error, Result};

/// Address of a chunk.
pub type Address = [u8; 20];

/// Reads what an address stands for.
pub trait BlobSource: Send + Sync {
    /// All bytes of the blob tree at `address`.
    fn read(&self, address: &Address) -> Result<Vec<u8>>;

    /// Text of the JSON document at `address`, a blob tree or an indexed document (spec 02 §15).
    fn read_json(&self, address: &Address) -> Result<Vec<u8>> {
        self.read(address)
    }
}

/// Stores bytes outside the tuple.
pub trait BlobSink {
    /// Writes a blob tree and returns its address.
    fn write(&self, bytes: &[u8]) -> Result<Address>;

    /// Writes a JSON document for encoding 24.
    fn write_json(&self, text: &[u8]) -> Result<Address> {
        self.write(text)
    }
}

/// A source and sink for tuples that hold everything inline.
pub struct NoBlobs;

impl BlobSource for NoBlobs {
    fn read(&self, _: &Address) -> Result<Vec<u8>> {
        Err(Error::Blob("no store to read from".into()))
    }
}

impl BlobSink for NoBlobs {
    fn write(&self, _: &[u8]) -> Result<Address> {
        Err(Error::Blob("no store to write to".into()))
    }
}

/// Reads `address`; the zero address is the empty value.
pub(crate) fn read(source: &dyn BlobSource, address: &Address) -> Result<Vec<u8>> {
    if *address == [0; 20] {
        return Ok(Vec::new());
    }
    source.read(address)
}

/// Writes `bytes`; the empty value has the zero address.
pub(crate) fn write(sink: &dyn BlobSink, bytes: &[u8]) -> Result<Address> {
    if bytes.is_empty() {
        return Ok([0; 20]);
    }
    sink.write(bytes)
}

/// Appends `x` as an SQLite4 varint (spec 02 §6).
pub fn push_varint(x: u64, out: &mut Vec<u8>) {
    match x {
        0..=240 => out.push(x as u8),
        241..=2287 => {
            let y = x - 240;
            out.extend_from_slice(&[(y / 256 + 241) as u8, (y % 256) as u8]);
        }
        2288..=67823 => {
            out.push(249);
            out.extend_from_slice(&((x - 2288) as u16).to_be_bytes());
        }
        _ => {
            let bytes = x.to_be_bytes();
            let skip = (x.leading_zeros() / 8).min(5) as usize;
            out.push((247 + 8 - skip) as u8);
            out.extend_from_slice(&bytes[skip..]);
        }
    }
}

/// Reads an SQLite4 varint: the number and its length in bytes.
pub fn read_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    match first {
        0..=240 => Some((u64::from(first), 1)),
        241..=248 => {
            let low = u64::from(*bytes.get(1)?);
            Some((240 + 256 * u64::from(first - 241) + low, 2))
        }
        249 => {
            let b = bytes.get(1..3)?;
            Some((2288 + 256 * u64::from(b[0]) + u64::from(b[1]), 3))
        }
        _ => {
            let n = usize::from(first - 247);
            let b = bytes.get(1..=n)?;
            Some((b.iter().fold(0, |x, &b| x << 8 | u64::from(b)), n + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints() {
        let mut out = Vec::new();
        push_varint(12345, &mut out);
        assert_eq!(out, [0xf9, 0x27, 0x49]);
        let mut last = Vec::new();
        for x in [
            0,
            1,
            240,
            241,
            2287,
            2288,
            67823,
            67824,
            1 << 24,
            1 << 32,
            u64::MAX,
        ] {
            let mut b = Vec::new();
            push_varint(x, &mut b);
            assert_eq!(read_varint(&b), Some((x, b.len())), "{x}");
            assert_eq!(read_varint(&b[..b.len() - 1]), None);
            assert!(x == 0 || b > last, "varints keep the order of numbers");
            last = b;
        }
    }
}
