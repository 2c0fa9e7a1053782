//! Writing table files, chunk by chunk (spec 01 §4).

use std::borrow::Cow;
use std::io::{BufWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::Appender;
use crate::table_index::{FOOTER, INDEX_ENTRY, MAGIC};
use crate::{Access, Chunk, ChunkError, Directory, Hash, Result, Spec, TableFile, record};

/// Begins the names of files that are being written.
pub(crate) const TEMP_PREFIX: &str = "nbs_table_";

/// Begins the names of the files that this process is writing.
pub(crate) fn own_temp_prefix() -> String {
    format!("{TEMP_PREFIX}{}_", std::process::id())
}

/// A name for a file that is being written.
pub(crate) fn temp_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}{number}", own_temp_prefix())
}

/// A table file that is being written. Chunks go straight to a temporary file; only their
/// addresses and lengths stay in memory, because the index ends the file.
pub struct TableWriter {
    dir: Directory,
    temp: String,
    out: Option<BufWriter<Appender>>,
    entries: Vec<(Hash, u32)>,
    uncompressed: u64,
    records: u64,
}

impl TableWriter {
    /// Begins a table file in a directory.
    pub fn create(dir: &Directory) -> Result<TableWriter> {
        let temp = temp_name();
        let file = Appender::new(dir.open(&temp, Access::Fresh)?);
        Ok(TableWriter {
            dir: dir.clone(),
            temp,
            out: Some(BufWriter::with_capacity(1 << 20, file)),
            entries: Vec::new(),
            uncompressed: 0,
            records: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let out = self
            .out
            .as_mut()
            .expect("present until the file is finished");
        out.write_all(bytes)
            .map_err(|e| ChunkError::io("write", &self.dir.at(&self.temp), e))
    }

    /// Adds a chunk that the file does not have yet.
    pub fn append(&mut self, chunk: &Chunk) -> Result<()> {
        let record = match chunk.record() {
            Some(record) => Cow::Borrowed(record),
            None => Cow::Owned(record::encode(chunk.bytes())?),
        };
        self.write(&record)?;
        self.entries.push((chunk.hash(), record.len() as u32));
        self.uncompressed += chunk.bytes().len() as u64;
        self.records += record.len() as u64;
        Ok(())
    }

    /// Adds all that another file has, as it lies there.
    pub(crate) fn append_file(&mut self, file: &TableFile) -> Result<()> {
        self.entries.extend(file.entries()?);
        file.copy(&mut |part| self.write(part))?;
        self.uncompressed += file.uncompressed();
        self.records += file.data_len();
        Ok(())
    }

    /// Number of chunks so far.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no chunk yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes that the file would have if it ended here.
    pub fn file_size(&self) -> u64 {
        self.records + (INDEX_ENTRY * self.entries.len()) as u64 + FOOTER as u64
    }

    /// Writes the index, makes the file durable but for its directory entry, gives it its name,
    /// and tells what a manifest says of it.
    pub fn finish(mut self) -> Result<Spec> {
        let entries = std::mem::take(&mut self.entries);
        let mut order: Vec<u32> = (0..entries.len() as u32).collect();
        order.sort_by_key(|&i| entries[i as usize].0);
        let mut index = Vec::with_capacity(INDEX_ENTRY * entries.len() + FOOTER);
        for &i in &order {
            index.extend_from_slice(&entries[i as usize].0.0[..8]);
            index.extend_from_slice(&i.to_be_bytes());
        }
        for (_, len) in &entries {
            index.extend_from_slice(&len.to_be_bytes());
        }
        let suffixes = index.len();
        for (hash, _) in &entries {
            index.extend_from_slice(hash.suffix());
        }
        let name = Hash::of(&index[suffixes..]);
        index.extend_from_slice(&(entries.len() as u32).to_be_bytes());
        index.extend_from_slice(&self.uncompressed.to_be_bytes());
        index.extend_from_slice(&MAGIC);
        self.write(&index)?;
        let io = |e| ChunkError::io("write", &self.dir.at(&self.temp), e);
        let out = self
            .out
            .as_mut()
            .expect("present until the file is finished");
        out.flush().map_err(io)?;
        out.get_ref().sync().map_err(io)?;
        self.dir.rename(&self.temp, &name.to_string())?;
        self.out = None;
        Ok(Spec {
            name,
            chunks: entries.len() as u32,
        })
    }
}

impl Drop for TableWriter {
    fn drop(&mut self) {
        if self.out.take().is_some() {
            // Nobody knows of the file; what is left of it is harmless.
            let _ = self.dir.remove(&self.temp);
        }
    }
}

/// Writes a table file of these chunks (no duplicates) into a directory, durably but for the
/// directory entry, and gives its name and size for a manifest.
pub fn write_table_file<'a>(
    dir: &Directory,
    chunks: impl IntoIterator<Item = &'a Chunk>,
) -> Result<Spec> {
    let mut writer = TableWriter::create(dir)?;
    for chunk in chunks {
        writer.append(chunk)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_given_up_leaves_nothing() {
        let dir = crate::file_store::tests::temp_dir("given-up");
        let place = Directory::local(&dir);
        let mut writer = TableWriter::create(&place).unwrap();
        let chunk = Chunk::new(b"some bytes".to_vec());
        writer.append(&chunk).unwrap();
        assert_eq!((writer.len(), writer.is_empty()), (1, false));
        drop(writer);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
        let mut writer = TableWriter::create(&place).unwrap();
        writer.append(&chunk).unwrap();
        let size = writer.file_size();
        let spec = writer.finish().unwrap();
        let path = dir.join(spec.name.to_string());
        assert_eq!(std::fs::metadata(path).unwrap().len(), size);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
