//! Building a secondary index from all rows (spec 05 §7).

use std::cmp::Ordering;

use chunks::Hash;
use model::Table;
use prolly::TupleMap;
use values::tuple::EMPTY_TUPLE;

use super::cell_merge::CellMerge;
use super::row_merge::has_null;
use super::violation_info;
use crate::artifact::{ArtifactKind, Artifacts};
use crate::row_reader::RowReader;
use crate::{Result, RowLogic};

/// Builds the index at a position of a table's schema. Rows that are equal in a unique index are
/// recorded as violations where `artifacts` are given, with the commit that they come from.
pub fn build_index(
    name: &str,
    table: &Table,
    index: usize,
    artifacts: Option<(&mut Artifacts, &Hash)>,
    logic: &dyn RowLogic,
) -> Result<TupleMap> {
    let reader = RowReader::of(table);
    let schema = table.schema().clone();
    let definition = &schema.indexes[index];
    let empty = table.empty_index(&definition.name)?;
    if definition.fulltext.is_some() {
        return Ok(empty);
    }
    let rows = table.rows()?;
    let desc = reader.layout().indexes()[index].desc().clone();
    let n = reader.layout().indexes()[index].indexed();
    let mut entries = Vec::with_capacity(rows.len() as usize);
    for run in rows.all()? {
        for (key, value) in run?.iter() {
            let entry = CellMerge::entry(&reader, name, index, key, value, logic)?;
            // Unique indexes that are built as a whole have no entries for NULL, as Dolt's.
            if !definition.unique || !has_null(&entry, n) {
                entries.push(entry);
            }
        }
    }
    entries.sort_by(|a, b| desc.compare(a, b));
    entries.dedup();
    if let (true, Some((artifacts, theirs))) = (definition.unique, artifacts) {
        let info = violation_info::unique(&schema, definition);
        let equal = |a: &[u8], b: &[u8]| desc.compare_prefix(a, b, n) == Ordering::Equal;
        for (i, entry) in entries.iter().enumerate() {
            let before = i > 0 && equal(&entries[i - 1], entry);
            let after = entries.get(i + 1).is_some_and(|next| equal(next, entry));
            if !before && !after {
                continue;
            }
            let key = reader.key_of_entry(index, entry)?;
            if let Some(row) = rows.get(&key)? {
                let kind = ArtifactKind::Unique;
                artifacts.put_violation(&key, theirs, kind, &info, row.value())?;
            }
        }
    }
    let items = entries.into_iter().map(|e| (e, EMPTY_TUPLE));
    Ok(TupleMap::build(
        table.objects().nodes().clone(),
        empty.order().clone(),
        empty.format().clone(),
        items,
    )?)
}
