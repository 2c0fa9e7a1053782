//! The short way of changing a few values: where no item comes, goes or moves to another node,
//! every node above a changed leaf stays as it is but for one address (spec 02 §8.1: where a
//! node ends depends on its keys and the sizes of its items alone).

use std::cmp::Ordering;
use std::sync::Arc;

use chunks::Hash;

use crate::builder::MAX_NODE_BYTES;
use crate::node_format::PendingNode;
use crate::search::child;
use crate::splitter::Splitter;
use crate::{Edit, ItemAddresses, KeyOrder, Node, NodeFormat, NodeStore, Result};

/// The root after edits in ascending order, or nothing if the tree changes its shape; then
/// nothing has been written either. `replaced` gets the nodes that the edits fell into.
pub(crate) fn apply<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    store: &NodeStore,
    format: &NodeFormat,
    order: &dyn KeyOrder,
    root: &Arc<Node>,
    edits: &[Edit<K, V>],
    replaced: &mut Vec<Hash>,
) -> Result<Option<Arc<Node>>> {
    let NodeFormat::Rows(layout) = format else {
        return Ok(None);
    };
    let mut replacer = Replacer {
        store,
        format,
        layout: &**layout,
        order,
        written: Vec::new(),
        replaced: Vec::new(),
    };
    let Some(new) = replacer.visit(root, edits, true)? else {
        return Ok(None);
    };
    for node in replacer.written {
        store.write_tree_node(Arc::new(node))?;
    }
    replaced.append(&mut replacer.replaced);
    Ok(Some(Arc::new(new)))
}

/// Whether a value can be written over another in a leaf of rows: what the leaf says besides its
/// items is the sizes of its values, and where addresses are.
pub(crate) fn fits(layout: &dyn ItemAddresses, old: &[u8], new: &[u8]) -> bool {
    let offsets = |item| {
        let mut out = Vec::new();
        layout.address_offsets(item, &mut out);
        out
    };
    old.len() == new.len() && offsets(old) == offsets(new)
}

struct Replacer<'a> {
    store: &'a NodeStore,
    format: &'a NodeFormat,
    layout: &'a dyn ItemAddresses,
    order: &'a dyn KeyOrder,
    /// New nodes, children before parents.
    written: Vec<Node>,
    replaced: Vec<Hash>,
}

impl Replacer<'_> {
    /// The node that takes a node's place. `last`: no leaf comes after those below.
    fn visit<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        node: &Arc<Node>,
        edits: &[Edit<K, V>],
        last: bool,
    ) -> Result<Option<Node>> {
        if node.is_leaf() {
            return self.leaf(node, edits, last);
        }
        let mut message = node.message().to_vec();
        let mut edits = edits;
        while let Some(edit) = edits.first() {
            let target = node.lower_bound(self.order, edit.key.as_ref());
            if target == node.len() {
                return Ok(None);
            }
            let here = edits.partition_point(|e| {
                self.order.compare(e.key.as_ref(), node.key(target)) != Ordering::Greater
            });
            let (now, later) = edits.split_at(here);
            let below = child(self.store, node, target)?;
            let last = last && target + 1 == node.len();
            let Some(new) = self.visit(&below, now, last)? else {
                return Ok(None);
            };
            message[node.value_range(target)].copy_from_slice(&new.hash().0);
            self.written.push(new);
            self.replaced.push(below.hash());
            edits = later;
        }
        Ok(Some(node.with_message(message)))
    }

    fn leaf<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        leaf: &Node,
        edits: &[Edit<K, V>],
        last: bool,
    ) -> Result<Option<Node>> {
        let mut changed = Vec::with_capacity(edits.len());
        for edit in edits {
            let (key, Some(value)) = (edit.key.as_ref(), &edit.value) else {
                return Ok(None);
            };
            let at = leaf.lower_bound(self.order, key);
            // Keys that compare equal may have other bytes, by which nodes end.
            if at == leaf.len() || leaf.key(at) != key {
                return Ok(None);
            }
            changed.push((at, value.as_ref()));
        }
        if changed
            .iter()
            .all(|(at, v)| fits(self.layout, leaf.value(*at), v))
        {
            let mut message = leaf.message().to_vec();
            for (at, value) in changed {
                message[leaf.value_range(at)].copy_from_slice(value);
            }
            return Ok(Some(leaf.with_message(message)));
        }
        self.rebuilt(leaf, &changed, last)
    }

    /// The leaf with values of other sizes, if it still ends where it did.
    fn rebuilt(&self, leaf: &Node, changed: &[(usize, &[u8])], last: bool) -> Result<Option<Node>> {
        let mut pending = PendingNode::default();
        let mut splitter = Splitter::new(0);
        let mut changed = changed.iter().peekable();
        for at in 0..leaf.len() {
            let key = leaf.key(at);
            let value = match changed.next_if(|(place, _)| *place == at) {
                Some((_, value)) => value,
                None => leaf.value(at),
            };
            if pending.bytes() + key.len() + value.len() > MAX_NODE_BYTES {
                return Ok(None);
            }
            pending.push(key, value, 1);
            let ends = splitter.append(key, value.len());
            let is_end = at + 1 == leaf.len();
            if ends != is_end && !(is_end && last) {
                return Ok(None);
            }
        }
        let message = pending.write(self.format, 0)?;
        Node::embedded(message).map(Some)
    }
}
