use std::sync::Arc;

use chunks::{Chunk, ChunkStore, Hash, MemoryStore};

use crate::node_cache::{CacheFigures, NodeCache};
use crate::{Node, ProllyError, Result};

/// A leaf that is to be stored.
pub(crate) enum NewLeaf {
    /// Nobody is expected to read it soon.
    Message(Vec<u8>),
    /// It stays in the cache, for whoever reads what has just been changed.
    Node(Node),
}

impl NewLeaf {
    fn message(&self) -> &[u8] {
        match self {
            NewLeaf::Message(message) => message,
            NewLeaf::Node(node) => node.message(),
        }
    }
}

/// Reads and writes nodes, keeping those that are used in memory. Clones share everything.
#[derive(Clone)]
pub struct NodeStore {
    chunks: Arc<dyn ChunkStore>,
    cache: Arc<NodeCache>,
}

impl NodeStore {
    /// Nodes in `chunks`, with a cache of that many bytes.
    pub fn new(chunks: Arc<dyn ChunkStore>, cache_bytes: usize) -> NodeStore {
        NodeStore {
            chunks,
            cache: Arc::new(NodeCache::new(cache_bytes)),
        }
    }

    /// A store that lives as long as the process.
    pub fn in_memory() -> NodeStore {
        NodeStore::new(Arc::new(MemoryStore::new()), 64 << 20)
    }

    /// The same cache over other chunks that hold all that these hold (a session's scratch
    /// space, say).
    pub fn over(&self, chunks: Arc<dyn ChunkStore>) -> NodeStore {
        NodeStore {
            chunks,
            cache: self.cache.clone(),
        }
    }

    /// The chunks.
    pub fn chunks(&self) -> &Arc<dyn ChunkStore> {
        &self.chunks
    }

    /// What the cache holds, and how often it had what was asked for.
    pub fn cache_figures(&self) -> CacheFigures {
        self.cache.figures()
    }

    /// The node at an address.
    pub fn read(&self, hash: &Hash) -> Result<Arc<Node>> {
        if let Some(node) = self.cache.get(hash) {
            return Ok(node);
        }
        let chunk = self.read_chunk(hash)?;
        let node = Arc::new(Node::read(chunk.shared(), *hash)?);
        self.cache.insert(node.clone());
        Ok(node)
    }

    /// Brings several nodes into the cache with one request to the store.
    pub fn prefetch(&self, hashes: &[Hash]) -> Result<()> {
        let wanted: Vec<Hash> = hashes
            .iter()
            .filter(|h| self.cache.get(h).is_none())
            .copied()
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        for chunk in self.chunks.get_many(&wanted)?.into_iter().flatten() {
            let node = Node::read(chunk.shared(), chunk.hash())?;
            self.cache.insert(Arc::new(node));
        }
        Ok(())
    }

    /// A chunk that must be there.
    pub fn read_chunk(&self, hash: &Hash) -> Result<Chunk> {
        self.chunks.get(hash)?.ok_or(ProllyError::Missing(*hash))
    }

    /// Stores a message and gives its address.
    pub fn write(&self, message: Vec<u8>) -> Result<Hash> {
        let chunk = Chunk::new(message);
        let hash = chunk.hash();
        self.chunks.put(chunk)?;
        Ok(hash)
    }

    /// Stores the message of a node above the leaves, which stays in the cache.
    pub(crate) fn write_inner(&self, message: Vec<u8>) -> Result<Hash> {
        let node = Arc::new(Node::embedded(message)?);
        self.write_tree_node(node.clone())?;
        Ok(node.hash())
    }

    /// Stores leaves, which cost less to hash together, and gives their addresses.
    pub(crate) fn write_leaves(&self, leaves: Vec<NewLeaf>) -> Result<Vec<Hash>> {
        let messages: Vec<&[u8]> = leaves.iter().map(NewLeaf::message).collect();
        let hashes = Hash::of_each(&messages);
        for (hash, leaf) in hashes.iter().zip(leaves) {
            match leaf {
                NewLeaf::Message(message) => self.chunks.put(Chunk::with_hash(*hash, message))?,
                NewLeaf::Node(node) => self.write_tree_node(Arc::new(node.with_hash(*hash)))?,
            }
        }
        Ok(hashes)
    }

    /// Stores a tree's node and leaves it in the cache. Nodes above the leaves are mostly
    /// addresses, which nothing makes shorter.
    pub(crate) fn write_tree_node(&self, node: Arc<Node>) -> Result<()> {
        let chunk = Chunk::with_hash(node.hash(), node.message().clone());
        let chunk = if node.is_leaf() { chunk } else { chunk.dense() };
        self.chunks.put(chunk)?;
        self.cache.insert(node);
        Ok(())
    }

    /// Drops a node from the cache that is not expected to be read again.
    pub(crate) fn forget(&self, hash: &Hash) {
        self.cache.remove(hash);
    }

    /// Stores a node.
    pub fn write_node(&self, node: &Arc<Node>) -> Result<Hash> {
        self.chunks
            .put(Chunk::with_hash(node.hash(), node.message().clone()))?;
        self.cache.insert(node.clone());
        Ok(node.hash())
    }
}
