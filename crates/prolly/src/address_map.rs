//! Names and the addresses that they stand for (spec 02 §12).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chunks::Hash;

use crate::{Bytewise, Edit, NodeFormat, NodeStore, Result, TupleMap};

/// A map from names to addresses: datasets, tables, secondary indexes. As with [`TupleMap`],
/// the root node is embedded elsewhere and not stored.
#[derive(Clone)]
pub struct AddressMap(TupleMap);

impl AddressMap {
    /// A map without names.
    pub fn empty(store: NodeStore) -> Result<AddressMap> {
        TupleMap::empty(store, Arc::new(Bytewise), NodeFormat::AddressMap).map(AddressMap)
    }

    /// The map whose root node is embedded in another message; no bytes are an empty map.
    pub fn from_embedded(store: NodeStore, root: impl Into<Bytes>) -> Result<AddressMap> {
        let root = root.into();
        if root.is_empty() {
            return AddressMap::empty(store);
        }
        let order = Arc::new(Bytewise);
        TupleMap::from_embedded(store, root, order, NodeFormat::AddressMap).map(AddressMap)
    }

    /// The map whose root node has an address.
    pub fn open(store: NodeStore, root: &Hash) -> Result<AddressMap> {
        TupleMap::open(store, root, Arc::new(Bytewise), NodeFormat::AddressMap).map(AddressMap)
    }

    /// The address of a name.
    pub fn get(&self, name: &[u8]) -> Result<Option<Hash>> {
        Ok(self.0.get(name)?.map(|item| item.address()))
    }

    /// All names and addresses, in the order of the names' bytes.
    pub fn iter(&self) -> Result<impl Iterator<Item = Result<(Vec<u8>, Hash)>> + use<>> {
        flatten(self.0.all()?)
    }

    /// The names that start with a prefix, with their addresses.
    pub fn with_prefix(
        &self,
        prefix: &[u8],
    ) -> Result<impl Iterator<Item = Result<(Vec<u8>, Hash)>> + use<>> {
        let start = self.0.ordinal_at(prefix)?;
        let end = self
            .0
            .ordinal_where(|key| key < prefix || key.starts_with(prefix))?;
        flatten(self.0.runs(start..end)?)
    }

    /// The map after changes; the last change of a name counts.
    pub fn edit(
        &self,
        changes: impl IntoIterator<Item = (Vec<u8>, Option<Hash>)>,
    ) -> Result<AddressMap> {
        let changes: BTreeMap<Vec<u8>, Option<Hash>> = changes.into_iter().collect();
        let edits: Vec<Edit<Vec<u8>, [u8; 20]>> = changes
            .into_iter()
            .map(|(key, address)| Edit {
                key,
                value: address.map(|h| h.0),
            })
            .collect();
        self.0.edit(&edits).map(AddressMap)
    }

    /// Number of names.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The map itself: diffs, cursors.
    pub fn map(&self) -> &TupleMap {
        &self.0
    }

    /// The root node's message, to embed in another.
    pub fn root_bytes(&self) -> &Bytes {
        self.0.root_bytes()
    }

    /// Hash of the root node, which need not be stored.
    pub fn root_hash(&self) -> Hash {
        self.0.root_hash()
    }

    /// Stores the root node, so that the map can be opened by its address.
    pub fn save(&self) -> Result<Hash> {
        self.0.save()
    }
}

fn flatten(runs: crate::Runs) -> Result<impl Iterator<Item = Result<(Vec<u8>, Hash)>>> {
    Ok(runs.flat_map(|run| {
        let items: Vec<Result<(Vec<u8>, Hash)>> = match run {
            Ok(run) => (run.start..run.end)
                .map(|i| Ok((run.leaf.key(i).to_vec(), run.leaf.child(i))))
                .collect(),
            Err(e) => vec![Err(e)],
        };
        items
    }))
}
