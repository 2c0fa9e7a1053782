//! A stored table as a statement sees it: its trees at one root, and the changes of the
//! transaction above them.

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::RangedIter;
use prolly::{Cursor, Node, NodeStore};
use values::{Tuple, TupleBuilder, TupleDesc};

use crate::env::{Layout, Slot};
use crate::error::Result;
use crate::result::Flow;
use crate::table::TableDef;

/// A tuple in an overlay, or a bound on its leading fields.
#[derive(Clone, Debug)]
pub struct OverlayKey {
    desc: Arc<TupleDesc>,
    bytes: Arc<[u8]>,
    /// What decides most comparisons: see [`TupleDesc::rank`].
    rank: u64,
    /// Fields that count; all of them for a stored key.
    fields: Option<usize>,
    /// Where a bound stands among keys with equal leading fields: before or after all of them.
    after: bool,
}

impl OverlayKey {
    /// A whole key.
    pub fn new(desc: &Arc<TupleDesc>, bytes: &[u8]) -> OverlayKey {
        OverlayKey {
            desc: desc.clone(),
            rank: desc.rank(bytes),
            bytes: bytes.into(),
            fields: None,
            after: false,
        }
    }

    /// The leading fields of a key, for comparison with other such.
    pub fn prefix(desc: &Arc<TupleDesc>, bytes: &[u8], fields: usize) -> OverlayKey {
        OverlayKey {
            fields: Some(fields),
            ..OverlayKey::new(desc, bytes)
        }
    }

    /// The tuple.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Ord for OverlayKey {
    fn cmp(&self, other: &OverlayKey) -> Ordering {
        if self.rank != other.rank && self.fields != Some(0) && other.fields != Some(0) {
            return self.rank.cmp(&other.rank);
        }
        match (self.fields, other.fields) {
            (None, None) => self.desc.compare(&self.bytes, &other.bytes),
            (Some(n), None) => {
                let order = self.desc.compare_prefix(&self.bytes, &other.bytes, n);
                order.then(if self.after {
                    Ordering::Greater
                } else {
                    Ordering::Less
                })
            }
            (None, Some(_)) => other.cmp(self).reverse(),
            (Some(a), Some(b)) => self
                .desc
                .compare_prefix(&self.bytes, &other.bytes, a.min(b))
                .then_with(|| match (a.cmp(&b), self.after, other.after) {
                    (Ordering::Equal, x, y) => x.cmp(&y),
                    // The shorter one stands before or after everything that the longer one
                    // is part of.
                    (Ordering::Less, false, _) | (Ordering::Greater, _, true) => Ordering::Less,
                    (Ordering::Less, true, _) | (Ordering::Greater, _, false) => Ordering::Greater,
                }),
        }
    }
}

