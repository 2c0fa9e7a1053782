//! Building trees from items in order (spec 02 §8).

use std::sync::Arc;

use chunks::Hash;

use crate::node_format::PendingNode;
use crate::splitter::{MAX_LEVELS, Splitter};
use crate::{Node, NodeFormat, NodeStore, ProllyError, Result};

/// Most bytes of keys and values in one node: offsets are 16 bits.
pub(crate) const MAX_NODE_BYTES: usize = u16::MAX as usize;

/// Builds a tree from items in ascending order, with one unfinished node per level in memory.
pub struct TreeBuilder<'a> {
    store: &'a NodeStore,
    format: &'a NodeFormat,
    /// From the level of the first items up.
    levels: Vec<Level>,
    base: usize,
    keeps_leaves: bool,
}

struct Level {
    pending: PendingNode,
    splitter: Splitter,
}

impl<'a> TreeBuilder<'a> {
    /// A tree without items.
    pub fn new(store: &'a NodeStore, format: &'a NodeFormat) -> TreeBuilder<'a> {
        TreeBuilder::at_level(store, format, 0)
    }

    /// A tree whose items are nodes one level below `base` already.
    pub(crate) fn at_level(
        store: &'a NodeStore,
        format: &'a NodeFormat,
        base: usize,
    ) -> TreeBuilder<'a> {
        TreeBuilder {
            store,
            format,
            levels: Vec::new(),
            base,
            keeps_leaves: false,
        }
    }

    /// Leaves stay in the store's cache, for whoever reads what has just been changed. Nodes
    /// above them always do.
    pub(crate) fn keep_leaves(&mut self) {
        self.keeps_leaves = true;
    }

    /// Adds an item, whose key must be greater than all before.
    pub fn append(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.append_at(self.base, key, value, 1)
    }

    /// Adds a node, by its last key, address and number of items, to a level.
    pub(crate) fn append_at(
        &mut self,
        level: usize,
        key: &[u8],
        value: &[u8],
        count: u64,
    ) -> Result<()> {
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
    pub(crate) fn is_at_boundary(&self, level: usize) -> bool {
        let n = (level + 1).saturating_sub(self.base).min(self.levels.len());
        self.levels[..n].iter().all(|l| l.pending.is_empty())
    }

    /// Writes the pending node of a level and adds it to its parent.
    fn close(&mut self, level: usize) -> Result<()> {
        let here = &mut self.levels[level - self.base];
        let message = here.pending.write(self.format, level as u8)?;
        let keep = level > 0 || self.keeps_leaves;
        let hash = self.store.write_tree_message(message, level > 0, keep)?;
        // The parent takes the pending node's last key before it is cleared.
        let mut done = std::mem::take(&mut here.pending);
        here.splitter.reset();
        let count = match level {
            0 => done.len() as u64,
            _ => done.tree_count(),
        };
        self.append_at(level + 1, done.last_key(), &hash.0, count)?;
        done.clear();
        self.levels[level - self.base].pending = done;
        Ok(())
    }

    /// Completes the tree and gives its root, which is **not stored**: roots are often embedded
    /// in other messages. Call [`NodeStore::write_node`] if it will be read by its address.
    pub fn finish(mut self) -> Result<Arc<Node>> {
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
                self.close(level)?;
            }
            level += 1;
        }
        let pending = &self.levels[level - self.base].pending;
        if level == 0 || pending.len() > 1 {
            let message = pending.write(self.format, level as u8)?;
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
