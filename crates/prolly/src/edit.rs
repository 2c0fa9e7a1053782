//! Changing a tree: the result is the tree that its new content would be built into, at a cost
//! that follows the number of edits (spec 02 §8.4, §10).

use std::cmp::Ordering;
use std::sync::Arc;

use chunks::Hash;

use crate::replace;
use crate::search::child;
use crate::store::NewLeaf;
use crate::{
    ItemAddresses, KeyOrder, Node, NodeFormat, NodeStore, ProllyError, Result, TreeBuilder,
};

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

/// Changes to a tree in ascending order of distinct keys.
pub trait Edits {
    /// The next key; none at the end.
    fn key(&mut self) -> Result<Option<&[u8]>>;

    /// Goes past the next key and says what becomes of it. `stored` is the value that the tree
    /// has for it.
    fn take(&mut self, stored: Option<&[u8]>) -> Result<Taken<'_>>;
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken<'e> {
    /// What is stored stays as it is.
    Stored,
    /// It has this value.
    Put(&'e [u8]),
    /// It is not there.
    Removed,
}

struct ListedEdits<'e, K, V> {
    list: std::slice::Iter<'e, Edit<K, V>>,
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>> Edits for ListedEdits<'_, K, V> {
    fn key(&mut self) -> Result<Option<&[u8]>> {
        Ok(self.list.as_slice().first().map(|e| e.key.as_ref()))
    }

    fn take(&mut self, _stored: Option<&[u8]>) -> Result<Taken<'_>> {
        Ok(match self.list.next() {
            None => Taken::Stored,
            Some(edit) => match &edit.value {
                Some(v) => Taken::Put(v.as_ref()),
                None => Taken::Removed,
            },
        })
    }
}

/// Whether the tree that is edited stays in use beside the one that comes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Its nodes stay in the cache.
    Stays,
    /// What takes the place of its nodes is what will be read; they come back when asked for.
    Goes,
}

/// Applies edits in ascending order of distinct keys. Removing what is not there is nothing.
pub(crate) fn apply<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    store: &NodeStore,
    format: &NodeFormat,
    order: &dyn KeyOrder,
    root: &Arc<Node>,
    edits: &[Edit<K, V>],
    before: Before,
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
    if edits.len() <= KEPT_EDITS {
        let mut replaced = Vec::new();
        if let Some(new) = replace::apply(store, format, order, root, edits, &mut replaced)? {
            return Ok(taken_over(store, root, new, &replaced, before));
        }
    }
    let mut list = ListedEdits { list: edits.iter() };
    let keeps = edits.len() <= KEPT_EDITS;
    apply_all(store, format, order, root, &mut list, keeps, before)
}

/// The new root, in place of one whose nodes were replaced.
fn taken_over(
    store: &NodeStore,
    root: &Arc<Node>,
    new: Arc<Node>,
    replaced: &[Hash],
    before: Before,
) -> Arc<Node> {
    // Unchanged content gives the root that is known to be stored, or not.
    if new.message() == root.message() {
        return root.clone();
    }
    if before == Before::Goes {
        replaced.iter().for_each(|hash| store.forget(hash));
    }
    new
}

/// Applies edits as they come; see [`Edits`]. The tree's items and the edits are appended to a
/// new tree; subtrees that no edit touches go whole.
pub(crate) fn apply_all<E: Edits + ?Sized>(
    store: &NodeStore,
    format: &NodeFormat,
    order: &dyn KeyOrder,
    root: &Arc<Node>,
    edits: &mut E,
    keeps_leaves: bool,
    before: Before,
) -> Result<Arc<Node>> {
    let overwrites = match format {
        NodeFormat::Rows(layout) if !root.is_leaf() => Some(&**layout),
        _ => None,
    };
    let mut editor = Editor {
        store,
        order,
        builder: TreeBuilder::new(store, format),
        overwrites,
        before,
        replaced: Vec::new(),
    };
    if keeps_leaves {
        editor.builder.keep_leaves();
    }
    editor.visit(root, edits, None)?;
    let new = editor.builder.finish()?;
    Ok(taken_over(store, root, new, &editor.replaced, before))
}

/// A builder that has taken in a whole tree, for items behind its last.
pub(crate) fn continued(
    store: &NodeStore,
    format: &NodeFormat,
    root: &Arc<Node>,
) -> Result<TreeBuilder> {
    let mut editor = Editor {
        store,
        order: &crate::Bytewise,
        builder: TreeBuilder::new(store, format),
        overwrites: None,
        before: Before::Goes,
        replaced: Vec::new(),
    };
    let mut node = root.clone();
    while !node.is_leaf() {
        let last = node.len() - 1;
        editor.copy(&node, 0..last)?;
        node = child(store, &node, last)?;
    }
    editor.append_items(&node, 0..node.len())?;
    Ok(editor.builder)
}

struct Editor<'a> {
    store: &'a NodeStore,
    order: &'a dyn KeyOrder,
    builder: TreeBuilder,
    /// Present where values of leaves can be written over: in trees of rows whose root, which
    /// need not be stored, is none of the leaves.
    overwrites: Option<&'a dyn ItemAddresses>,
    before: Before,
    /// Nodes that edits fell into.
    replaced: Vec<Hash>,
}

