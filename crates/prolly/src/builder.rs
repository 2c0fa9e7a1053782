//! Building trees from items in order (spec 02 §8).

use std::sync::Arc;

use chunks::Hash;

use crate::leaf_writer::{LeafWriter, Written};
use crate::node_format::PendingNode;
use crate::splitter::{MAX_LEVELS, Splitter};
use crate::store::NewLeaf;
use crate::{Node, NodeFormat, NodeStore, ProllyError, Result};

/// Most bytes of keys and values in one node: offsets are 16 bits.
pub(crate) const MAX_NODE_BYTES: usize = u16::MAX as usize;

/// Builds a tree from items in ascending order, with one unfinished node per level in memory.
///
/// The leaves of a large tree are hashed, compressed and stored by a second thread, a bounded
/// number of them at a time.
pub struct TreeBuilder {
    store: NodeStore,
    format: NodeFormat,
    /// From the level of the first items up.
    levels: Vec<Level>,
    base: usize,
    keeps_leaves: bool,
    /// Leaves on their way to the store, and what comes after them at level 1.
    writer: LeafWriter,
}

struct Level {
    pending: PendingNode,
    splitter: Splitter,
}

impl TreeBuilder {
    /// A tree without items.
    pub fn new(store: &NodeStore, format: &NodeFormat) -> TreeBuilder {
        TreeBuilder::at_level(store, format, 0)
    }

    /// A tree whose items are nodes one level below `base` already.
    pub(crate) fn at_level(store: &NodeStore, format: &NodeFormat, base: usize) -> TreeBuilder {
        TreeBuilder {
            store: store.clone(),
            format: format.clone(),
            levels: Vec::new(),
            base,
            keeps_leaves: false,
            writer: LeafWriter::new(store),
        }
    }

    /// Leaves stay in the store's cache, for whoever reads what has just been changed. Nodes
    /// above them always do.
    pub(crate) fn keep_leaves(&mut self) {
        self.keeps_leaves = true;
    }

    /// Adds an item, whose key must be greater than all before.
    pub fn append(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.push(self.base, key, value, 1)
    }

    /// Adds a node, by its last key, address and number of items, to a level.
    pub(crate) fn append_at(
        &mut self,
        level: usize,
        key: &[u8],
        value: &[u8],
        count: u64,
    ) -> Result<()> {
        if level == 1 && self.writer.is_busy() {
            self.writer.follow(key, value, count);
            return self.take_written(false);
        }
        if level > 1 {
            self.take_written(true)?;
        }
        self.push(level, key, value, count)
    }

    /// Adds leaves that are stored by now to their parents; all of them, if it has to be.
    fn take_written(&mut self, all: bool) -> Result<()> {
        while let Some(Written { key, value, count }) = self.writer.next(all)? {
            self.push(1, &key, &value, count)?;
        }
        Ok(())
    }

    fn push(&mut self, level: usize, key: &[u8], value: &[u8], count: u64) -> Result<()> {
        if level >= MAX_LEVELS {
            return Err(ProllyError::ItemTooLarge(key.len() + value.len()));
        }
        while self.levels.len() <= level - self.base {
            let level = self.base + self.levels.len();
            self.levels.push(Level {
                pending: PendingNode::default(),
                splitter: Splitter::new(level),
            });
        }
        let here = &mut self.levels[level - self.base];
        let len = key.len() + value.len();
        if here.pending.bytes() + len > MAX_NODE_BYTES {
            if len > MAX_NODE_BYTES || (level > 0 && here.pending.len() == 1) {
                return Err(ProllyError::ItemTooLarge(len));
            }
            self.close(level)?;
        }
        let here = &mut self.levels[level - self.base];
        here.pending.push(key, value, count);
        let ends = here.splitter.append(key, value.len());
        if ends && !(level > 0 && here.pending.len() == 1) {
            self.close(level)?;
        }
        Ok(())
    }

    /// Whether a node that starts here at this level, and everything in it, would be built
    /// again just as it is: no level up to it has anything pending.
    pub(crate) fn is_at_boundary(&mut self, level: usize) -> Result<bool> {
        let n = (level + 1).saturating_sub(self.base).min(self.levels.len());
        if self.levels[..n.min(1)]
            .iter()
            .any(|l| !l.pending.is_empty())
        {
            return Ok(false);
        }
        if n > 1 {
            self.take_written(true)?;
        }
        let n = (level + 1).saturating_sub(self.base).min(self.levels.len());
        Ok(self.levels[..n].iter().all(|l| l.pending.is_empty()))
    }

    /// Writes the pending node of a level and adds it to its parent.
    fn close(&mut self, level: usize) -> Result<()> {
        let here = &mut self.levels[level - self.base];
        let message = here.pending.write(&self.format, level as u8)?;
        here.splitter.reset();
        // The parent takes the pending node's last key before it is cleared.
        let mut done = std::mem::take(&mut here.pending);
        match level {
            0 => {
                let leaf = match self.keeps_leaves {
                    true => NewLeaf::Node(Node::embedded(message)?),
                    false => NewLeaf::Message(message),
                };
                self.append_leaf(leaf, done.last_key(), done.len() as u64)?;
            }
            _ => {
                let hash = self.store.write_inner(message)?;
                self.push(level + 1, done.last_key(), &hash.0, done.tree_count())?;
            }
        }
        done.clear();
        self.levels[level - self.base].pending = done;
        Ok(())
    }

    /// Adds a whole leaf, which nobody else has stored: it begins where a leaf does, and ends
    /// where one would, or is the last.
    pub(crate) fn append_leaf(&mut self, leaf: NewLeaf, last_key: &[u8], count: u64) -> Result<()> {
        self.writer.write(leaf, last_key, count)?;
        self.take_written(false)
    }

    /// Completes the tree and gives its root, which is **not stored**: roots are often embedded
    /// in other messages. Call [`NodeStore::write_node`] if it will be read by its address.
    pub fn finish(mut self) -> Result<Arc<Node>> {
        self.take_written(true)?;
        if self.levels.is_empty() {
            self.levels.push(Level {
                pending: PendingNode::default(),
                splitter: Splitter::new(self.base),
            });
        }
        let mut level = self.base;
        loop {
            let at = level - self.base;
            let above = self.levels[at + 1..].iter().any(|l| !l.pending.is_empty());
            if !above {
                break;
            }
            if !self.levels[at].pending.is_empty() {
                // What is appended next begins with this leaf.
                self.keeps_leaves = true;
                self.close(level)?;
                self.take_written(true)?;
            }
            level += 1;
        }
        let pending = &self.levels[level - self.base].pending;
        if level == 0 || pending.len() > 1 {
            let message = pending.write(&self.format, level as u8)?;
            return Ok(Arc::new(Node::embedded(message)?));
        }
        // A node with one child is no root: the first descendant that is a leaf or has several.
        let mut child = Hash::from_slice(pending.value(0)).unwrap_or_default();
        loop {
            let node = self.store.read(&child)?;
            if node.is_leaf() || node.len() > 1 {
                return Ok(node);
            }
            child = node.child(0);
        }
    }
}
