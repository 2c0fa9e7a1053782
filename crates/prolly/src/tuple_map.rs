//! A tree of keys and values: the rows of a table, the entries of an index, artifacts.

use std::cmp::Ordering;
use std::ops::{Bound, Range};
use std::sync::Arc;

use bytes::Bytes;
use chunks::Hash;

use crate::edit::Before;
use crate::{
    Cursor, Diff, Edit, Edits, Item, KeyOrder, Node, NodeFormat, NodeStore, ProllyError, Result,
    Runs, ThreeWayDiff, TreeBuilder, edit, proximity, search,
};

/// An ordered map that never changes; edits give another map that shares what they leave alone.
/// Vector indexes alone have no order: [`all`](TupleMap::all) of their items come as they lie,
/// and ranges mean nothing.
///
/// The root node of a map that was built or edited is **not stored** as a chunk: tables embed
/// it ([`root_bytes`](TupleMap::root_bytes)). Whoever refers to it by address calls
/// [`save`](TupleMap::save).
#[derive(Clone)]
pub struct TupleMap {
    store: NodeStore,
    root: Arc<Node>,
    order: Arc<dyn KeyOrder>,
    format: NodeFormat,
}

impl TupleMap {
    /// A map without items.
    pub fn empty(
        store: NodeStore,
        order: Arc<dyn KeyOrder>,
        format: NodeFormat,
    ) -> Result<TupleMap> {
        let root = TreeBuilder::new(&store, &format).finish()?;
        Ok(TupleMap::from_root(store, root, order, format))
    }

    /// The map whose root node has an address.
    pub fn open(
        store: NodeStore,
        root: &Hash,
        order: Arc<dyn KeyOrder>,
        format: NodeFormat,
    ) -> Result<TupleMap> {
        let root = store.read(root)?;
        format.check(&root)?;
        Ok(TupleMap::from_root(store, root, order, format))
    }

    /// The map whose root node is embedded in another message.
    pub fn from_embedded(
        store: NodeStore,
        root: impl Into<Bytes>,
        order: Arc<dyn KeyOrder>,
        format: NodeFormat,
    ) -> Result<TupleMap> {
        let root = Arc::new(Node::embedded(root)?);
        format.check(&root)?;
        Ok(TupleMap::from_root(store, root, order, format))
    }

    /// The map below a root node.
    pub fn from_root(
        store: NodeStore,
        root: Arc<Node>,
        order: Arc<dyn KeyOrder>,
        format: NodeFormat,
    ) -> TupleMap {
        TupleMap {
            store,
            root,
            order,
            format,
        }
    }

