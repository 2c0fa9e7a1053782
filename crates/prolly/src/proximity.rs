//! Vector indexes: trees in which every key lies below the nearest key of the level above
//! (spec 02 §17).
//!
//! A key's level follows from its hash. The root holds the keys of the highest level; the child
//! of an entry holds the entry's key again and the keys of the next level that are nearer to it
//! than to the other entries of its node. Keys within a node are in the order of their bytes, but
//! those that were put into a leaf later are where the order of keys has them, as in Dolt.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::node_format::PendingNode;
use crate::search::child;
use crate::splitter::key_hash;
use crate::{Edit, Item, KeyOrder, Node, NodeFormat, NodeStore, ProllyError, Result};

/// The vectors that the keys of a vector index stand for.
pub trait KeyVectors: Send + Sync {
    /// The vector in a key.
    fn vector(&self, key: &[u8]) -> Result<Vec<f32>>;
}

/// The level up to which a key appears.
fn level_of(log_chunk_size: u8, key: &[u8]) -> u8 {
    (key_hash(1, key).leading_zeros() / u32::from(log_chunk_size.max(1))) as u8
}

/// Squared Euclidean distance, in the precision that decides where a key lies.
fn distance(a: &[f32], b: &[f32]) -> Result<f64> {
    if a.len() != b.len() {
        return Err(ProllyError::VectorLengths(a.len(), b.len()));
    }
    Ok(a.iter()
        .zip(b)
        .map(|(x, y)| f64::from(x - y) * f64::from(x - y))
        .sum())
}

/// The first of the nearest vectors.
fn nearest<'v>(to: &[f32], of: impl Iterator<Item = &'v [f32]>) -> Result<usize> {
    let mut best = (0, f64::INFINITY);
    for (i, v) in of.enumerate() {
        let d = distance(v, to)?;
        if i == 0 || d < best.1 {
            best = (i, d);
        }
    }
    Ok(best.0)
}

/// What the format of a vector index says.
struct Form<'a> {
    store: &'a NodeStore,
    format: &'a NodeFormat,
    log_chunk_size: u8,
    vectors: &'a dyn KeyVectors,
}

/// One key to be placed.
struct Entry {
    key: Vec<u8>,
    value: Vec<u8>,
    level: u8,
    vector: Vec<f32>,
}

/// A written node that nobody refers to yet.
struct Written {
    message: Vec<u8>,
    count: u64,
}

