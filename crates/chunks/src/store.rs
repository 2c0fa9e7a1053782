use crate::{Chunk, Hash, Result, Spec, TableWriter};

/// A point in a store's history of roots; see [`ChunkStore::sync`].
pub type Lsn = u64;

/// Chunks by address, and one root that advances by compare-and-swap.
///
/// A commit has two halves, so that many can share one disk flush: [`append_root`] makes the
/// new root visible to every reader of this store at once, [`sync`] returns when it will survive
/// power loss. Acknowledge nothing to a client before `sync` returned.
///
/// [`append_root`]: ChunkStore::append_root
/// [`sync`]: ChunkStore::sync
pub trait ChunkStore: Send + Sync {
    /// The chunk at an address, if the store has it.
    fn get(&self, hash: &Hash) -> Result<Option<Chunk>>;

    /// The chunks at several addresses, in their order.
    fn get_many(&self, hashes: &[Hash]) -> Result<Vec<Option<Chunk>>> {
        hashes.iter().map(|h| self.get(h)).collect()
    }

    /// Whether the store has a chunk; ghosts count as present (spec 01 §10).
    fn has(&self, hash: &Hash) -> Result<bool>;

    /// Whether the chunk is known to have been left behind by a shallow clone.
    fn is_ghost(&self, _hash: &Hash) -> bool {
        false
    }

    /// Keeps a chunk. Readers see it at once; it is durable with the next synced root.
    fn put(&self, chunk: Chunk) -> Result<()>;

    /// The current root; [`Hash::EMPTY`] in a new store.
    fn root(&self) -> Result<Hash>;

    /// Makes `new` the root if it is still `last`; `None` if it is not.
    fn append_root(&self, new: Hash, last: Hash) -> Result<Option<Lsn>>;

    /// Waits until everything up to `lsn` is durable.
    fn sync(&self, lsn: Lsn) -> Result<()>;

    /// [`append_root`](ChunkStore::append_root) and [`sync`](ChunkStore::sync); whether the root
    /// was still `last`.
    fn commit(&self, new: Hash, last: Hash) -> Result<bool> {
        match self.append_root(new, last)? {
            Some(lsn) => self.sync(lsn).map(|()| true),
            None => Ok(false),
        }
    }

    /// Sees what other processes have committed, where the store allows any.
    fn rebase(&self) -> Result<()> {
        Ok(())
    }

    /// Those of the addresses whose chunks the store lacks, in their order: one round trip where
    /// the store is elsewhere.
    fn absent(&self, hashes: &[Hash]) -> Result<Vec<Hash>> {
        let mut out = Vec::new();
        for hash in hashes {
            if !self.has(hash)? {
                out.push(*hash);
            }
        }
        Ok(out)
    }

    /// Begins a file of chunks for the store, which stay unseen until [`list_files`] names it.
    ///
    /// [`list_files`]: ChunkStore::list_files
    fn begin_file(&self) -> Result<Box<dyn ChunkFile + '_>>;

    /// Makes the chunks of finished files part of the store, durably and all at once.
    fn list_files(&self, files: &[Spec]) -> Result<()>;

    /// Whether writes are refused.
    fn is_read_only(&self) -> bool {
        false
    }
}

/// A file of chunks on its way into a store.
pub trait ChunkFile {
    /// Adds a chunk that the file does not have yet.
    fn append(&mut self, chunk: &Chunk) -> Result<()>;

    /// Bytes that the file would have if it ended here.
    fn size(&self) -> u64;

    /// Ends the file; it is where the store wants it, and durable.
    fn finish(self: Box<Self>) -> Result<Spec>;
}

impl ChunkFile for TableWriter {
    fn append(&mut self, chunk: &Chunk) -> Result<()> {
        TableWriter::append(self, chunk)
    }

    fn size(&self) -> u64 {
        self.file_size()
    }

    fn finish(self: Box<Self>) -> Result<Spec> {
        TableWriter::finish(*self)
    }
}