    /// Builds a map from items in ascending order of distinct keys.
    pub fn build<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        store: NodeStore,
        order: Arc<dyn KeyOrder>,
        format: NodeFormat,
        items: impl IntoIterator<Item = (K, V)>,
    ) -> Result<TupleMap> {
        if let NodeFormat::Vector { .. } = format {
            let root = proximity::build(&store, &format, items)?;
            return Ok(TupleMap::from_root(store, root, order, format));
        }
        let mut builder = TreeBuilder::new(&store, &format);
        let mut last: Option<K> = None;
        for (key, value) in items {
            if let Some(last) = &last
                && order.compare(last.as_ref(), key.as_ref()) != Ordering::Less
            {
                return Err(ProllyError::Unsorted);
            }
            builder.append(key.as_ref(), value.as_ref())?;
            last = Some(key);
        }
        let root = builder.finish()?;
        Ok(TupleMap::from_root(store, root, order, format))
    }

    /// The store of its nodes.
    pub fn store(&self) -> &NodeStore {
        &self.store
    }

    /// The root node.
    pub fn root(&self) -> &Arc<Node> {
        &self.root
    }

    /// Hash of the root node, which need not be stored; see [`TupleMap`].
    pub fn root_hash(&self) -> Hash {
        self.root.hash()
    }

    /// The root node's message, to embed in another.
    pub fn root_bytes(&self) -> &Bytes {
        self.root.message()
    }

    /// Stores the root node, so that the map can be opened by its address.
    pub fn save(&self) -> Result<Hash> {
        self.store.write_node(&self.root)
    }

    /// The order of its keys.
    pub fn order(&self) -> &Arc<dyn KeyOrder> {
        &self.order
    }

    /// How its nodes are written.
    pub fn format(&self) -> &NodeFormat {
        &self.format
    }

    /// Number of items.
    pub fn len(&self) -> u64 {
        self.root.tree_count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// The item with a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Item>> {
        if let NodeFormat::Vector { .. } = self.format {
            return proximity::get(&self.store, &self.format, &self.root, &*self.order, key);
        }
        search::get(&self.store, &self.root, &*self.order, key)
    }

    /// Whether there is an item with a key.
    pub fn has(&self, key: &[u8]) -> Result<bool> {
        Ok(self.get(key)?.is_some())
    }

    /// The position of the first key that is not less than `key`.
    pub fn cursor_at(&self, key: &[u8]) -> Result<Cursor> {
        self.cursor_where(|k| self.order.compare(k, key) == Ordering::Less)
    }

    /// The position of the first key that is greater than `key`.
    pub fn cursor_after(&self, key: &[u8]) -> Result<Cursor> {
        self.cursor_where(|k| self.order.compare(k, key) != Ordering::Greater)
    }

    /// The position of the first key for which `before` is false, `before` being true for keys
    /// up to some point: a search by a prefix of the key's fields, for instance.
    pub fn cursor_where(&self, before: impl FnMut(&[u8]) -> bool) -> Result<Cursor> {
        Cursor::seek(&self.store, &self.root, before)
    }

    /// The position of the item with an ordinal.
    pub fn cursor_at_ordinal(&self, ordinal: u64) -> Result<Cursor> {
        Cursor::at_ordinal(&self.store, &self.root, ordinal)
    }

    /// How many keys are less than `key`.
    pub fn ordinal_at(&self, key: &[u8]) -> Result<u64> {
        self.ordinal_where(|k| self.order.compare(k, key) == Ordering::Less)
    }

    /// How many keys are not greater than `key`.
    pub fn ordinal_after(&self, key: &[u8]) -> Result<u64> {
        self.ordinal_where(|k| self.order.compare(k, key) != Ordering::Greater)
    }

    /// How many keys `before` is true for; see [`cursor_where`](TupleMap::cursor_where).
    pub fn ordinal_where(&self, before: impl FnMut(&[u8]) -> bool) -> Result<u64> {
        search::ordinal(&self.store, &self.root, before)
    }

    /// The ordinals of the keys between two bounds.
    pub fn range(&self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Result<Range<u64>> {
        let start = match from {
            Bound::Unbounded => 0,
            Bound::Included(key) => self.ordinal_at(key)?,
            Bound::Excluded(key) => self.ordinal_after(key)?,
        };
        let end = match to {
            Bound::Unbounded => self.len(),
            Bound::Included(key) => self.ordinal_after(key)?,
            Bound::Excluded(key) => self.ordinal_at(key)?,
        };
        Ok(start..end.max(start))
    }

    /// Items by ordinal, leaf by leaf.
    pub fn runs(&self, ordinals: Range<u64>) -> Result<Runs> {
        self.check_range(&ordinals)?;
        Runs::forward(&self.store, &self.root, ordinals.start, ordinals.end)
    }

    /// Items by ordinal, leaf by leaf from the last; read each run backward too.
    pub fn runs_backward(&self, ordinals: Range<u64>) -> Result<Runs> {
        self.check_range(&ordinals)?;
        Runs::backward(&self.store, &self.root, ordinals.start, ordinals.end)
    }

    /// All items, leaf by leaf.
    pub fn all(&self) -> Result<Runs> {
        self.runs(0..self.len())
    }

    fn check_range(&self, ordinals: &Range<u64>) -> Result<()> {
        match ordinals.end > self.len() {
            true => Err(ProllyError::OrdinalOutOfBounds(ordinals.end)),
            false => Ok(()),
        }
    }

    /// The map after edits in ascending order of distinct keys.
    pub fn edit<K: AsRef<[u8]>, V: AsRef<[u8]>>(&self, edits: &[Edit<K, V>]) -> Result<TupleMap> {
        self.edited(edits, Before::Goes)
    }

    /// Like [`TupleMap::edit`], for a map that stays in use beside the one that comes of it, as
    /// a merged branch does.
    pub fn edit_beside<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        edits: &[Edit<K, V>],
    ) -> Result<TupleMap> {
        self.edited(edits, Before::Stays)
    }

    fn edited<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        edits: &[Edit<K, V>],
        before: Before,
    ) -> Result<TupleMap> {
        let (store, format, order) = (&self.store, &self.format, &*self.order);
        let root = match format {
            NodeFormat::Vector { .. } => proximity::apply(store, format, order, &self.root, edits)?,
            _ => edit::apply(store, format, order, &self.root, edits, before)?,
        };
        Ok(self.with_root(root))
    }

    /// The map after edits that are not in memory; [`Edits`] is asked what becomes of each key.
    /// Vector indexes cannot be edited so.
    pub fn edit_with<E: Edits + ?Sized>(&self, edits: &mut E) -> Result<TupleMap> {
        let root = edit::apply_all(
            &self.store,
            &self.format,
            &*self.order,
            &self.root,
            edits,
            false,
            Before::Goes,
        )?;
        Ok(self.with_root(root))
    }

    /// A builder that has taken in all items of this map, for items behind its last. What it
    /// builds becomes a map with [`TupleMap::with_root`].
    pub fn continued(&self) -> Result<TreeBuilder> {
        edit::continued(&self.store, &self.format, &self.root)
    }

    /// A map of the same form with another root.
    pub fn with_root(&self, root: Arc<Node>) -> TupleMap {
        TupleMap {
            root,
            ..self.clone()
        }
    }

    /// The keys that differ in `to`.
    pub fn diff(&self, to: &TupleMap) -> Diff {
        Diff::new(
            (&self.store, &self.root),
            (&to.store, &to.root),
            self.order.clone(),
        )
    }

    /// What `left` and `right` changed since this map.
    pub fn three_way_diff(&self, left: &TupleMap, right: &TupleMap) -> ThreeWayDiff {
        ThreeWayDiff::of(self.diff(left), self.diff(right), self.order.clone())
    }
}
