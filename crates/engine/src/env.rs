//! The rows that an expression stands on: slots of a query block, and the blocks around it.

use std::sync::Arc;

use prolly::Node;
use values::{BlobSource, Encoding, OwnedValue, SqlType, Tuple, Value};

use crate::context::Context;
use crate::error::{Error, Result};

/// The current row of one row source.
#[derive(Clone, Default)]
pub enum Slot {
    /// No row: every column is NULL (the inner side of an outer join).
    #[default]
    Empty,
    /// A pair of a tree's leaf, read in place.
    Leaf {
        /// The leaf.
        node: Arc<Node>,
        /// Pair within it.
        at: usize,
    },
    /// A pair that stands in a transaction's overlay.
    Pair(Arc<(Vec<u8>, Vec<u8>)>),
    /// Computed values.
    Row(Arc<[OwnedValue]>),
}

/// Where the bytes of a column are in a key and value pair.
#[derive(Clone, Debug)]
pub struct Place {
    /// In the key rather than the value.
    pub key: bool,
    /// Field of that tuple.
    pub field: usize,
    /// Encoding of the field.
    pub encoding: Encoding,
    /// SQL type of the column.
    pub ty: SqlType,
}

/// Where each column of a stored table is; `None` for one that is not in this tree.
pub struct Layout {
    /// By column.
    pub places: Vec<Option<Place>>,
    /// What lies outside the tuples.
    pub blobs: Arc<dyn BlobSource>,
}

impl Layout {
    /// Decodes one column of a pair.
    #[inline]
    pub fn column<'a>(&'a self, col: usize, key: &'a [u8], value: &'a [u8]) -> Result<Value<'a>> {
        let Some(Some(place)) = self.places.get(col) else {
            return Err(Error::general("column is not in this index"));
        };
        let tuple = Tuple(if place.key { key } else { value });
        match tuple.field(place.field) {
            None => Ok(Value::Null),
            Some(bytes) => values::decode_field(place.encoding, &place.ty, bytes, &*self.blobs)
                .map_err(crate::error::storage),
        }
    }
}

/// The rows of a query block while it runs.
pub struct Env<'p> {
    /// Current rows.
    pub slots: Vec<Slot>,
    /// Layouts of stored rows, by slot.
    pub layouts: Vec<Option<Arc<Layout>>>,
    /// The block around this one.
    pub parent: Option<&'p Env<'p>>,
    /// The running statement.
    pub cx: &'p Context<'p>,
}

impl<'p> Env<'p> {
    /// An environment with `slots` empty slots.
    pub fn new(slots: usize, parent: Option<&'p Env<'p>>, cx: &'p Context<'p>) -> Env<'p> {
        Env {
            slots: vec![Slot::Empty; slots],
            layouts: vec![None; slots],
            parent,
            cx,
        }
    }

    /// The value of a column of this block.
    #[inline]
    pub fn column(&self, slot: u16, col: u16) -> Result<Value<'_>> {
        match &self.slots[slot as usize] {
            Slot::Row(row) => Ok(row[col as usize].borrowed()),
            Slot::Empty => Ok(Value::Null),
            Slot::Leaf { node, at } => {
                self.layout(slot)?
                    .column(col as usize, node.key(*at), node.value(*at))
            }
            Slot::Pair(pair) => self.layout(slot)?.column(col as usize, &pair.0, &pair.1),
        }
    }

    fn layout(&self, slot: u16) -> Result<&Arc<Layout>> {
        self.layouts[slot as usize]
            .as_ref()
            .ok_or_else(|| Error::general("row source has no layout"))
    }

    /// Key and value of a stored row.
    pub fn pair(&self, slot: u16) -> Option<(&[u8], &[u8])> {
        match &self.slots[slot as usize] {
            Slot::Leaf { node, at } => Some((node.key(*at), node.value(*at))),
            Slot::Pair(pair) => Some((&pair.0, &pair.1)),
            _ => None,
        }
    }

    /// The environment `depth` blocks out.
    pub fn outer(&self, depth: u16) -> Result<&Env<'p>> {
        let mut env: &Env<'_> = self;
        for _ in 0..depth {
            env = env
                .parent
                .ok_or_else(|| Error::general("reference outside of its query"))?;
        }
        Ok(env)
    }
}
