use std::sync::{PoisonError, RwLock};

use crate::{Chunk, ChunkError, ChunkFile, ChunkStore, Hash, HashMap, Lsn, Result, Spec};

/// A store that lives as long as the process: tests, temporary databases.
#[derive(Default)]
pub struct MemoryStore {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    chunks: HashMap<Chunk>,
    root: Hash,
    /// Finished files that are not listed yet, by name.
    unlisted: HashMap<Vec<Chunk>>,
}

/// A file of chunks, as far as memory has files.
struct MemoryFile<'s> {
    store: &'s MemoryStore,
    chunks: Vec<Chunk>,
    size: u64,
}

impl ChunkFile for MemoryFile<'_> {
    fn append(&mut self, chunk: &Chunk) -> Result<()> {
        self.size += chunk.bytes().len() as u64;
        self.chunks.push(chunk.clone());
        Ok(())
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn finish(self: Box<Self>) -> Result<Spec> {
        let names: Vec<u8> = self.chunks.iter().flat_map(|c| c.hash().0).collect();
        let spec = Spec {
            name: Hash::of(&names),
            chunks: self.chunks.len() as u32,
        };
        self.store.write().unlisted.insert(spec.name, self.chunks);
        Ok(spec)
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// How many chunks it holds.
    pub fn len(&self) -> usize {
        self.read().chunks.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The addresses of all chunks.
    pub fn hashes(&self) -> Vec<Hash> {
        self.read().chunks.keys().copied().collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChunkStore for MemoryStore {
    fn get(&self, hash: &Hash) -> Result<Option<Chunk>> {
        Ok(self.read().chunks.get(hash).cloned())
    }

    fn has(&self, hash: &Hash) -> Result<bool> {
        Ok(self.read().chunks.contains_key(hash))
    }

    fn put(&self, chunk: Chunk) -> Result<()> {
        if chunk.bytes().is_empty() {
            return Err(ChunkError::EmptyChunk);
        }
        self.write().chunks.insert(chunk.hash(), chunk);
        Ok(())
    }

    fn root(&self) -> Result<Hash> {
        Ok(self.read().root)
    }

    fn append_root(&self, new: Hash, last: Hash) -> Result<Option<Lsn>> {
        let mut inner = self.write();
        if inner.root != last {
            return Ok(None);
        }
        inner.root = new;
        Ok(Some(0))
    }

    fn sync(&self, _lsn: Lsn) -> Result<()> {
        Ok(())
    }

    fn begin_file(&self) -> Result<Box<dyn ChunkFile + '_>> {
        Ok(Box::new(MemoryFile {
            store: self,
            chunks: Vec::new(),
            size: 0,
        }))
    }

    fn list_files(&self, files: &[Spec]) -> Result<()> {
        let mut inner = self.write();
        for spec in files {
            for chunk in inner.unlisted.remove(&spec.name).unwrap_or_default() {
                inner.chunks.insert(chunk.hash(), chunk);
            }
        }
        Ok(())
    }
}
