use std::sync::{PoisonError, RwLock};

use crate::{Chunk, ChunkError, ChunkStore, Hash, HashMap, Lsn, Result};

/// A store that lives as long as the process: tests, temporary databases.
#[derive(Default)]
pub struct MemoryStore {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    chunks: HashMap<Chunk>,
    root: Hash,
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
}
