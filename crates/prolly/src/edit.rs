//! Changing a tree: the result is the tree that its new content would be built into, at a cost
//! that follows the number of edits (spec 02 §8.4, §10).

use std::cmp::Ordering;
use std::sync::Arc;

use chunks::Hash;

use crate::replace;
use crate::search::child;
use crate::{KeyOrder, Node, NodeFormat, NodeStore, ProllyError, Result, TreeBuilder};

/// A key with its new value, or without one if it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit<K = Vec<u8>, V = Vec<u8>> {
    /// The key.
    pub key: K,
    /// What the key's value shall be.
    pub value: Option<V>,
}

impl<K, V> Edit<K, V> {
    /// Sets a key's value.
    pub fn put(key: K, value: V) -> Edit<K, V> {
        Edit {
            key,
            value: Some(value),
        }
    }

    /// Removes a key.
    pub fn remove(key: K) -> Edit<K, V> {
        Edit { key, value: None }
    }
}

/// Edits whose leaves are kept in the cache. The leaves of a large batch would displace what
/// is in use.
const KEPT_EDITS: usize = 256;

/// Applies edits in ascending order of distinct keys. Removing what is not there is nothing.
pub(crate) fn apply<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    store: &NodeStore,
    format: &NodeFormat,
    order: &dyn KeyOrder,
    root: &Arc<Node>,
    edits: &[Edit<K, V>],
) -> Result<Arc<Node>> {
    if edits.is_empty() {
        return Ok(root.clone());
    }
    let ascending = edits
        .windows(2)
        .all(|w| order.compare(w[0].key.as_ref(), w[1].key.as_ref()) == Ordering::Less);
    if !ascending {
        return Err(ProllyError::Unsorted);
    }
    let mut replaced = Vec::new();
    let mut short = None;
    if edits.len() <= KEPT_EDITS {
        short = replace::apply(store, format, order, root, edits, &mut replaced)?;
    }
    let new = match short {
        Some(new) => new,
        None => rebuild(store, format, order, root, edits, &mut replaced)?,
    };
    // Unchanged content gives the root that is known to be stored, or not.
    if new.message() == root.message() {
        return Ok(root.clone());
    }
    // What took their place is what will be read; older versions come back when asked for.
    replaced.iter().for_each(|hash| store.forget(hash));
    Ok(new)
}

/// Appends the tree's items and the edits to a new tree; subtrees that no edit touches go whole.
fn rebuild<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    store: &NodeStore,
    format: &NodeFormat,
    order: &dyn KeyOrder,
    root: &Arc<Node>,
    edits: &[Edit<K, V>],
    replaced: &mut Vec<Hash>,
) -> Result<Arc<Node>> {
    let mut editor = Editor {
        store,
        order,
        builder: TreeBuilder::new(store, format),
        replaced: Vec::new(),
    };
    if edits.len() <= KEPT_EDITS {
        editor.builder.keep_leaves();
    }
    editor.visit(root, edits)?;
    replaced.append(&mut editor.replaced);
    editor.builder.finish()
}

struct Editor<'a> {
    store: &'a NodeStore,
    order: &'a dyn KeyOrder,
    builder: TreeBuilder<'a>,
    /// Nodes that edits fell into.
    replaced: Vec<Hash>,
}

impl Editor<'_> {
    /// Appends a node's items with the edits that fall into it.
    fn visit<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        node: &Arc<Node>,
        edits: &[Edit<K, V>],
    ) -> Result<()> {
        if node.is_leaf() {
            return self.merge(node, edits);
        }
        let (mut at, mut edits) = (0, edits);
        while let Some(edit) = edits.first() {
            let key = edit.key.as_ref();
            let target = node.lower_bound(self.order, key).min(node.len() - 1);
            self.copy(node, at..target)?;
            let here = match target + 1 == node.len() {
                // Whatever is beyond the last key goes into the last leaf.
                true => edits.len(),
                false => edits.partition_point(|e| {
                    self.order.compare(e.key.as_ref(), node.key(target)) != Ordering::Greater
                }),
            };
            let (now, later) = edits.split_at(here);
            let below = child(self.store, node, target)?;
            self.visit(&below, now)?;
            self.replaced.push(below.hash());
            edits = later;
            at = target + 1;
        }
        self.copy(node, at..node.len())
    }

    /// Appends children that no edit touches: whole, wherever a boundary was reached, as they
    /// would be built again just as they are.
    fn copy(&mut self, node: &Arc<Node>, children: std::ops::Range<usize>) -> Result<()> {
        let level = node.level() as usize;
        for i in children {
            if self.builder.is_at_boundary(level - 1) {
                let count = node.subtree_count(i);
                self.builder
                    .append_at(level, node.key(i), node.value(i), count)?;
                continue;
            }
            let child = child(self.store, node, i)?;
            if child.is_leaf() {
                for j in 0..child.len() {
                    self.builder.append(child.key(j), child.value(j))?;
                }
            } else {
                self.copy(&child, 0..child.len())?;
            }
        }
        Ok(())
    }

    fn merge<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        leaf: &Arc<Node>,
        edits: &[Edit<K, V>],
    ) -> Result<()> {
        let mut at = 0;
        for edit in edits {
            let key = edit.key.as_ref();
            let place = leaf.lower_bound(self.order, key);
            while at < place {
                self.builder.append(leaf.key(at), leaf.value(at))?;
                at += 1;
            }
            let found = at < leaf.len() && self.order.compare(leaf.key(at), key) == Ordering::Equal;
            if found {
                at += 1;
            }
            if let Some(value) = &edit.value {
                self.builder.append(key, value.as_ref())?;
            }
        }
        while at < leaf.len() {
            self.builder.append(leaf.key(at), leaf.value(at))?;
            at += 1;
        }
        Ok(())
    }
}
