//! Keeping our secondary indexes in step with the merged rows (spec 05 §7).

use model::Table;
use values::tuple::EMPTY_TUPLE;

use super::cell_merge::CellMerge;
use super::index_merge::same_index;
use crate::edited_map::EditedMap;
use crate::row_reader::RowReader;
use crate::{Result, RowLogic};

struct Kept {
    /// Position in our schema.
    left: usize,
    /// Position in the merged schema.
    merged: usize,
    entries: EditedMap,
}

/// Our indexes that the merged table has too; the others are built from its rows.
pub struct SecondaryMerge<'a> {
    table: &'a str,
    left: &'a RowReader,
    merged: &'a RowReader,
    logic: &'a dyn RowLogic,
    kept: Vec<Kept>,
}

impl<'a> SecondaryMerge<'a> {
    /// Starts from our indexes; `rebuild` gives none of them a chance.
    pub fn new(
        table: &'a str,
        ours: &Table,
        left: &'a RowReader,
        merged: &'a RowReader,
        rebuild: bool,
        logic: &'a dyn RowLogic,
    ) -> Result<SecondaryMerge<'a>> {
        let (a, b) = (left.schema(), merged.schema());
        let mut kept = Vec::new();
        for (j, index) in b.indexes.iter().enumerate() {
            let position = a.indexes.iter().position(|i| i.name == index.name);
            let Some(i) = position.filter(|i| same_index(a, &a.indexes[*i], b, index)) else {
                continue;
            };
            let encodings = |reader: &RowReader, i: usize| -> Vec<values::Encoding> {
                let fields = reader.layout().indexes()[i].fields();
                fields.iter().map(|f| f.encoding).collect()
            };
            let usable = index.vector.is_none() && encodings(left, i) == encodings(merged, j);
            if usable && !rebuild {
                kept.push(Kept {
                    left: i,
                    merged: j,
                    entries: EditedMap::new(ours.index(&index.name)?),
                });
            }
        }
        Ok(SecondaryMerge {
            table,
            left,
            merged,
            logic,
            kept,
        })
    }

    /// Replaces the entries of a row: as ours has it, and as the merged table has it.
    pub fn replace(&mut self, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) -> Result<()> {
        for k in &mut self.kept {
            if self.merged.schema().indexes[k.merged].fulltext.is_some() {
                continue;
            }
            let entry = |reader: &RowReader, index, value: Option<&[u8]>| match value {
                Some(v) => {
                    CellMerge::entry(reader, self.table, index, key, v, self.logic).map(Some)
                }
                None => Ok(None),
            };
            let old = entry(self.left, k.left, old)?;
            let new = entry(self.merged, k.merged, new)?;
            if old == new {
                continue;
            }
            if let Some(old) = old {
                k.entries.remove(&old);
            }
            if let Some(new) = new {
                k.entries.put(&new, EMPTY_TUPLE.to_vec());
            }
        }
        Ok(())
    }

    /// The index at a position of the merged schema, if it was kept.
    pub fn finish(&self, merged: usize) -> Result<Option<prolly::TupleMap>> {
        let kept = self.kept.iter().find(|k| k.merged == merged);
        kept.map(|k| k.entries.flush()).transpose()
    }
}
