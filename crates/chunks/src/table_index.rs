//! The index that ends a table file (spec 01 §4).

use std::ops::{Deref, Range};
use std::sync::OnceLock;

use crate::{Hash, Spec};

pub(crate) const MAGIC: [u8; 8] = [0xff, 0xb5, 0xd8, 0xc2, 0x24, 0x63, 0xee, 0x50];
pub(crate) const FOOTER: usize = 20;
/// Bytes of the index per chunk: prefix and ordinal, length, suffix.
pub(crate) const INDEX_ENTRY: usize = 28;
/// Offsets of records are remembered for one record in this many.
const OFFSET_STRIDE: usize = 64;

/// The end of a table file: where its records lie. `B` holds the file, or no more of it than the
/// index and the footer.
pub struct TableIndex<B> {
    bytes: B,
    count: usize,
    /// Where the index starts in `bytes`.
    index: usize,
    /// Where it starts in the file.
    records: u64,
    /// Offset of every record number divisible by [`OFFSET_STRIDE`]; summed at first use.
    offsets: OnceLock<Result<Vec<u64>, &'static str>>,
}

/// Bytes that a table file of this name ends with.
pub fn tail_len(spec: Spec) -> u64 {
    INDEX_ENTRY as u64 * u64::from(spec.chunks) + FOOTER as u64
}

/// Bytes of index and footer of a file with this footer; none if it is no table file's.
pub(crate) fn footer_tail_len(footer: &[u8]) -> Option<u64> {
    let is_ours = footer.len() == FOOTER && footer.ends_with(&MAGIC);
    is_ours.then(|| {
        INDEX_ENTRY as u64
            * u64::from(u32::from_be_bytes([
                footer[0], footer[1], footer[2], footer[3],
            ]))
            + FOOTER as u64
    })
}

impl<B: Deref<Target = [u8]>> TableIndex<B> {
    /// Reads the footer at the end of `bytes`, which are the last ones of a file of `file_size`.
    pub fn new(bytes: B, file_size: u64) -> Result<TableIndex<B>, &'static str> {
        let Some(footer) = bytes.len().checked_sub(FOOTER).map(|at| &bytes[at..]) else {
            return Err("shorter than its footer");
        };
        if footer[12..] != MAGIC {
            return Err(match bytes.ends_with(b"DOLTARC") {
                true => "unsupported table file format",
                false => "no magic number",
            });
        }
        let count = be32(footer, 0) as usize;
        let tail = INDEX_ENTRY * count + FOOTER;
        let index = bytes.len().checked_sub(tail);
        let records = file_size.checked_sub(tail as u64);
        let (Some(index), Some(records)) = (index, records) else {
            return Err("index is larger than the file");
        };
        Ok(TableIndex {
            bytes,
            count,
            index,
            records,
            offsets: OnceLock::new(),
        })
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no chunk.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn prefix(&self, i: usize) -> u64 {
        be64(&self.bytes, self.index + 12 * i)
    }

    fn suffix(&self, ordinal: usize) -> &[u8] {
        let at = self.index + 16 * self.count + 12 * ordinal;
        &self.bytes[at..at + 12]
    }

    fn record_len(&self, ordinal: usize) -> u64 {
        be32(&self.bytes, self.index + 12 * self.count + 4 * ordinal).into()
    }

    fn ordinal(&self, i: usize) -> Result<usize, &'static str> {
        let ordinal = be32(&self.bytes, self.index + 12 * i + 8) as usize;
        match ordinal < self.count {
            true => Ok(ordinal),
            false => Err("index names a record that is not there"),
        }
    }

    /// Number of a chunk's record.
    pub fn find(&self, hash: &Hash) -> Result<Option<usize>, &'static str> {
        let prefix = hash.prefix();
        let (mut lo, mut hi) = (0, self.count);
        while lo < hi {
            let mid = lo + (hi - lo) / 2;
            if self.prefix(mid) < prefix {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        while lo < self.count && self.prefix(lo) == prefix {
            let ordinal = self.ordinal(lo)?;
            if self.suffix(ordinal) == hash.suffix() {
                return Ok(Some(ordinal));
            }
            lo += 1;
        }
        Ok(None)
    }

    fn offsets(&self) -> Result<&[u64], &'static str> {
        let offsets = self.offsets.get_or_init(|| {
            let mut offsets = Vec::with_capacity(self.count / OFFSET_STRIDE + 1);
            let mut at = 0u64;
            for ordinal in 0..self.count {
                if ordinal % OFFSET_STRIDE == 0 {
                    offsets.push(at);
                }
                at += self.record_len(ordinal);
            }
            match at == self.records {
                true => Ok(offsets),
                false => Err("records do not end where the index starts"),
            }
        });
        offsets.as_deref().map_err(|reason| *reason)
    }

    /// Where a record lies in the file.
    pub fn range(&self, ordinal: usize) -> Result<Range<u64>, &'static str> {
        let from = ordinal - ordinal % OFFSET_STRIDE;
        let start = self.offsets()?[ordinal / OFFSET_STRIDE]
            + (from..ordinal).map(|i| self.record_len(i)).sum::<u64>();
        // `offsets` checked that the sum of all lengths is the start of the index.
        Ok(start..start + self.record_len(ordinal))
    }

    /// Bytes of the records in front of the index.
    pub(crate) fn records_len(&self) -> u64 {
        self.records
    }

    /// Bytes of all chunks before compression, as the footer has it.
    pub(crate) fn uncompressed(&self) -> u64 {
        be64(&self.bytes, self.bytes.len() - FOOTER + 4)
    }

    /// Addresses and lengths of the records, in the order in which they lie in the file.
    pub(crate) fn entries(&self) -> Result<Vec<(Hash, u32)>, &'static str> {
        // Checks that the lengths add up to the data.
        self.offsets()?;
        let mut entries = vec![(Hash::EMPTY, 0); self.count];
        for i in 0..self.count {
            let ordinal = self.ordinal(i)?;
            let (hash, len) = &mut entries[ordinal];
            hash.0[..8].copy_from_slice(&self.prefix(i).to_be_bytes());
            hash.0[8..].copy_from_slice(self.suffix(ordinal));
            *len = self.record_len(ordinal) as u32;
        }
        match entries.iter().any(|(_, len)| *len == 0) {
            true => Err("index leaves out a record"),
            false => Ok(entries),
        }
    }

    /// The addresses of all chunks, sorted by prefix.
    pub fn hashes(&self) -> impl Iterator<Item = Result<Hash, &'static str>> + '_ {
        (0..self.count).map(|i| {
            let ordinal = self.ordinal(i)?;
            let mut hash = Hash::EMPTY;
            hash.0[..8].copy_from_slice(&self.prefix(i).to_be_bytes());
            hash.0[8..].copy_from_slice(self.suffix(ordinal));
            Ok(hash)
        })
    }
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
