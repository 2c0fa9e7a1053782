//! Rows that a merge makes equal in a unique index (spec 05 §8.1).

use std::sync::Arc;

use chunks::Hash;
use model::{IndexLayout, Table};
use values::{Tuple, tuple::EMPTY_TUPLE};

use super::cell_merge::CellMerge;
use super::violation_info;
use crate::artifact::{ArtifactKind, Artifacts};
use crate::edited_map::EditedMap;
use crate::row_reader::RowReader;
use crate::{Result, RowLogic};

struct Watched {
    /// Position in the merged schema.
    index: usize,
    entries: EditedMap,
    layout: Arc<IndexLayout>,
    info: String,
}

/// Our unique indexes and rows, as they become while the merge goes on.
pub struct UniqueWatch<'a> {
    table: &'a str,
    merged: &'a RowReader,
    logic: &'a dyn RowLogic,
    theirs: Hash,
    rows: EditedMap,
    indexes: Vec<Watched>,
}

impl<'a> UniqueWatch<'a> {
    /// Watches the unique indexes at these positions of the merged schema, which ours has too.
    pub fn new(
        table: &'a str,
        left: &Table,
        merged: &'a RowReader,
        indexes: &[usize],
        theirs: Hash,
        logic: &'a dyn RowLogic,
    ) -> Result<UniqueWatch<'a>> {
        let schema = merged.schema();
        let watched = indexes.iter().map(|i| {
            let index = &schema.indexes[*i];
            Ok(Watched {
                index: *i,
                entries: EditedMap::new(left.index(&index.name)?),
                layout: merged.layout().indexes()[*i].clone(),
                info: violation_info::unique(schema, index),
            })
        });
        Ok(UniqueWatch {
            table,
            merged,
            logic,
            theirs,
            rows: EditedMap::new(left.rows()?),
            indexes: watched.collect::<Result<_>>()?,
        })
    }

    fn entry(&self, index: usize, key: &[u8], value: &[u8]) -> Result<Vec<u8>> {
        CellMerge::entry(self.merged, self.table, index, key, value, self.logic)
    }

    /// Other rows with the values of this row in an index.
    fn collisions(&self, w: &Watched, key: &[u8], value: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let entry = self.entry(w.index, key, value)?;
        let n = w.layout.indexed();
        if (0..n).any(|i| Tuple(&entry).field(i).is_none()) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for (other, _) in w.entries.with_prefix(w.layout.desc(), &entry, n)? {
            let other = self.merged.key_of_entry(w.index, &other)?;
            if other == key {
                continue;
            }
            if let Some(value) = self.rows.get(&other)? {
                found.push((other, value));
            }
        }
        Ok(found)
    }

    /// Checks a row that came or changed; how many violations were recorded.
    pub fn put(
        &mut self,
        key: &[u8],
        value: &[u8],
        record: bool,
        artifacts: &mut Artifacts,
    ) -> Result<i64> {
        let mut count = 0;
        for i in 0..self.indexes.len() {
            if record {
                let found = self.collisions(&self.indexes[i], key, value)?;
                let own = (!found.is_empty()).then_some((key, value));
                let rows = found.iter().map(|(k, v)| (k.as_slice(), v.as_slice()));
                for (k, v) in rows.chain(own) {
                    let info = &self.indexes[i].info;
                    artifacts.put_violation(k, &self.theirs, ArtifactKind::Unique, info, v)?;
                    count += 1;
                }
            }
        }
        for i in 0..self.indexes.len() {
            let entry = self.entry(self.indexes[i].index, key, value)?;
            self.indexes[i].entries.put(&entry, EMPTY_TUPLE.to_vec());
        }
        if !self.indexes.is_empty() {
            self.rows.put(key, value.to_vec());
        }
        Ok(count)
    }

    /// Notes that a row goes, and with it the violations that only it caused.
    pub fn remove(&mut self, key: &[u8], value: &[u8], artifacts: &mut Artifacts) -> Result<i64> {
        for i in 0..self.indexes.len() {
            let entry = self.entry(self.indexes[i].index, key, value)?;
            self.indexes[i].entries.remove(&entry);
        }
        if !self.indexes.is_empty() {
            self.rows.remove(key);
        }
        if artifacts.remove_violations(key, ArtifactKind::Unique)? == 0 {
            return Ok(0);
        }
        let mut count = -1;
        for w in &self.indexes {
            let mut rows = self.collisions(w, key, value)?;
            if !rows.is_empty() {
                rows.push((key.to_vec(), value.to_vec()));
            }
            for (k, _) in rows {
                if artifacts.remove_violations(&k, ArtifactKind::Unique)? > 0 {
                    count -= 1;
                }
            }
        }
        Ok(count)
    }
}
