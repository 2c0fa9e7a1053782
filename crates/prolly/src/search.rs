//! Finding keys in nodes and trees.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::{Item, KeyOrder, Node, NodeStore, Result};

impl Node {
    /// Index of the first key that is not less than `key`.
    #[inline]
    pub fn lower_bound(&self, order: &dyn KeyOrder, key: &[u8]) -> usize {
        self.partition(|k| order.compare(k, key) == Ordering::Less)
    }

    /// Index of the first key that is greater than `key`.
    #[inline]
    pub fn upper_bound(&self, order: &dyn KeyOrder, key: &[u8]) -> usize {
        self.partition(|k| order.compare(k, key) != Ordering::Greater)
    }

    /// Index of the first key for which `before` is false.
    #[inline]
    pub fn partition(&self, mut before: impl FnMut(&[u8]) -> bool) -> usize {
        let (mut lo, mut hi) = (0, self.len());
        while lo < hi {
            let mid = lo + (hi - lo) / 2;
            if before(self.key(mid)) {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        lo
    }
}

/// The item with a key.
pub(crate) fn get(
    store: &NodeStore,
    root: &Arc<Node>,
    order: &dyn KeyOrder,
    key: &[u8],
) -> Result<Option<Item>> {
    let found = find(store, root, |k| order.compare(k, key))?;
    Ok(found.map(|(leaf, i)| Item::new(leaf, i)))
}

/// The leaf and the place in it of the key that `order` calls equal; it tells where a key stands
/// in relation to the one that is sought.
pub fn find(
    store: &NodeStore,
    root: &Arc<Node>,
    mut order: impl FnMut(&[u8]) -> Ordering,
) -> Result<Option<(Arc<Node>, usize)>> {
    let mut below;
    let mut node = root;
    loop {
        let i = node.partition(|k| order(k) == Ordering::Less);
        if i == node.len() {
            return Ok(None);
        }
        if node.is_leaf() {
            let found = order(node.key(i)) == Ordering::Equal;
            return Ok(found.then(|| (node.clone(), i)));
        }
        below = child(store, node, i)?;
        node = &below;
    }
}

/// A child, which must be of the next level and the same kind.
pub(crate) fn child(store: &NodeStore, node: &Node, i: usize) -> Result<Arc<Node>> {
    let child = store.read(&node.child(i))?;
    if child.level() + 1 != node.level() || child.kind() != node.kind() || child.is_empty() {
        return Err(crate::ProllyError::Corrupt {
            hash: child.hash(),
            reason: "child of the wrong level or kind, or empty",
        });
    }
    Ok(child)
}

/// How many items come before the first key for which `before` is false.
pub fn ordinal(
    store: &NodeStore,
    root: &Arc<Node>,
    mut before: impl FnMut(&[u8]) -> bool,
) -> Result<u64> {
    let mut node = root.clone();
    let mut ordinal = 0;
    loop {
        let i = node.partition(&mut before);
        ordinal += node.items_before(i);
        if node.is_leaf() || i == node.len() {
            return Ok(ordinal);
        }
        node = child(store, &node, i)?;
    }
}
