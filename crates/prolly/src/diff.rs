//! The differences between two trees in key order, without reading what they share
//! (spec 02 §16).

use std::cmp::Ordering;
use std::sync::Arc;

use crate::search::child;
use crate::{Item, KeyOrder, Node, NodeStore, Result};

/// One key that differs.
#[derive(Clone, Debug)]
pub struct Change {
    /// What the first tree has.
    pub from: Option<Item>,
    /// What the second tree has.
    pub to: Option<Item>,
}

impl Change {
    /// The key; of the first tree, if both have it.
    pub fn key(&self) -> &[u8] {
        match (&self.from, &self.to) {
            (Some(item), _) | (None, Some(item)) => item.key(),
            (None, None) => &[],
        }
    }

    /// The value in the first tree.
    pub fn from_value(&self) -> Option<&[u8]> {
        self.from.as_ref().map(Item::value)
    }

    /// The value in the second tree.
    pub fn to_value(&self) -> Option<&[u8]> {
        self.to.as_ref().map(Item::value)
    }
}

/// A position in a tree that descends no further than it must.
struct Frontier {
    store: NodeStore,
    /// From the root down; the last index is the current item, which may be a whole subtree.
    path: Vec<(Arc<Node>, usize)>,
    /// Set while the current item is the whole tree.
    whole: Option<Arc<Node>>,
}

impl Frontier {
    fn new(store: &NodeStore, root: &Arc<Node>) -> Frontier {
        Frontier {
            store: store.clone(),
            path: Vec::new(),
            whole: (!root.is_empty()).then(|| root.clone()),
        }
    }

    fn is_done(&self) -> bool {
        self.path.is_empty() && self.whole.is_none()
    }

    /// Level of the current item: 0 for an item of a leaf, 1 for a leaf, and so on.
    fn level(&self) -> usize {
        match (&self.whole, self.path.last()) {
            (Some(root), _) => root.level() as usize + 1,
            (None, Some((node, _))) => node.level() as usize,
            (None, None) => 0,
        }
    }

    /// The address of the subtree at `level` that starts exactly here.
    fn subtree_at(&self, level: usize) -> Option<&[u8]> {
        if let Some(root) = &self.whole {
            return (root.level() as usize + 1 == level).then(|| &root_hash(root)[..]);
        }
        for (depth, (node, i)) in self.path.iter().enumerate().rev() {
            if node.level() as usize == level {
                return Some(node.value(*i));
            }
            if *i > 0 {
                return None;
            }
            if depth == 0 && node.level() as usize + 1 == level {
                return Some(&root_hash(node)[..]);
            }
        }
        None
    }

    /// Skips the subtree at `level` that starts here.
    fn skip(&mut self, level: usize) {
        while self
            .path
            .last()
            .is_some_and(|(node, _)| (node.level() as usize) < level)
        {
            self.path.pop();
        }
        self.whole = None;
        self.step();
    }

    /// Moves behind the current item.
    fn step(&mut self) {
        while let Some((node, i)) = self.path.last_mut() {
            *i += 1;
            if *i < node.len() {
                return;
            }
            self.path.pop();
        }
    }

    /// Goes past the items that two nodes have in common from here on, byte for byte.
    fn skip_common(&mut self, other: &mut Frontier) {
        let (Some((a, i)), Some((b, j))) = (self.path.last_mut(), other.path.last_mut()) else {
            return;
        };
        if a.level() != b.level() {
            return;
        }
        let most = (a.len() - *i).min(b.len() - *j);
        // Children with equal addresses have equal last keys, too.
        let leaves = a.is_leaf();
        let same = |n: &usize| {
            let (i, j) = (*i + n, *j + n);
            a.value(i) == b.value(j) && (!leaves || a.key(i) == b.key(j))
        };
        let common = (0..most).take_while(same).count();
        if common > 0 {
            *i += common - 1;
            *j += common - 1;
            self.step();
            other.step();
        }
    }