impl Editor<'_> {
    /// The next edit's key, unless it lies behind `last`.
    fn next_within<'e, E: Edits + ?Sized>(
        &self,
        edits: &'e mut E,
        last: Option<&[u8]>,
    ) -> Result<Option<&'e [u8]>> {
        let key = edits.key()?;
        Ok(key.filter(|k| last.is_none_or(|l| self.order.compare(k, l) != Ordering::Greater)))
    }

    /// Appends a node's items with the edits that fall into it: those up to `last`, or all.
    fn visit<E: Edits + ?Sized>(
        &mut self,
        node: &Arc<Node>,
        edits: &mut E,
        last: Option<&[u8]>,
    ) -> Result<()> {
        if node.is_leaf() {
            return self.merge(node, edits, last);
        }
        let mut at = 0;
        while let Some(key) = self.next_within(edits, last)? {
            let target = node.lower_bound(self.order, key).min(node.len() - 1);
            self.copy(node, at..target)?;
            // Whatever is beyond the last key goes into the last leaf.
            let end = match target + 1 == node.len() {
                true => last,
                false => Some(node.key(target)),
            };
            let below = child(self.store, node, target)?;
            self.visit(&below, edits, end)?;
            self.replaced.push(below.hash());
            at = target + 1;
        }
        self.copy(node, at..node.len())
    }

    /// Appends children that no edit touches: whole, wherever a boundary was reached, as they
    /// would be built again just as they are.
    fn copy(&mut self, node: &Arc<Node>, children: std::ops::Range<usize>) -> Result<()> {
        let level = node.level() as usize;
        for i in children {
            if self.builder.is_at_boundary(level - 1)? {
                let count = node.subtree_count(i);
                self.builder
                    .append_at(level, node.key(i), node.value(i), count)?;
                continue;
            }
            let child = child(self.store, node, i)?;
            if child.is_leaf() {
                self.append_items(&child, 0..child.len())?;
            } else {
                self.copy(&child, 0..child.len())?;
            }
        }
        Ok(())
    }

    /// Appends a leaf's items with the edits that fall into it. Where these only write values over
    /// others of the same shape, the leaf is what it was but for these bytes, and goes whole.
    fn merge<E: Edits + ?Sized>(
        &mut self,
        leaf: &Arc<Node>,
        edits: &mut E,
        last: Option<&[u8]>,
    ) -> Result<()> {
        let mut whole = self.overwrites.is_some() && self.builder.is_at_boundary(0)?;
        // The bytes of a leaf that goes whole, once one of them has changed.
        let mut message: Option<Vec<u8>> = None;
        let mut at = 0;
        let mut key = Vec::new();
        while let Some(next) = self.next_within(edits, last)? {
            key.clear();
            key.extend_from_slice(next);
            let place = leaf.lower_bound(self.order, &key);
            if !whole {
                self.append_items(leaf, at..place)?;
            }
            at = place;
            let found =
                at < leaf.len() && self.order.compare(leaf.key(at), &key) == Ordering::Equal;
            let stored = found.then(|| leaf.value(at));
            match (edits.take(stored)?, stored) {
                (Taken::Stored | Taken::Removed, None) => {}
                (Taken::Stored, Some(_)) if whole => {}
                (Taken::Put(new), Some(old)) if whole && self.fits(leaf, at, &key, old, new) => {
                    let message = message.get_or_insert_with(|| leaf.message().to_vec());
                    message[leaf.value_range(at)].copy_from_slice(new);
                }
                (taken, _) => {
                    if whole {
                        whole = false;
                        match message.take() {
                            Some(m) => self.append_items(&leaf.with_message(m), 0..at)?,
                            None => self.append_items(leaf, 0..at)?,
                        }
                    }
                    match (taken, stored) {
                        (Taken::Put(value), _) => self.builder.append(&key, value)?,
                        (Taken::Stored, Some(value)) => self.builder.append(leaf.key(at), value)?,
                        (Taken::Stored, None) | (Taken::Removed, _) => {}
                    }
                }
            }
            at += usize::from(found);
        }
        match message {
            _ if !whole => self.append_items(leaf, at..leaf.len()),
            Some(message) => {
                let (last_key, count) = (leaf.key(leaf.len() - 1), leaf.len() as u64);
                let new = match self.before {
                    Before::Stays => NewLeaf::Message(message),
                    // It takes its predecessor's place in the cache, too.
                    Before::Goes => {
                        self.store.forget(&leaf.hash());
                        NewLeaf::Node(leaf.with_message(message))
                    }
                };
                self.builder.append_leaf(new, last_key, count)
            }
            None => {
                let (last_key, count) = (leaf.key(leaf.len() - 1), leaf.len() as u64);
                self.builder.append_at(1, last_key, &leaf.hash().0, count)
            }
        }
    }

    /// Whether an item's value can be written over. Keys that compare equal may have other
    /// bytes, by which nodes end.
    fn fits(&self, leaf: &Node, at: usize, key: &[u8], old: &[u8], new: &[u8]) -> bool {
        let Some(layout) = self.overwrites else {
            return false;
        };
        leaf.key(at) == key && replace::fits(layout, old, new)
    }

    fn append_items(&mut self, leaf: &Node, items: std::ops::Range<usize>) -> Result<()> {
        for i in items {
            self.builder.append(leaf.key(i), leaf.value(i))?;
        }
        Ok(())
    }
}
