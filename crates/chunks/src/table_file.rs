//! Table files: records, then an index sorted by address prefix (spec 01 §4).

use std::path::{Path, PathBuf};

use crate::finished_file::{copy_range, read_end};
use crate::table_index::{FOOTER, footer_tail_len};
use crate::{
    Access, Chunk, ChunkError, Directory, DiskFile, Hash, MAX_CHUNK, Result, TableIndex, record,
};

/// The largest record: a chunk that does not compress.
const MAX_RECORD: u64 = (MAX_CHUNK + MAX_CHUNK / 6 + 64) as u64;

/// A table file: its index is in memory, its records are read when they are asked for. Nothing is
/// mapped: a file that somebody cuts short gives an error.
pub struct TableFile {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    size: u64,
    index: TableIndex<Vec<u8>>,
}

impl TableFile {
    /// Opens a table file and checks its footer, not its records.
    pub fn open(dir: &Directory, name: &str) -> Result<TableFile> {
        let path = dir.at(name);
        let file = dir.open(name, Access::Read)?;
        let (size, mut end) = read_end(&*file, &path, FOOTER as u64)?;
        if let Some(tail) = footer_tail_len(&end) {
            (_, end) = read_end(&*file, &path, tail)?;
        }
        let index = TableIndex::new(end, size).map_err(|reason| ChunkError::BadTable {
            path: path.clone(),
            reason: reason.to_owned(),
        })?;
        Ok(TableFile {
            path,
            file,
            size,
            index,
        })
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether it holds no chunk.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of the file.
    pub fn file_size(&self) -> u64 {
        self.size
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn bad(&self, reason: &str) -> ChunkError {
        ChunkError::BadTable {
            path: self.path.clone(),
            reason: reason.to_owned(),
        }
    }

    fn find(&self, hash: &Hash) -> Result<Option<usize>> {
        self.index.find(hash).map_err(|reason| self.bad(reason))
    }

    fn record(&self, ordinal: usize) -> Result<Vec<u8>> {
        let range = self.index.range(ordinal);
        let range = range.map_err(|reason| self.bad(reason))?;
        let len = range.end - range.start;
        if len > MAX_RECORD {
            return Err(self.bad("record is larger than any chunk"));
        }
        let mut bytes = vec![0; len as usize];
        self.file
            .read_exact_at(&mut bytes, range.start)
            .map_err(|e| ChunkError::io("read", &self.path, e))?;
        Ok(bytes)
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
        let record = self.record(ordinal)?;
        let chunk = record::decode(*hash, &record, file)?;
        Ok(Some(chunk.with_record(record.into())))
    }

    /// Bytes of the records one behind the other.
    pub(crate) fn data_len(&self) -> u64 {
        self.index.records_len()
    }

    /// The records one behind the other, a part at a time.
    pub(crate) fn copy(&self, write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        copy_range(&*self.file, &self.path, 0..self.data_len(), write)
    }

    /// Bytes of all chunks before compression, as the footer has it.
    pub(crate) fn uncompressed(&self) -> u64 {
        self.index.uncompressed()
    }

    /// Addresses and lengths of the records, in the order in which they lie in the file.
    pub(crate) fn entries(&self) -> Result<Vec<(Hash, u32)>> {
        self.index.entries().map_err(|reason| self.bad(reason))
    }

    /// The addresses of all chunks, sorted by prefix.
    pub fn hashes(&self) -> impl Iterator<Item = Result<Hash>> + '_ {
        let hashes = self.index.hashes();
        hashes.map(|hash| hash.map_err(|reason| self.bad(reason)))
    }
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
