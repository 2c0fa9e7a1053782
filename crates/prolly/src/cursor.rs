//! Positions in a tree, and moving from leaf to leaf (spec 02 §11).

use std::sync::Arc;

use crate::search::child;
use crate::{Item, Node, NodeStore, Result};

/// A position between the start and the end of a tree's items.
#[derive(Clone)]
pub struct Cursor {
    store: NodeStore,
    /// From the root to a leaf. The index of the leaf may be its length: past its last item.
    path: Vec<(Arc<Node>, usize)>,
}

impl Cursor {
    /// The position of the first item for which `before` is false, where `before` is true for
    /// keys up to some point and false from there.
    pub fn seek(
        store: &NodeStore,
        root: &Arc<Node>,
        mut before: impl FnMut(&[u8]) -> bool,
    ) -> Result<Cursor> {
        Cursor::descend(store, root, |node| {
            let i = node.partition(&mut before);
            match node.is_leaf() {
                true => i,
                false => i.min(node.len() - 1),
            }
        })
    }

    /// The position of the item with an ordinal; the end, if there are not so many.
    pub fn at_ordinal(store: &NodeStore, root: &Arc<Node>, ordinal: u64) -> Result<Cursor> {
        if ordinal >= root.tree_count() {
            return Cursor::seek(store, root, |_| true);
        }
        let mut rest = ordinal;
        Cursor::descend(store, root, |node| {
            let i = node.child_at_ordinal(rest);
            rest -= node.items_before(i);
            i
        })
    }

    fn descend(
        store: &NodeStore,
        root: &Arc<Node>,
        mut choose: impl FnMut(&Node) -> usize,
    ) -> Result<Cursor> {
        let mut path = Vec::with_capacity(root.level() as usize + 1);
        let mut node = root.clone();
        loop {
            let i = choose(&node);
            if node.is_leaf() {
                path.push((node, i));
                return Ok(Cursor {
                    store: store.clone(),
                    path,
                });
            }
            let next = child(store, &node, i)?;
            path.push((node, i));
            node = next;
        }
    }

    fn last(&self) -> &(Arc<Node>, usize) {
        self.path.last().expect("a path ends in a leaf")
    }

    /// The leaf.
    pub fn leaf(&self) -> &Arc<Node> {
        &self.last().0
    }

    /// Index in the leaf.
    pub fn index(&self) -> usize {
        self.last().1
    }

    /// Whether there is an item here.
    pub fn is_valid(&self) -> bool {
        self.index() < self.leaf().len()
    }

    /// The key here; call only where there is an item.
    pub fn key(&self) -> &[u8] {
        self.leaf().key(self.index())
    }

    /// The value here; call only where there is an item.
    pub fn value(&self) -> &[u8] {
        self.leaf().value(self.index())
    }

    /// The item here.
    pub fn item(&self) -> Option<Item> {
        let (leaf, i) = self.last();
        (*i < leaf.len()).then(|| Item::new(leaf.clone(), *i))
    }

    /// How many items come before.
    pub fn ordinal(&self) -> u64 {
        self.path
            .iter()
            .map(|(node, i)| node.items_before(*i))
            .sum()
    }

    /// Moves to the next item; whether there is one.
    pub fn advance(&mut self) -> Result<bool> {
        let (leaf, i) = self.path.last_mut().expect("a path ends in a leaf");
        if *i < leaf.len() {
            *i += 1;
        }
        if *i < leaf.len() {
            return Ok(true);
        }
        self.next_leaf()
    }

    /// Moves to the item before; whether there is one. At the start it stays.
    pub fn retreat(&mut self) -> Result<bool> {
        let (_, i) = self.path.last_mut().expect("a path ends in a leaf");
        if *i > 0 {
            *i -= 1;
            return Ok(true);
        }
        self.previous_leaf()
    }

