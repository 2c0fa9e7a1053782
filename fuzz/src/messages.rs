//! What chunks hold: nodes of trees, and the objects of the model.

use bytes::Bytes;
use chunks::{Chunk, Hash};
use model::{
    Commit, ForeignKeys, Objects, Root, Schema, Stash, StashList, Table, Tag, WorkingSet,
    references_of,
};
use prolly::{AddressMap, CommitClosure, Node, NodeStore, TupleMap};
use versioning::Artifacts;

use crate::seeds;

/// A node: its items, its addresses, and a tree that it is the root of.
pub fn node(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let _ = references_of(&Chunk::new(bytes.clone()), &mut |_| {});
    let Ok(node) = Node::embedded(bytes.clone()) else {
        return;
    };
    let _ = (node.tree_count(), node.stated_tree_count(), node.size());
    for i in 0..node.len() {
        let _ = (node.key(i), node.value(i));
        if !node.is_leaf() {
            let _ = (node.child(i), node.subtree_count(i), node.items_before(i));
        }
    }
    let _ = node.item_address_offsets().count();
    let store: NodeStore = seeds::objects_at_hand().nodes().clone();
    let hash = store.write(data.to_vec()).expect("memory takes everything");
    if let Ok(map) = AddressMap::from_embedded(store.clone(), bytes.clone())
        && let Ok(entries) = map.iter()
    {
        let _ = entries.take(100).count();
        let _ = map.get(b"refs/heads/main");
    }
    if let Ok(closure) = CommitClosure::open(store.clone(), &hash) {
        let _ = closure.descending().map(|keys| keys.take(100).count());
        let _ = closure.at_height(2);
    }
    let _ = prolly::blob::read(&store, &hash, 1 << 20);
    let _ = prolly::blob::read_range(&store, &hash, 3, 5000);
    let _ = prolly::json_document::read(&store, &hash, 1 << 20);
    let order = std::sync::Arc::new(prolly::Bytewise);
    let format = prolly::NodeFormat::plain_rows();
    if let Ok(map) = TupleMap::from_embedded(store, bytes, order, format) {
        walk(&map);
    }
}

/// Everything that a map can be asked.
fn walk(map: &TupleMap) {
    let _ = map.len();
    for key in [&b""[..], b"refs", &[5, 0, 0, 0, 1, 0]] {
        let _ = map.get(key);
        if let Ok(mut cursor) = map.cursor_at(key) {
            for _ in 0..50 {
                if !cursor.is_valid() || !matches!(cursor.advance(), Ok(true)) {
                    break;
                }
                let _ = (cursor.key(), cursor.value());
            }
        }
    }
    if let Ok(runs) = map.all() {
        for run in runs.take(20).flatten() {
            let _ = run.iter().count();
        }
    }
    let _ = map.edit(&[prolly::Edit::put(b"key".to_vec(), b"value".to_vec())]);
}

/// An object of any kind: what is read is written again, and reads as the same.
pub fn object(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let _ = references_of(&Chunk::new(bytes.clone()), &mut |_| {});
    let objects: Objects = seeds::objects_at_hand();
    if let Ok(commit) = Commit::decode(data) {
        let again = commit.encode().map(|b| Commit::decode(&b));
        assert!(
            !matches!(again, Ok(Ok(c)) if c != commit),
            "a commit changed"
        );
        let _ = commit.ancestors(&objects);
        let _ = Commit::new(&objects, commit.root, commit.parents, commit.meta);
    }
    if let Ok(tag) = Tag::decode(data) {
        let again = tag.encode().map(|b| Tag::decode(&b));
        assert!(!matches!(again, Ok(Ok(t)) if t != tag), "a tag changed");
    }
    if let Ok(set) = WorkingSet::decode(data) {
        let again = set.encode().map(|b| WorkingSet::decode(&b));
        let _ = again;
    }
    if let Ok(keys) = ForeignKeys::decode(data) {
        let _ = keys.encode();
    }
    if let Ok(stash) = Stash::decode(data) {
        let again = stash.encode().map(|b| Stash::decode(&b));
        assert!(!matches!(again, Ok(Ok(s)) if s != stash), "a stash changed");
    }
    if let Ok(list) = StashList::decode(&objects, data) {
        let _ = list.entries();
        let _ = list.get(0);
    }
    if let Ok(schema) = Schema::decode(data) {
        let _ = schema.encode();
        let _ = schema.encode_older(true);
        if let Ok(layout) = objects.write_schema(&schema) {
            let _ = (layout.key_desc().len(), layout.value_desc().len());
        }
    }
    if let Ok(root) = Root::decode(&objects, &bytes) {
        let _ = root.encode();
        let _ = root.foreign_keys();
        for (name, _) in root.tables().unwrap_or_default() {
            let _ = root.table(&name);
        }
    }
    if let Ok(table) = Table::decode(&objects, &bytes) {
        let _ = table.encode();
        let _ = Artifacts::of(&table).and_then(|a| a.all());
        if let Ok(rows) = table.rows() {
            walk(&rows);
            let layout = table.layout().clone();
            if let Ok(runs) = rows.all() {
                let mut out = values::TupleBuilder::new();
                for run in runs.take(5).flatten() {
                    for (key, value) in run.iter().take(100) {
                        let none = |_: usize| Ok(values::Value::Null);
                        for index in layout.indexes() {
                            let _ = index.entry(key, value, &none, &objects.blobs(), &mut out);
                        }
                    }
                }
            }
        }
        for index in &table.schema().indexes {
            let _ = table.index(&index.name).map(|map| walk(&map));
        }
    }
    let _ = model::decode_store_root(data);
    let _ = model::decode_statistic(data);
    let _ = Hash::of(data);
}
