//! A map with edits that are not written yet.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use prolly::{Edit, KeyOrder, TupleMap};
use values::TupleDesc;

use crate::Result;

struct Ordered {
    key: Vec<u8>,
    order: Arc<dyn KeyOrder>,
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Ordered) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Ordered) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Ordered) -> Ordering {
        self.order.compare(&self.key, &other.key)
    }
}

/// A map and what shall become of some of its keys. Reads see the edits.
pub struct EditedMap {
    base: TupleMap,
    edits: BTreeMap<Ordered, Option<Vec<u8>>>,
}

impl EditedMap {
    /// A map without edits.
    pub fn new(base: TupleMap) -> EditedMap {
        EditedMap {
            base,
            edits: BTreeMap::new(),
        }
    }

    fn ordered(&self, key: &[u8]) -> Ordered {
        Ordered {
            key: key.to_vec(),
            order: self.base.order().clone(),
        }
    }

    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        let key = self.ordered(key);
        // An equal key may have other bytes, under a collation: the last one written counts.
        self.edits.remove(&key);
        self.edits.insert(key, value);
    }

    /// Sets a key's value.
    pub fn put(&mut self, key: &[u8], value: Vec<u8>) {
        self.set(key, Some(value));
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &[u8]) {
        self.set(key, None);
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        if let Some(value) = self.edits.get(&self.ordered(key)) {
            return Ok(value.clone());
        }
        Ok(self.base.get(key)?.map(|item| item.value().to_vec()))
    }

    /// The items whose first `fields` fields equal those of `prefix`, in order.
    pub fn with_prefix(
        &self,
        desc: &TupleDesc,
        prefix: &[u8],
        fields: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut found: BTreeMap<Ordered, Vec<u8>> = BTreeMap::new();
        let mut cursor = self
            .base
            .cursor_where(|k| desc.compare_prefix(k, prefix, fields) == Ordering::Less)?;
        while cursor.is_valid()
            && desc.compare_prefix(cursor.key(), prefix, fields) == Ordering::Equal
        {
            found.insert(self.ordered(cursor.key()), cursor.value().to_vec());
            cursor.advance()?;
        }
        let start = prefix_of(prefix, fields)?;
        for (key, value) in self.edits.range(self.ordered(&start)..) {
            if desc.compare_prefix(&key.key, prefix, fields) != Ordering::Equal {
                break;
            }
            let key = self.ordered(&key.key);
            found.remove(&key);
            if let Some(value) = value {
                found.insert(key, value.clone());
            }
        }
        Ok(found.into_iter().map(|(k, v)| (k.key, v)).collect())
    }

    /// Whether anything was edited.
    pub fn is_edited(&self) -> bool {
        !self.edits.is_empty()
    }

    /// The map with the edits in it.
    pub fn flush(&self) -> Result<TupleMap> {
        let edits: Vec<Edit<&[u8], &[u8]>> = self
            .edits
            .iter()
            .map(|(key, value)| Edit {
                key: key.key.as_slice(),
                value: value.as_deref(),
            })
            .collect();
        Ok(self.base.edit_beside(&edits)?)
    }
}

fn prefix_of(tuple: &[u8], fields: usize) -> Result<Vec<u8>> {
    let fields: Vec<Option<&[u8]>> = (0..fields).map(|i| values::Tuple(tuple).field(i)).collect();
    Ok(values::tuple::tuple_of(&fields)?)
}
