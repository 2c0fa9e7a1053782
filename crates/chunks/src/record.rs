//! A chunk as files keep it: snappy block and CRC32C (spec 01 §3).

use bytes::Bytes;

use crate::{Chunk, ChunkError, Hash, Result};

/// Largest chunk that is read or written, uncompressed: a message with its 24-bit length.
pub const MAX_CHUNK: usize = (1 << 24) + 3;

/// The record of a chunk.
pub(crate) fn of(chunk: &Chunk) -> Result<Vec<u8>> {
    let bytes = chunk.bytes();
    match chunk.is_dense() && (1..=MAX_LITERAL).contains(&bytes.len()) {
        true => Ok(literal(bytes)),
        false => encode(bytes),
    }
}

/// Longest literal whose length fits in two bytes.
const MAX_LITERAL: usize = 1 << 16;
/// Tag of a literal whose length, less one, follows in two bytes.
const LITERAL_TAG: u8 = 61 << 2;

/// A snappy block that holds the bytes as they are.
fn literal(bytes: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(bytes.len() + 10);
    let mut len = bytes.len();
    while len >= 0x80 {
        record.push(len as u8 | 0x80);
        len >>= 7;
    }
    record.push(len as u8);
    record.push(LITERAL_TAG);
    record.extend_from_slice(&((bytes.len() - 1) as u16).to_le_bytes());
    record.extend_from_slice(bytes);
    let crc = crc32c::crc32c(&record);
    record.extend_from_slice(&crc.to_be_bytes());
    record
}

/// Compresses a chunk's bytes.
pub(crate) fn encode(bytes: &[u8]) -> Result<Vec<u8>> {
    if bytes.is_empty() {
        return Err(ChunkError::EmptyChunk);
    }
    if bytes.len() > MAX_CHUNK {
        return Err(ChunkError::TooLarge {
            size: bytes.len(),
            limit: MAX_CHUNK,
        });
    }
    Ok(COMPRESSOR.with_borrow_mut(|Compressor { encoder, out }| {
        let most = snap::raw::max_compress_len(bytes.len());
        if out.len() < most {
            out.resize(most, 0);
        }
        let n = encoder
            .compress(bytes, out)
            .expect("the buffer has the maximum size");
        let mut record = Vec::with_capacity(n + 4);
        record.extend_from_slice(&out[..n]);
        record.extend_from_slice(&crc32c::crc32c(&out[..n]).to_be_bytes());
        if out.len() > KEPT_BUFFER {
            *out = Vec::new();
        }
        record
    }))
}

/// Longest output buffer that a thread keeps between chunks.
const KEPT_BUFFER: usize = 1 << 20;

/// What is worth keeping between chunks: the encoder's hash table, and space for its output.
struct Compressor {
    encoder: snap::raw::Encoder,
    out: Vec<u8>,
}

thread_local! {
    static COMPRESSOR: std::cell::RefCell<Compressor> = std::cell::RefCell::new(Compressor {
        encoder: snap::raw::Encoder::new(),
        out: Vec::new(),
    });
}

/// Checks and decompresses the record of a table file; `file` names it for errors.
pub fn decode(hash: Hash, record: &[u8], file: impl Fn() -> String) -> Result<Chunk> {
    let bad = |reason: String| ChunkError::BadChunk {
        hash,
        file: file(),
        reason,
    };
    let Some((block, crc)) = record.split_last_chunk::<4>() else {
        return Err(bad("record is too short".into()));
    };
    if crc32c::crc32c(block) != u32::from_be_bytes(*crc) {
        return Err(bad("CRC does not match".into()));
    }
    let len = snap::raw::decompress_len(block).map_err(|e| bad(e.to_string()))?;
    if len > MAX_CHUNK {
        return Err(bad(format!("{len} bytes exceed the largest chunk")));
    }
    let mut out = vec![0; len];
    let n = snap::raw::Decoder::new()
        .decompress(block, &mut out)
        .map_err(|e| bad(e.to_string()))?;
    if n == 0 {
        return Err(bad("chunk is empty".into()));
    }
    out.truncate(n);
    Ok(Chunk::with_hash(hash, Bytes::from(out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_chunks_are_blocks_that_any_reader_of_snappy_reads() {
        for len in [1, 2, 100, 127, 128, 5000, MAX_LITERAL, MAX_LITERAL + 1] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7 % 251) as u8).collect();
            let chunk = Chunk::new(bytes.clone()).dense();
            let record = of(&chunk).unwrap();
            let block = &record[..record.len() - 4];
            assert_eq!(
                snap::raw::Decoder::new().decompress_vec(block).unwrap(),
                bytes
            );
            assert_eq!(
                decode(chunk.hash(), &record, || "test".into()).unwrap(),
                chunk
            );
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let bytes = b"abcabcabcabcabcabc-0123456789".repeat(20);
        let hash = Hash::of(&bytes);
        let record = encode(&bytes).unwrap();
        assert!(record.len() < bytes.len());
        let file = || "test".to_owned();
        assert_eq!(decode(hash, &record, file).unwrap().bytes(), bytes);
        for at in 0..record.len() {
            for bit in 0..8 {
                let mut damaged = record.clone();
                damaged[at] ^= 1 << bit;
                assert!(decode(hash, &damaged, file).is_err());
            }
        }
        for cut in 0..record.len() {
            assert!(decode(hash, &record[..cut], file).is_err());
        }
        assert!(encode(b"").is_err());
    }
}
