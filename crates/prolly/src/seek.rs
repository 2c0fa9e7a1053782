//! Looking up many keys of a tree in their order.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::search::child;
use crate::{Node, NodeStore, Result};

/// Finds keys that come in ascending order. It stays in the leaf of the last key, and goes up no
/// further than the next one makes it: a node is read once, and left out where no key falls.
pub struct Seek {
    store: NodeStore,
    /// From the root down, with the first item of each that may still be sought.
    path: Vec<(Arc<Node>, usize)>,
}

impl Seek {
    /// In front of a tree's first key.
    pub fn new(store: &NodeStore, root: &Arc<Node>) -> Seek {
        Seek {
            store: store.clone(),
            path: vec![(root.clone(), 0)],
        }
    }

    /// The leaf and the place in it of the key that `order` calls equal; it tells where a stored
    /// key stands in relation to the one that is sought, which may not come before the last one.
    pub fn find(
        &mut self,
        mut order: impl FnMut(&[u8]) -> Ordering,
    ) -> Result<Option<(Arc<Node>, usize)>> {
        while let [.., (_, above), (node, _)] = &mut self.path[..]
            && order(node.key(node.len() - 1)) == Ordering::Less
        {
            *above += 1;
            self.path.pop();
        }
        while let Some((node, at)) = self.path.last_mut() {
            *at = first_from(node, *at, |key| order(key) == Ordering::Less);
            if *at == node.len() {
                break;
            }
            if node.is_leaf() {
                let found = order(node.key(*at)) == Ordering::Equal;
                return Ok(found.then(|| (node.clone(), *at)));
            }
            let below = child(&self.store, node, *at)?;
            self.path.push((below, 0));
        }
        Ok(None)
    }
}

/// Index of the first key from `from` on for which `before` is false, which is expected to be near.
fn first_from(node: &Node, from: usize, mut before: impl FnMut(&[u8]) -> bool) -> usize {
    let (mut low, mut high) = (from, from);
    let mut step = 1;
    while high < node.len() && before(node.key(high)) {
        low = high + 1;
        high += step;
        step *= 2;
    }
    high = high.min(node.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match before(node.key(middle)) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NodeFormat, TreeBuilder};

    fn key(n: u32) -> [u8; 4] {
        n.to_be_bytes()
    }

    fn tree(store: &NodeStore, keys: impl Iterator<Item = u32>) -> Arc<Node> {
        let mut builder = TreeBuilder::new(store, &NodeFormat::AddressMap);
        for n in keys {
            builder.append(&key(n), &[n as u8; 20]).unwrap();
        }
        builder.finish().unwrap()
    }

    #[test]
    fn finds_what_a_search_from_the_root_finds() {
        let store = NodeStore::in_memory();
        for (count, step) in [(0, 1), (1, 1), (50, 1), (30_000, 1), (30_000, 7)] {
            let root = tree(&store, (0..count).map(|n| 2 * n));
            let mut seek = Seek::new(&store, &root);
            let mut sought = 0;
            while sought < 2 * count + 3 {
                let wanted = key(sought);
                // Twice, as keys may repeat.
                for _ in 0..2 {
                    let found = seek.find(|k| k.cmp(&wanted)).unwrap();
                    let expected = crate::find(&store, &root, |k| k.cmp(&wanted)).unwrap();
                    let place = |x: Option<(Arc<Node>, usize)>| x.map(|(n, at)| (n.hash(), at));
                    assert_eq!(place(found), place(expected), "{sought} of {count}");
                }
                // Near and far ones in turn.
                sought += 1 + (sought % 5) * (sought % 3) * step * step * step;
            }
        }
    }

    #[test]
    fn behind_the_last_key_there_is_nothing_any_more() {
        let store = NodeStore::in_memory();
        let root = tree(&store, 0..5000);
        let mut seek = Seek::new(&store, &root);
        for n in [4999, 5000, 6000, 7000] {
            let found = seek.find(|k| k.cmp(&key(n))).unwrap();
            assert_eq!(found.is_some(), n < 5000, "{n}");
        }
    }
}
