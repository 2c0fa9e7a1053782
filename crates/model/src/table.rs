//! Tables: schema, rows, indexes (spec 03 §4).

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chunks::Hash;
use prolly::{AddressMap, Node, NodeFormat, TupleMap};
use serial::{Builder, FileId, root_table};

use crate::small_message::hash_field;
use crate::{IndexVectors, ModelError, Objects, Result, Schema, TableLayout, TupleOrder};

const KIND: &str = "table";

/// A table as one root sees it. Changes give another table; [`Table::save`] stores it.
#[derive(Clone)]
pub struct Table {
    objects: Objects,
    layout: Arc<TableLayout>,
    rows: Bytes,
    /// What `rows` holds, once somebody has asked.
    rows_root: OnceLock<Arc<Node>>,
    indexes: AddressMap,
    /// The slot, which may hold an explicit zero for one step (spec 03 §4).
    auto_increment: Option<u64>,
    conflicts: [Hash; 4],
    violations: Hash,
    artifacts: Hash,
}

impl Table {
    /// A table without rows; every index of the schema gets an empty map.
    pub fn new(objects: &Objects, schema: &Schema) -> Result<Table> {
        let layout = objects.write_schema(schema)?;
        let mut table = Table {
            objects: objects.clone(),
            rows: Bytes::new(),
            rows_root: OnceLock::new(),
            indexes: AddressMap::empty(objects.nodes().clone())?,
            auto_increment: None,
            conflicts: [Hash::EMPTY; 4],
            violations: Hash::EMPTY,
            artifacts: Hash::EMPTY,
            layout,
        };
        let empty = table.empty_rows()?;
        table.rows = empty.root_bytes().clone();
        let mut roots = Vec::with_capacity(schema.indexes.len());
        for i in &schema.indexes {
            let root = table.empty_index(&i.name)?.save()?;
            roots.push((i.name.clone().into_bytes(), Some(root)));
        }
        table.indexes = table.indexes.edit(roots)?;
        Ok(table)
    }

    /// The table at an address.
    pub fn open(objects: &Objects, hash: &Hash) -> Result<Table> {
        Table::decode(objects, &objects.read(hash)?.shared())
    }

    /// Reads a message.
    pub fn decode(objects: &Objects, message: &Bytes) -> Result<Table> {
        let e = ModelError::message(KIND);
        let t = root_table(message, FileId::TABLE, 7).map_err(&e)?;
        let schema = hash_field(t.bytes(0).map_err(&e)?, KIND)?;
        let mut conflicts = [Hash::EMPTY; 4];
        if let Some(c) = t.table(4, 4).map_err(&e)? {
            for (i, conflict) in conflicts.iter_mut().enumerate() {
                *conflict = hash_field(c.bytes(i).map_err(&e)?, KIND)?;
            }
        }
        let address = |slot| -> Result<Hash> {
            match t.bytes(slot).map_err(ModelError::message(KIND))? {
                None => Ok(Hash::EMPTY),
                some => hash_field(some, KIND),
            }
        };
        let indexes = t.required_bytes(2).map_err(&e)?;
        Ok(Table {
            layout: objects.schema(&schema)?,
            rows: message.slice_ref(t.required_bytes(1).map_err(&e)?),
            rows_root: OnceLock::new(),
            indexes: AddressMap::from_embedded(
                objects.nodes().clone(),
                message.slice_ref(indexes),
            )?,
            auto_increment: match t.has(3) {
                true => Some(t.u64(3, 0).map_err(&e)?),
                false => None,
            },
            conflicts,
            violations: address(5)?,
            artifacts: address(6)?,
            objects: objects.clone(),
        })
    }