impl<'a> Form<'a> {
    fn of(store: &'a NodeStore, format: &'a NodeFormat) -> Option<Form<'a>> {
        match format {
            NodeFormat::Vector {
                log_chunk_size,
                vectors,
                ..
            } => Some(Form {
                store,
                format,
                log_chunk_size: *log_chunk_size,
                vectors: &**vectors,
            }),
            _ => None,
        }
    }

    fn entry(&self, key: &[u8], value: &[u8], most: u8) -> Result<Entry> {
        Ok(Entry {
            level: level_of(self.log_chunk_size, key).min(most),
            vector: self.vectors.vector(key)?,
            key: key.to_vec(),
            value: value.to_vec(),
        })
    }

    /// A whole tree.
    fn build(&self, entries: &[Entry]) -> Result<Written> {
        let top = entries.iter().map(|e| e.level).max().unwrap_or(0);
        let (members, below) = (0..entries.len()).partition(|i| entries[*i].level == top);
        self.subtree(entries, top, members, below)
    }

    /// The node with `members`, at a level, above whatever else lies `below` it.
    fn subtree(
        &self,
        entries: &[Entry],
        level: u8,
        mut members: Vec<usize>,
        below: Vec<usize>,
    ) -> Result<Written> {
        members.sort_by(|a, b| entries[*a].key.cmp(&entries[*b].key));
        let mut node = PendingNode::default();
        if level == 0 {
            for m in members {
                node.push(&entries[m].key, &entries[m].value, 1);
            }
            return self.write(&node, level);
        }
        let mut lists: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
        for b in below {
            let of = members.iter().map(|m| entries[*m].vector.as_slice());
            lists[nearest(&entries[b].vector, of)?].push(b);
        }
        for (m, list) in members.into_iter().zip(lists) {
            let (mut next, rest): (Vec<usize>, Vec<usize>) = list
                .into_iter()
                .partition(|i| entries[*i].level == level - 1);
            next.push(m);
            let written = self.subtree(entries, level - 1, next, rest)?;
            self.push_child(&mut node, &entries[m].key, written, level)?;
        }
        self.write(&node, level)
    }

    fn push_child(
        &self,
        node: &mut PendingNode,
        key: &[u8],
        written: Written,
        level: u8,
    ) -> Result<()> {
        let hash = match level > 1 {
            true => self.store.write_inner(written.message)?,
            false => self.store.write(written.message)?,
        };
        node.push(key, &hash.0, written.count);
        Ok(())
    }

    fn write(&self, node: &PendingNode, level: u8) -> Result<Written> {
        Ok(Written {
            message: node.write(self.format, level)?,
            count: node.tree_count(),
        })
    }

    /// A node built again from all that is below it, with edits.
    fn rebuild(
        &self,
        order: &dyn KeyOrder,
        node: &Arc<Node>,
        edits: &[(&[u8], Option<&[u8]>)],
        most: u8,
    ) -> Result<Written> {
        let mut entries = Vec::new();
        for (key, value) in edits {
            if let Some(value) = value {
                entries.push(self.entry(key, value, u8::MAX)?);
            }
        }
        self.collect(node, most, &mut entries, &mut |key| {
            edits
                .binary_search_by(|(k, _)| order.compare(k, key))
                .is_ok()
        })?;
        self.build(&entries)
    }

    fn collect(
        &self,
        node: &Arc<Node>,
        most: u8,
        out: &mut Vec<Entry>,
        is_edited: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<()> {
        for i in 0..node.len() {
            if !node.is_leaf() {
                let below = child(self.store, node, i)?;
                self.collect(&below, most, out, is_edited)?;
            } else if !is_edited(node.key(i)) {
                out.push(self.entry(node.key(i), node.value(i), most)?);
            }
        }
        Ok(())
    }

    fn vectors_of(&self, node: &Node) -> Result<Vec<Vec<f32>>> {
        (0..node.len())
            .map(|i| self.vectors.vector(node.key(i)))
            .collect()
    }

    /// A node with edits of lower levels than its own.
    fn edit_node(
        &self,
        order: &dyn KeyOrder,
        node: &Arc<Node>,
        edits: &[(&[u8], Option<&[u8]>)],
    ) -> Result<Written> {
        let level = node.level();
        let mut out = PendingNode::default();
        if level == 0 {
            merge_leaf(order, node, edits, &mut out);
            return self.write(&out, level);
        }
        let vectors = self.vectors_of(node)?;
        let mut lists: BTreeMap<usize, Vec<(&[u8], Option<&[u8]>)>> = BTreeMap::new();
        for edit in edits {
            let vector = self.vectors.vector(edit.0)?;
            let at = nearest(&vector, vectors.iter().map(Vec::as_slice))?;
            lists.entry(at).or_default().push(*edit);
        }
        for i in 0..node.len() {
            let Some(list) = lists.get(&i) else {
                out.push(node.key(i), node.value(i), node.subtree_count(i));
                continue;
            };
            let below = child(self.store, node, i)?;
            let moves = list
                .iter()
                .any(|(key, _)| level_of(self.log_chunk_size, key) == level - 1);
            let written = match moves {
                true => self.rebuild(order, &below, list, below.level())?,
                false => self.edit_node(order, &below, list)?,
            };
            self.push_child(&mut out, node.key(i), written, level)?;
        }
        self.write(&out, level)
    }
}

fn merge_leaf(
    order: &dyn KeyOrder,
    leaf: &Node,
    edits: &[(&[u8], Option<&[u8]>)],
    out: &mut PendingNode,
) {
    let (mut at, mut edits) = (0, edits.iter().peekable());
    loop {
        let next = match (at < leaf.len(), edits.peek()) {
            (false, None) => return,
            (true, None) => Ordering::Greater,
            (false, Some(_)) => Ordering::Less,
            (true, Some((key, _))) => order.compare(key, leaf.key(at)),
        };
        if next == Ordering::Greater {
            out.push(leaf.key(at), leaf.value(at), 1);
            at += 1;
            continue;
        }
        if let Some((key, Some(value))) = edits.next() {
            out.push(key, value, 1);
        }
        if next == Ordering::Equal {
            at += 1;
        }
    }
}

fn not_a_vector_index() -> ProllyError {
    ProllyError::NotANode("vector index".into())
}

/// The root of a tree of all items; not stored, as [`crate::TreeBuilder::finish`].
pub(crate) fn build<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    store: &NodeStore,
    format: &NodeFormat,
    items: impl IntoIterator<Item = (K, V)>,
) -> Result<Arc<Node>> {
    let form = Form::of(store, format).ok_or_else(not_a_vector_index)?;
    let entries: Vec<Entry> = items
        .into_iter()
        .map(|(k, v)| form.entry(k.as_ref(), v.as_ref(), u8::MAX))
        .collect::<Result<_>>()?;
    Ok(Arc::new(Node::embedded(form.build(&entries)?.message)?))
}

