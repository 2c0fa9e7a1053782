//! Table files: records, then an index sorted by address prefix (spec 01 §4).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;

use crate::{Chunk, ChunkError, Directory, Hash, Result, record};

pub(crate) const MAGIC: [u8; 8] = [0xff, 0xb5, 0xd8, 0xc2, 0x24, 0x63, 0xee, 0x50];
pub(crate) const FOOTER: usize = 20;
/// Offsets of records are remembered for one record in this many.
const OFFSET_STRIDE: usize = 64;

/// A table file, mapped.
pub struct TableFile {
    path: PathBuf,
    map: Bytes,
    count: usize,
    /// Where the records end and the index starts.
    index: usize,
    /// Offset of every record number divisible by [`OFFSET_STRIDE`]; summed at first use.
    offsets: OnceLock<Result<Vec<u64>>>,
}

impl TableFile {
    /// Opens a table file and checks its footer, not its records.
    pub fn open(dir: &Directory, name: &str) -> Result<TableFile> {
        let map = dir.map(name)?;
        let path = dir.at(name);
        let bad = |reason: &str| ChunkError::BadTable {
            path: path.clone(),
            reason: reason.to_owned(),
        };
        let Some(footer) = map.len().checked_sub(FOOTER).map(|at| &map[at..]) else {
            return Err(bad("shorter than its footer"));
        };
        if footer[12..] != MAGIC {
            if map.ends_with(b"DOLTARC") {
                return Err(bad("unsupported table file format"));
            }
            return Err(bad("no magic number"));
        }
        let count = be32(footer, 0) as usize;
        let index = (map.len() - FOOTER)
            .checked_sub(28 * count)
            .ok_or_else(|| bad("index is larger than the file"))?;
        Ok(TableFile {
            path,
            map,
            count,
            index,
            offsets: OnceLock::new(),
        })
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it holds no chunk.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the file.
    pub fn file_size(&self) -> u64 {
        self.map.len() as u64
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn prefix(&self, i: usize) -> u64 {
        be64(&self.map, self.index + 12 * i)
    }

    fn suffix(&self, ordinal: usize) -> &[u8] {
        let at = self.index + 16 * self.count + 12 * ordinal;
        &self.map[at..at + 12]
    }

    fn record_len(&self, ordinal: usize) -> usize {
        be32(&self.map, self.index + 12 * self.count + 4 * ordinal) as usize
    }

    fn bad(&self, reason: impl Into<String>) -> ChunkError {
        ChunkError::BadTable {
            path: self.path.clone(),
            reason: reason.into(),
        }
    }

    /// Ordinal of a chunk's record.
    fn find(&self, hash: &Hash) -> Result<Option<usize>> {
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
            let ordinal = be32(&self.map, self.index + 12 * lo + 8) as usize;
            if ordinal >= self.count {
                return Err(self.bad("index names a record that is not there"));
            }
            if self.suffix(ordinal) == hash.suffix() {
                return Ok(Some(ordinal));
            }
            lo += 1;
        }
        Ok(None)
    }

    fn offsets(&self) -> Result<&[u64]> {
        self.offsets
            .get_or_init(|| {
                let mut offsets = Vec::with_capacity(self.count / OFFSET_STRIDE + 1);
                let mut at = 0u64;
                for ordinal in 0..self.count {
                    if ordinal % OFFSET_STRIDE == 0 {
                        offsets.push(at);
                    }
                    at += self.record_len(ordinal) as u64;
                }
                if at != self.index as u64 {
                    return Err(self.bad("records do not end where the index starts"));
                }
                Ok(offsets)
            })
            .as_deref()
            .map_err(Clone::clone)
    }

    fn record(&self, ordinal: usize) -> Result<&[u8]> {
        let from = ordinal - ordinal % OFFSET_STRIDE;
        let start = self.offsets()?[ordinal / OFFSET_STRIDE] as usize
            + (from..ordinal).map(|i| self.record_len(i)).sum::<usize>();
        // `offsets` checked that the sum of all lengths is the start of the index.
        Ok(&self.map[start..start + self.record_len(ordinal)])
    }

    /// Whether it has a chunk.
    pub fn has(&self, hash: &Hash) -> Result<bool> {
        Ok(self.find(hash)?.is_some())
    }

    /// A chunk.
    pub fn get(&self, hash: &Hash) -> Result<Option<Chunk>> {
        let Some(ordinal) = self.find(hash)? else {
            return Ok(None);
        };
        let file = || self.path.display().to_string();
        record::decode(*hash, self.record(ordinal)?, file).map(Some)
    }

    /// The compressed record of a chunk, for copying it as it is.
    pub fn record_of(&self, hash: &Hash) -> Result<Option<&[u8]>> {
        self.find(hash)?.map(|o| self.record(o)).transpose()
    }

    /// The records one behind the other.
    pub(crate) fn data(&self) -> &[u8] {
        &self.map[..self.index]
    }

    /// Bytes of all chunks before compression, as the footer has it.
    pub(crate) fn uncompressed(&self) -> u64 {
        be64(&self.map, self.map.len() - FOOTER + 4)
    }

    /// Addresses and lengths of the records, in the order in which they lie in the file.
    pub(crate) fn entries(&self) -> Result<Vec<(Hash, u32)>> {
        // Checks that the lengths add up to the data.
        self.offsets()?;
        let mut entries = vec![(Hash::EMPTY, 0); self.count];
        for i in 0..self.count {
            let ordinal = be32(&self.map, self.index + 12 * i + 8) as usize;
            let Some((hash, len)) = entries.get_mut(ordinal) else {
                return Err(self.bad("index names a record that is not there"));
            };
            hash.0[..8].copy_from_slice(&self.prefix(i).to_be_bytes());
            hash.0[8..].copy_from_slice(self.suffix(ordinal));
            *len = self.record_len(ordinal) as u32;
        }
        match entries.iter().any(|(_, len)| *len == 0) {
            true => Err(self.bad("index leaves out a record")),
            false => Ok(entries),
        }
    }

    /// The addresses of all chunks, sorted by prefix.
    pub fn hashes(&self) -> impl Iterator<Item = Result<Hash>> + '_ {
        (0..self.count).map(|i| {
            let ordinal = be32(&self.map, self.index + 12 * i + 8) as usize;
            if ordinal >= self.count {
                return Err(self.bad("index names a record that is not there"));
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_table_file;

    #[test]
    fn what_is_written_is_found() {
        let dir = crate::file_store::tests::temp_dir("table");
        let chunks: Vec<Chunk> = (0..500u32)
            .map(|i| Chunk::new(i.to_be_bytes().repeat(1 + i as usize % 9)))
            .collect();
        let place = Directory::local(&dir);
        let spec = write_table_file(&place, &chunks).unwrap();
        let path = dir.join(spec.name.to_string());
        let table = TableFile::open(&place, &spec.name.to_string()).unwrap();
        assert_eq!((table.len(), spec.chunks), (500, 500));
        for c in &chunks {
            assert_eq!(table.get(&c.hash()).unwrap().as_ref(), Some(c));
        }
        assert!(!table.has(&Hash::of(b"absent")).unwrap());
        let listed: Vec<Hash> = table.hashes().collect::<Result<_>>().unwrap();
        assert!(listed.is_sorted() && listed.len() == 500);

        let bytes = std::fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            std::fs::write(dir.join("damaged"), &damaged).unwrap();
            if let Ok(t) = TableFile::open(&place, "damaged") {
                for c in &chunks {
                    if let Ok(Some(found)) = t.get(&c.hash()) {
                        assert_eq!(found.bytes(), c.bytes());
                    }
                }
            }
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