    /// The message.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut b = Builder::with_capacity(self.rows.len() + 1024);
        let schema = b.bytes(&self.layout.schema_hash().0);
        let rows = b.bytes(&self.rows);
        let indexes = b.bytes(self.indexes.root_bytes());
        let conflicts = self.conflicts.map(|h| b.bytes(&h.0));
        b.start_table(4);
        for (slot, c) in conflicts.into_iter().enumerate() {
            b.add_offset(slot, c);
        }
        let conflicts = b.end_table();
        let violations = b.bytes(&self.violations.0);
        let artifacts = b.bytes(&self.artifacts.0);
        b.start_table(7);
        b.add_offset(0, schema);
        b.add_offset(1, rows);
        b.add_offset(2, indexes);
        if let Some(v) = self.auto_increment {
            // A default that differs from the value makes the slot appear even for zero.
            b.add_u64(3, v, !v);
        }
        b.add_offset(4, conflicts);
        b.add_offset(5, violations);
        b.add_offset(6, artifacts);
        let root = b.end_table();
        b.finish(root, FileId::TABLE)
            .map_err(ModelError::message(KIND))
    }

    /// Stores the table and gives its address.
    pub fn save(&self) -> Result<Hash> {
        self.objects.write(self.encode()?)
    }

    /// Address that the table has when it is stored.
    pub fn hash(&self) -> Result<Hash> {
        Ok(Hash::of(&self.encode()?))
    }

    /// The objects that it is stored among.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The schema and where columns lie.
    pub fn layout(&self) -> &Arc<TableLayout> {
        &self.layout
    }

    /// The schema.
    pub fn schema(&self) -> &Arc<Schema> {
        self.layout.schema()
    }

    /// A map for the rows of this schema, without rows.
    pub fn empty_rows(&self) -> Result<TupleMap> {
        let (order, format) = self.rows_form();
        Ok(TupleMap::empty(
            self.objects.nodes().clone(),
            order,
            format,
        )?)
    }

    fn rows_form(&self) -> (Arc<TupleOrder>, NodeFormat) {
        let order = Arc::new(TupleOrder(self.layout.key_desc().clone()));
        let value = self.layout.value_desc();
        let format = if value.has_addresses() {
            NodeFormat::Rows(Arc::new(TupleOrder(value.clone())))
        } else {
            NodeFormat::plain_rows()
        };
        (order, format)
    }

    /// The rows, by primary key (or by hash in keyless tables).
    pub fn rows(&self) -> Result<TupleMap> {
        let (order, format) = self.rows_form();
        let nodes = self.objects.nodes().clone();
        if let Some(root) = self.rows_root.get() {
            return Ok(TupleMap::from_root(nodes, root.clone(), order, format));
        }
        let map = TupleMap::from_embedded(nodes, self.rows.clone(), order, format)?;
        let _ = self.rows_root.set(map.root().clone());
        Ok(map)
    }

    /// The same table with other rows; indexes are the caller's to change with them.
    pub fn with_rows(&self, rows: &TupleMap) -> Table {
        let mut t = self.reserialized();
        t.rows = rows.root_bytes().clone();
        t.rows_root = OnceLock::from(rows.root().clone());
        t
    }

    /// Writing rows or indexes drops a slot that is an explicit zero.
    fn reserialized(&self) -> Table {
        let mut t = self.clone();
        t.auto_increment = t.auto_increment.filter(|v| *v != 0);
        t
    }

    fn index_form(&self, name: &str) -> Result<(Arc<TupleOrder>, NodeFormat)> {
        let schema = self.schema();
        let at = schema.indexes.iter().position(|i| i.name == name);
        let at = at.or_else(|| schema.index_position(name));
        let (Some(layout), Some(index)) = (
            at.and_then(|i| self.layout.index(i)),
            at.and_then(|i| schema.indexes.get(i)),
        ) else {
            return Err(ModelError::corrupt(KIND, format!("no index {name}")));
        };
        let format = match index.vector {
            Some(distance) => NodeFormat::Vector {
                log_chunk_size: 8,
                distance,
                vectors: Arc::new(IndexVectors::new(layout.clone(), self.objects.blobs())),
            },
            None => NodeFormat::plain_rows(),
        };
        Ok((Arc::new(TupleOrder(layout.desc().clone())), format))
    }

    /// The entries of a secondary index.
    pub fn index(&self, name: &str) -> Result<TupleMap> {
        let (order, format) = self.index_form(name)?;
        let nodes = self.objects.nodes().clone();
        let schema = self.schema();
        let stored = schema
            .index_position(name)
            .map_or(name, |i| schema.indexes[i].name.as_str());
        match self.indexes.get(stored.as_bytes())? {
            Some(root) => Ok(TupleMap::open(nodes, &root, order, format)?),
            None => Ok(TupleMap::empty(nodes, order, format)?),
        }
    }

    /// An empty map for a secondary index of the schema.
    pub fn empty_index(&self, name: &str) -> Result<TupleMap> {
        let (order, format) = self.index_form(name)?;
        Ok(TupleMap::empty(
            self.objects.nodes().clone(),
            order,
            format,
        )?)
    }

    /// The same table with other entries of some indexes; their roots are stored.
    pub fn with_indexes<'a>(
        &self,
        changes: impl IntoIterator<Item = (&'a str, &'a TupleMap)>,
    ) -> Result<Table> {
        let mut t = self.reserialized();
        let mut edits = Vec::new();
        for (name, map) in changes {
            edits.push((name.as_bytes().to_vec(), Some(map.save()?)));
        }
        t.indexes = t.indexes.edit(edits)?;
        Ok(t)
    }

    /// The same table without the entries of an index.
    pub fn without_index(&self, name: &str) -> Result<Table> {
        let mut t = self.reserialized();
        t.indexes = t.indexes.edit([(name.as_bytes().to_vec(), None)])?;
        Ok(t)
    }

    /// The same table with what a rewrite leaves of the version before it: its artifacts while they
    /// name rows by keys of the same form, and the entries of indexes that are gone, which Dolt
    /// keeps under their names.
    pub fn with_remains_of(&self, before: &Table) -> Result<Table> {
        let mut t = self.clone();
        let key = |t: &Table| -> Vec<(u64, values::Encoding)> {
            let schema = t.schema();
            let columns = schema.primary_key.iter().map(|c| &schema.columns[*c]);
            columns.map(|c| (c.tag, c.encoding)).collect()
        };
        if key(before) == key(&t) {
            t.artifacts = before.artifacts;
        }
        let mut kept = Vec::new();
        for entry in before.indexes.iter()? {
            let (name, root) = entry?;
            if t.indexes.get(&name)?.is_none() {
                kept.push((name, Some(root)));
            }
        }
        if !kept.is_empty() {
            t.indexes = t.indexes.edit(kept)?;
        }
        Ok(t)
    }

    /// The same table with the entries of an index under another name.
    pub fn with_index_renamed(&self, from: &str, to: &str) -> Result<Table> {
        let mut t = self.reserialized();
        let root = t.indexes.get(from.as_bytes())?;
        t.indexes = t.indexes.edit([
            (from.as_bytes().to_vec(), None),
            (to.as_bytes().to_vec(), root),
        ])?;
        Ok(t)
    }

    /// Names and roots of the stored indexes.
    pub fn index_map(&self) -> &AddressMap {
        &self.indexes
    }

    /// The same table with another schema, whose rows must fit it.
    pub fn with_schema(&self, schema: &Schema) -> Result<Table> {
        let mut t = self.clone();
        t.layout = self.objects.write_schema(schema)?;
        Ok(t)
    }

    /// The next value of AUTO_INCREMENT, at least 1.
    pub fn auto_increment(&self) -> u64 {
        self.auto_increment.unwrap_or(0).max(1)
    }

    /// The slot of AUTO_INCREMENT, if it is present.
    pub fn auto_increment_slot(&self) -> Option<u64> {
        self.auto_increment
    }

    /// The same table with another next value; 1 is the same as none.
    pub fn with_auto_increment(&self, next: u64) -> Table {
        let next = if next == 1 { 0 } else { next };
        let mut t = self.clone();
        // A slot that exists is overwritten in place, even with zero.
        if t.auto_increment.is_some() || next != 0 {
            t.auto_increment = Some(next);
        }
        t
    }

    /// The same table without a next value, as one that was made anew.
    pub fn without_auto_increment(&self) -> Table {
        Table {
            auto_increment: None,
            ..self.clone()
        }
    }

    /// Address of the conflicts and violations; empty when there are none.
    pub fn artifacts(&self) -> Hash {
        self.artifacts
    }

    /// The same table with other conflicts and violations.
    pub fn with_artifacts(&self, artifacts: Hash) -> Table {
        let mut t = self.clone();
        t.artifacts = artifacts;
        t
    }

    /// Number of entries of the row map; equal rows of keyless tables count once.
    pub fn entry_count(&self) -> Result<u64> {
        Ok(self.rows()?.len())
    }
}