/// Applies edits in ascending order of distinct keys.
pub(crate) fn apply<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    store: &NodeStore,
    format: &NodeFormat,
    order: &dyn KeyOrder,
    root: &Arc<Node>,
    edits: &[Edit<K, V>],
) -> Result<Arc<Node>> {
    let form = Form::of(store, format).ok_or_else(not_a_vector_index)?;
    let edits: Vec<(&[u8], Option<&[u8]>)> = edits
        .iter()
        .map(|e| (e.key.as_ref(), e.value.as_ref().map(AsRef::as_ref)))
        .collect();
    if edits.is_empty() {
        return Ok(root.clone());
    }
    let ascending = |w: &[(&[u8], _)]| order.compare(w[0].0, w[1].0) == Ordering::Less;
    if !edits.windows(2).all(ascending) {
        return Err(ProllyError::Unsorted);
    }
    let most = edits
        .iter()
        .map(|(key, _)| level_of(form.log_chunk_size, key))
        .max()
        .unwrap_or(0);
    let written = match root.is_empty() || most >= root.level() {
        true => form.rebuild(order, root, &edits, most)?,
        false => form.edit_node(order, root, &edits)?,
    };
    Ok(Arc::new(Node::embedded(written.message)?))
}

/// The item with a key.
pub(crate) fn get(
    store: &NodeStore,
    format: &NodeFormat,
    root: &Arc<Node>,
    order: &dyn KeyOrder,
    key: &[u8],
) -> Result<Option<Item>> {
    let form = Form::of(store, format).ok_or_else(not_a_vector_index)?;
    let vector = form.vectors.vector(key)?;
    let mut node = root.clone();
    loop {
        let found = (0..node.len()).find(|i| order.compare(node.key(*i), key).is_eq());
        if node.is_leaf() {
            return Ok(found.map(|i| Item::new(node, i)));
        }
        let at = match found {
            Some(i) => i,
            None => nearest(&vector, form.vectors_of(&node)?.iter().map(Vec::as_slice))?,
        };
        node = child(store, &node, at)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bytewise, TupleMap};

    /// Keys are a point in two bytes, and a number.
    struct Points;

    impl KeyVectors for Points {
        fn vector(&self, key: &[u8]) -> Result<Vec<f32>> {
            Ok(key.iter().take(2).map(|b| f32::from(*b)).collect())
        }
    }

    fn map(store: &NodeStore, keys: &[[u8; 4]]) -> TupleMap {
        let format = NodeFormat::Vector {
            log_chunk_size: 2,
            distance: 1,
            vectors: Arc::new(Points),
        };
        let items = keys.iter().map(|k| (k.as_slice(), [0u8, 0].as_slice()));
        TupleMap::build(store.clone(), Arc::new(Bytewise), format, items).unwrap()
    }

    fn keys(n: u32) -> Vec<[u8; 4]> {
        let mut keys: Vec<[u8; 4]> = (0..n)
            .map(|i| {
                let x = i.wrapping_mul(2_654_435_761);
                [(x >> 24) as u8, (x >> 16) as u8, (i >> 8) as u8, i as u8]
            })
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn edits_give_the_tree_that_would_be_built() {
        let store = NodeStore::in_memory();
        let all = keys(900);
        let built = map(&store, &all);
        assert!(built.root().level() >= 3, "{}", built.root().level());
        assert_eq!(built.len(), 900);
        for part in [1, 7, 100, 899] {
            let some: Vec<[u8; 4]> = all.iter().copied().step_by(part + 1).collect();
            let rest: Vec<Edit> = all
                .iter()
                .filter(|k| !some.contains(k))
                .map(|k| Edit::put(k.to_vec(), vec![0, 0]))
                .collect();
            let mut grown = map(&store, &some);
            for batch in rest.chunks(part) {
                grown = grown.edit(batch).unwrap();
            }
            assert_eq!(grown.root_hash(), built.root_hash(), "{part}");
            let gone: Vec<Edit> = rest.iter().map(|e| Edit::remove(e.key.clone())).collect();
            let mut shrunk = built.clone();
            for batch in gone.chunks(part) {
                shrunk = shrunk.edit(batch).unwrap();
            }
            assert_eq!(shrunk.root_hash(), map(&store, &some).root_hash(), "{part}");
        }
    }

    #[test]
    fn keys_are_found_where_they_lie() {
        let store = NodeStore::in_memory();
        let all = keys(500);
        let built = map(&store, &all);
        for key in &all {
            assert_eq!(built.get(key).unwrap().unwrap().key(), key);
        }
        assert!(built.get(&[1, 2, 255, 255]).unwrap().is_none());
        assert!(map(&store, &[]).get(&[1, 2, 3, 4]).unwrap().is_none());
    }
}