impl PartialOrd for OverlayKey {
    fn partial_cmp(&self, other: &OverlayKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OverlayKey {
    fn eq(&self, other: &OverlayKey) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for OverlayKey {}

/// A pair that a transaction has written; `None` is a deletion.
pub type ChangedPair = Option<Arc<(Vec<u8>, Vec<u8>)>>;

/// Changed pairs of one tree, by key.
///
/// A statement reads the changes as they were when it began while it makes more: a copy shares
/// all but the nodes on the way to what is changed afterwards.
#[derive(Clone, Debug, Default)]
pub struct OverlayMap {
    /// The pairs.
    pub rows: OrdMap<OverlayKey, ChangedPair>,
}

/// Changes of a transaction to one table.
#[derive(Clone, Debug, Default)]
pub struct TableOverlay {
    /// Of the clustered tree.
    pub primary: OverlayMap,
    /// Of each secondary index.
    pub indexes: Vec<OverlayMap>,
}

/// A tree, and the changes above it.
#[derive(Clone)]
pub struct Tree {
    /// Where its nodes are.
    pub store: NodeStore,
    /// Its root.
    pub root: Arc<Node>,
    /// Order of its keys.
    pub desc: Arc<TupleDesc>,
    /// Where columns are in its pairs.
    pub layout: Arc<Layout>,
}

/// One end of a range: the leading fields of a tuple.
#[derive(Clone, Debug)]
pub struct KeyBound {
    /// Tuple of at least `fields` fields.
    pub tuple: Vec<u8>,
    /// Leading fields that count.
    pub fields: usize,
    /// Whether keys that begin with these fields are inside.
    pub inclusive: bool,
}

/// A range of keys.
#[derive(Clone, Debug, Default)]
pub struct KeyRange {
    /// Start; none is the first key.
    pub lower: Option<KeyBound>,
    /// End; none is the last key.
    pub upper: Option<KeyBound>,
}

impl KeyRange {
    /// Every key that begins with the first `fields` fields of a tuple.
    pub fn prefix(tuple: &[u8], fields: usize) -> KeyRange {
        let bound = KeyBound {
            tuple: tuple.to_vec(),
            fields,
            inclusive: true,
        };
        KeyRange {
            lower: Some(bound.clone()),
            upper: Some(bound),
        }
    }

    fn is_before(&self, desc: &TupleDesc, key: &[u8]) -> bool {
        match &self.lower {
            None => false,
            Some(b) => match desc.compare_prefix(key, &b.tuple, b.fields) {
                Ordering::Less => true,
                Ordering::Equal => !b.inclusive,
                Ordering::Greater => false,
            },
        }
    }

    fn is_after(&self, desc: &TupleDesc, key: &[u8]) -> bool {
        match &self.upper {
            None => false,
            Some(b) => match desc.compare_prefix(key, &b.tuple, b.fields) {
                Ordering::Greater => true,
                Ordering::Equal => !b.inclusive,
                Ordering::Less => false,
            },
        }
    }

    fn overlay<'m>(
        &self,
        desc: &Arc<TupleDesc>,
        map: &'m OverlayMap,
    ) -> RangedIter<'m, OverlayKey, ChangedPair, imbl::shared_ptr::DefaultSharedPtr> {
        let bound = |b: &Option<KeyBound>, lower: bool| match b {
            None => Bound::Unbounded,
            Some(b) => Bound::Excluded(OverlayKey {
                fields: Some(b.fields),
                after: b.inclusive != lower,
                ..OverlayKey::new(desc, &b.tuple)
            }),
        };
        let (lower, upper) = (bound(&self.lower, true), bound(&self.upper, false));
        if let (Bound::Excluded(a), Bound::Excluded(b)) = (&lower, &upper)
            && a >= b
        {
            let end = b.clone();
            return map
                .rows
                .range((Bound::Included(end.clone()), Bound::Excluded(end)));
        }
        map.rows.range((lower, upper))
    }
}

impl Tree {
    /// The pair with a key, in the overlay or below it.
    pub fn get(&self, overlay: Option<&OverlayMap>, key: &[u8]) -> Result<Option<Slot>> {
        if let Some(map) = overlay.filter(|m| !m.rows.is_empty())
            && let Some(found) = map.rows.get(&OverlayKey::new(&self.desc, key))
        {
            return Ok(found.clone().map(Slot::Pair));
        }
        let found = prolly::find(&self.store, &self.root, |k| self.desc.compare(k, key))?;
        Ok(found.map(|(node, at)| Slot::Leaf { node, at }))
    }

    /// How many stored pairs a range holds, from the counts that the tree keeps.
    pub fn count(&self, range: &KeyRange) -> Result<u64> {
        let desc = &*self.desc;
        let start = prolly::ordinal(&self.store, &self.root, |k| range.is_before(desc, k))?;
        let end = prolly::ordinal(&self.store, &self.root, |k| !range.is_after(desc, k))?;
        Ok(end.saturating_sub(start))
    }

    /// Every pair of a range, in order or in reverse.
    pub fn scan(
        &self,
        overlay: Option<&OverlayMap>,
        range: &KeyRange,
        reverse: bool,
        emit: &mut dyn FnMut(Slot) -> Result<Flow>,
    ) -> Result<Flow> {
        let changes = overlay.filter(|m| !m.rows.is_empty());
        match (changes, reverse) {
            (None, false) => self.scan_forward(range, emit),
            (None, true) => self.scan_backward(range, emit),
            (Some(map), false) => {
                let changes = range.overlay(&self.desc, map);
                self.scan_over(
                    changes,
                    Ordering::Less,
                    |e| self.scan_forward(range, e),
                    emit,
                )
            }
            (Some(map), true) => {
                let changes = range.overlay(&self.desc, map).rev();
                self.scan_over(
                    changes,
                    Ordering::Greater,
                    |e| self.scan_backward(range, e),
                    emit,
                )
            }
        }
    }