    /// Goes one level down.
    fn descend(&mut self) -> Result<()> {
        let next = match self.whole.take() {
            Some(root) => root,
            None => match self.path.last() {
                Some((node, i)) => child(&self.store, node, *i)?,
                None => return Ok(()),
            },
        };
        self.path.push((next, 0));
        Ok(())
    }

    fn key(&self) -> &[u8] {
        self.path.last().map_or(&[], |(node, i)| node.key(*i))
    }

    fn value(&self) -> &[u8] {
        self.path.last().map_or(&[], |(node, i)| node.value(*i))
    }

    fn item(&self) -> Option<Item> {
        self.path
            .last()
            .map(|(node, i)| Item::new(node.clone(), *i))
    }

    /// Goes to the first item of which `before` is false.
    fn seek(&mut self, mut before: impl FnMut(&[u8]) -> bool) -> Result<()> {
        while !self.is_done() {
            if self.whole.is_some() {
                self.descend()?;
            }
            let Some((node, i)) = self.path.last_mut() else {
                return Ok(());
            };
            *i = node.partition(&mut before);
            if *i == node.len() {
                self.path.pop();
                self.step();
                return Ok(());
            }
            if node.is_leaf() {
                return Ok(());
            }
            self.descend()?;
        }
        Ok(())
    }
}

fn root_hash(node: &Node) -> &[u8; 20] {
    node.hash_ref().as_bytes()
}

/// Iterates over the keys that differ between two trees.
pub struct Diff {
    order: Arc<dyn KeyOrder>,
    from: Frontier,
    to: Frontier,
    failed: bool,
    /// Report pairs with equal bytes too.
    all: bool,
}

impl Diff {
    /// The differences from one tree to another.
    pub fn new(
        from: (&NodeStore, &Arc<Node>),
        to: (&NodeStore, &Arc<Node>),
        order: Arc<dyn KeyOrder>,
    ) -> Diff {
        Diff {
            order,
            from: Frontier::new(from.0, from.1),
            to: Frontier::new(to.0, to.1),
            failed: false,
            all: false,
        }
    }

    /// Reports every key, as modified where both trees have it: for trees whose bytes mean
    /// different things, after a change of schema.
    pub fn with_everything(mut self) -> Diff {
        self.all = true;
        self
    }

    /// Starts at the first key that is not less than `key`. Call before iterating.
    pub fn seek(&mut self, key: &[u8]) -> Result<()> {
        let order = self.order.clone();
        let before = |k: &[u8]| order.compare(k, key) == Ordering::Less;
        self.from.seek(before)?;
        self.to.seek(before)
    }

    /// The next key that differs.
    pub fn next_change(&mut self) -> Result<Option<Change>> {
        loop {
            let (a, b) = (&mut self.from, &mut self.to);
            if !self.all {
                a.skip_common(b);
            }
            if a.is_done() && b.is_done() {
                return Ok(None);
            }
            let (la, lb) = (a.level(), b.level());
            let top = la.max(lb);
            if !self.all && top > 0 && !a.is_done() && !b.is_done() {
                let shared = match (a.subtree_at(top), b.subtree_at(top)) {
                    (Some(x), Some(y)) => x == y,
                    _ => false,
                };
                if shared {
                    a.skip(top);
                    b.skip(top);
                    continue;
                }
            }
            if top > 0 {
                if la == top {
                    a.descend()?;
                }
                if lb == top {
                    b.descend()?;
                }
                continue;
            }
            let ordering = match (a.is_done(), b.is_done()) {
                (false, true) => Ordering::Less,
                (true, false) => Ordering::Greater,
                _ => self.order.compare(a.key(), b.key()),
            };
            let change = Change {
                from: (ordering != Ordering::Greater).then(|| a.item()).flatten(),
                to: (ordering != Ordering::Less).then(|| b.item()).flatten(),
            };
            let same = ordering == Ordering::Equal && !self.all && a.value() == b.value();
            if ordering != Ordering::Greater {
                a.step();
            }
            if ordering != Ordering::Less {
                b.step();
            }
            if !same {
                return Ok(Some(change));
            }
        }
    }
}

impl Iterator for Diff {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        if self.failed {
            return None;
        }
        let next = self.next_change().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}