    /// Moves to the start of the next leaf; at the last leaf, to its end.
    pub fn next_leaf(&mut self) -> Result<bool> {
        let turn = self.path[..self.path.len() - 1]
            .iter()
            .rposition(|(node, i)| i + 1 < node.len());
        let Some(turn) = turn else {
            let (leaf, i) = self.path.last_mut().expect("a path ends in a leaf");
            *i = leaf.len();
            return Ok(false);
        };
        self.path[turn].1 += 1;
        self.fill_from(turn, false)?;
        Ok(true)
    }

    /// Moves to the last item of the leaf before; at the first leaf it stays.
    pub fn previous_leaf(&mut self) -> Result<bool> {
        let turn = self.path[..self.path.len() - 1]
            .iter()
            .rposition(|(_, i)| *i > 0);
        let Some(turn) = turn else {
            return Ok(false);
        };
        self.path[turn].1 -= 1;
        self.fill_from(turn, true)?;
        Ok(true)
    }

    fn fill_from(&mut self, turn: usize, at_end: bool) -> Result<()> {
        for level in turn..self.path.len() - 1 {
            let (node, i) = &self.path[level];
            let next = child(&self.store, node, *i)?;
            let at = if at_end { next.len() - 1 } else { 0 };
            self.path[level + 1] = (next, at);
        }
        Ok(())
    }
}

/// Successive items of one leaf.
#[derive(Clone, Debug)]
pub struct LeafRun {
    /// The leaf.
    pub leaf: Arc<Node>,
    /// Index of the first item.
    pub start: usize,
    /// Index behind the last item.
    pub end: usize,
}

impl LeafRun {
    /// Keys and values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        (self.start..self.end).map(|i| (self.leaf.key(i), self.leaf.value(i)))
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// The items between two ordinals, leaf by leaf, in either direction.
pub struct Runs {
    cursor: Cursor,
    remaining: u64,
    backward: bool,
    failed: bool,
}

impl Runs {
    pub(crate) fn forward(store: &NodeStore, root: &Arc<Node>, from: u64, to: u64) -> Result<Runs> {
        Ok(Runs {
            cursor: Cursor::at_ordinal(store, root, from)?,
            remaining: to.saturating_sub(from),
            backward: false,
            failed: false,
        })
    }

    pub(crate) fn backward(
        store: &NodeStore,
        root: &Arc<Node>,
        from: u64,
        to: u64,
    ) -> Result<Runs> {
        // The cursor stands behind the last item that is wanted.
        let mut cursor = Cursor::at_ordinal(store, root, to.saturating_sub(1))?;
        if cursor.is_valid() {
            cursor.path.last_mut().expect("a path ends in a leaf").1 += 1;
        }
        Ok(Runs {
            cursor,
            remaining: to.saturating_sub(from),
            backward: true,
            failed: false,
        })
    }

    /// Items still to come.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The next run; when going backward, its items are to be read from the last.
    pub fn next_run(&mut self) -> Result<Option<LeafRun>> {
        if self.remaining == 0 {
            return Ok(None);
        }
        let leaf = self.cursor.leaf().clone();
        let at = self.cursor.index();
        let run = if self.backward {
            let n = self.remaining.min(at as u64) as usize;
            LeafRun {
                leaf,
                start: at - n,
                end: at,
            }
        } else {
            let n = self.remaining.min((leaf.len() - at) as u64) as usize;
            LeafRun {
                leaf,
                start: at,
                end: at + n,
            }
        };
        self.remaining -= run.len() as u64;
        if self.remaining > 0 {
            let moved = if self.backward {
                let moved = self.cursor.previous_leaf()?;
                self.cursor
                    .path
                    .last_mut()
                    .expect("a path ends in a leaf")
                    .1 += 1;
                moved
            } else {
                self.cursor.next_leaf()?
            };
            if !moved {
                // Subtree counts promised more items than there are.
                self.remaining = 0;
                return Err(crate::ProllyError::Corrupt {
                    hash: self.cursor.path[0].0.hash(),
                    reason: "subtree counts do not agree with the leaves",
                });
            }
        }
        Ok(Some(run))
    }
}

impl Iterator for Runs {
    type Item = Result<LeafRun>;

    fn next(&mut self) -> Option<Result<LeafRun>> {
        if self.failed {
            return None;
        }
        let next = self.next_run().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}