    /// Merges changes into a scan of the stored pairs. Both come in the same order, in which a key
    /// is ahead of another one when they compare as `ahead`.
    fn scan_over<'m>(
        &self,
        changes: impl Iterator<Item = (&'m OverlayKey, &'m ChangedPair)>,
        ahead: Ordering,
        scan: impl FnOnce(&mut dyn FnMut(Slot) -> Result<Flow>) -> Result<Flow>,
        emit: &mut dyn FnMut(Slot) -> Result<Flow>,
    ) -> Result<Flow> {
        let mut changes = changes.peekable();
        let flow = scan(&mut |slot| {
            let key = slot.key();
            while let Some((k, _)) = changes.peek() {
                let order = self.desc.compare(&k.bytes, key);
                if order != ahead && order.is_ne() {
                    break;
                }
                let pair = changes.next().and_then(|(_, pair)| pair.clone());
                if order.is_eq() {
                    return pair.map_or(Ok(Flow::Continue), |pair| emit(Slot::Pair(pair)));
                }
                if let Some(pair) = pair
                    && emit(Slot::Pair(pair))? == Flow::Stop
                {
                    return Ok(Flow::Stop);
                }
            }
            emit(slot)
        })?;
        if flow == Flow::Stop {
            return Ok(Flow::Stop);
        }
        for (_, pair) in changes {
            if let Some(pair) = pair
                && emit(Slot::Pair(pair.clone()))? == Flow::Stop
            {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    fn scan_forward(
        &self,
        range: &KeyRange,
        emit: &mut dyn FnMut(Slot) -> Result<Flow>,
    ) -> Result<Flow> {
        let desc = &*self.desc;
        let mut c = Cursor::seek(&self.store, &self.root, |k| range.is_before(desc, k))?;
        while c.is_valid() {
            let node = c.leaf().clone();
            let bounded = range.upper.is_some() && range.is_after(desc, node.key(node.len() - 1));
            let end = if bounded {
                node.partition(|k| !range.is_after(desc, k))
            } else {
                node.len()
            };
            for at in c.index()..end {
                if emit(Slot::Leaf {
                    node: node.clone(),
                    at,
                })? == Flow::Stop
                {
                    return Ok(Flow::Stop);
                }
            }
            if bounded || !c.next_leaf()? {
                break;
            }
        }
        Ok(Flow::Continue)
    }

    fn scan_backward(
        &self,
        range: &KeyRange,
        emit: &mut dyn FnMut(Slot) -> Result<Flow>,
    ) -> Result<Flow> {
        let desc = &*self.desc;
        let mut c = Cursor::seek(&self.store, &self.root, |k| !range.is_after(desc, k))?;
        if !c.retreat()? {
            return Ok(Flow::Continue);
        }
        loop {
            let node = c.leaf().clone();
            let bounded = range.lower.is_some() && range.is_before(desc, node.key(0));
            let start = if bounded {
                node.partition(|k| range.is_before(desc, k))
            } else {
                0
            };
            for at in (start..=c.index()).rev() {
                if emit(Slot::Leaf {
                    node: node.clone(),
                    at,
                })? == Flow::Stop
                {
                    return Ok(Flow::Stop);
                }
            }
            if bounded || !c.previous_leaf()? {
                return Ok(Flow::Continue);
            }
        }
    }
}

impl Slot {
    /// Key of a stored pair; empty for other rows.
    pub fn key(&self) -> &[u8] {
        match self {
            Slot::Leaf { node, at } => node.key(*at),
            Slot::Pair(pair) => &pair.0,
            _ => &[],
        }
    }

    /// Value of a stored pair; empty for other rows.
    pub fn value(&self) -> &[u8] {
        match self {
            Slot::Leaf { node, at } => node.value(*at),
            Slot::Pair(pair) => &pair.1,
            _ => &[],
        }
    }
}

/// A table at one root, with the changes of the reading transaction.
#[derive(Clone)]
pub struct TableView {
    /// Definition.
    pub def: Arc<TableDef>,
    /// Clustered tree.
    pub primary: Tree,
    /// Secondary indexes, in the definition's order.
    pub indexes: Vec<Tree>,
    /// Changes of the transaction.
    pub overlay: Option<Arc<TableOverlay>>,
}

impl TableView {
    /// The overlay of the clustered tree (`None`) or of an index.
    pub fn changes(&self, index: Option<usize>) -> Option<&OverlayMap> {
        let overlay = self.overlay.as_deref()?;
        match index {
            None => Some(&overlay.primary),
            Some(i) => overlay.indexes.get(i),
        }
    }

    /// The clustered tree (`None`) or an index.
    pub fn tree(&self, index: Option<usize>) -> &Tree {
        match index {
            None => &self.primary,
            Some(i) => &self.indexes[i],
        }
    }

    /// The row that an index entry stands for.
    pub fn row_of_entry(&self, index: usize, entry: &[u8]) -> Result<Option<Slot>> {
        let key = self.key_of_entry(index, entry)?;
        self.primary.get(self.changes(None), &key)
    }

    /// The key of the row that an index entry stands for.
    pub fn key_of_entry(&self, index: usize, entry: &[u8]) -> Result<Vec<u8>> {
        let entry = Tuple(entry);
        let mut key = TupleBuilder::new();
        if self.def.keyless() {
            // The last field of an entry of a keyless table is the row's hash.
            key.push(entry.field(self.indexes[index].desc.len() - 1));
        } else {
            let columns = &self.def.indexes[index].key_columns;
            for pk in &self.def.primary_key {
                let at = columns.iter().position(|c| c == pk);
                key.push(at.and_then(|at| entry.field(at)));
            }
        }
        Ok(key.finish()?)
    }

    /// How many times a stored row counts: its cardinality in a keyless table.
    pub fn copies(&self, slot: &Slot) -> u64 {
        if !self.def.keyless() {
            return 1;
        }
        match Tuple(slot.value()).field(0) {
            Some(bytes) if bytes.len() == 8 => {
                u64::from_le_bytes(bytes.try_into().unwrap_or([0; 8]))
            }
            _ => 1,
        }
    }
}
